"""The pool processor: bytes in, decisions, bytes out. All that it knows of Kafka is what the runtime hands it."""

from collections.abc import Iterable
from typing import Any

from schemas.codec import BadMessage, topic_codec
from schemas.models import CatalogItem, ConfigChange
from schemas.partition import partition_of
from schemas.topics import (
    CATALOG_ITEMS,
    POOL_AVAILABILITY,
    POOL_CHANGELOG,
    POOL_CONFIG,
    POOL_JOURNAL,
    POOL_TICKS,
    POS_SALES,
    POS_STOCK,
)
from streams.pool import reasons
from streams.pool.availability import availability_row
from streams.pool.dead_letters import dead_letter
from streams.pool.decide import Decision, Fact, decide_sale, decide_stock
from streams.pool.fold import fold
from streams.pool.metrics import PoolMetrics
from streams.pool.state import PoolState, ShelfKey, Tables, decode_row, index_entries, load_pools, shelf_row_key
from streams.runtime.contract import Batch, InputRecord, OutputRecord, Rows

PAGE_LINES_MAX = 2_000
"""A journal page is closed when it holds this many lines: keeps records well below the broker's limit."""

_decode = {t.name: topic_codec(t.name).decode for t in (POS_SALES, POS_STOCK, POOL_TICKS, POOL_CONFIG, CATALOG_ITEMS)}
_encode = {t.name: topic_codec(t.name).encode for t in (POS_SALES, POS_STOCK, POOL_JOURNAL, POOL_AVAILABILITY)}
_encode_row = topic_codec(POOL_CHANGELOG.name).encode


class PoolProcessor:
    """Answers: what can each pool promise?"""

    name = "pool"
    priority_inputs = (POOL_CONFIG.name, CATALOG_ITEMS.name)
    inputs = (POS_SALES.name, POS_STOCK.name, POOL_TICKS.name)
    changelog = POOL_CHANGELOG.name

    def __init__(self, cached_rows_max: int = 50_000) -> None:
        self._cached_rows_max = cached_rows_max
        self._metrics = PoolMetrics()

    def open(self, partition: int, partitions: int, rows: Rows) -> "PoolPartition":
        return PoolPartition(partition, partitions, rows, self._metrics, self._cached_rows_max)

    def index_entries(self, row_key: str, row: bytes) -> list[tuple[bytes, bytes]]:
        return index_entries(row_key, row)

    def encode_offsets(self, next_offsets: dict[str, int]) -> bytes:
        return _encode_row({"row": ("commonshelf.OffsetsRow", {"next": next_offsets})})

    def decode_offsets(self, row: bytes) -> dict[str, int]:
        return dict(decode_row(row)["next"])


class PoolPartition:
    """The pools of one partition."""

    def __init__(self, partition: int, partitions: int, rows: Rows, metrics: PoolMetrics, cached_rows_max: int) -> None:
        self._partition = partition
        self._partitions = partitions
        self._rows = rows
        self._metrics = metrics
        self._tables = Tables(rows.fetch, cached_rows_max)
        self._pools = load_pools(self._tables, self._page_of, rows.scan)
        self._outputs: list[OutputRecord] = []
        self._entries: dict[str, list[dict[str, Any]]] = {}

    def _page_of(self, pool: str, key: bytes) -> int | None:
        number = self._rows.find_index(pool.encode() + key)
        return None if number is None else int.from_bytes(number, "big")

    def apply(self, record: InputRecord) -> None:
        """Decide one input and fold the fact; what cannot be used goes to the dead letters."""
        topic = record.topic
        parked = self._parked(record)
        if parked is not None:
            pool, reason = parked
            self._journal(pool, ("commonshelf.Parked", {"reason": reason}), record)
            self._outputs.append(dead_letter(record, reasons.PARKED, reason, record.value))
            return
        try:
            event = _decode[topic](record.value)
            if topic in PoolProcessor.priority_inputs:
                _check_setting(topic, event)
            pool = self._pool(event["pool"], topic)
            fact = self._fact(pool, topic, event, record)
        except BadMessage as bad:
            self._outputs.append(dead_letter(record, bad.reason, str(bad), record.value))
            self._metrics.bad_message(bad.reason)
            return
        self._journal(pool, fact, record)

    def is_parked(self, record: InputRecord) -> bool:
        return self._parked(record) is not None

    def _parked(self, record: InputRecord) -> tuple[PoolState, str] | None:
        at = (record.topic, record.partition, record.offset)
        for pool in self._pools.values():
            if pool.catalog.parked and at in pool.catalog.parked:
                return pool, pool.catalog.parked[at]
        return None

    def _pool(self, name: str, topic: str) -> PoolState:
        pool = self._pools.get(name)
        if pool is not None:
            return pool
        if partition_of(name, self._partitions) != self._partition:
            raise BadMessage(reasons.WRONG_PARTITION, f"pool {name!r} does not live on partition {self._partition}")
        if topic not in PoolProcessor.priority_inputs:
            raise BadMessage(reasons.UNKNOWN_POOL, f"pool {name!r} is not configured; publish it, then replay")
        pool = self._pools[name] = PoolState(name, self._tables, self._page_of)
        return pool

    def _fact(self, pool: PoolState, topic: str, event: dict[str, Any], record: InputRecord) -> Fact:
        if topic == POS_SALES.name:
            return self._decided(pool, decide_sale(pool, event, record.appended_at_ms), event, record)
        if topic == POS_STOCK.name:
            return self._decided(pool, decide_stock(pool, event, record.appended_at_ms), event, record)
        if topic == POOL_TICKS.name:
            return "commonshelf.ClockAdvanced", {"at_ms": event["at_ms"]}
        kind = "commonshelf.ConfigChange" if topic == POOL_CONFIG.name else "commonshelf.CatalogItem"
        return kind, event

    def _decided(self, pool: PoolState, decision: Decision, event: dict[str, Any], record: InputRecord) -> Fact:
        fact, set_aside = decision
        if set_aside:
            for reason in dict.fromkeys(reason for _, reason in set_aside):
                lines = [line for line, why in set_aside if why == reason]
                named = ", ".join(f"line {line['line_id']} ({line['code']})" for line in lines[:5])
                more = f" and {len(lines) - 5} more" if len(lines) > 5 else ""
                value = _encode[record.topic]({**event, "lines": lines})
                message = f"{reason}: store {event['store']}, {event['source']['id']}: {named}{more}"
                self._outputs.append(dead_letter(record, reason, message, value))
                self._metrics.set_aside(pool.pool, reason, len(lines))
        return fact

    def _journal(self, pool: PoolState, fact: Fact, record: InputRecord) -> None:
        number = pool.row["number"] + 1
        fold(pool, fact, number, record.appended_at_ms)
        entry = {
            "number": number, "topic": record.topic, "partition": record.partition, "offset": record.offset,
            "appended_at_ms": record.appended_at_ms, "fact": fact,
        }  # fmt: skip
        entries = self._entries.get(pool.pool)
        if entries is None:
            entries = self._entries[pool.pool] = []
        entries.append(entry)

    def close_batch(self) -> Batch:
        """The journal pages, the availability of every shelf that changed, the dead letters, the rows."""
        outputs = self._outputs
        self._outputs = []
        for name, entries in self._entries.items():
            outputs.extend(_journal_pages(name, entries))
        self._entries = {}
        outputs.extend(self._availability(self._tables.shelves.changed))
        for pool in self._pools.values():
            if pool.stale_terms:
                outputs.extend(self._availability(self._stale_shelves(pool)))
                pool.stale_terms.clear()
        return Batch(outputs, list(self._tables.drain()))

    def _availability(self, keys: Iterable[ShelfKey]) -> Iterable[OutputRecord]:
        encode, topic = _encode[POOL_AVAILABILITY.name], POOL_AVAILABILITY.name
        get = self._tables.shelves.get
        pools = self._pools
        for key in keys:
            shelf = get(key)
            if shelf is not None:
                value = encode(availability_row(pools[key[0]].catalog, key, shelf))
                yield OutputRecord(topic, f"{key[0]}/{key[1]}/{key[2]}", value)

    def _stale_shelves(self, pool: PoolState) -> Iterable[ShelfKey]:
        """Shelves whose terms changed, less those that changed themselves and are told anyway."""
        changed = self._tables.shelves.changed
        name = pool.pool
        skus = {sku for sku, _ in pool.stale_terms}
        if None in skus:
            stores = {store for _, store in pool.stale_terms}
            found = [key for key in self._shelf_keys(f"shelf/{name}/") if key[2] in stores or key[1] in skus]
        else:
            found = [
                key for sku in skus for key in self._shelf_keys(shelf_row_key((name, str(sku), ""))) if key[1] == sku
            ]
        return [key for key in found if key not in changed]

    def _shelf_keys(self, prefix: str) -> Iterable[ShelfKey]:
        for row_key, _ in self._rows.scan(prefix):
            pool, rest = row_key.removeprefix("shelf/").split("/", 1)
            sku, store = rest.rsplit("/", 1)
            yield pool, sku, store

    def _sku_keys(self, pool: str, sku: str) -> Iterable[ShelfKey]:
        return [key for key in self._shelf_keys(shelf_row_key((pool, sku, ""))) if key[1] == sku]

    def committed(self) -> None:
        for pool in self._pools.values():
            pool.seen.committed()
            self._metrics.pool(pool)

    def look_up(self, query: dict[str, str]) -> Any:
        """`pool` alone: its row; with `sku`: each store's shelf and the sum. Raises KeyError for an unknown one."""
        pool = self._pools[query["pool"]]
        if "sku" not in query:
            return {"pool": pool.pool, **pool.row, "stores": sorted(pool.catalog.stores)}
        sku = query["sku"]
        stores = []
        for key in self._sku_keys(pool.pool, sku):
            shelf = self._tables.shelves.get(key)
            if shelf is not None:
                stores.append(availability_row(pool.catalog, key, shelf))
        if not stores and sku not in pool.catalog.items:
            raise KeyError(sku)
        total = sum(row["available_milli"] for row in stores)
        return {"pool": pool.pool, "sku": sku, "available_milli": total, "stores": stores}


def _check_setting(topic: str, event: dict[str, Any]) -> None:
    """Settings are rare: the whole model checks them."""
    try:
        if topic == POOL_CONFIG.name:
            ConfigChange.from_avro(event)
        else:
            CatalogItem.model_validate(event)
    except ValueError as error:
        raise BadMessage(reasons.INVALID, str(error)) from error


def _journal_pages(pool: str, entries: list[dict[str, Any]]) -> Iterable[OutputRecord]:
    encode = _encode[POOL_JOURNAL.name]
    page: list[dict[str, Any]] = []
    lines = 0
    for entry in entries:
        size = 1 + len(entry["fact"][1].get("lines", ())) if entry["topic"] in _LINED else 1
        if page and lines + size > PAGE_LINES_MAX:
            yield _journal_page(pool, page, encode)
            page, lines = [], 0
        page.append(entry)
        lines += size
    yield _journal_page(pool, page, encode)


_LINED = (POS_SALES.name, POS_STOCK.name)


def _journal_page(pool: str, page: list[dict[str, Any]], encode: Any) -> OutputRecord:
    value = encode({"pool": pool, "first_number": page[0]["number"], "entries": page})
    return OutputRecord(POOL_JOURNAL.name, pool, value)
