"""Streams of sales from a seed: nearly all plain, with everything between them that a plain sale must not overlook."""

import random
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from schemas.codec import topic_codec
from schemas.models.config import CodeMapping, Contribution, StoreSettings
from schemas.topics import CATALOG_ITEMS, POS_SALES
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
    wanted,
)
from tests.support.worlds import PLU

OTHER_POOL = "south"
_KINDS = {
    "sold": 60, "told again": 6, "revised": 3, "sold out": 4, "returned": 2, "late": 2, "early": 1, "foreign": 2,
    "unmapped": 2, "garbage": 1, "received": 5, "counted": 3, "ordered": 3, "handed over": 4, "ticked": 2, "renamed": 2,
    "mapped": 2, "closed": 1, "rings up": 2, "in another unit": 2, "in the other pool": 6, "line told twice": 1,
    "sold and returned": 2, "returned before a count": 2, "sold out twice": 2,
}  # fmt: skip


_BACK = ("return", "void", "return_not_restocked")


class SaleStream:
    """Puts a stream onto a bench, event by event. `mix` says how often some kinds come, of all that are said above."""

    def __init__(self, bench: PoolBench, seed: int, mix: Mapping[str, int] = MappingProxyType({})) -> None:
        self._bench = bench
        self._kinds = {**_KINDS, **mix}
        self._random = random.Random(seed)
        self._sent: list[tuple[str, tuple[dict[str, Any], ...], dict[str, Any]]] = []
        self._orders = 0

    def put(self, events: int) -> None:
        """So many events."""
        kinds = self._random.choices(list(self._kinds), weights=list(self._kinds.values()), k=events)
        for kind in kinds:
            getattr(self, f"_put_{kind.replace(' ', '_')}")()

    def _lines(self, units: int = 3) -> tuple[dict[str, Any], ...]:
        count = self._random.choice([1, 1, 1, 2, 5])
        return tuple(
            line(1_000 * self._random.randint(1, units), sku, line_id=str(number))
            for number, sku in enumerate(self._random.choices([MILK, BREAD, FLOUR], k=count))
        )

    def _sell(self, name: str, *lines: dict[str, Any], **fields: Any) -> None:
        self._sent.append((name, lines, fields))
        self._bench.sell(name, *lines, **fields)

    def _head(self) -> dict[str, Any]:
        return {
            "store": self._random.choice([STORE, OTHER_STORE]),
            "occurred_at_ms": NOON_MS + self._random.randint(-30, 0) * MINUTE_MS,
            "till": self._random.choice([None, "1", "2"]),
        }

    def _name(self) -> str:
        return f"s{len(self._sent)}"

    def _put_sold(self) -> None:
        self._sell(self._name(), *self._lines(), **self._head())

    def _put_sold_out(self) -> None:
        self._sell(self._name(), *self._lines(units=80), **self._head())

    def _put_told_again(self) -> None:
        if self._sent:
            name, lines, fields = self._random.choice(self._sent[-6:])
            recorded_at_ms = NOON_MS + self._random.choice([0, 1, MINUTE_MS])
            self._bench.sell(name, *lines, **{"recorded_at_ms": recorded_at_ms, **fields})

    def _put_revised(self) -> None:
        if self._sent:
            name, _, fields = self._random.choice(self._sent[-9:])
            self._bench.sell(name, *self._lines(), **{**fields, "version": 2})

    def _put_returned(self) -> None:
        kind = self._random.choice(_BACK)
        self._sell(self._name(), *({**one, "kind": kind} for one in self._lines()), **self._head())

    def _put_sold_and_returned(self) -> None:
        kinds = ["sale", *_BACK]
        lines = ({**one, "kind": self._random.choice(kinds)} for one in self._lines(units=20))
        self._sell(self._name(), *lines, **self._head())

    def _put_returned_before_a_count(self) -> None:
        """A count that finds little; then what had come back before it, and a sale of more than was found."""
        head, name = self._head() | {"occurred_at_ms": NOON_MS}, f"c{len(self._bench.inputs)}"
        self._bench.report("counted", name, line(2_000, MILK), store=head["store"], occurred_at_ms=NOON_MS)
        self._sell(self._name(), line(5_000, MILK, kind="return"), **head)
        self._sell(self._name(), line(4_000, MILK), **head | {"occurred_at_ms": NOON_MS + MINUTE_MS})

    def _put_sold_out_twice(self) -> None:
        """Much is sold, comes back, and is sold again."""
        head, much = self._head(), line(900_000, self._random.choice([MILK, BREAD]))
        for kind in ("sale", "return", "sale"):
            self._sell(self._name(), {**much, "kind": kind}, **head)

    def _put_late(self) -> None:
        self._sell(self._name(), *self._lines(), **self._head() | {"occurred_at_ms": NOON_MS - 9 * DAY_MS})

    def _put_early(self) -> None:
        self._sell(self._name(), *self._lines(), **self._head() | {"occurred_at_ms": NOON_MS + 3 * DAY_MS})

    def _put_foreign(self) -> None:
        self._sell(self._name(), *self._lines(), **self._head() | {"pool": "nobody"})
        self._sell(self._name(), *self._lines(), **self._head() | {"store": "nobody"})

    def _put_in_the_other_pool(self) -> None:
        self._sell(self._name(), *self._lines(), **self._head() | {"pool": OTHER_POOL})

    def _put_unmapped(self) -> None:
        self._sell(self._name(), {**line(1_000), "code": PLU}, **self._head())

    def _put_line_told_twice(self) -> None:
        self._sell(self._name(), line(1_000, MILK, line_id="1"), line(2_000, MILK, line_id="1"), **self._head())

    def _put_garbage(self) -> None:
        value = sale("garbage", line(1_000))
        for cut in (value[: self._random.randrange(len(value))], None):
            self._bench.put(POS_SALES.name, cut)

    def _put_received(self) -> None:
        units = {MILK: 200, BREAD: 40, FLOUR: 60}
        sku = self._random.choice(list(units))
        told = line(1_000 * units[sku], sku)
        self._bench.report("received", f"r{len(self._bench.inputs)}", told, store=self._head()["store"])

    def _put_counted(self) -> None:
        head, told = self._head(), line(1_000 * self._random.randint(0, 90), self._random.choice([MILK, BREAD]))
        self._bench.report(
            "counted", f"c{len(self._bench.inputs)}", told, store=head["store"], occurred_at_ms=head["occurred_at_ms"]
        )

    def _put_ordered(self) -> None:
        self._orders += 1
        self._bench.request("placed", f"o{self._orders}", wanted(2_000, MILK), deadline_ms=NOON_MS + DAY_MS)
        if self._random.random() < 0.7:
            self._bench.request("confirmed", f"o{self._orders}")

    def _put_handed_over(self) -> None:
        """What is to be picked is picked; what was picked is handed over."""
        for task, row in list(self._bench.tasks().items()):
            if row["kind"] in ("pick", "hand_over") and row["status"] == "open":
                self._bench.fulfil("done", task)

    def _put_in_another_unit(self) -> None:
        self._sell(self._name(), line(1_000, self._random.choice([MILK, BREAD]), unit="kg"), **self._head())

    def _put_ticked(self) -> None:
        self._bench.tick(NOON_MS + self._random.choice([0, 0, 5, 30]) * MINUTE_MS)

    def _put_renamed(self) -> None:
        """The product master is told again: some item is counted by weight now, or by the piece."""
        self._bench.stock_item(
            self._random.choice([MILK, BREAD, "CHEESE"]), self._random.choice(["each", "each", "kg"]),
            recorded_at_ms=NOON_MS + len(self._bench.inputs),
        )  # fmt: skip

    def _put_mapped(self) -> None:
        store = self._random.choice([None, STORE])
        sku = self._random.choice([None, MILK, BREAD])
        self._bench.configure(CodeMapping(store=store, code=self._random.choice([PLU, f"sku:{MILK}"]), sku=sku))

    def _put_closed(self) -> None:
        self._set_store(open=self._random.random() < 0.5)

    def _put_rings_up(self) -> None:
        self._set_store(rings_up_hand_overs=self._random.random() < 0.8)

    def _set_store(self, **fields: Any) -> None:
        share = Contribution(kind="share", value=1_000)
        store = self._random.choice([STORE, OTHER_STORE])
        self._bench.configure(StoreSettings(store=store, name="A store", contribution=share, **fields))


def furnish_other_pool(bench: PoolBench) -> None:
    """A second pool on the partition, with a store and items of the same names."""
    share = Contribution(kind="share", value=1_000)
    for store in (STORE, OTHER_STORE):
        bench.configure(StoreSettings(store=store, name="A store", contribution=share), pool=OTHER_POOL)
    for record in [record for record in bench.inputs if record.topic == CATALOG_ITEMS.name]:
        bench.put(record.topic, _of_pool(record.value), record.appended_at_ms)
    told = (line(90_000, MILK), line(90_000, BREAD))
    for store in (STORE, OTHER_STORE):
        bench.report("received", f"of-{store}", *told, store=store, pool=OTHER_POOL)
        bench.report("received", f"of-{store}", *told, store=store, pool=POOL)


def hand_over_unrung(bench: PoolBench) -> None:
    """Goods of an order were handed over, and the store's till will ring them up without naming it."""
    share = Contribution(kind="share", value=1_000)
    bench.configure(StoreSettings(store=STORE, name="A store", contribution=share, rings_up_hand_overs=True))
    bench.request("placed", "early", wanted(3_000, MILK))
    bench.request("confirmed", "early")
    bench.fulfil("done", bench.task("pick"))
    bench.fulfil("done", bench.task("hand_over"))


def _of_pool(value: bytes | None) -> bytes:
    codec = topic_codec(CATALOG_ITEMS.name)
    return codec.encode(codec.decode(value) | {"pool": OTHER_POOL})
