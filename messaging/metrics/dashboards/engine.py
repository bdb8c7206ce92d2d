"""The dashboards of the machine: workers, clock and vault, and the connectors at the edge."""

from messaging.metrics import listed as m
from messaging.metrics.dashboards.board import Board, Panel, Variable
from messaging.metrics.dashboards.queries import POOL, STORE, per_second
from messaging.metrics.declared import HistogramMetric

_WORKER = "{{job}} {{instance}}"
_SENDER = "{{store}} {{connector}}"


def _quantile(metric: HistogramMetric, share: float) -> str:
    return f"histogram_quantile({share}, sum by (job, le) (rate({metric.name}_bucket[$__rate_interval])))"


def _by_worker(title: str, name: str, unit: str = "short", about: str = "") -> Panel:
    return Panel(title, ((name, _WORKER),), unit, about=about)


ENGINE = Board(
    uid="commonshelf-engine",
    title="Commonshelf: engine",
    about="Workers of the ledger lane, the clock, the vault: are they up, in time, and whole.",
    rows=(
        ("Up", (
            Panel("Processes that answer", (("sum by (job) (up)", "{{job}}"),)),
            _by_worker("Partitions held", m.WORKER_PARTITIONS.name),
            _by_worker("Partitions that stand still", m.WORKER_HALTED.name),
        )),
        ("Speed", (
            Panel("Input records a second", ((per_second(m.WORKER_RECORDS, "job, instance", ""), _WORKER),)),
            Panel("Batches: from fold to commit", (
                (_quantile(m.WORKER_BATCH, 0.5), "{{job}} p50"), (_quantile(m.WORKER_BATCH, 0.99), "{{job}} p99"),
            ), "s"),
            Panel("Kafka transactions: commit alone", (
                (_quantile(m.WORKER_COMMIT, 0.5), "{{job}} p50"), (_quantile(m.WORKER_COMMIT, 0.99), "{{job}} p99"),
            ), "s"),
            _by_worker("Lag: age of the oldest record not committed", m.WORKER_LAG.name, "s"),
        )),
        ("Behind, as the brokers see it", (
            Panel("Records that a group has not committed", ((m.GROUP_LAG.name, "{{group}} {{topic}}"),)),
        )),
        ("Changes of place", (
            Panel("Assignments in an hour", ((f"increase({m.WORKER_ASSIGNMENTS.name}[1h])", _WORKER),)),
            Panel("Times that a worker lost its place, in an hour", (
                (f"increase({m.WORKER_REJOINS.name}[1h])", _WORKER),
            )),
            _by_worker("Time that the last restore took", m.WORKER_RESTORE.name, "s"),
            _by_worker("Changelog still to restore", m.WORKER_RESTORE_REMAINING.name),
        )),
        ("Dead letters", (
            Panel("Whole records a second, by reason", (
                (per_second(m.POOL_BAD_MESSAGES, "reason", ""), "{{reason}}"),
            )),
        )),
        ("Clock and vault", (
            Panel("Ticks a second", (
                (per_second(m.CLOCK_SENT, where=""), "sent"), (per_second(m.CLOCK_FAILED, where=""), "dropped"),
            )),
            _by_worker("Since the last round of ticks", m.CLOCK_LAST_TICK_AGE.name, "s"),
            Panel("Pools", (
                (f"max({m.CLOCK_POOLS.name})", "configured"), (f"sum({m.CLOCK_TICKED_POOLS.name})", "ticked"),
            )),
            Panel("Addresses erased in a day", ((f"sum(increase({m.VAULT_ERASED.name}[1d]))", "erased"),)),
        )),
        ("API", (
            Panel("Requests a second, by status", ((per_second(m.API_REQUESTS, "status", ""), "{{status}}"),)),
            Panel("From a request to its answer", (
                (_quantile(m.API_REQUEST_SECONDS, 0.5), "p50"), (_quantile(m.API_REQUEST_SECONDS, 0.99), "p99"),
            ), "s"),
            Panel("Live streams", ((f"sum({m.API_LISTENERS.name})", "streams"),)),
            Panel("Messages to subscribers", ((per_second(m.WEBHOOK_CALLS, "outcome", ""), "{{outcome}}"),)),
            Panel("Subscribers that do not take them", ((f"sum({m.WEBHOOKS_FAILING.name})", "failing"),)),
        )),
    ),
)  # fmt: skip

_POOLS = Variable("pool", m.CONNECTOR_NEWEST_EVENT_AGE)
_STORES = Variable("store", m.CONNECTOR_NEWEST_EVENT_AGE, '{pool=~"$pool"}')

CONNECTORS = Board(
    uid="commonshelf-connectors",
    title="Commonshelf: connectors",
    about="Each store's connectors: do its tills reach Kafka, and what is turned away.",
    variables=(_POOLS, _STORES),
    rows=(
        ("In time", (
            Panel("Since lines last reached Kafka", (
                (f"time() - ({m.CONNECTOR_SUCCESS.name}{{{STORE}}} > 0)", _SENDER),
            ), "s"),
            Panel("Age of the newest sale or report", (
                (f"{m.CONNECTOR_NEWEST_EVENT_AGE.name}{{{STORE}}}", _SENDER),
            ), "s"),
            Panel("Since the last poll that read all", (
                (f"{m.CONNECTOR_RECONCILIATION_LAG.name}{{{STORE}}}", _SENDER),
            ), "s"),
        )),
        ("Lines and files", (
            Panel("Lines a second", (
                (per_second(m.CONNECTOR_LINES, "store, connector, outcome", STORE), _SENDER + " {{outcome}}"),
            )),
            Panel("Left out on purpose, a second", (
                (per_second(m.CONNECTOR_SKIPPED, "store, connector, reason", STORE), _SENDER + " {{reason}}"),
            )),
            Panel("Files a second", (
                (per_second(m.CONNECTOR_FILES, "store, connector, outcome", STORE), _SENDER + " {{outcome}}"),
            )),
        )),
        ("Webhooks and the till's online channel", (
            Panel("Webhook requests a second, by status", (
                (per_second(m.CONNECTOR_REQUESTS, "store, connector, status", STORE), _SENDER + " {{status}}"),
            )),
            Panel("Signatures not accepted, a second", (
                (per_second(m.CONNECTOR_SIGNATURES, "store, connector", STORE), _SENDER),
            )),
            Panel("Changes of the online channel, a second", (
                (per_second(m.CONNECTOR_WRITTEN_BACK, "store, connector, outcome", STORE), _SENDER + " {{outcome}}"),
            )),
        )),
        ("Partners", (
            Panel("Posts a second, by status", (
                (per_second(m.PARTNER_REQUESTS, "partner, status"), "{{partner}} {{status}}"),
            )),
            Panel("Calls a second, by outcome", (
                (per_second(m.PARTNER_CALLS, "partner, outcome"), "{{partner}} {{outcome}}"),
            )),
            Panel("Calls under way", ((f"{m.PARTNER_CALLS_UNDER_WAY.name}{{{POOL}}}", "{{partner}}"),)),
            Panel("Messages a second, by outcome", (
                (per_second(m.PARTNER_REPORTS, "partner, kind, outcome"), "{{partner}} {{kind}} {{outcome}}"),
            )),
            Panel("Signatures not accepted, a second", ((per_second(m.PARTNER_SIGNATURES, "partner"), "{{partner}}"),)),
        )),
    ),
)  # fmt: skip
