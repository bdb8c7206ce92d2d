"""Told again at any age, the same bytes change nothing: what the pool has forgotten their own content refuses."""

from collections.abc import Callable
from typing import Any, get_args

import pytest

from schemas.codec import topic_codec
from schemas.models.agreement import Agreement, Dispute
from schemas.models.config import (
    AcceptedGap,
    Change,
    CodeMapping,
    ItemQuota,
    LentQuota,
    ParkedOffset,
    PickupPlace,
    PoolSettings,
    StoreSettings,
)
from schemas.models.local_calendar import LocalCalendar, LocalEvent
from schemas.pickup_code import code_digest
from schemas.topics import (
    CATALOG_ITEMS,
    FULFILMENT_REPORTS,
    ORDERS_REQUESTS,
    POOL_CONFIG,
    POOL_LENDING,
    POOL_TICKS,
    POS_SALES,
    POS_STOCK,
)
from schemas.types.lending import LendingBody
from schemas.types.pos import SaleLineKind, StockReportKind
from schemas.types.reports import ReportKind
from schemas.types.requests import OrderRequestKind
from streams.pool.state.horizon import MARGIN_MS
from streams.runtime.contract import InputRecord
from tests.support.lending import AWAY, HOME, SHOP, Pools
from tests.support.pickup import ONE_MS, open_place, wish
from tests.support.pool import (
    BREAD,
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
    processor,
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


def brought_back(bench: PoolBench) -> None:
    lines = [line(1_000, kind=kind) for kind in ("return", "return_not_restocked", "void")]
    bench.sell("back", *lines)


def opening(bench: PoolBench) -> None:
    bench.report("opening", "b1", line(1_000, BREAD))


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


def appointment(bench: PoolBench) -> None:
    open_place(bench, STORE, STORE)
    bench.request("placed", "o1", wanted(1_000), pickup=wish())
    bench.request("amended", "o1", wanted(2_000), pickup=wish(ONE_MS + HOUR_MS), deadline_ms=NOON_MS + 3 * HOUR_MS)
    bench.request("confirmed", "o1")
    code = wish(ONE_MS + HOUR_MS) | {"code_digest": code_digest(POOL, "o1", "right")}
    bench.request("moved", "o1", pickup=code)
    bench.fulfil("on_the_way", None, order="o1", eta_ms=ONE_MS + HOUR_MS, report_id="way")
    for n in range(30):
        bench.fulfil("arrived", None, order="o1", report_id=f"here {n}", recorded_at_ms=NOON_MS + n)
    bench.fulfil("done", bench.task("pick"))
    bench.fulfil("done", bench.task("hand_over"), report_id="wrong", code="wrong")
    bench.fulfil("done", bench.task("hand_over"), report_id="right", code="right")


def no_show(bench: PoolBench) -> None:
    open_place(bench, STORE, STORE, no_show_after_ms=0)
    bench.request("placed", "o1", wanted(1_000), pickup=wish())
    bench.request("confirmed", "o1")
    bench.fulfil("done", bench.task("pick"))
    bench.pass_time(ONE_MS + HOUR_MS)


def goods_rung_up(bench: PoolBench) -> None:
    picked_and_handed_over(bench)
    bench.sell("s1", line(1_000), order_ref="o1")


def short_and_refused(bench: PoolBench) -> None:
    confirmed(bench)
    bench.fulfil("short", bench.task("pick"), came(0, reason="not_found"))
    bench.request("placed", "o2", wanted(1_000, BREAD))
    bench.request("confirmed", "o2")
    bench.fulfil("refused", bench.task("pick"), reason="no_capacity")


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


def settings(bench: PoolBench) -> None:
    bench.configure(StoreSettings(store=STORE, name="Corner", safety_stock_milli=1_000))
    bench.lend("fixed", 5_000)
    bench.configure(LentQuota(store=STORE, sku=MILK, to_pool="south", quantity_milli=0))
    bench.configure(CodeMapping(code="plu:7", sku=MILK))
    bench.configure(ParkedOffset(topic=POS_SALES.name, partition=0, offset=1_000, reason="poison"))
    gap = {"topic": POS_SALES.name, "partition": 0, "offset": 2_000, "until": 2_010, "topic_id": "id"}
    bench.configure(AcceptedGap(**gap, reason="retention"))
    bench.configure(Agreement(version=1, effective_from_ms=NOON_MS, currency="EUR"))
    bench.configure(Dispute(dispute="d1", store=STORE, posted_position=1, sequence=0, text="not ours"))
    bench.configure(PickupPlace(place="lane", name="Lane", stores=(STORE,)))
    fair = LocalEvent(kind="street fair", name="Fair", first_day="2026-07-04", last_day="2026-07-05")
    bench.configure(LocalCalendar(calendar="fairs", events=(fair,)))
    bench.stock_item(MILK, gtin="04006381333931", price_minor=120)


def ticks(bench: PoolBench) -> None:
    bench.pass_time(NOON_MS)


KINDS = [
    sale, revised_sale, replayed_sale, brought_back, opening, received, adjusted, counted, level, placed,
    placed_and_amended_to_be_sooner, confirmed, picked_and_handed_over, appointment, no_show, goods_rung_up,
    short_and_refused, transfer, transfer_cancelled, transfer_shipped_and_received, settings,
    settings_then_newer_ones, ticks,
]  # fmt: skip


def lent_and_drawn(pools: Pools) -> None:
    """A loan, an order that draws it and is collected, one that is cancelled, and the rest given back."""
    pools.lend(6_000)
    pools.settle()
    for order in ("o1", "o2"):
        pools.order(AWAY, order, 2_000)
        pools.request(AWAY, "confirmed", order)
        pools.settle()
    pools.request(AWAY, "cancelled", "o2")
    pools.settle()
    for kind in ("pick", "hand_over"):
        [task] = [one["task"] for one in pools.tasks() if one["kind"] == kind and one["status"] == "open"]
        pools.fulfil("done", task)
        pools.settle()
    pools.configure(HOME, LentQuota(store=SHOP, sku=MILK, to_pool=AWAY, quantity_milli=0), NOON_MS + 1)
    pools.settle()


def bench_of() -> PoolBench:
    """Two stores with goods, and settings whose horizons are days."""
    bench = furnished()
    bench.configure(PoolSettings(name="North", late_limit_ms=LATE_MS, ended_retention_ms=RETENTION_MS))
    bench.report("received", "stock", line(10_000))
    bench.report("received", "stock there", line(2_000), store=OTHER_STORE)
    return bench


def books(bench: PoolBench, pool: str = POOL) -> dict[str, Any]:
    """All rows but what counts entries and refusals, and what a setting that is told again is kept with: itself."""
    bench.commit()
    rows = {key: decode_row(raw) for key, raw in bench.committed.rows.items() if not key.startswith("dedup/")}
    row = rows.pop(f"pool/{pool}")
    return rows | {"clock": row["clock_ms"], "late before": row["late_before_ms"]}


@pytest.mark.parametrize("tell_all", KINDS)
def test_whatever_was_told_changes_nothing_when_it_is_told_again_at_any_age(
    tell_all: Callable[[PoolBench], None],
) -> None:
    bench = bench_of()
    first = len(bench.inputs)
    tell_all(bench)
    told = bench.inputs[first:]
    for age_ms in AGES_MS:
        bench.pass_time(NOON_MS + age_ms)
        before = books(bench)
        for record in told:
            bench.put(record.topic, record.value, NOON_MS + age_ms)
            assert books(bench) == before, (record.topic, age_ms)


def test_what_two_pools_told_each_other_changes_nothing_when_it_is_told_again_at_any_age() -> None:
    pools = Pools()
    for pool in (HOME, AWAY):
        pools.configure(pool, PoolSettings(name=pool, late_limit_ms=LATE_MS, ended_retention_ms=RETENTION_MS))
    first = {pool: len(bench.inputs) for pool, bench in pools.benches.items()}
    lent_and_drawn(pools)
    told = [(pool, record) for pool, bench in pools.benches.items() for record in bench.inputs[first[pool] :]]
    for age_ms in AGES_MS:
        for pool in (HOME, AWAY):
            pools.tick(pool, NOON_MS + age_ms)
        pools.settle()
        before = {pool: books(pools.benches[pool], pool) for pool in (HOME, AWAY)}
        for pool, record in told:
            pools.put(pool, record.topic, record.value or b"", NOON_MS + age_ms)
            assert books(pools.benches[pool], pool) == before[pool], (pool, record.topic, age_ms)
    assert not any(pools.deliver(pool) for pool in (HOME, AWAY)), "nothing is said about it"


def kinds_of(record: InputRecord) -> set[tuple[str, str]]:
    """(topic, kind) of all that the record says."""
    event = topic_codec(record.topic).decode(record.value)
    if record.topic == POS_SALES.name:
        return {(record.topic, line["kind"]) for line in event["lines"]}
    kind = event.get("kind") or event.get("change", event.get("body", [""]))[0].removeprefix("commonshelf.")
    return {(record.topic, kind)}


def test_every_kind_of_input_is_among_them() -> None:
    benches = [bench_of() for _ in KINDS]
    for bench, tell_all in zip(benches, KINDS, strict=True):
        tell_all(bench)
    pools = Pools()
    lent_and_drawn(pools)
    found = {kind for bench in (*benches, *pools.benches.values()) for one in bench.inputs for kind in kinds_of(one)}
    wanted_kinds = {
        POS_SALES: get_args(SaleLineKind),
        POS_STOCK: get_args(StockReportKind),
        ORDERS_REQUESTS: get_args(OrderRequestKind),
        FULFILMENT_REPORTS: get_args(ReportKind),
        POOL_CONFIG: [change.__name__ for change in get_args(Change)],
        POOL_LENDING: [get_args(get_args(body)[0])[0].removeprefix("commonshelf.") for body in get_args(LendingBody)],
        CATALOG_ITEMS: [""],
        POOL_TICKS: [""],
    }
    assert {(topic.name, kind) for topic, kinds in wanted_kinds.items() for kind in kinds} == found
    assert {topic.name for topic in wanted_kinds} == {*processor().priority_inputs, *processor().inputs}
