"""The world of the fault test: pools with awkward settings, and a seeded stream of awkward events.

A tenth of what is sent repeats something: whole events, their lines in other company, revisions, older versions,
contradictions. Some lines cannot be used, some records cannot be read. Times are now, less up to eight days.
"""

import random
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import (
    Change,
    CodeMapping,
    ConfigChange,
    Contribution,
    ContributionKind,
    PoolSettings,
    StoreItemSettings,
    StoreSettings,
)
from schemas.models.pos import Unit
from schemas.partition import partition_of
from schemas.topics import (
    CATALOG_ITEMS,
    FULFILMENT_REPORTS,
    ORDERS_REQUESTS,
    POOL_CONFIG,
    POOL_TICKS,
    POS_SALES,
    POS_STOCK,
)

Fields = dict[str, Any]
ITEMS = 40
WEIGHED = range(30, 36)
UNLISTED, PRIVATE = 36, 37
DAY_MS = 86_400_000
OVERSIZE_BYTES = 2_000_000
"""More than is ever decoded."""
FORGETFUL = "forgetful"
"""A pool that tells of the last forty days in a hurry, so that remembered events expire; nothing repeats in it."""


@dataclass(frozen=True)
class Mix:
    """What the events are like: the share of them that repeats something, lines of the shortest receipt."""

    repeats: float = 0.16
    receipt_lines_min: int = 1


AS_USUAL = Mix()
_RECEIPT_LINES_MAX = 12
_INPUTS = (POS_SALES, POS_STOCK, POOL_TICKS, ORDERS_REQUESTS, FULFILMENT_REPORTS, POOL_CONFIG, CATALOG_ITEMS)
_WRITTEN = (POS_SALES, POS_STOCK, POOL_TICKS, ORDERS_REQUESTS, FULFILMENT_REPORTS)
_COMPACTED = (POOL_CONFIG.name, CATALOG_ITEMS.name)
_encode = {topic.name: topic_codec(topic.name).encode for topic in _WRITTEN}


class Outgoing(NamedTuple):
    """A record to send, and how many lines are in it."""

    topic: str
    pool: str
    key: str
    value: bytes | None
    lines: int = 0
    partition: int | None = None
    """None for the pool's own."""


def pool_names(partitions: int, pools: int) -> list[str]:
    """Names of `pools` pools that live on all of the partitions."""
    names = [FORGETFUL]
    number = 0
    while len(names) < pools:
        name = f"pool-{number}"
        number += 1
        taken = {partition_of(one, partitions) for one in names}
        if len(taken) == partitions or partition_of(name, partitions) not in taken:
            names.append(name)
    return names


def settings_records(
    pools: list[str], now_ms: int, more_stores: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> Iterator[Outgoing]:
    """The settings and items of every pool; `more_stores` are stores beside the awkward ones, by pool."""
    encode = topic_codec(POOL_CONFIG.name).encode
    for pool in pools:
        for change in (*_changes(), *(StoreSettings(store=one, name=one) for one in more_stores.get(pool, ()))):
            event = ConfigChange(pool=pool, recorded_at_ms=now_ms, origin="test", change=change)
            yield Outgoing(POOL_CONFIG.name, pool, event.key, encode(event.to_avro()))
        for n in range(ITEMS):
            unit = Unit.kg if n in WEIGHED else Unit.each
            number = gtin(n) if n < UNLISTED else None
            item = CatalogItem(
                pool=pool, sku=sku(n), gtin=number, name=f"Item {n}", unit=unit, recorded_at_ms=now_ms,
                cost_minor=5_000, tax_permille=200, price_minor=9_999,
            )  # fmt: skip
            yield Outgoing(CATALOG_ITEMS.name, pool, item.key, topic_codec(CATALOG_ITEMS.name).encode(item.to_avro()))
    yield Outgoing(POOL_CONFIG.name, pools[0], "poison", b"\0\0\0\0\x01no config")


def _changes() -> Iterator[Change]:
    def lends(kind: str, value: int) -> Contribution:
        return Contribution(kind=ContributionKind(kind), value=value)

    yield PoolSettings(name="Under fault")
    yield StoreSettings(store="share", name="Lends a share", contribution=lends("share", 800))
    yield StoreSettings(store="cap", name="Lends so much", contribution=lends("cap", 5_000), safety_stock_milli=2_000)
    yield StoreSettings(store="fixed", name="Lends a number", contribution=lends("fixed", 400_000))
    yield StoreSettings(store="levels", name="Reports levels", reports_sales=False)
    yield StoreSettings(store="closed", name="Closed", open=False)
    yield StoreItemSettings(store="share", sku=sku(1), contribution=lends("fixed", 90_000))
    yield StoreItemSettings(store="cap", sku=sku(2), listed=False)
    yield StoreItemSettings(store="fixed", sku=sku(3), safety_stock_milli=7_000)
    for n in WEIGHED:
        yield CodeMapping(code=f"plu:{n}", sku=sku(n))
    yield CodeMapping(store="share", code="item:own", sku=sku(PRIVATE))
    yield CodeMapping(store="cap", code="item:own", sku=sku(PRIVATE + 1))


def sku(n: int) -> str:
    return f"sku-{n:02d}"


def gtin(n: int) -> str:
    return f"0400{n:010d}"


class TillWorld:
    """Draws events. The same seed draws the same events, but for their times."""

    def __init__(self, pools: list[str], partitions: int, seed: int, mix: Mix = AS_USUAL) -> None:
        self._pools = pools
        self._mix = mix
        self._partitions = partitions
        self._chance = random.Random(seed)
        self._sent: deque[tuple[str, Fields]] = deque(maxlen=1_500)
        self._requests: deque[Fields] = deque(maxlen=300)
        self._number = 0
        self._seed = seed
        self._past_ms = 40 * DAY_MS

    def next(self, now_ms: int) -> Outgoing:
        """The next record."""
        chance = self._chance
        draw, repeats = chance.random(), self._mix.repeats
        if draw < repeats and self._sent:
            return self._again(now_ms)
        draw = 0.16 + 0.84 * max(0.0, draw - repeats) / (1 - repeats)  # what is not a repeat is shared out as ever
        if draw < 0.18:
            return self._poison(now_ms)
        pool = chance.choice(self._pools)
        if pool == FORGETFUL:
            self._past_ms = max(0, self._past_ms - DAY_MS // 48)
            now_ms -= self._past_ms
        if 0.5 < draw < 0.62 and pool != FORGETFUL:
            return self._request(pool, now_ms)
        if draw < 0.20:
            ahead_ms = chance.choice((0, 0, 0, DAY_MS)) if self._past_ms == 0 or pool != FORGETFUL else 0
            tick = {"pool": pool, "at_ms": now_ms + ahead_ms, "origin": "test"}
            return Outgoing(POOL_TICKS.name, pool, pool, _encode[POOL_TICKS.name](tick))
        event = self._head(pool, now_ms)
        topic = POS_STOCK.name if draw < 0.32 else POS_SALES.name
        if topic == POS_STOCK.name:
            self._fill_report(event, draw)
        else:
            event |= {"till": "1", "order_ref": None, "currency": None}
            event["lines"] = [self._sale_line(n, event["store"]) for n in range(self._receipt_lines())]
        if pool != FORGETFUL:
            self._sent.append((topic, event))
        return self._out(topic, event)

    def _receipt_lines(self) -> int:
        return self._chance.randint(self._mix.receipt_lines_min, _RECEIPT_LINES_MAX)

    def _out(self, topic: str, event: Fields) -> Outgoing:
        source = event["source"]
        event = event | {"id": f"{event['store']}/{source['system']}/{source['id']}@{source['version']}"}
        encode, lines = _encode[topic], event["lines"]
        value = encode(event)
        if topic == POS_SALES.name and len(lines) > 1 and self._chance.random() < 0.1:
            # Avro lets a writer cut an array into blocks: same event, other bytes.
            head = encode(event | {"lines": []})[:-1]
            value = encode(event | {"lines": lines[:1]})[:-1] + encode(event | {"lines": lines[1:]})[len(head) :]
        return Outgoing(topic, event["pool"], event["pool"], value, len(lines))

    def _head(self, pool: str, now_ms: int) -> Fields:
        chance = self._chance
        self._number += 1
        recorded = now_ms - chance.randrange(3_000)
        # Whole seconds, so that movements and counts often share one.
        occurred = recorded // 1_000 * 1_000 - chance.choice((0, 0, 1_000, 5_000, 60_000, 3_600_000, 6 * DAY_MS))
        oddity = chance.random()
        if oddity < 0.004:
            occurred -= 8 * DAY_MS
        elif oddity < 0.008:
            occurred += 9 * DAY_MS
        elif oddity < 0.012:
            recorded = occurred = now_ms + DAY_MS
        return {
            "pool": pool,
            "store": "nowhere" if oddity > 0.996 else chance.choice(("share", "cap", "fixed", "levels", "closed")),
            "source": {"system": "till", "id": f"{self._seed}-{self._number}", "version": chance.choice((1, 1, 3))},
            "occurred_at_ms": occurred, "recorded_at_ms": recorded, "origin": "pos", "lines": [],
        }  # fmt: skip

    def _item(self, store: str) -> tuple[str, str]:
        """(code, unit)"""
        chance = self._chance
        oddity = chance.random()
        if oddity < 0.01:
            return f"gtin:{gtin(900 + chance.randrange(9))}", "each"
        if oddity < 0.015:
            return chance.choice((("item:ghost", "each"), (f"sku:{sku(0)}", "kg"), ("item:own", "each")))
        n = chance.randrange(ITEMS)
        if n in WEIGHED:
            return chance.choice((f"plu:{n}", f"gtin:{gtin(n)}")), "kg"
        return f"gtin:{gtin(n)}" if n < UNLISTED else f"sku:{sku(n)}", "each"

    def _sale_line(self, n: int, store: str) -> Fields:
        chance = self._chance
        code, unit = self._item(store)
        quantity = chance.randrange(1, 4_000) if unit == "kg" else 1_000 * chance.randint(1, 4)
        kinds = ("sale",) * 12 + ("return", "void", "return_not_restocked")
        return {
            "line_id": str(n), "kind": chance.choice(kinds), "code": code,
            "quantity_milli": quantity if chance.random() > 0.003 else chance.choice((0, -1_000, 2_000_000_000)),
            "unit": unit, "price_minor": None,
        }  # fmt: skip

    def _fill_report(self, event: Fields, draw: float) -> None:
        chance = self._chance
        kind = chance.choice(("counted", "counted", "received", "received", "received", "adjusted", "level", "opening"))
        event["kind"] = kind
        for n in range(chance.randint(1, 10)):
            code, unit = self._item(event["store"])
            quantity = 1_000 * chance.randrange(1, 60)
            if kind == "adjusted":
                quantity = -quantity // 10
            elif chance.random() < 0.01:
                quantity = -1
            line = {"line_id": str(n), "code": code, "quantity_milli": quantity, "unit": unit}
            event["lines"].append(line | {"reason": "waste" if kind == "adjusted" else None})

    def _request(self, pool: str, now_ms: int) -> Outgoing:
        """Something about an order: placed, confirmed or cancelled; some twice, some impossible. Holds are short."""
        chance = self._chance
        draw = chance.random()
        if draw < 0.05 and self._requests:
            return self._asked(chance.choice(self._requests))
        kind, order, terms = "placed", f"o-{self._seed}-{self._number}", None
        self._number += 1
        if draw < 0.5 and self._requests:
            kind = chance.choice(("confirmed", "confirmed", "cancelled"))
            earlier = chance.choice(self._requests)
            pool, order = earlier["pool"], earlier["order"] if draw > 0.08 else "unheard-of"
        else:
            terms = {
                "mode": "pickup", "preferred_store": chance.choice(("share", "cap", "fixed", "levels", "closed")),
                "geohash": None, "address_ref": None, "customer_ref": None,
                "deadline_ms": now_ms + chance.choice((-1, 600_000, DAY_MS)), "may_split": chance.random() < 0.7,
                "may_part_fill": chance.random() < 0.7, "hold_ttl_ms": chance.choice((300, 2_000, 20_000, None)),
                "lines": [
                    {"line_id": str(at), "sku": sku(n), "quantity_milli": 1_000 * chance.randrange(0, 30)}
                    for at, n in enumerate(chance.sample(range(ITEMS), chance.randint(1, 3)))
                ],
            }  # fmt: skip
        request = {
            "pool": pool, "order": order, "kind": kind, "key": f"{kind}-{self._number}", "recorded_at_ms": now_ms,
            "origin": "test", "terms": terms,
        }  # fmt: skip
        self._requests.append(request)
        return self._asked(request)

    def _asked(self, request: Fields) -> Outgoing:
        pool = request["pool"]
        return Outgoing(ORDERS_REQUESTS.name, pool, pool, _encode[ORDERS_REQUESTS.name](request))

    def report(self, task: Fields, now_ms: int) -> Outgoing:
        """What the task's store says of it: nothing that moves goods, so that the oracle need not know of orders."""
        chance = self._chance
        self._number += 1
        kind = chance.choice(("claimed", "done", "done", "refused", "refused"))
        report = {
            "pool": task["pool"], "store": chance.choice((task["store"],) * 9 + ("share",)),
            "report_id": f"r-{self._seed}-{self._number}", "kind": kind, "task": task["task"], "transfer": None,
            "worker": None, "reason": chance.choice(("not_found", "store_closed", "no_capacity")), "lines": [],
            "occurred_at_ms": now_ms, "recorded_at_ms": now_ms, "origin": "test",
        }  # fmt: skip
        value = _encode[FULFILMENT_REPORTS.name](report)
        return Outgoing(FULFILMENT_REPORTS.name, task["pool"], task["pool"], value)

    def _again(self, now_ms: int) -> Outgoing:
        """Something sent before: as it was, with more lines, revised, outdated or contradicted."""
        chance = self._chance
        topic, event = chance.choice(self._sent)
        is_count = event.get("kind") in ("counted", "level")
        way = chance.random()
        if way < 0.7:
            return self._out(topic, event)
        lines = [dict(line) for line in event["lines"]]
        version = event["source"]["version"]
        changed = event | {"recorded_at_ms": now_ms, "lines": lines, "source": dict(event["source"])}
        if way < 0.8 and not is_count:
            known = lines[: len(lines) // 2]
            more = [dict(line, line_id=f"{line['line_id']}+") for line in lines[-1:]]
            changed["lines"] = known + more + more
        elif way < 0.93:
            changed["source"]["version"] = version + 1
            for line in lines:
                line["quantity_milli"] += 1_000
            if not is_count:
                changed["lines"] = lines[:-1] or lines
                changed["occurred_at_ms"] -= chance.choice((0, 1_000))
            self._sent.append((topic, changed))
        elif way < 0.97:
            changed["source"]["version"] = version - 1
        elif way < 0.985:
            lines[0]["quantity_milli"] += 1_000
        else:
            changed["occurred_at_ms"] -= 1_000
        return self._out(topic, changed)

    def _poison(self, now_ms: int) -> Outgoing:
        """A record that cannot be used."""
        chance = self._chance
        pool = chance.choice(self._pools)
        topic = chance.choice(_INPUTS).name
        event = self._head(pool, now_ms) | {"till": None, "order_ref": None, "currency": None}
        good = self._out(POS_SALES.name, event | {"lines": [self._sale_line(0, event["store"])]}).value or b""
        value = chance.choice(
            (None, b"", b"\0", chance.randbytes(40), good[:-3], good + b"!", b"\0\0\0\x7f\xff" + good[5:], b"\xff" * 20)
        )
        if chance.random() < 0.02:
            value = bytes(OVERSIZE_BYTES)
        if chance.random() < 0.3:
            pool = f"stranger-{chance.randrange(50)}"
            value = _encode[POOL_TICKS.name]({"pool": pool, "at_ms": now_ms, "origin": "test"})
            topic = POOL_TICKS.name
        # Keys of its own in a compacted topic: the auditor is to find every record there.
        key = pool if topic not in _COMPACTED else f"poison-{self._seed}-{self._number}"
        return Outgoing(topic, pool, key, value, 0, chance.randrange(self._partitions))
