"""Tables of a partition: how rows are named, kept in the changelog, and published. A table serves all its pools."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from schemas.codec import Codec
from schemas.registry import Registry
from schemas.topics import POOL_CHANGELOG, Topic
from streams.pool.journal.facts import fact_codec
from streams.pool.state.part import Pool
from streams.runtime.contract import OutputRecord, Scan
from streams.runtime.table import Fetch, Table

K = TypeVar("K")
R = TypeVar("R")
EntityKey = tuple[str, str]
"""(pool, id of an order, a task, a store, a loan, a draw or another pool)"""
Pools = Mapping[str, Pool]
"""The pools of a partition, by name."""


@dataclass(frozen=True)
class Published(Generic[K, R]):
    """A topic on which a table's rows are published as they change; a deleted row leaves a record without a value."""

    topic: Topic
    key: Callable[[K], str]
    """Key of the record."""
    encode: Callable[[Pools, K, R], bytes]
    """Value of the record, in wire format."""
    encode_many: Callable[[Pools, Sequence[tuple[K, R]]], list[bytes] | None] = lambda _, __: None
    """The same of many rows; None leaves them to `encode`."""
    stale: Callable[[Pool, Scan], Iterable[K]] = lambda _, __: ()
    """Rows that did not change in this batch, and whose value did; asked once a batch."""


@dataclass(frozen=True, eq=False)
class TableSpec(Generic[K, R]):
    """Declares a table; `tables[spec]` is the table itself."""

    prefix: str
    """First part of the keys of its rows in the changelog. The next part is the pool."""
    record: str
    """Name of the row's record, one of the changelog's union."""
    name: Callable[[K], str]
    """The other parts of a row's key."""
    decode: Callable[[Any], R] = lambda row: row
    """The row from its record's fields."""
    fields: Callable[[R], Any] = lambda row: row
    """The record's fields from the row."""
    encoder: Callable[[Codec], Callable[[R], bytes]] | None = None
    """Makes a faster way to encode a row than the codec's."""
    decoder: Callable[[Codec], Callable[[bytes], R | None]] | None = None
    """Makes a faster way to decode a row; it may give None, and leave a row to the codec."""
    cached_rows_max: int | None = None
    """None: what the worker allows a table."""
    published: Published[K, R] | None = None
    load: Callable[[Any, R], None] | None = None
    """Takes a committed row into the indexes of its pool, as its processor has it, when the partition is opened."""

    def table(self, changelog: Codec, fetch: Fetch, cached_rows_max: int) -> Table[K, R]:
        """The table, empty."""
        record, encode, fields = f"commonshelf.{self.record}", changelog.encode, self.fields
        prefix, name = f"{self.prefix}/", self.name
        return Table(
            lambda key: prefix + name(key),
            self.encoder(changelog) if self.encoder else lambda row: encode({"row": (record, fields(row))}),
            self._decode_by(changelog),
            fetch,
            cached_rows_max if self.cached_rows_max is None else self.cached_rows_max,
        )

    def _decode_by(self, changelog: Codec) -> Callable[[bytes], R]:
        def decode(raw: bytes) -> R:
            return self.decode(changelog.decode(raw)["row"][1])

        if self.decoder is None:
            return decode
        quick = self.decoder(changelog)

        def decode_quickly(raw: bytes) -> R:
            row = quick(raw)
            return decode(raw) if row is None else row

        return decode_quickly


class Tables:
    """All tables of a partition."""

    def __init__(
        self, specs: Iterable[TableSpec[Any, Any]], changelog: Codec, fetch: Fetch, cached_rows_max: int = 50_000
    ) -> None:
        self._by_spec = {spec: spec.table(changelog, fetch, cached_rows_max) for spec in specs}
        self._tables = tuple(self._by_spec.values())

    def __getitem__(self, spec: TableSpec[K, R]) -> Table[K, R]:
        """Raises KeyError for a table that no aggregate declares."""
        return self._by_spec[spec]

    def load(self, scan: Scan, pool_state: Callable[[str], Any]) -> None:
        """Take the committed rows into the indexes of their pools, table by table in the order of the specs."""
        for spec, table in self._by_spec.items():
            if spec.load is not None:
                for key, raw in scan(f"{spec.prefix}/"):
                    spec.load(pool_state(key.split("/", 2)[1]), table.decode(raw))

    def published(self, pools: Pools, scan: Scan) -> Iterator[OutputRecord]:
        """A record for each row that changed in this batch, of every table that is published."""
        for spec, table in self._by_spec.items():
            if spec.published is not None:
                yield from _records(spec.published, table, pools, scan)

    def changed_rows(self) -> int:
        """Rows that changed in this batch."""
        rows = 0
        for table in self._tables:  # asked after every record: twice as fast as a sum of a generator
            rows += len(table.changed)
        return rows

    def drain(self) -> Iterator[tuple[str, bytes | None]]:
        """Every changed row once, in its last value. Ends the batch."""
        for table in self._tables:
            if table.changed:
                yield from table.drain()

    def committed(self) -> None:
        """What was drained is behind `fetch` now."""
        for table in self._tables:
            table.committed()


class PoolTables(Tables):
    """Those of the pool processor, and the codec of its facts."""

    def __init__(
        self, specs: Iterable[TableSpec[Any, Any]], known: Registry, fetch: Fetch, cached_rows_max: int
    ) -> None:
        super().__init__(specs, Codec(POOL_CHANGELOG.name, known), fetch, cached_rows_max)
        self.facts = fact_codec(known)


def _records(of: Published[K, R], table: Table[K, R], pools: Pools, scan: Scan) -> list[OutputRecord]:
    topic, key_of, encode, changed = of.topic.name, of.key, of.encode, table.changed
    rows = [(key, row) for key, row in changed.items() if row is not None]
    values = of.encode_many(pools, rows) if len(rows) == len(changed) else None
    if values is not None:
        records = [OutputRecord(topic, key_of(key), value) for (key, _), value in zip(rows, values, strict=True)]
    else:
        records = [
            OutputRecord(topic, key_of(key), None if row is None else encode(pools, key, row))
            for key, row in changed.items()
        ]
    for pool in pools.values():
        for key in of.stale(pool, scan):
            row = None if key in changed else table.get(key)
            if row is not None:
                records.append(OutputRecord(topic, key_of(key), encode(pools, key, row)))
    return records
