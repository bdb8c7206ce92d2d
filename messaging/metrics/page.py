"""The page about metrics, docs/metrics.md, made from the list."""

from messaging.metrics.listed import METRICS

COMMAND = "python -m messaging.metrics"
_DURABLE = (
    "`worker ledger`. What is durable comes from the pool's own row, exact across restarts, as of the last commit.\n"
    "The worker that holds a pool shows it, and no other."
)
_EXPORTED = "`worker exporter`, which reads topics; its sums count from its start on."
_SECTIONS = {
    "commonshelf_worker_": ("Workers of the ledger lane", "`worker ledger` and `worker restock`."),
    "commonshelf_pool_": ("Pools", _DURABLE),
    "commonshelf_clock_": ("The clock", "`worker agents`."),
    "commonshelf_vault_": ("The vault", "`worker agents`."),
    "commonshelf_connector_": ("Connectors", "`worker connectors`. Times of successes are kept across restarts."),
    "commonshelf_partner_": (
        "Partners",
        "`worker connectors`, where partners post to us, and `worker agents`, which calls them.",
    ),
    "commonshelf_webhook": ("The API's subscribers", "`worker agents`."),
    "commonshelf_settlement_": ("Settlement", "`worker settlement`."),
    "commonshelf_api_": ("The API", "`worker http`, on a port of its own; never where the world asks."),
    "commonshelf_store_": ("Stores", _EXPORTED),
    "commonshelf_order": ("Orders", _EXPORTED),
    "commonshelf_pickup_": ("Pickup", _EXPORTED),
    "commonshelf_restock_": ("Restock", _EXPORTED),
    "commonshelf_group_": ("Consumer groups", "`worker exporter`, which asks the brokers every 10 s."),
}
"""Beginning of the names → title, and who shows them."""


def page() -> str:
    """The page. Raises ValueError for a metric that belongs to no section."""
    lines = [
        f"<!-- Made by `{COMMAND}`; change messaging/metrics/listed.py and run it again. -->",
        "# Metrics",
        "",
        "Each process serves its metrics for Prometheus at `/metrics` of its [pages](cli.md#settings). A histogram has",
        "the series `_bucket`, `_sum` and `_count`. `pool`, `store`, `connector` and `partner` are as many as the",
        "settings name; outcomes, reasons and statuses are closed lists.",
    ]
    left = list(METRICS)
    for beginning, (title, about) in _SECTIONS.items():
        here = [one for one in left if one.name.startswith(beginning)]
        left = [one for one in left if one not in here]
        lines += ["", f"## {title}", about, "", "| metric | kind | labels | unit | tells |", "|---|---|---|---|---|"]
        for one in here:
            labels = ", ".join(f"`{label}`" for label in one.labels)
            lines.append(f"| `{one.name}` | {one.kind} | {labels} | {one.unit} | {one.about} |")
    if left:
        raise ValueError(f"no section of the page has {left[0].name}: add its beginning to messaging/metrics/page.py")
    return "\n".join([*lines, ""])
