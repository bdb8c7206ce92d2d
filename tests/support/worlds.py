"""Small worlds for hypothesis: few stores, items, source ids and times, so that they meet often."""

from typing import Any, NamedTuple

import pytest
from hypothesis import strategies as st

from schemas.codec import topic_codec
from schemas.models import (
    CatalogItem,
    CodeMapping,
    ConfigChange,
    Contribution,
    ParkedOffset,
    PoolSettings,
    StoreItemSettings,
    StoreSettings,
)
from schemas.topics import CATALOG_ITEMS, POOL_CONFIG, POOL_TICKS, POS_SALES, POS_STOCK
from streams.pool import fold as fold_module
from streams.pool import seen as seen_module
from streams.pool.seen import INDEX_ENTRY
from streams.pool.shelf import MOVEMENT
from tests.support.pool import (
    BREAD,
    DAY_MS,
    FLOUR,
    MILK,
    MINUTE_MS,
    NOON_MS,
    OTHER_STORE,
    POOL,
    STORE,
    PoolBench,
    line,
    sale,
    stock,
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
    """Three movements fill a block and four events a page, so that small worlds see them sealed and expired."""
    monkeypatch.setattr(fold_module, "BLOCK_BYTES", 3 * MOVEMENT.size)
    monkeypatch.setattr(seen_module, "_FULL_INDEX_BYTES", 4 * INDEX_ENTRY.size)


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
def ticks(draw: Any) -> Published:
    at_ms = NOON_MS + draw(st.integers(-1, 20)) * DAY_MS
    value = topic_codec(POOL_TICKS.name).encode({"pool": POOL, "at_ms": at_ms, "origin": "test"})
    return Published(POOL_TICKS.name, value, max(at_ms, NOON_MS))


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
        ParkedOffset,
        topic=st.just(POS_SALES.name),
        partition=st.just(0),
        offset=st.integers(0, 6),
        reason=st.just("test"),
    ),
)


@st.composite
def settings_told(draw: Any) -> Published:
    event = ConfigChange(pool=POOL, recorded_at_ms=NOON_MS, origin="test", change=draw(changes))
    return Published(POOL_CONFIG.name, topic_codec(POOL_CONFIG.name).encode(event.to_avro()))


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


garbage = st.builds(Published, st.sampled_from([POS_SALES.name, POOL_CONFIG.name]), st.none() | st.binary(max_size=9))
anything = st.one_of(sales(), sales(), reports(), reports(), ticks(), settings_told(), items_told(), garbage)
worlds = st.integers(0, 24).flatmap(lambda size: st.lists(anything, min_size=size, max_size=24))


class Movement(NamedTuple):
    """A version of a till transaction or a receipt. What it says follows from its name, as a sane source has it."""

    source_id: str
    version: int

    def published(self, part: int = 0) -> Published:
        """Part 1 is the first line alone, 2 the second, 0 both."""
        told = [line(**fields) for fields in self.lines()]
        named = [{**fields, "line_id": f"l{at}"} for at, fields in enumerate(told)]
        chosen = named if part == 0 else [named[part - 1]]
        head = {"store": self.store, "version": self.version, "occurred_at_ms": self.occurred_at_ms}
        if self.is_sale:
            return Published(POS_SALES.name, sale(self.source_id, *chosen, **head), NOON_MS + 30 * MINUTE_MS)
        return Published(POS_STOCK.name, stock("received", self.source_id, *chosen, **head), NOON_MS + 30 * MINUTE_MS)

    @property
    def seed(self) -> int:
        return int(self.source_id) * 7 + self.version * 5

    @property
    def is_sale(self) -> bool:
        return int(self.source_id) % 3 != 0

    @property
    def store(self) -> str:
        return STORES[int(self.source_id) % 2]

    @property
    def occurred_at_ms(self) -> int:
        return NOON_MS + (self.seed % 13 - 6) * MINUTE_MS

    def lines(self) -> list[dict[str, Any]]:
        kinds = ("sale", "return", "sale", "void", "return_not_restocked")
        told: list[dict[str, Any]] = []
        for at in range(2):
            fields = {"quantity_milli": (1 + (self.seed + at) % 4) * 1_000, "sku": (MILK, BREAD)[(self.seed + at) % 2]}
            told.append(fields | ({"kind": kinds[(self.seed + at) % 5]} if self.is_sale else {}))
        return told

    def deltas(self) -> list[tuple[str, int]]:
        signs = {"sale": -1, "return": 1, "void": 1, "return_not_restocked": 0, None: 1}
        return [(fields["sku"], signs[fields.get("kind")] * fields["quantity_milli"]) for fields in self.lines()]


class Count(NamedTuple):
    """A physical count of one shelf; its minute names it, so that no two of a shelf are of the same time."""

    store: str
    sku: str
    minute: int

    @property
    def as_of_ms(self) -> int:
        return NOON_MS + self.minute * MINUTE_MS

    @property
    def quantity_milli(self) -> int:
        return (20 + self.minute) * 1_000

    def published(self, part: int = 0) -> Published:
        name = f"{self.store}-{self.sku}-{self.minute}"
        value = stock(
            "counted", name, line(self.quantity_milli, self.sku), store=self.store, occurred_at_ms=self.as_of_ms
        )
        return Published(POS_STOCK.name, value, NOON_MS + 30 * MINUTE_MS)


movements = st.builds(Movement, st.sampled_from("123456"), st.integers(1, 3))
counts = st.builds(Count, st.sampled_from(STORES), st.sampled_from([MILK, BREAD]), st.integers(-8, 8))
