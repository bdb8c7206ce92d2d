"""The pool processor: bytes in, decisions, bytes out. All that it knows of Kafka is what the runtime hands it."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from schemas.codec import HEADER_BYTES, BadMessage, topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import ConfigChange
from schemas.partition import partition_of
from schemas.plain_sale import read_plain_sale
from schemas.topics import (
    CATALOG_ITEMS,
    FULFILMENT_REPORTS,
    ORDERS_EVENTS,
    ORDERS_REQUESTS,
    POOL_AVAILABILITY,
    POOL_CHANGELOG,
    POOL_CONFIG,
    POOL_JOURNAL,
    POOL_LENDING,
    POOL_TASKS,
    POOL_TICKS,
    POS_SALES,
    POS_STOCK,
)
from streams.pool.journal import dead_letter_reasons as reasons
from streams.pool.journal.dead_letters import dead_letter
from streams.pool.journal.facts import (
    CATALOG_ITEM,
    CONFIG_CHANGE,
    LENDING_CHANGED,
    PARKED,
    TICK,
    Fact,
    Fields,
    encode_entry,
    encode_fact,
    encode_page,
)
from streams.pool.lending.decide import decide_lending
from streams.pool.orders.publish import encode_order_event, order_event, set_aside_event
from streams.pool.orders.reports import decide_report
from streams.pool.reactions import following
from streams.pool.state.dedup import Known
from streams.pool.state.dedup_index import SeenIndex
from streams.pool.state.metrics import count_bad_message, count_duplicates, count_set_aside, show_pool
from streams.pool.state.pool_state import (
    PoolState,
    ShelfKey,
    Tables,
    decode_row,
    index_entries,
    load_pools,
    shelf_row_key,
)
from streams.pool.state.shelf import Shelf
from streams.pool.stock.availability import availability_row, encode_availability
from streams.pool.stock.decide import Decision, decide_sale, decide_stock
from streams.pool.stock.fold import fold
from streams.pool.stock.plain_sale import take_plain_sale
from streams.pool.transfers.requests import decide_order_or_transfer
from streams.runtime.contract import Batch, InputRecord, OutputRecord, Rows

NAME_MAX = 64
PAGE_BYTES_MAX = 262_144
"""A journal page is closed when it holds this much: keeps records well below the broker's limit."""

_decode = {
    t.name: topic_codec(t.name).decode
    for t in (
        *(POS_SALES, POS_STOCK, POOL_TICKS, ORDERS_REQUESTS, FULFILMENT_REPORTS, POOL_LENDING),
        *(POOL_CONFIG, CATALOG_ITEMS),
    )
}
_encode = {t.name: topic_codec(t.name).encode for t in (POS_SALES, POS_STOCK)}
_encode_row = topic_codec(POOL_CHANGELOG.name).encode
_encode_task = topic_codec(POOL_TASKS.name).encode
_encode_lending = topic_codec(POOL_LENDING.name).encode


class PoolProcessor:
    """Answers: what can each pool promise?"""

    name = "pool"
    priority_inputs = (POOL_CONFIG.name, CATALOG_ITEMS.name)
    inputs = (
        POS_SALES.name, POS_STOCK.name, POOL_TICKS.name, ORDERS_REQUESTS.name, FULFILMENT_REPORTS.name,
        POOL_LENDING.name,
    )  # fmt: skip
    changelog = POOL_CHANGELOG.name

    def __init__(self, cached_rows_max: int = 50_000) -> None:
        self._cached_rows_max = cached_rows_max

    def open(self, partition: int, partitions: int, rows: Rows) -> "PoolPartition":
        return PoolPartition(partition, partitions, rows, self._cached_rows_max)

    def index_entries(self, row_key: str, row: bytes) -> list[tuple[bytes, bytes]]:
        return index_entries(row_key, row)

    def encode_offsets(self, next_offsets: dict[str, int]) -> bytes:
        return _encode_row({"row": ("commonshelf.OffsetsRow", {"next": next_offsets})})

    def decode_offsets(self, row: bytes) -> dict[str, int]:
        return dict(decode_row(row)["next"])


class PoolPartition:
    """The pools of one partition."""

    def __init__(self, partition: int, partitions: int, rows: Rows, cached_rows_max: int) -> None:
        self._partition = partition
        self._partitions = partitions
        self._rows = rows
        self._tables = Tables(rows.fetch, cached_rows_max)
        self._pools: dict[str, PoolState] = {}
        self._index = SeenIndex(rows.find_index, self._index_keys)
        self._pools = load_pools(self._tables, self._index, rows.scan)
        self._outputs: list[OutputRecord] = []
        self._entries: defaultdict[str, list[bytes]] = defaultdict(list)
        self._parking = any(pool.catalog.parked for pool in self._pools.values())

    def _index_keys(self) -> list[bytes]:
        keys = [key for row_key, raw in self._rows.scan("seen/") for key, _ in index_entries(row_key, raw)]
        for pool in self._pools.values():
            keys += pool.seen.uncommitted()
        return keys

    def apply(self, record: InputRecord) -> None:
        """Decide one input and fold the fact; what cannot be used goes to the dead letters."""
        topic = record.topic
        if self._parking:
            parked = self._parked(record)
            if parked is not None:
                pool, reason = parked
                self._journal(pool, (PARKED, {"reason": reason}), record)
                self._outputs.append(dead_letter(record, reasons.PARKED, reason, record.value))
                return
        if topic == POS_SALES.name and self._take_plain_sale(record):
            return
        event: Fields = {}
        try:
            event = _decode[topic](record.value)
            if topic in PoolProcessor.priority_inputs:
                _check_setting(topic, event)
            pool = self._pool(event["pool"], topic)
            if topic == POOL_TICKS.name:
                _check_tick(pool, event, record.appended_at_ms)
        except BadMessage as bad:
            self._outputs.append(dead_letter(record, bad.reason, str(bad), record.value))
            count_bad_message(bad.reason)
            if bad.reason == reasons.UNKNOWN_POOL:
                self._tell(set_aside_event(topic, event, bad.reason, record.appended_at_ms))
            return
        if topic == POS_SALES.name:
            fact = self._take(pool, decide_sale(pool, event, record.appended_at_ms), event, record)
        elif topic == POS_STOCK.name:
            fact = self._take(pool, decide_stock(pool, event, record.appended_at_ms), event, record)
        else:
            decide = _DECIDE.get(topic)
            fact = (_SETTING_OR_TICK[topic], event) if decide is None else decide(pool, event, record.appended_at_ms)
            self._journal(pool, fact, record)
            self._parking = self._parking or bool(pool.catalog.parked)
        for moved in following(pool, fact, _now_ms(pool, topic, event, record.appended_at_ms)):
            self._journal(pool, moved, record)

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
        if len(name) > NAME_MAX:  # nobody can configure it; looking its partition up would keep it in memory
            raise BadMessage(reasons.UNKNOWN_POOL, f"a pool's name has at most {NAME_MAX} characters, not {len(name)}")
        if partition_of(name, self._partitions) != self._partition:
            raise BadMessage(reasons.WRONG_PARTITION, f"pool {name!r} does not live on partition {self._partition}")
        if topic not in PoolProcessor.priority_inputs:
            raise BadMessage(reasons.UNKNOWN_POOL, f"pool {name!r} is not configured; publish it, then replay")
        pool = self._pools[name] = PoolState(name, self._tables, self._index)
        return pool

    def _take_plain_sale(self, record: InputRecord) -> bool:
        topic, _, offset, appended_at_ms, _, value = record
        sale = None if value is None else read_plain_sale(value)
        pool = None if sale is None else self._pools.get(sale[0])
        if value is None or sale is None or pool is None:
            return False
        fact = take_plain_sale(pool, sale, value[HEADER_BYTES:], appended_at_ms)
        if fact is None:
            return False
        self._entries[pool.pool].append(encode_entry(topic, offset, appended_at_ms, fact))
        return True

    def _take(self, pool: PoolState, decision: Decision, event: dict[str, Any], record: InputRecord) -> Fact:
        """Journal the fact of a sale or a stock report; lines set aside go to the dead letters, by reason."""
        fact, known, set_aside = decision
        if set_aside:
            self._set_aside(pool, set_aside, event, record)
        duplicates = fact[1].get("duplicate_lines", 0)  # none in what is set aside whole
        if duplicates:
            count_duplicates(pool.pool, event, duplicates)
        self._journal(pool, fact, record, known)
        return fact

    def _set_aside(
        self, pool: PoolState, set_aside: list[tuple[Fields, str]], event: Fields, record: InputRecord
    ) -> None:
        """One dead letter for each reason, with the lines that it holds for."""
        for reason in dict.fromkeys(reason for _, reason in set_aside):
            lines = [line for line, why in set_aside if why == reason]
            named = ", ".join(f"line {line['line_id']} ({line['code']})" for line in lines[:5])
            more = f" and {len(lines) - 5} more" if len(lines) > 5 else ""
            value = _encode[record.topic]({**event, "lines": lines})
            message = f"{reason}: store {event['store']}, {event['source']['id']}: {named}{more}"
            self._outputs.append(dead_letter(record, reason, message, value))
            count_set_aside(pool.pool, event, reason, len(lines))

    def _journal(self, pool: PoolState, fact: Fact, record: InputRecord, known: Known | None = None) -> None:
        encoded = encode_fact(fact)
        fold(pool, fact, encoded, record.appended_at_ms, known)
        self._entries[pool.pool].append(encode_entry(record.topic, record.offset, record.appended_at_ms, encoded))
        self._tell(order_event(pool.pool, pool.row["position"], fact, record.appended_at_ms))
        if fact[0] == LENDING_CHANGED:
            self._tell_pool(fact[1]["message"])

    def _tell(self, event: Fields | None) -> None:
        if event is not None:
            key = f"{event['pool']}/{event['order']}"
            self._outputs.append(OutputRecord(ORDERS_EVENTS.name, key, encode_order_event(event)))

    def _tell_pool(self, message: Fields) -> None:
        """To the partition of the pool that it is for."""
        to = message["pool"]
        value, partition = _encode_lending(message), partition_of(to, self._partitions)
        self._outputs.append(OutputRecord(POOL_LENDING.name, to, value, partition=partition))

    def changed_rows(self) -> int:
        return len(self._tables.shelves.changed)  # the rest is little beside it

    def close_batch(self) -> Batch:
        """The journal pages, the availability of every shelf that changed, the dead letters, the rows."""
        outputs = self._outputs
        self._outputs = []
        for name, entries in self._entries.items():
            first_position = self._pools[name].row["position"] - len(entries) + 1
            outputs.extend(_journal_pages(name, self._partition, first_position, entries))
        self._entries = defaultdict(list)
        for (name, task), row in self._tables.tasks.changed.items():
            value = None if row is None else _encode_task(row)
            outputs.append(OutputRecord(POOL_TASKS.name, f"{name}/{task}", value))
        outputs.extend(self._availability(self._tables.shelves.changed.items()))
        for pool in self._pools.values():
            if pool.stale_terms:
                get = self._tables.shelves.get
                outputs.extend(self._availability((key, get(key)) for key in self._stale_shelves(pool)))
                pool.stale_terms.clear()
            pool.seen.close_batch()
        return Batch(outputs, list(self._tables.drain()))

    def _availability(self, shelves: Iterable[tuple[ShelfKey, Shelf | None]]) -> Iterable[OutputRecord]:
        topic, pools = POOL_AVAILABILITY.name, self._pools
        return [
            OutputRecord(topic, "/".join(key), encode_availability(pools[key[0]].catalog, key, shelf))
            for key, shelf in shelves
            if shelf is not None
        ]

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
        self._tables.committed()
        for pool in self._pools.values():
            pool.seen.committed()
            show_pool(pool)
        self._index.committed()

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


def _now_ms(pool: PoolState, topic: str, event: Fields, appended_at_ms: int) -> int:
    """The pool's clock, or when the event was recorded if that is later: its ticks may lag behind."""
    if topic not in _RECORDED:
        return int(pool.row["clock_ms"])
    recorded_at_ms = min(event["recorded_at_ms"], appended_at_ms + pool.catalog.pool["future_skew_ms"])
    return int(max(pool.row["clock_ms"], recorded_at_ms))


def _check_tick(pool: PoolState, tick: Fields, appended_at_ms: int) -> None:
    """A clock that runs ahead would make the pool forget its events too early: there is no way back."""
    if tick["at_ms"] > appended_at_ms + pool.catalog.pool["future_skew_ms"]:
        ahead_ms = tick["at_ms"] - appended_at_ms
        raise BadMessage(reasons.IN_THE_FUTURE, f"tick {ahead_ms} ms ahead of the broker: set the clock of the ticker")


def _journal_pages(pool: str, partition: int, first_position: int, entries: list[bytes]) -> Iterable[OutputRecord]:
    start = size = 0
    for at, entry in enumerate(entries):
        if size and size + len(entry) > PAGE_BYTES_MAX:
            page = encode_page(pool, partition, first_position + start, entries[start:at])
            yield OutputRecord(POOL_JOURNAL.name, pool, page)
            start, size = at, 0
        size += len(entry)
    yield OutputRecord(POOL_JOURNAL.name, pool, encode_page(pool, partition, first_position + start, entries[start:]))


_RECORDED = (POS_SALES.name, POS_STOCK.name, ORDERS_REQUESTS.name, FULFILMENT_REPORTS.name, POOL_LENDING.name)
_DECIDE = {
    ORDERS_REQUESTS.name: decide_order_or_transfer,
    FULFILMENT_REPORTS.name: decide_report,
    POOL_LENDING.name: decide_lending,
}
_SETTING_OR_TICK = {POOL_TICKS.name: TICK, POOL_CONFIG.name: CONFIG_CHANGE, CATALOG_ITEMS.name: CATALOG_ITEM}
