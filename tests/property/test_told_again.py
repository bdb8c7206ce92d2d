"""Told again at any age, the same bytes change nothing: what the pool has forgotten their own content refuses."""

from collections.abc import Callable
from typing import Any

import pytest

from schemas.codec import topic_codec
from schemas.models.config import ItemQuota, LentQuota, PoolSettings, StoreSettings
from schemas.topics import POOL_LENDING
from streams.pool.state.horizon import MARGIN_MS
from tests.support.pool import (
    DAY_MS,
    HOUR_MS,
    MILK,
    NOON_MS,
    OTHER_STORE,
    POOL,
    STORE,
    PoolBench,
    decode_row,
    furnished,
    line,
    wanted,
)
from tests.support.transfers import came, place, tell

LATE_MS = 2 * DAY_MS
RETENTION_MS = 3 * DAY_MS
HORIZONS = sorted(
    {HOUR_MS, LATE_MS, LATE_MS + MARGIN_MS, 2 * HOUR_MS + RETENTION_MS, RETENTION_MS + 2 * DAY_MS, 9 * DAY_MS}
)
"""Late limit, memory of events, retention of what has ended, a deadline amended to be sooner, and far beyond all."""
AGES_MS = [horizon + near for horizon in HORIZONS for near in (-1, 0, 1)]


def sale(bench: PoolBench) -> None:
    bench.sell("s1", line(1_000))


def revised_sale(bench: PoolBench) -> None:
    bench.sell("s1", line(1_000))
    bench.sell("s1", line(2_000), version=2)


def replayed_sale(bench: PoolBench) -> None:
    bench.sell("s1", line(1_000), occurred_at_ms=NOON_MS - 9 * DAY_MS, told_at_ms=NOON_MS - 9 * DAY_MS)


def received(bench: PoolBench) -> None:
    bench.report("received", "r1", line(1_000))


def adjusted(bench: PoolBench) -> None:
    bench.report("adjusted", "a1", line(-1_000, reason="waste"))


def counted(bench: PoolBench) -> None:
    bench.report("counted", "c1", line(3_000))
    bench.sell("after", line(1_000), occurred_at_ms=NOON_MS + 1)


def level(bench: PoolBench) -> None:
    bench.report("level", "l1", line(3_000))


def placed(bench: PoolBench) -> None:
    bench.request("placed", "o1", wanted(1_000))


def placed_and_amended_to_be_sooner(bench: PoolBench) -> None:
    bench.request("placed", "o1", wanted(1_000), deadline_ms=NOON_MS + 60 * DAY_MS)
    bench.request("amended", "o1", wanted(2_000), deadline_ms=NOON_MS + 2 * HOUR_MS)
    bench.request("cancelled", "o1")


def confirmed(bench: PoolBench) -> None:
    placed(bench)
    bench.request("confirmed", "o1")


def picked_and_handed_over(bench: PoolBench) -> None:
    confirmed(bench)
    pick = bench.task("pick")
    bench.fulfil("claimed", pick)
    for n in range(30):
        bench.fulfil("renewed", pick, report_id=f"renewed {n}", recorded_at_ms=NOON_MS + n)
    bench.fulfil("done", pick, recorded_at_ms=NOON_MS + 30)
    bench.fulfil("done", bench.task("hand_over"))


def goods_rung_up(bench: PoolBench) -> None:
    picked_and_handed_over(bench)
    bench.sell("s1", line(1_000), order_ref="o1")


def transfer(bench: PoolBench) -> None:
    place(bench, wanted(4_000))


def transfer_cancelled(bench: PoolBench) -> None:
    place(bench, wanted(4_000))
    bench.request("cancelled", "t1")


def transfer_shipped_and_received(bench: PoolBench) -> None:
    place(bench, wanted(4_000))
    tell(bench, "shipped", came(4_000))
    tell(bench, "received", came(4_000))


def settings_then_newer_ones(bench: PoolBench) -> None:
    settings(bench)
    newer_ms = NOON_MS + 1
    bench.configure(StoreSettings(store=STORE, name="Corner", safety_stock_milli=2_000), recorded_at_ms=newer_ms)
    bench.configure(LentQuota(store=STORE, sku=MILK, to_pool="south", quantity_milli=1_000), recorded_at_ms=newer_ms)
    bench.lend("cap", 6_000, recorded_at_ms=newer_ms)
    drop = {"sku": MILK, "until_ms": NOON_MS + DAY_MS, "per_store_milli": 3_000}
    for told_ms, from_ms in ((newer_ms, NOON_MS), (newer_ms + 1, NOON_MS + 5)):
        bench.configure(ItemQuota(from_ms=from_ms, **drop), recorded_at_ms=told_ms)
        bench.request("placed", f"o{told_ms}", wanted(1_000))
    bench.stock_item(MILK, gtin="04006381333931", price_minor=140, recorded_at_ms=newer_ms)


def lending_messages(bench: PoolBench) -> None:
    """Another pool lends more and more, and tells what it has of an order's goods."""
    loan = {
        "store": "far", "sku": MILK, "unit": "each", "limit_milli": 9_000, "covered_milli": None, "counted_at_ms": 0,
        "discrepancies": 0, "settings": StoreSettings(store="far", name="Far").to_avro(),
    }  # fmt: skip
    for sequence in (1, 2, 3):
        status = "commonshelf.LoanStatus", {**loan, "granted_milli": 1_000 * sequence}
        message = {
            "pool": POOL, "from_pool": "south", "sequence": sequence, "answers": 0, "recorded_at_ms": NOON_MS,
            "body": status,
        }  # fmt: skip
        bench.put(POOL_LENDING.name, topic_codec(POOL_LENDING.name).encode(message))


def settings(bench: PoolBench) -> None:
    bench.configure(StoreSettings(store=STORE, name="Corner", safety_stock_milli=1_000))
    bench.lend("fixed", 5_000)
    bench.configure(LentQuota(store=STORE, sku=MILK, to_pool="south", quantity_milli=0))
    bench.stock_item(MILK, gtin="04006381333931", price_minor=120)


def ticks(bench: PoolBench) -> None:
    bench.tick(NOON_MS)


KINDS = [
    sale, revised_sale, replayed_sale, received, adjusted, counted, level, placed, placed_and_amended_to_be_sooner,
    confirmed, picked_and_handed_over, goods_rung_up, transfer, transfer_cancelled, transfer_shipped_and_received,
    settings, settings_then_newer_ones, lending_messages, ticks,
]  # fmt: skip


def books(bench: PoolBench) -> dict[str, Any]:
    """All rows but what counts entries and refusals, and those of other stores' looks at them."""
    bench.commit()
    rows = {key: decode_row(raw) for key, raw in bench.committed.rows.items()}
    pool = rows.pop(f"pool/{POOL}")
    return rows | {"clock": pool["clock_ms"], "late before": pool["late_before_ms"]}


@pytest.mark.parametrize("tell_all", KINDS)
def test_whatever_was_told_changes_nothing_when_it_is_told_again_at_any_age(
    tell_all: Callable[[PoolBench], None],
) -> None:
    bench = furnished()
    bench.configure(PoolSettings(name="North", late_limit_ms=LATE_MS, ended_retention_ms=RETENTION_MS))
    bench.report("received", "stock", line(10_000))
    bench.report("received", "stock there", line(2_000), store=OTHER_STORE)
    first = len(bench.inputs)
    tell_all(bench)
    told = bench.inputs[first:]
    for age_ms in AGES_MS:
        bench.pass_time(NOON_MS + age_ms)
        before = books(bench)
        for record in told:
            bench.put(record.topic, record.value, NOON_MS + age_ms)
            assert unsettled(books(bench)) == unsettled(before), (record.topic, age_ms)


def unsettled(rows: dict[str, Any]) -> dict[str, Any]:
    """Without what a setting that is told again is kept with: itself."""
    return {key: row for key, row in rows.items() if not key.startswith("dedup/")}
