"""A pool partition on a bench: real bytes in, decoded outputs out, committed rows in dicts instead of Kafka."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any

import pytest

from messaging.journal import JournalEntry, read_page
from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import (
    Change,
    ClockConfirmation,
    ConfigChange,
    Contribution,
    PoolSettings,
    StoreItemSettings,
    StoreSettings,
)
from schemas.models.pos import Sale, Source, StockReport
from schemas.models.reports import FulfilmentReport
from schemas.models.requests import OrderRequest
from schemas.topics import (
    CATALOG_ITEMS,
    FULFILMENT_REPORTS,
    ORDERS_EVENTS,
    ORDERS_REQUESTS,
    PICKUP_APPOINTMENTS,
    POOL_CHANGELOG,
    POOL_CONFIG,
    POOL_JOURNAL,
    POOL_TASKS,
    POOL_TICKS,
    POS_SALES,
    POS_STOCK,
)
from streams.pool.aggregate import Aggregate, Input, Reaction
from streams.pool.processor import PoolPartition, PoolProcessor
from streams.runtime.contract import Batch, InputRecord, OutputRecord, Rows
from tests.support.lanes import take

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
NOON_MS = 1_790_000_000_000
"""The tests' now: what the broker stamps on a record unless the test says otherwise."""
POOL, STORE, OTHER_STORE = "north", "corner", "mill"
MILK, BREAD, FLOUR = "MILK", "BREAD", "FLOUR"
MILK_GTIN = "04006381333931"
UNITS = {MILK: "each", BREAD: "each", FLOUR: "kg"}


@cache
def processor() -> PoolProcessor:
    """One for all tests."""
    return PoolProcessor()


def plant(patch: pytest.MonkeyPatch, function: Any, planted: Any) -> None:
    """Have the pools of the test call `planted` wherever an aggregate names `function`."""
    aggregates = [_with(one, function, planted) for one in processor().aggregates.all]
    assert aggregates != list(processor().aggregates.all), f"no aggregate names {function}"
    patch.setattr(sys.modules[__name__], "processor", lambda: PoolProcessor(aggregates=aggregates))


def _with(part: Any, function: Any, planted: Any) -> Any:
    if part is function:
        return planted
    if isinstance(part, Aggregate | Input | Reaction):
        names = [one.name for one in fields(part)]
        return replace(part, **{name: _with(getattr(part, name), function, planted) for name in names})
    if isinstance(part, dict):
        return {name: _with(one, function, planted) for name, one in part.items()}
    return tuple(_with(one, function, planted) for one in part) if type(part) is tuple else part


def decode_row(raw: bytes) -> Any:
    """The row of a changelog value."""
    return topic_codec(POOL_CHANGELOG.name).decode(raw)["row"][1]


def assert_agenda_is_empty(partition: PoolPartition) -> None:
    """Nothing that an input brought about is left undone."""
    left = {name: list(pool.agenda.left()) for name, pool in partition.pools.items()}
    assert not any(left.values()), left


@dataclass
class CommittedRows:
    """What the changelog and the local store hold, in dicts."""

    rows: dict[str, bytes] = field(default_factory=dict)
    index: dict[bytes, bytes] = field(default_factory=dict)

    def view(self) -> Rows:
        return Rows(self.rows.get, self.scan, self.index.get)

    def scan(self, prefix: str, after: str = "") -> Iterator[tuple[str, bytes]]:
        return iter(sorted(item for item in self.rows.items() if item[0].startswith(prefix) and item[0] > after))

    def write(self, rows: list[tuple[str, bytes | None]]) -> None:
        assert len({key for key, _ in rows}) == len(rows), "a batch writes each row once"
        for key, value in rows:
            if value is None and key in self.rows:
                for index_key, entry in processor().index_entries(key, self.rows.pop(key)):
                    if self.index.get(index_key) == entry:
                        del self.index[index_key]
        for key, value in rows:
            if value is not None:
                self.rows[key] = value
                self.index.update(processor().index_entries(key, value))


class PoolBench:
    """One partition, the only one unless told otherwise, with what it published. Outputs appear with `commit`."""

    def __init__(
        self,
        committed: CommittedRows | None = None,
        cached_rows_max: int = 50_000,
        partition: int = 0,
        partitions: int = 1,
    ) -> None:
        self._number, self._partitions = partition, partitions
        self.committed = committed or CommittedRows()
        self.outputs: list[OutputRecord] = []
        self.inputs: list[InputRecord] = []
        self._cached_rows_max = cached_rows_max
        self._offsets: dict[str, int] = {}
        self._in_flight: Batch | None = None
        self.partition = self._open()

    def _open(self) -> PoolPartition:
        with_cache = PoolProcessor(self._cached_rows_max, processor().aggregates.all, processor().known)
        return with_cache.open(self._number, self._partitions, self.committed.view())

    def restart(self) -> None:
        """Forget everything but the committed rows."""
        self.settle()
        self.partition = self._open()

    # --- in ---------------------------------------------------------------------------------------------

    def put(self, topic: str, value: bytes | None, appended_at_ms: int = NOON_MS, key: bytes | None = b"k") -> None:
        """Apply a record with the topic's next offset."""
        offset = self._offsets.get(topic, 0)
        self._offsets[topic] = offset + 1
        self.apply(InputRecord(topic, self._number, offset, appended_at_ms, key, value))

    def apply(self, record: InputRecord) -> None:
        self.inputs.append(record)
        take(self.partition, record)
        assert_agenda_is_empty(self.partition)

    def apply_run(self, records: list[InputRecord]) -> None:
        """Apply records of one topic together, as a worker does."""
        self.inputs += records
        self.partition.runs[records[0].topic](records)
        assert_agenda_is_empty(self.partition)

    def commit(self) -> Batch:
        """End the micro-batch and have it stored at once."""
        batch = self.close()
        self.settle()
        return batch

    def close(self) -> Batch:
        """End the micro-batch as the runtime does: the one before it is stored first."""
        self.settle()
        self._in_flight = self.partition.close_batch()
        return self._in_flight

    def settle(self) -> None:
        """Store the batch that was closed last."""
        if self._in_flight is not None:
            self.committed.write(self._in_flight.rows)
            self.outputs += self._in_flight.outputs
            self._in_flight = None
            self.partition.committed()

    def configure(self, change: Change, pool: str = POOL, recorded_at_ms: int = NOON_MS) -> None:
        event = ConfigChange(pool=pool, recorded_at_ms=recorded_at_ms, origin="test", change=change)
        value = topic_codec(POOL_CONFIG.name).encode(event.to_avro())
        self.put(POOL_CONFIG.name, value, max(recorded_at_ms, NOON_MS))

    def stock_item(self, sku: str, unit: str = "each", **fields: Any) -> None:
        item = CatalogItem(pool=POOL, sku=sku, name=sku, unit=unit, **{"recorded_at_ms": NOON_MS} | fields)
        value = topic_codec(CATALOG_ITEMS.name).encode(item.to_avro())
        self.put(CATALOG_ITEMS.name, value, max(item.recorded_at_ms, NOON_MS))

    def configure_pool(self, **fields: Any) -> None:
        self.configure(PoolSettings(name="North", **fields))

    def lend(self, kind: str, value: int, sku: str = MILK, store: str = STORE, recorded_at_ms: int = NOON_MS) -> None:
        """Have `store` lend that much of one item."""
        contribution = Contribution(kind=kind, value=value)
        self.configure(
            StoreItemSettings(store=store, sku=sku, contribution=contribution), recorded_at_ms=recorded_at_ms
        )

    def sell(self, source_id: str, *lines: dict[str, Any], **event: Any) -> None:
        appended_at_ms = event.pop("appended_at_ms", NOON_MS)
        self.put(POS_SALES.name, sale(source_id, *lines, **event), appended_at_ms)

    def report(self, kind: str, source_id: str, *lines: dict[str, Any], **event: Any) -> None:
        appended_at_ms = event.pop("appended_at_ms", NOON_MS)
        self.put(POS_STOCK.name, stock(kind, source_id, *lines, **event), appended_at_ms)

    def tick(self, at_ms: int, appended_at_ms: int | None = None) -> None:
        value = topic_codec(POOL_TICKS.name).encode({"pool": POOL, "at_ms": at_ms, "origin": "test"})
        self.put(POOL_TICKS.name, value, max(at_ms, NOON_MS) if appended_at_ms is None else appended_at_ms)

    def pass_time(self, at_ms: int) -> None:
        """Let it be `at_ms` by the pool's clock, as after days of ticks: an operator confirms the leap."""
        self.configure(ClockConfirmation(at_ms=at_ms), recorded_at_ms=max(at_ms, NOON_MS))
        self.tick(at_ms)

    def request(self, kind: str, order: str, *lines: dict[str, Any], **fields: Any) -> None:
        """A request about an order; see `order_request`."""
        appended_at_ms = fields.pop("appended_at_ms", NOON_MS)
        self.put(ORDERS_REQUESTS.name, order_request(kind, order, *lines, **fields), appended_at_ms)

    def fulfil(self, kind: str, task: str, *lines: dict[str, Any], **fields: Any) -> None:
        """A fulfilment report on a task, by its store unless `store` is given; see `fulfilment_report`."""
        appended_at_ms = fields.pop("appended_at_ms", NOON_MS)
        known = self.tasks().get(task)
        fields = ({"store": known["store"]} if known is not None else {}) | fields
        self.put(FULFILMENT_REPORTS.name, fulfilment_report(kind, task, *lines, **fields), appended_at_ms)

    # --- out --------------------------------------------------------------------------------------------

    def availability(self) -> dict[str, dict[str, Any]]:
        """The compacted table, by key pool/sku/store."""
        decode = topic_codec("pool.availability.v1").decode
        return {str(o.key): decode(o.value) for o in self.outputs if o.topic == "pool.availability.v1"}

    def shelf(self, sku: str = MILK, store: str = STORE) -> dict[str, Any]:
        """Commits, then gives the shelf's row of the availability table."""
        self.commit()
        return self.availability()[f"{POOL}/{sku}/{store}"]

    def on_hand(self, sku: str = MILK, store: str = STORE) -> int:
        """On hand, thousandths; 0 for a shelf that nothing has touched."""
        self.commit()
        row = self.availability().get(f"{POOL}/{sku}/{store}")
        return 0 if row is None else int(row["on_hand_milli"])

    def available(self, sku: str = MILK, store: str = STORE) -> int:
        return int(self.shelf(sku, store)["available_milli"])

    def counts(self) -> dict[str, int]:
        """Lines applied, duplicate, stale and quarantined."""
        row = self.partition.look_up({"pool": POOL})
        return {name: row[f"lines_{name}"] for name in ("applied", "duplicate", "stale", "quarantined")}

    def dead_letters(self) -> list[OutputRecord]:
        self.commit()
        return [output for output in self.outputs if ".dlq." in output.topic]

    def reasons(self) -> list[str]:
        """Why records and lines were set aside, in order."""
        return [headers_of(letter)["commonshelf.reason"] for letter in self.dead_letters()]

    def replay_dead_letters(self) -> None:
        """Publish every dead letter again, as an operator does after mending what was wrong."""
        letters = self.dead_letters()
        self.outputs = [output for output in self.outputs if ".dlq." not in output.topic]
        for letter in letters:
            self.put(letter.topic.replace(".dlq.", "."), letter.value, NOON_MS + HOUR_MS)

    def journal(self, pool: str = POOL) -> list[JournalEntry]:
        """All entries of a pool, numbers checked for gaps."""
        self.commit()
        entries: list[JournalEntry] = []
        for output in self.outputs:
            if output.topic == POOL_JOURNAL.name and output.key == pool:
                entries += read_page(output.value)
        assert [entry.position for entry in entries] == list(range(1, len(entries) + 1))
        return entries

    def events(self) -> list[dict[str, Any]]:
        """What orders.events says, in order."""
        self.commit()
        decode = topic_codec(ORDERS_EVENTS.name).decode
        return [decode(output.value) for output in self.outputs if output.topic == ORDERS_EVENTS.name]

    def order(self, order: str = "o1") -> dict[str, Any]:
        """The order's committed row."""
        self.commit()
        row: dict[str, Any] = decode_row(self.committed.rows[f"order/{POOL}/{order}"])
        return row

    def tasks(self) -> dict[str, dict[str, Any]]:
        """The compacted table of tasks, by id."""
        self.commit()
        decode = topic_codec(POOL_TASKS.name).decode
        found: dict[str, dict[str, Any]] = {}
        for output in self.outputs:
            if output.topic == POOL_TASKS.name:
                name = str(output.key).removeprefix(f"{POOL}/")
                found.pop(name, None)
                if output.value is not None:
                    found[name] = decode(output.value)
        return found

    def appointments(self) -> dict[str, dict[str, Any]]:
        """The compacted table of appointments, by order and store."""
        self.commit()
        decode = topic_codec(PICKUP_APPOINTMENTS.name).decode
        found: dict[str, dict[str, Any]] = {}
        for output in self.outputs:
            if output.topic == PICKUP_APPOINTMENTS.name:
                name = str(output.key).removeprefix(f"{POOL}/")
                found.pop(name, None)
                if output.value is not None:
                    found[name] = decode(output.value)
        return found

    def task(self, kind: str, store: str = STORE) -> str:
        """The id of the store's only open task of that kind."""
        [name] = [
            name for name, row in self.tasks().items()
            if (row["kind"], row["store"]) == (kind, store) and row["status"] in ("open", "claimed")
        ]  # fmt: skip
        return name

    def last_fact(self) -> dict[str, Any]:
        """Fields of the newest journal entry."""
        return self.journal()[-1].fact[1]


def furnished(**options: Any) -> PoolBench:
    """A pool with two stores that lend all they have, and three items known by their sku: codes."""
    bench = PoolBench(**options)
    bench.configure(PoolSettings(name="North"))
    for store in (STORE, OTHER_STORE):
        bench.configure(StoreSettings(store=store, name=store))
    bench.stock_item(MILK, gtin=MILK_GTIN)
    bench.stock_item(BREAD)
    bench.stock_item(FLOUR, unit="kg")
    bench.commit()
    return bench


def line(quantity_milli: int, sku: str = MILK, **fields: Any) -> dict[str, Any]:
    """A line of a sale or a report; named by its place unless `line_id` is given."""
    return {"code": f"sku:{sku}", "quantity_milli": quantity_milli, "unit": UNITS.get(sku, "each"), **fields}


def sale(source_id: str, *lines: dict[str, Any], **event: Any) -> bytes:
    """A sale in wire format. Checked by the model of the edges unless `raw` is true."""
    return _encoded(POS_SALES.name, Sale, source_id, lines, event)


def stock(kind: str, source_id: str, *lines: dict[str, Any], **event: Any) -> bytes:
    """A stock report in wire format."""
    return _encoded(POS_STOCK.name, StockReport, source_id, lines, {"kind": kind, **event})


def wanted(quantity_milli: int, sku: str = MILK, **fields: Any) -> dict[str, Any]:
    """A line of an order; named by its item unless `line_id` is given."""
    return {"line_id": sku.lower(), "sku": sku, "quantity_milli": quantity_milli, **fields}


_TERMS = (
    "mode", "preferred_store", "geohash", "address_ref", "customer_ref", "deadline_ms", "may_split", "may_part_fill",
    "only_there", "hold_ttl_ms", "pickup",
)  # fmt: skip


def order_request(kind: str, order: str, *lines: dict[str, Any], **fields: Any) -> bytes:
    """A request about an order in wire format; wants pickup at STORE within two hours unless `fields` say else."""
    raw = fields.pop("raw", False)
    moved_to = fields.pop("pickup", None) if kind == "moved" else None
    terms = {name: fields.pop(name) for name in _TERMS if name in fields}
    recorded_at_ms = fields.pop("recorded_at_ms", NOON_MS)
    defaults = {
        "mode": "pickup", "preferred_store": STORE, "geohash": None, "address_ref": None, "customer_ref": None,
        "deadline_ms": recorded_at_ms + 2 * HOUR_MS, "may_split": True, "may_part_fill": True, "only_there": False,
        "hold_ttl_ms": None, "pickup": None,
    }  # fmt: skip
    plain = {
        "pool": POOL, "order": order, "kind": kind, "key": f"{order}/{kind}", "recorded_at_ms": recorded_at_ms,
        "origin": "test", "terms": {**defaults, **terms, "lines": list(lines)} if lines or terms else None,
        "transfer": None, "pickup": moved_to, **fields,
    }  # fmt: skip
    checked = plain if raw else OrderRequest.model_validate(plain).to_avro()
    return topic_codec(ORDERS_REQUESTS.name).encode(checked)


def fulfilment_report(kind: str, task: str | None, *lines: dict[str, Any], **fields: Any) -> bytes:
    """A fulfilment report in wire format."""
    raw = fields.pop("raw", False)
    occurred_at_ms = fields.pop("occurred_at_ms", NOON_MS)
    plain = {
        "pool": POOL, "store": STORE, "report_id": f"{task}/{kind}", "kind": kind, "task": task, "transfer": None,
        "worker": None, "reason": None, "lines": [{"reason": None, "sku": None, **one} for one in lines],
        "occurred_at_ms": occurred_at_ms, "recorded_at_ms": max(occurred_at_ms, NOON_MS), "origin": "test", **fields,
    }  # fmt: skip
    checked = plain if raw else FulfilmentReport.model_validate(plain).to_avro()
    return topic_codec(FULFILMENT_REPORTS.name).encode(checked)


def _encoded(topic: str, model: Any, source_id: str, lines: Any, event: dict[str, Any]) -> bytes:
    named = [{"line_id": str(at), **fields} for at, fields in enumerate(lines, start=1)]
    version, raw = event.pop("version", 1), event.pop("raw", False)
    occurred_at_ms = event.pop("occurred_at_ms", NOON_MS)
    head = {
        "pool": POOL,
        "store": STORE,
        "occurred_at_ms": occurred_at_ms,
        "recorded_at_ms": max(occurred_at_ms, NOON_MS),
        **event,
    }
    if raw:
        source = {"system": "till", "id": source_id, "version": version}
        kinds = {"kind": "sale"} if topic == POS_SALES.name else {}
        plain = {"id": source_id, "source": source, **head, "lines": [{**kinds, **fields} for fields in named]}
    else:
        plain = model(source=Source(system="till", id=source_id, version=version), lines=named, **head).to_avro()
    return topic_codec(topic).encode(plain)


def headers_of(letter: OutputRecord) -> dict[str, str]:
    return {name: bytes(value or b"").decode() for name, value in letter.headers or []}
