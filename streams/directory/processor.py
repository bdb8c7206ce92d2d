"""The directory's processor: what stores show, shelves and the clock in; what everybody may know out.

Bytes in, bytes out: what follows from a record is `pool`'s. Partners read what it writes, and nothing that it reads.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from schemas.codec import BadMessage, Codec, LaterSchema
from schemas.models.access import AccessSetting as CheckedAccess
from schemas.models.config import ConfigChange as CheckedChange
from schemas.partition import partition_of
from schemas.topics import (
    ACCESS_SETTINGS,
    CATALOG_ITEMS,
    DIRECTORY_CHANGELOG,
    POOL_AVAILABILITY,
    POOL_CONFIG,
    POOL_TICKS,
    PUBLIC_AGGREGATES,
    PUBLIC_BANDS,
    PUBLIC_STORES,
)
from streams.directory.pool import DirectoryPool, Told
from streams.directory.tables import CACHED_ROWS_MAX, TABLES
from streams.pool.state.tables import Tables
from streams.runtime.contract import Batch, Gap, InputRecord, OutputRecord, Rows
from streams.runtime.offsets_row import KeepsOffsets

log = logging.getLogger(__name__)


class DirectoryProcessor(KeepsOffsets):
    """Answers: what may everybody know of each pool?"""

    name = "directory"
    changelog = DIRECTORY_CHANGELOG.name
    priority_inputs = (CATALOG_ITEMS.name, POOL_CONFIG.name, ACCESS_SETTINGS.name)
    inputs = (POOL_AVAILABILITY.name, POOL_TICKS.name)
    expendable_inputs = frozenset({POOL_TICKS.name})

    def __init__(self) -> None:
        self.rows = Codec(self.changelog)

    def open(self, partition: int, partitions: int, rows: Rows) -> "DirectoryPartition":
        return DirectoryPartition(self, partition, partitions, rows)

    def index_entries(self, row_key: str, row: bytes) -> list[tuple[bytes, bytes]]:
        return []


class DirectoryPartition:
    """The pools of one partition."""

    def __init__(self, processor: DirectoryProcessor, partition: int, partitions: int, rows: Rows) -> None:
        self._place = (partition, partitions)
        self._tables = Tables(TABLES, processor.rows, rows.fetch, CACHED_ROWS_MAX)
        self._codecs = {topic: Codec(topic) for topic in (*processor.priority_inputs, *processor.inputs)}
        self._out = {topic.name: Codec(topic.name) for topic in (PUBLIC_STORES, PUBLIC_BANDS, PUBLIC_AGGREGATES)}
        self._outputs: list[OutputRecord] = []
        self.pools: dict[str, DirectoryPool] = {}
        self.runs: Mapping[str, Callable[[Sequence[InputRecord]], None]] = {}
        self._tables.load(rows.scan, self._pool)

    def apply(self, record: InputRecord) -> None:
        """Take one record in. Raises LaterSchema for one of a later release.

        What is no value of its topic, or says what cannot be, is passed over: the pool's workers set it aside.
        """
        if self.is_parked(record):
            log.warning("%s[%d] offset %d is left out, as an operator has said", *record[:3])
            return
        try:
            if record.value is None:
                self._take_end(record)
            else:
                self._take(record, self._codecs[record.topic].decode(record.value))
        except LaterSchema:
            raise
        except BadMessage as bad:
            log.warning("%s[%d] offset %d says nothing here: %s", *record[:3], bad)

    def _take(self, record: InputRecord, value: Any) -> None:
        partition, partitions = self._place
        if partition_of(value["pool"], partitions) != partition:
            raise BadMessage("wrong_partition", f"pool {value['pool']!r} lives on another partition")
        pool = self._pool(value["pool"])
        if record.topic == POOL_AVAILABILITY.name:
            self._tell(pool.take_shelf(value))
        elif record.topic == POOL_TICKS.name:
            if value["at_ms"] <= record.appended_at_ms + pool.config.pool["future_skew_ms"]:
                self._tell(pool.take_time(value["at_ms"]))
        elif record.topic == CATALOG_ITEMS.name:
            self._tell(pool.take_item(value))
        else:
            self._take_setting(record.topic, pool, value)

    def _take_setting(self, topic: str, pool: DirectoryPool, value: Any) -> None:
        try:
            if topic == POOL_CONFIG.name:
                self._tell(pool.take_change(CheckedChange.from_avro(value).key, value))
            else:
                CheckedAccess.from_avro(value)
                self._tell(pool.take_listing(value))
        except ValueError as error:
            raise BadMessage("invalid", str(error)) from error

    def _take_end(self, record: InputRecord) -> None:
        """Take a record without a value: of a shelf that is there no more. Settings are changed, never taken away."""
        if record.topic != POOL_AVAILABILITY.name or record.key is None:
            return
        pool, _, rest = record.key.decode(errors="replace").partition("/")
        sku, _, store = rest.rpartition("/")
        if pool in self.pools:
            self._tell(self.pools[pool].forget_shelf(sku, store))

    def _tell(self, told: Iterable[Told]) -> None:
        for topic, key, value in told:
            encoded = None if value is None else self._out[topic].encode(value)
            self._outputs.append(OutputRecord(topic, key, encoded))

    def _pool(self, name: str) -> DirectoryPool:
        pool = self.pools.get(name)
        if pool is None:
            pool = self.pools[name] = DirectoryPool(name, self._tables)
        return pool

    # --- the runtime's contract -------------------------------------------------------------------------

    def is_parked(self, record: InputRecord) -> bool:
        at = (record.topic, record.partition, record.offset)
        return any(at in pool.config.parked for pool in self.pools.values())

    def is_gap_accepted(self, gap: Gap) -> bool:
        return any(gap in pool.config.accepted_gaps for pool in self.pools.values())

    def changed_rows(self) -> int:
        return self._tables.changed_rows()

    def close_batch(self) -> Batch:
        outputs, self._outputs = self._outputs, []
        return Batch(outputs, list(self._tables.drain()))

    def committed(self) -> None:
        self._tables.committed()

    def closed(self) -> None:
        """Nothing is shown of single partitions."""

    def look_up(self, query: Mapping[str, str]) -> Any:
        """`pool`: how many stores and shelves everybody is told of. Raises KeyError for an unknown one."""
        return self.pools[query["pool"]].counts()
