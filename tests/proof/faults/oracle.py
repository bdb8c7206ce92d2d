"""What the pool's table and dead letters must be, worked out from the input topics in another way.

The pool folds facts one by one and corrects its books as counts arrive. Here nothing is corrected: each source
id's last version stands with the union of its lines, and a shelf holds its latest count plus every standing
movement that occurred after it. All settings count as told before the first sale; nothing is forgotten. Of each topic
the order of offsets matters. What depends on how topics interleaved it is told: where the pool's clock stood at each
record (`pool_clocks.py`), and what orders hold and did not find; the auditor checks by sums that this is covered.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from schemas.codec import BadMessage, topic_codec
from schemas.models.base import QUANTITY_MAX_MILLI
from schemas.models.catalog import CatalogItem
from schemas.models.config import ConfigChange
from schemas.partition import partition_of
from schemas.topics import CATALOG_ITEMS, POOL_CONFIG, POOL_TICKS, POS_SALES, POS_STOCK
from tests.proof.faults.records import Cause, Expected, Promise, Record, ShelfKey

Fields = dict[str, Any]
_SETTINGS = (POOL_CONFIG.name, CATALOG_ITEMS.name)
_SIGN = {"sale": -1, "return": 1, "void": 1, "return_not_restocked": 0}
_SAME = ("code", "quantity_milli", "unit", "kind", "reason")


class _Movement(NamedTuple):
    shelf: ShelfKey
    occurred_at_ms: int
    delta_milli: int
    is_sale: bool


class _Version:
    """What stands under one source id."""

    def __init__(self, event: Fields) -> None:
        self.number: int = event["source"]["version"]
        self.head = (event["occurred_at_ms"], event.get("kind"))
        self.lines: dict[str, Fields] = {}
        self.movements: list[_Movement] = []
        self.moved: dict[str, _Movement] = {}
        """The movements by the id of the line that made each."""
        self.kept: set[str] = set()
        """Ids of lines of an earlier version that stay until this one says otherwise."""


_NOT_ABOUT_SHELVES = (
    "commonshelf.ClockConfirmation", "commonshelf.Agreement", "commonshelf.PickupPlace", "commonshelf.LocalCalendar",
)  # fmt: skip


class Oracle:
    """Made for one log. `partitions` is the partition count of its topics, `held` what orders keep on shelves.

    `not_found` is what was looked for there in vain and is promised to nobody until it is counted. `clocks_ms` are the
    pools' clocks before each record; one that has none is late by its own times alone.
    """

    def __init__(
        self,
        partitions: int,
        held: Mapping[ShelfKey, int] = MappingProxyType({}),
        not_found: Mapping[ShelfKey, int] = MappingProxyType({}),
        clocks_ms: Mapping[Cause, int] = MappingProxyType({}),
    ) -> None:
        self._partitions = partitions
        self._held = held
        self._not_found = not_found
        self._clocks_ms = clocks_ms
        self._outcome = Expected()
        self._settings: dict[str, dict[tuple[str, ...], Fields]] = {}
        self._codes: dict[tuple[str, str | None, str], str] = {}
        self._items: dict[tuple[str, str], Fields] = {}
        self._standing: dict[tuple[str, ...], _Version] = {}
        self._counts: dict[ShelfKey, tuple[int, int]] = {}
        self._shelves: set[ShelfKey] = set()

    def expected(self, records: Iterable[Record]) -> Expected:
        """The outcome for `records`, in any order that keeps each partition's offsets ascending."""
        for record in sorted(records, key=lambda one: one.topic not in _SETTINGS):
            try:
                event = self._read(record)
            except BadMessage as bad:
                self._outcome.refused_records[record.cause] = bad.reason
                continue
            self._outcome.journaled.add(record.cause)
            if record.topic in (POS_SALES.name, POS_STOCK.name):
                self._outcome.lines += len(event["lines"])
                for line, reason in self._take(record, event):
                    self._outcome.refused_lines[record.cause, reason, line["line_id"]] += 1
        self._outcome.table = self._table()
        return self._outcome

    def _read(self, record: Record) -> Fields:
        event: Fields = topic_codec(record.topic).decode(record.value)
        pool = event["pool"]
        if record.topic in _SETTINGS:
            try:
                ConfigChange.from_avro(event) if record.topic == POOL_CONFIG.name else CatalogItem.model_validate(event)
            except ValueError as error:
                raise BadMessage("invalid", str(error)) from error
        if partition_of(pool, self._partitions) != record.partition:
            raise BadMessage("wrong_partition", pool)
        if record.topic not in _SETTINGS and pool not in self._settings:
            raise BadMessage("unknown_pool", pool)
        if record.topic == POOL_TICKS.name and event["at_ms"] > record.appended_at_ms + self._limits(pool)[0]:
            raise BadMessage("in_the_future", pool)
        if record.topic == CATALOG_ITEMS.name:
            self._items[pool, event["sku"]] = event
            self._codes[pool, None, f"sku:{event['sku']}"] = event["sku"]
            self._codes[pool, None, f"gtin:{event['gtin']}"] = event["sku"]
        elif record.topic == POOL_CONFIG.name:
            kind, change = event["change"]
            settings = self._settings.setdefault(pool, {})
            if kind == "commonshelf.CodeMapping":
                self._codes[pool, change["store"], change["code"]] = change["sku"]
            elif kind not in _NOT_ABOUT_SHELVES:
                settings[tuple(change[name] for name in ("store", "sku") if name in change)] = change
        return event

    def _limits(self, pool: str) -> tuple[int, int]:
        own = self._settings[pool].get((), {"future_skew_ms": 300_000, "late_limit_ms": 7 * 86_400_000})
        return own["future_skew_ms"], own["late_limit_ms"]

    def _take(self, record: Record, event: Fields) -> list[tuple[Fields, str]]:
        settings = self._settings[event["pool"]]
        future_skew_ms, late_limit_ms = self._limits(event["pool"])
        occurred, recorded, told = event["occurred_at_ms"], event["recorded_at_ms"], event["told_at_ms"]
        if (event["store"],) not in settings:
            return [(line, "unknown_store") for line in event["lines"]]
        if max(occurred - recorded, recorded - record.appended_at_ms) > future_skew_ms:
            return [(line, "in_the_future") for line in event["lines"]]
        keeps_lateness = told is not None and event.get("kind") not in ("counted", "level")
        horizon_ms = self._clocks_ms.get(record.cause, 0) - late_limit_ms
        is_past = (recorded if keeps_lateness else occurred) < horizon_ms
        if (recorded if told is None else told) - occurred > late_limit_ms or is_past:
            return [(line, "too_late") for line in event["lines"]]
        source = event["source"]
        name = (record.topic, event["pool"], event["store"], source["system"], source["id"])
        before = self._standing.get(name)
        if before is not None and before.number > source["version"]:
            self._outcome.repeated_lines += len(event["lines"])
            return []
        if before is None or before.number < source["version"]:
            self._standing[name] = _Version(event)
        version = self._standing[name]
        set_aside = self._join(version, event)
        if before is not None and before is not version:
            self._keep(before, version, event, {line["line_id"] for line, _ in set_aside})
        return set_aside

    def _keep(self, before: _Version, version: _Version, event: Fields, unusable: set[str]) -> None:
        """What of `before` the new version does not speak of."""
        unread = tuple(event.get("unread_lines", ()))
        for line_id, before_movement in before.moved.items():
            is_unread = line_id in unread or "*" in unread or line_id.startswith(tuple(f"{each}/" for each in unread))
            if (is_unread or line_id in unusable) and line_id not in version.lines:
                movement = before_movement._replace(occurred_at_ms=event["occurred_at_ms"])
                version.moved[line_id] = movement
                version.movements.append(movement)
                version.kept.add(line_id)

    def _join(self, version: _Version, event: Fields) -> list[tuple[Fields, str]]:
        head = (event["occurred_at_ms"], event.get("kind"))
        if version.lines and version.head != head:  # where no line stands, nothing can contradict
            return [(line, "conflict") for line in event["lines"]]
        version.head = head
        set_aside, earlier = [], dict(version.lines)
        counted: defaultdict[str, dict[str, int]] = defaultdict(dict)  # by item what each of its codes counted
        for line in event["lines"]:
            same = earlier.setdefault(line["line_id"], line)
            if same is not line:
                if any(same.get(name) != line.get(name) for name in _SAME):
                    set_aside.append((line, "conflict"))
                else:
                    self._outcome.repeated_lines += 1
                continue
            pool, store, code = event["pool"], event["store"], line["code"]
            sku = self._codes.get((pool, store, code)) or self._codes.get((pool, None, code))
            reason = self._wrong(event, line, sku, code in counted[sku or ""])
            if sku is None or reason is not None:
                set_aside.append((line, str(reason)))
                continue
            counted[sku][code] = line["quantity_milli"]
            version.lines[line["line_id"]] = line
            if line["line_id"] in version.kept:
                version.kept.remove(line["line_id"])
                version.movements.remove(version.moved.pop(line["line_id"]))
            self._stand(version, event, line, (pool, sku, store), sum(counted[sku].values()))
        return set_aside

    def _wrong(self, event: Fields, line: Fields, sku: str | None, was_counted: bool) -> str | None:
        kind, quantity = event.get("kind"), line["quantity_milli"]
        least = 1 if kind is None else -QUANTITY_MAX_MILLI if kind in ("adjusted", "level") else 0
        item = self._items.get((event["pool"], sku or ""))
        if sku is None:
            return "unmapped_code"
        if item is None:
            return "unknown_item"
        if not least <= quantity <= QUANTITY_MAX_MILLI:
            return "bad_quantity"
        if item["unit"] != line["unit"]:
            return "wrong_unit"
        return "conflict" if was_counted and kind in ("counted", "level") else None

    def _stand(self, version: _Version, event: Fields, line: Fields, shelf: ShelfKey, counted_milli: int) -> None:
        self._shelves.add(shelf)
        kind, quantity, occurred = event.get("kind"), line["quantity_milli"], event["occurred_at_ms"]
        reports_sales = self._settings[event["pool"]][event["store"],]["reports_sales"]
        if kind == "counted" or (kind == "level" and not reports_sales):
            count = (occurred, counted_milli)
            self._counts[shelf] = max(count, self._counts.get(shelf, (0, 0)), key=lambda count: count[0])
        elif kind != "level":
            delta = quantity if kind is not None else _SIGN[line["kind"]] * quantity
            version.moved[line["line_id"]] = _Movement(shelf, occurred, delta, kind is None)
            version.movements.append(version.moved[line["line_id"]])

    def _table(self) -> dict[ShelfKey, Promise]:
        movements = defaultdict(list)
        for version in self._standing.values():
            for movement in version.movements:
                movements[movement.shelf].append(movement)
        return {shelf: self._promise(shelf, movements[shelf]) for shelf in self._shelves}

    def _promise(self, shelf: ShelfKey, movements: list[_Movement]) -> Promise:
        pool, sku, store = shelf
        settings, unit = self._settings[pool], self._items[pool, sku]["unit"]
        as_of_ms, on_hand = self._counts.get(shelf, (0, 0))
        on_hand += sum(move.delta_milli for move in movements if move.occurred_at_ms > as_of_ms)
        common = settings[store,]
        own = settings.get((store, sku), {"listed": True, "contribution": None, "safety_stock_milli": None})
        if not (common["open"] and own["listed"]):
            return Promise(on_hand, 0, 0, unit)
        safety = common["safety_stock_milli"] if own["safety_stock_milli"] is None else own["safety_stock_milli"]
        lent = own["contribution"] or common["contribution"]
        sold = -sum(move.delta_milli for move in movements if move.is_sale)
        there = on_hand - self._not_found.get(shelf, 0)
        most = {"share": there * lent["value"] // 1000, "cap": lent["value"], "fixed": lent["value"] - max(sold, 0)}
        promised = max(0, min(most[lent["kind"]], there - safety) - self._held.get(shelf, 0))
        return Promise(on_hand, promised // 1000 * 1000 if unit == "each" else promised, safety, unit)
