"""Small worlds for hypothesis: few stores, items, source ids and times, so that they meet often."""

from typing import Any, NamedTuple

import pytest
from hypothesis import strategies as st

from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import (
    Change,
    CodeMapping,
    ConfigChange,
    Contribution,
    ItemQuota,
    ParkedOffset,
    PickupPlace,
    PoolSettings,
    StoreItemSettings,
    StoreSettings,
)
from schemas.topics import (
    CATALOG_ITEMS,
    FULFILMENT_REPORTS,
    ORDERS_REQUESTS,
    POOL_CONFIG,
    POOL_TICKS,
    POS_SALES,
    POS_STOCK,
)
from streams.pool import reactions
from streams.pool.orders.index import ORDERS as ORDER_INDEX
from streams.pool.orders.rows import find_order
from streams.pool.state import dedup as seen_module
from streams.pool.state import forgetting, stale_terms
from streams.pool.state import shelf_writes as touch_module
from streams.pool.state.dedup import INDEX_ENTRY
from streams.pool.state.shelf import MOVEMENT
from streams.pool.stock import columnar as columnar_module
from streams.pool.stock import plain_sale as plain_sale_module
from streams.pool.tasks.index import TASKS
from streams.pool.tasks.rows import find_task
from tests.support.pool import (
    BREAD,
    DAY_MS,
    FLOUR,
    HOUR_MS,
    MILK,
    MINUTE_MS,
    NOON_MS,
    OTHER_STORE,
    POOL,
    STORE,
    PoolBench,
    fulfilment_report,
    line,
    order_request,
    sale,
    stock,
    wanted,
)

PLU = "plu:4011"
"""A code that means nothing until a test maps it."""
STORES = (STORE, OTHER_STORE)


class Published(NamedTuple):
    """What somebody put on an input topic."""

    topic: str
    value: bytes | None
    appended_at_ms: int = NOON_MS

    def onto(self, bench: PoolBench) -> None:
        bench.put(self.topic, self.value, self.appended_at_ms)


def make_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three movements fill a block and four events a page, so that small worlds see them sealed and expired.

    The columnar lane takes runs of one sale. An input brings about two things that are due, and forgets one of a kind:
    the rest waits for the next. A batch tells two shelves whose terms changed.
    """
    for module in (touch_module, plain_sale_module, columnar_module):
        monkeypatch.setattr(module, "BLOCK_BYTES", 3 * MOVEMENT.size)
    monkeypatch.setattr(columnar_module, "RUN_MIN", 1)
    monkeypatch.setattr(columnar_module, "_PAUSE_MAX", 1)
    monkeypatch.setattr(columnar_module, "_REST", 0)
    monkeypatch.setattr(seen_module, "_FULL_INDEX_BYTES", 4 * INDEX_ENTRY.size)
    monkeypatch.setattr(seen_module, "EXPIRED_MAX", 1)
    monkeypatch.setattr(reactions, "DUE_MAX", 2)
    monkeypatch.setattr(forgetting, "FORGOTTEN_MAX", 1)
    monkeypatch.setattr(stale_terms, "TOLD_MAX", 2)
    monkeypatch.setattr(stale_terms, "LOOKED_AT_MAX", 3)
    monkeypatch.setattr(stale_terms, "ITEMS_MAX", 1)


minutes = st.integers(-30, 30).map(lambda minute: NOON_MS + minute * MINUTE_MS)
codes = st.sampled_from([f"sku:{MILK}", f"sku:{BREAD}", f"sku:{FLOUR}", PLU, "gtin:04006381333931"])


@st.composite
def lines(draw: Any, kinds: tuple[str, ...] | None, smallest: int = 1) -> list[dict[str, Any]]:
    found = []
    for _ in range(draw(st.integers(1, 3))):
        code = draw(codes)
        one = {
            "code": code,
            "quantity_milli": draw(st.integers(smallest, 5)) * 1_000,
            "unit": "kg" if code.endswith(FLOUR) else "each",
            "line_id": draw(st.sampled_from("abc")),
        }
        found.append(one | ({"kind": draw(st.sampled_from(kinds))} if kinds else {}))
    return found


@st.composite
def sales(draw: Any) -> Published:
    value = sale(
        draw(st.sampled_from(["s1", "s2", "s3"])),
        *draw(lines(("sale", "return", "return_not_restocked", "void"))),
        store=draw(st.sampled_from(STORES)),
        version=draw(st.integers(1, 3)),
        occurred_at_ms=draw(minutes),
    )
    return Published(POS_SALES.name, value, NOON_MS + 30 * MINUTE_MS)


@st.composite
def reports(draw: Any) -> Published:
    kind = draw(st.sampled_from(["opening", "received", "adjusted", "counted", "level"]))
    value = stock(
        kind,
        draw(st.sampled_from(["r1", "r2", "r3"])),
        *draw(lines(None, smallest=-5 if kind in ("adjusted", "level") else 0)),
        store=draw(st.sampled_from(STORES)),
        version=draw(st.integers(1, 3)),
        occurred_at_ms=draw(minutes),
    )
    return Published(POS_STOCK.name, value, NOON_MS + 30 * MINUTE_MS)


@st.composite
def received(draw: Any) -> Published:
    """Goods for the shelves, so that there is something to promise."""
    value = stock(
        "received", draw(st.sampled_from(["d1", "d2", "d3", "d4"])), line(draw(st.integers(2, 9)) * 1_000, MILK),
        line(draw(st.integers(1, 6)) * 1_000, BREAD), store=draw(st.sampled_from(STORES)),
    )  # fmt: skip
    return Published(POS_STOCK.name, value, NOON_MS)


@st.composite
def ticks(draw: Any) -> Published:
    soon = [n * 20 * MINUTE_MS for n in range(6)]
    at_ms = NOON_MS + draw(st.sampled_from([-DAY_MS, *soon, DAY_MS, 4 * DAY_MS, 20 * DAY_MS]))
    value = topic_codec(POOL_TICKS.name).encode({"pool": POOL, "at_ms": at_ms, "origin": "test"})
    return Published(POOL_TICKS.name, value, max(at_ms, NOON_MS))


class Reported(NamedTuple):
    """What a store says of one of the tasks that are under way when it speaks. When there is none, an order is
    confirmed, so that there are some, or it speaks of a made-up one."""

    kind: str
    nth: int
    reason: str
    report_id: str
    is_its_own: bool = True

    def onto(self, bench: PoolBench) -> None:
        state = bench.partition.pools[POOL]
        names = sorted(name for of_store in state[TASKS].at_store.values() for name in of_store)
        if not names and self.nth:
            Asked("confirmed", self.nth, ((MILK, 2_000), (BREAD, 3_000)), STORE).onto(bench)
            return
        task = find_task(state, names[self.nth % len(names)]) if names else None
        row = task or {"task": "pick-1-1", "store": STORE, "lines": [{"line_id": "milk", "quantity_milli": 1_000}]}
        store = row["store"] if self.is_its_own else "elsewhere"
        short = [{"line_id": one["line_id"], "quantity_milli": one["quantity_milli"]} for one in row["lines"][:1]]
        value = fulfilment_report(
            self.kind, row["task"], *(short if self.kind == "short" else []), store=store, reason=self.reason,
            report_id=self.report_id, raw=True,
        )  # fmt: skip
        bench.put(FULFILMENT_REPORTS.name, value, NOON_MS + 30 * MINUTE_MS)


task_reports = st.builds(
    Reported,
    kind=st.sampled_from(["claimed", "renewed", "done", "done", "done", "short", "refused"]),
    nth=st.integers(0, 3),
    reason=st.sampled_from(["not_found", "damaged", "sold", "store_closed", "no_capacity", "not_collected"]),
    report_id=st.sampled_from(["a", "b", "c", "d", "e", "f"]),
    is_its_own=st.sampled_from([True, True, True, True, False]),
)


class OnTask(NamedTuple):
    """The same, said only while a task is under way: it brings no order of its own."""

    reported: Reported

    def onto(self, bench: PoolBench) -> None:
        if bench.partition.pools[POOL][TASKS].at_store:
            self.reported.onto(bench)


reports_on_tasks = st.builds(OnTask, task_reports)
ORDERS = ("o1", "o2", "o3")


class Asked(NamedTuple):
    """A request about one of the orders that it makes sense for when it comes; places a new one when there is none."""

    kind: str
    nth: int
    lines: tuple[tuple[str, int], ...]
    preferred_store: str
    may_split: bool = True
    may_part_fill: bool = True
    hours: int = 24
    pickup: dict[str, Any] | None = None

    def onto(self, bench: PoolBench) -> None:
        state = bench.partition.pools[POOL]
        at_work = {name for of_store in state[ORDER_INDEX].at_store.values() for name in of_store}
        rows = {name: find_order(state, name) for name in at_work}
        going = sorted(
            name for name, row in rows.items() if row and (self.kind != "confirmed" or row["status"] == "tentative")
        )
        kind = self.kind if going else "placed"
        order = f"n{len(bench.inputs)}" if kind == "placed" else going[self.nth % len(going)]
        told = [wanted(milli, sku) for sku, milli in self.lines] if kind in ("placed", "amended") else []
        terms = {
            "preferred_store": self.preferred_store, "may_split": self.may_split, "may_part_fill": self.may_part_fill,
            "deadline_ms": max(NOON_MS, state.row["clock_ms"]) + self.hours * HOUR_MS, "pickup": self.pickup,
        }  # fmt: skip
        value = order_request(kind, order, *told, key=f"{kind}-{len(bench.inputs)}", **(terms if told else {}))
        bench.put(ORDERS_REQUESTS.name, value, NOON_MS + 30 * MINUTE_MS)


wishes = st.none() | st.builds(
    lambda begins, quarters, place: {
        "from_ms": NOON_MS + begins * MINUTE_MS, "until_ms": NOON_MS + (begins + 15 * quarters) * MINUTE_MS,
        "place": place,
    },
    st.sampled_from([-30, 20, 60]), st.integers(1, 4), st.sampled_from([None, None, "lane"]),
)  # fmt: skip
order_lines = st.lists(
    st.tuples(st.sampled_from([MILK, BREAD]), st.integers(1, 6).map(lambda units: units * 1_000)),
    min_size=1, max_size=2, unique_by=lambda one: one[0],
).map(tuple)  # fmt: skip
asked = st.builds(
    Asked,
    kind=st.sampled_from(["placed", "placed", "amended", "confirmed", "confirmed", "confirmed", "cancelled"]),
    nth=st.integers(0, 3),
    lines=order_lines,
    preferred_store=st.sampled_from(STORES),
    may_split=st.booleans(),
    may_part_fill=st.booleans(),
    hours=st.sampled_from([1, 24, 24, 96]),
    pickup=wishes,
)


@st.composite
def brisk_sales(draw: Any) -> Published:
    """Sales that empty shelves."""
    value = sale(
        f"b{draw(st.integers(1, 10**6))}", line(draw(st.integers(1, 6)) * 1_000, draw(st.sampled_from([MILK, BREAD]))),
        store=draw(st.sampled_from(STORES)),
    )  # fmt: skip
    return Published(POS_SALES.name, value, NOON_MS)


@st.composite
def requests(draw: Any) -> Published:
    kind = draw(st.sampled_from(["placed", "placed", "placed", "amended", "confirmed", "confirmed", "cancelled"]))
    order = draw(st.sampled_from(ORDERS))
    fields = {"key": f"{order}/{kind}/{draw(st.integers(1, 2))}", "recorded_at_ms": draw(minutes)}
    if kind in ("confirmed", "cancelled"):
        return Published(ORDERS_REQUESTS.name, order_request(kind, order, **fields), NOON_MS + 30 * MINUTE_MS)
    skus = draw(st.lists(st.sampled_from([MILK, BREAD, FLOUR]), min_size=1, max_size=3, unique=True))
    terms = {
        "preferred_store": draw(st.sampled_from(STORES)),
        "may_split": draw(st.booleans()),
        "may_part_fill": draw(st.booleans()),
        "deadline_ms": NOON_MS + draw(st.sampled_from([0, 2 * HOUR_MS, DAY_MS, 3 * DAY_MS])),
        "pickup": draw(wishes),
    }
    told = [wanted(draw(st.integers(1, 5)) * 1_000, sku) for sku in skus]
    value = order_request(kind, order, *told, **terms, **fields)
    return Published(ORDERS_REQUESTS.name, value, NOON_MS + 30 * MINUTE_MS)


@st.composite
def order_sales(draw: Any) -> Published:
    """Goods of an order, rung up: some as a revision that voids them again."""
    value = sale(
        draw(st.sampled_from(["rung1", "rung2"])),
        *draw(lines(("sale", "sale", "void"))),
        store=draw(st.sampled_from(STORES)),
        version=draw(st.integers(1, 3)),
        occurred_at_ms=draw(minutes),
        order_ref=draw(st.sampled_from(ORDERS)),
    )
    return Published(POS_SALES.name, value, NOON_MS + 30 * MINUTE_MS)


@st.composite
def transfers_told(draw: Any) -> Published:
    """A transfer is asked for, sent, or received, under an id that an order may have."""
    name, ends = draw(st.sampled_from(["t1", "o3"])), draw(st.permutations(STORES))
    milli, kind = draw(st.integers(1, 5)) * 1_000, draw(st.sampled_from(["placed", "placed", "shipped", "received"]))
    if kind == "placed":
        terms = {"from_store": ends[0], "to_store": ends[1], "lines": [wanted(milli)]}
        value = order_request("placed", name, transfer=terms, key=f"{name}/transfer/{milli}", raw=True)
        return Published(ORDERS_REQUESTS.name, value, NOON_MS + 30 * MINUTE_MS)
    told = {"line_id": "milk", "quantity_milli": milli, "sku": draw(st.sampled_from([MILK, BREAD]))}
    value = fulfilment_report(
        kind, None, told, transfer=name, store=ends[0], report_id=draw(st.sampled_from("abc")),
        occurred_at_ms=draw(minutes),
    )  # fmt: skip
    return Published(FULFILMENT_REPORTS.name, value, NOON_MS + 30 * MINUTE_MS)


contributions = st.builds(
    Contribution, kind=st.sampled_from(["share", "cap", "fixed"]), value=st.sampled_from([0, 500, 1_000, 3_000])
)
changes = st.one_of(
    st.builds(PoolSettings, name=st.just("North"), late_limit_ms=st.sampled_from([MINUTE_MS, DAY_MS, 7 * DAY_MS])),
    st.builds(
        StoreSettings,
        store=st.sampled_from(STORES),
        name=st.just("A store"),
        open=st.booleans(),
        reports_sales=st.booleans(),
        rings_up_hand_overs=st.booleans(),
        contribution=contributions,
        safety_stock_milli=st.sampled_from([0, 1_000]),
    ),
    st.builds(
        StoreItemSettings,
        store=st.sampled_from(STORES),
        sku=st.sampled_from([MILK, BREAD]),
        listed=st.booleans(),
        contribution=st.none() | contributions,
        safety_stock_milli=st.sampled_from([None, 0, 2_000]),
    ),
    st.builds(
        CodeMapping,
        store=st.sampled_from([None, *STORES]),
        code=st.just(PLU),
        sku=st.sampled_from([None, MILK, BREAD, "GHOST"]),
    ),
    st.builds(
        PickupPlace,
        place=st.sampled_from([STORE, "lane", "lane"]),
        name=st.just("A place"),
        stores=st.sampled_from([STORES, STORES, (STORE,)]),
        open=st.sampled_from([True, True, True, False]),
        hand_overs_per_slot=st.integers(0, 2),
        shelf_orders_max=st.sampled_from([None, 2]),
    ),
    st.builds(
        ItemQuota,
        sku=st.sampled_from([MILK, BREAD]),
        from_ms=st.sampled_from([0, NOON_MS - MINUTE_MS]),
        until_ms=st.just(NOON_MS + DAY_MS),
        per_store_milli=st.sampled_from([None, 2_000]),
    ),
    st.builds(
        ParkedOffset,
        topic=st.just(POS_SALES.name),
        partition=st.just(0),
        offset=st.integers(0, 6),
        reason=st.just("test"),
    ),
)


def told_setting(change: Change) -> Published:
    event = ConfigChange(pool=POOL, recorded_at_ms=NOON_MS, origin="test", change=change)
    return Published(POOL_CONFIG.name, topic_codec(POOL_CONFIG.name).encode(event.to_avro()))


@st.composite
def settings_told(draw: Any) -> Published:
    return told_setting(draw(changes))


@st.composite
def items_told(draw: Any) -> Published:
    item = CatalogItem(
        pool=POOL,
        sku=draw(st.sampled_from([MILK, BREAD, FLOUR, "GHOST"])),
        name="An item",
        gtin=draw(st.sampled_from([None, "04006381333931", "00000000000017"])),
        unit=draw(st.sampled_from(["each", "kg"])),
        recorded_at_ms=NOON_MS + draw(st.integers(0, 2)),
    )
    return Published(CATALOG_ITEMS.name, topic_codec(CATALOG_ITEMS.name).encode(item.to_avro()))


_GARBAGE_TIMES = st.sampled_from([NOON_MS, -1, 2**63 - 1])
"""As Kafka can say them: of 64 bits, and -1 for none."""
garbage = st.builds(
    Published, st.sampled_from([POS_SALES.name, POOL_CONFIG.name]), st.none() | st.binary(max_size=9), _GARBAGE_TIMES
)
anything = st.one_of(sales(), sales(), reports(), reports(), ticks(), settings_told(), items_told(), garbage)
guided = st.one_of(asked, asked, asked, task_reports, task_reports, task_reports, brisk_sales(), received())
busy = st.one_of(
    guided,
    guided,
    guided,
    guided,
    guided,
    guided,
    guided,
    transfers_told(),
    requests(),
    sales(),
    order_sales(),
    reports(),
    ticks(),
    settings_told(),
)
_PLACES = [
    told_setting(PickupPlace(place=STORE, name="Counter", stores=(STORE,), hand_overs_per_slot=1)),
    told_setting(PickupPlace(place="lane", name="Lane", stores=STORES, shelf_orders_max=2)),
]
order_worlds = st.integers(0, 30).flatmap(
    lambda size: st.tuples(st.sampled_from([[], _PLACES]), st.lists(busy, min_size=size, max_size=30)).map(
        lambda parts: parts[0] + parts[1]
    )
)
"""Worlds in which most of what happens is about orders."""
worlds = st.integers(0, 24).flatmap(lambda size: st.lists(anything, min_size=size, max_size=24))
