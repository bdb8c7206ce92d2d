"""The pool processor: bytes in, decisions, bytes out. It dispatches to aggregates, and knows of Kafka what the runtime
hands it.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from schemas.codec import BadMessage, Codec, LaterSchema
from schemas.partition import partition_of
from schemas.registry import Registry, registry
from schemas.topics import POOL_CHANGELOG, POOL_JOURNAL, POS_SALES
from schemas.types.journal import Fact
from schemas.types.stock import Availability, Parked
from streams.pool.aggregate import Aggregate, Aggregates, Decision, Input, SetAside, Trigger
from streams.pool.journal import dead_letter_reasons as reasons
from streams.pool.journal.dead_letters import dead_letter
from streams.pool.journal.facts import PARKED, FactCodec, check_size, encode_entry
from streams.pool.lending.aggregate import AGGREGATE as LENDING
from streams.pool.orders.aggregate import AGGREGATE as ORDERS
from streams.pool.pickup.aggregate import AGGREGATE as PICKUP
from streams.pool.reactions import Reactions
from streams.pool.settings.aggregate import AGGREGATE as SETTINGS
from streams.pool.settings.aggregate import CLOCK
from streams.pool.state.availability import availability_row, shelves_of
from streams.pool.state.dedup_index import FilteredIndex
from streams.pool.state.metrics import (
    SalesTaken,
    count_bad_message,
    count_duplicates,
    count_set_aside,
    forget_pools,
    show_pool,
)
from streams.pool.state.pool_state import PAGES, SHARED, PoolState, index_entries
from streams.pool.state.tables import PoolTables
from streams.pool.stock.aggregate import AGGREGATE as STOCK
from streams.pool.stock.columnar import ColumnarLane
from streams.pool.stock.sales_run import SalesRun
from streams.pool.tasks.aggregate import AGGREGATE as TASKS
from streams.pool.transfers.aggregate import AGGREGATE as TRANSFERS
from streams.runtime.contract import Batch, Gap, InputRecord, OutputRecord, Rows, StoppedAt
from streams.runtime.offsets_row import KeepsOffsets
from streams.runtime.settings import LocalStoreBroken, Rejoin

log = logging.getLogger(__name__)

NAME_MAX = 64
PAGE_BYTES_MAX = 262_144
"""A journal page is closed when it holds this much: keeps records well below the broker's limit."""
AGGREGATES = (SETTINGS, STOCK, CLOCK, TRANSFERS, ORDERS, PICKUP, TASKS, LENDING)
"""In order of precedence: of two that want to decide, fold, or react, the first comes first."""


class PoolProcessor(KeepsOffsets):
    """Answers: what can each pool promise?"""

    name = "pool"
    changelog = POOL_CHANGELOG.name

    def __init__(
        self,
        cached_rows_max: int = 50_000,
        aggregates: Iterable[Aggregate] = AGGREGATES,
        known: Registry | None = None,
        *,
        columnar: bool = True,
    ) -> None:
        """`known` has the schemas of the aggregates' inputs, facts and rows; those of this release unless given.

        columnar: take plain sales many at once; without it all records take the ordinary lane.
        """
        self.columnar = columnar
        self.known = registry() if known is None else known
        self.aggregates = Aggregates(aggregates)
        self.reactions = Reactions(self.aggregates)
        self.cached_rows_max = cached_rows_max
        given = self.aggregates.inputs.items()
        self.priority_inputs = tuple(topic for topic, inputs in given if inputs[0].is_setting)
        self.inputs = tuple(topic for topic, inputs in given if not inputs[0].is_setting)
        self.expendable_inputs = frozenset(topic for topic, inputs in given if inputs[0].is_expendable)
        self.rows = Codec(self.changelog, self.known)

    def tables(self, rows: Rows) -> PoolTables:
        """Tables for the rows of a partition."""
        return PoolTables((*SHARED, *self.aggregates.tables), self.known, rows.fetch, self.cached_rows_max)

    def open(self, partition: int, partitions: int, rows: Rows) -> "PoolPartition":
        return PoolPartition(self, partition, partitions, rows)

    def index_entries(self, row_key: str, row: bytes) -> list[tuple[bytes, bytes]]:
        return index_entries(row_key, row, self.rows)


class PoolPartition:
    """The pools of one partition."""

    def __init__(self, processor: PoolProcessor, partition: int, partitions: int, rows: Rows) -> None:
        self._processor = processor
        self._aggregates = processor.aggregates
        self._reactions = processor.reactions
        self._inputs = self._aggregates.inputs
        self._codecs = {topic: Codec(topic, processor.known) for topic in self._inputs}
        self._shortcuts = {
            topic: given.shortcut for topic, inputs in self._inputs.items() for given in inputs if given.shortcut
        }
        self.runs: Mapping[str, Callable[[Sequence[InputRecord]], None]] = (
            {POS_SALES.name: self._apply_sales} if processor.columnar else {}
        )
        self._partition = partition
        self._partitions = partitions
        self._rows = rows
        self._tables = processor.tables(rows)
        self._facts = self._tables.facts
        self._pools: dict[str, PoolState] = {}
        self._lane = ColumnarLane(self._pools)
        self._sales = SalesTaken()
        self._index = FilteredIndex(rows.find_index, self._index_keys)
        self._tables.load(rows.scan, self._pool_state)
        self._outputs: list[OutputRecord] = []
        self._entries: defaultdict[str, list[bytes]] = defaultdict(list)
        self._parking = self._is_parking()

    @property
    def pools(self) -> Mapping[str, PoolState]:
        """The pools, by name."""
        return self._pools

    def _pool_state(self, name: str) -> PoolState:
        pool = self._pools.get(name)
        if pool is None:
            pool = self._pools[name] = PoolState(name, self._tables, self._index)
        return pool

    def _index_keys(self) -> list[bytes]:
        keys = [
            key for row_key, raw in self._rows.scan(f"{PAGES.prefix}/")
            for key, _ in self._processor.index_entries(row_key, raw)
        ]  # fmt: skip
        for pool in self._pools.values():
            keys += pool.dedup.uncommitted()
        return keys

    def apply(self, record: InputRecord) -> None:
        """Decide one input and fold the fact and what follows; what cannot be used goes to the dead letters.

        Raises LaterSchema for a record of a later release.
        """
        topic, _, offset, appended_at_ms, _, value = record
        self._sales.ordinary += topic == POS_SALES.name
        if self._parking and self._park(record):
            return
        shortcut = self._shortcuts.get(topic)
        done = None if shortcut is None else shortcut(self._pools, record)
        if done is not None:
            name, encoded = done
            self._entries[name].append(encode_entry(topic, offset, appended_at_ms, encoded))
            return
        given = self._inputs[topic][0]
        event: Any = None
        try:
            event = self._codecs[topic].decode(value)
            _check(self._inputs[topic], event)
            pool = self._pool(event["pool"], given)
            decided = self._aggregates.decide(pool, topic, event, appended_at_ms)
            fact = decided.fact if isinstance(decided, Decision) else decided
            encoded = self._facts.encode(fact)
            check_size(len(encoded))
        except LaterSchema:
            raise  # the record is somebody's work: it waits for the release that can read it
        except BadMessage as bad:
            self._set_aside(record, event, bad)
            return
        if isinstance(decided, Decision):
            self._set_lines_aside(pool, decided.set_aside, event, record)
            if decided.duplicate_lines:
                count_duplicates(pool.pool, event["store"], event["source"]["system"], decided.duplicate_lines)
        self._journal(pool, fact, record, encoded)
        if given.is_setting:
            self._parking = self._is_parking()
        now_ms = _now_ms(pool, given, event, appended_at_ms)
        for reaction in self._reactions.follow(pool, Trigger(fact[0], now_ms)):
            self._journal(pool, reaction, record)

    def _apply_sales(self, records: Sequence[InputRecord]) -> None:
        """Take records of sales in their order: by columns what is plain, the others one by one."""
        is_worth_it = not self._parking and self._lane.is_worth_it(records)
        at, pause = 0, 0 if is_worth_it else len(records)
        run = None
        if is_worth_it:
            with self._by_columns():
                run = SalesRun(records)
        while at < len(records):
            if run is not None:
                taken = self._take(run, at)
                at, pause = at + taken, self._lane.pause(taken)
            for record in records[at : at + pause]:
                try:
                    self.apply(record)
                except LocalStoreBroken:
                    raise
                except Exception as error:
                    raise StoppedAt(record) from error
            at += pause

    def _take(self, run: SalesRun, at: int) -> int:
        """Take the front of a run by columns."""
        with self._by_columns():
            taken = self._lane.take(run, at)
        for name, entries in taken.entries.items():
            self._entries[name] += entries
        for sender, lines in taken.duplicates.items():
            count_duplicates(*sender, lines)
        self._sales.columnar += taken.records
        return taken.records

    @contextmanager
    def _by_columns(self) -> Iterator[None]:
        """When the columnar lane fails within, nobody knows at which record: the ordinary lane does."""
        try:
            yield
        except LocalStoreBroken:
            raise
        except Exception as error:
            self._processor.columnar = False
            log.exception("the columnar lane failed; from now on the ordinary lane takes all records")
            raise Rejoin("the columnar lane failed, and the batch begins anew in the ordinary one") from error

    def is_parked(self, record: InputRecord) -> bool:
        return self._parked(record) is not None

    def is_gap_accepted(self, gap: Gap) -> bool:
        return any(gap in pool.config.accepted_gaps for pool in self._pools.values())

    def _is_parking(self) -> bool:
        return any(pool.config.parked for pool in self._pools.values())

    def _parked(self, record: InputRecord) -> tuple[PoolState, str] | None:
        at = (record.topic, record.partition, record.offset)
        for pool in self._pools.values():
            if pool.config.parked and at in pool.config.parked:
                return pool, pool.config.parked[at]
        return None

    def _park(self, record: InputRecord) -> bool:
        parked = self._parked(record)
        if parked is None:
            return False
        pool, reason = parked
        self._journal(pool, (PARKED, Parked(reason=reason)), record)
        self._outputs.append(dead_letter(self._processor, record, reasons.PARKED, reason, record.value))
        return True

    def _pool(self, name: str, given: Input) -> PoolState:
        pool = self._pools.get(name)
        if pool is not None:
            return pool
        if len(name) > NAME_MAX:  # nobody can configure it; looking its partition up would keep it in memory
            raise BadMessage(reasons.UNKNOWN_POOL, f"a pool's name has at most {NAME_MAX} characters, not {len(name)}")
        if partition_of(name, self._partitions) != self._partition:
            raise BadMessage(reasons.WRONG_PARTITION, f"pool {name!r} does not live on partition {self._partition}")
        if not given.is_setting:
            raise BadMessage(reasons.UNKNOWN_POOL, f"pool {name!r} is not configured; publish it, then replay")
        return self._pool_state(name)

    def _set_aside(self, record: InputRecord, event: Any, bad: BadMessage) -> None:
        """The whole record to the dead letters."""
        self._outputs.append(dead_letter(self._processor, record, bad.reason, str(bad), record.value))
        count_bad_message(bad.reason)
        if bad.reason == reasons.UNKNOWN_POOL:
            for given in self._inputs[record.topic]:
                if given.answer_stranger is not None:
                    self._outputs.append(given.answer_stranger(event, bad.reason, record.appended_at_ms))

    def _set_lines_aside(self, pool: PoolState, set_aside: SetAside, event: Any, record: InputRecord) -> None:
        """One dead letter for each reason, with the lines that it holds for."""
        for reason in dict.fromkeys(reason for _, reason in set_aside):
            lines = [line for line, why in set_aside if why == reason]
            named = ", ".join(f"line {line['line_id']} ({line['code']})" for line in lines[:5])
            more = f" and {len(lines) - 5} more" if len(lines) > 5 else ""
            value = self._codecs[record.topic].encode({**event, "lines": lines})
            message = f"{reason}: store {event['store']}, {event['source']['id']}: {named}{more}"
            self._outputs.append(dead_letter(self._processor, record, reason, message, value))
            count_set_aside(pool.pool, event, reason, len(lines))

    def _journal(self, pool: PoolState, fact: Fact, record: InputRecord, encoded: bytes | None = None) -> None:
        encoded = self._facts.encode(fact) if encoded is None else encoded
        entry = self._aggregates.fold(pool, fact, encoded, record.appended_at_ms)
        self._entries[pool.pool].append(encode_entry(record.topic, record.offset, record.appended_at_ms, encoded))
        self._outputs.extend(self._aggregates.publish(pool, fact, entry, self._partitions))

    def changed_rows(self) -> int:
        return self._tables.changed_rows()

    def close_batch(self) -> Batch:
        """The dead letters and what was told, the journal pages, rows that are published, the rows."""
        outputs = self._outputs
        self._outputs = []
        for name, entries in self._entries.items():
            first_position = self._pools[name].row["position"] - len(entries) + 1
            outputs.extend(_journal_pages(self._facts, name, self._partition, first_position, entries))
        self._entries = defaultdict(list)
        outputs.extend(self._tables.published(self._pools, self._rows.scan))
        for pool in self._pools.values():
            pool.close_batch()
        return Batch(outputs, list(self._tables.drain()))

    def committed(self) -> None:
        self._tables.committed()
        self._sales.show()
        for pool in self._pools.values():
            pool.dedup.committed()
            show_pool(pool)
        self._index.committed()

    def closed(self) -> None:
        forget_pools(self._pools)

    def look_up(self, query: dict[str, str]) -> Any:
        """`pool` alone: its row; with `sku`: each store's shelf and the sum. Raises KeyError for an unknown one."""
        pool = self._pools[query["pool"]]
        if "sku" not in query:
            return {"pool": pool.pool, **pool.row, "stores": sorted(pool.config.stores)}
        sku = query["sku"]
        stores: list[Availability] = []
        for key in shelves_of(pool.pool, sku, self._rows.scan):
            shelf = pool.shelves.get(key)
            if shelf is not None:
                stores.append(availability_row(pool.config, key, shelf))
        if not stores and sku not in pool.config.items:
            raise KeyError(sku)
        total = sum(row["available_milli"] for row in stores)
        return {"pool": pool.pool, "sku": sku, "available_milli": total, "stores": stores}


def _check(inputs: Iterable[Input], event: Any) -> None:
    for given in inputs:
        if given.check is not None:
            try:
                given.check(event)
            except ValueError as error:
                raise BadMessage(reasons.INVALID, str(error)) from error


def _now_ms(pool: PoolState, given: Input, event: Any, appended_at_ms: int) -> int:
    """The pool's clock, or when the event was recorded if that is later: its ticks may lag behind."""
    clock_ms = pool.row["clock_ms"]
    if not given.is_dated:
        return clock_ms
    recorded_at_ms: int = event["recorded_at_ms"]
    return max(clock_ms, min(recorded_at_ms, appended_at_ms + pool.config.pool["future_skew_ms"]))


def _journal_pages(
    facts: FactCodec, pool: str, partition: int, first_position: int, entries: list[bytes]
) -> Iterator[OutputRecord]:
    start = size = 0
    for at, entry in enumerate(entries):
        if size and size + len(entry) > PAGE_BYTES_MAX:
            page = facts.encode_page(pool, partition, first_position + start, entries[start:at])
            yield OutputRecord(POOL_JOURNAL.name, pool, page)
            start, size = at, 0
        size += len(entry)
    page = facts.encode_page(pool, partition, first_position + start, entries[start:])
    yield OutputRecord(POOL_JOURNAL.name, pool, page)
