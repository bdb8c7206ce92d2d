"""The worked example of docs/restock.md has the numbers that the code has."""

from pathlib import Path

from tests.support.pool import MILK, OTHER_STORE, STORE
from tests.support.restock_bench import RestockBench, pages, restock_pool, sell_days, stock_of

PAGE = (Path(__file__).parents[3] / "docs" / "restock.md").read_text(encoding="utf-8")
NUMBERS = (
    "on_hand_milli", "mean_milli", "p50_milli", "p80_milli", "p90_milli", "p95_milli", "lead_days", "review_days",
    "cover_days", "order_up_to_milli", "buy_milli", "packs", "buy_cost_minor", "order_on", "arrives_on",
    "cost_nothing_minor", "cost_buy_minor", "cost_move_minor",
)  # fmt: skip


def table(found):
    rows = [(name, found[name]) for name in NUMBERS]
    moves = ", ".join(
        f"{one['quantity_milli']} of {one['from_store']} for {one['cost_minor']}" for one in found["moves"]
    )
    rows += [("moves", moves), ("why", found["why"])]
    return "".join(f"| `{name}` | {value} |\n" for name, value in rows)


def test_the_page_has_every_number_of_its_proposal():
    pool = restock_pool(move_minor_per_trip=10)
    stock_of(pool, STORE, MILK, 14)
    stock_of(pool, OTHER_STORE, MILK, 90)
    sell_days(pool, 2, {(STORE, MILK): 3, (OTHER_STORE, MILK): 1})
    bench = RestockBench()
    bench.follow(pages(pool))
    assert table(bench.proposals()[STORE, MILK]) in PAGE
