"""A month in which stores sell much of what others lent them: the pool's own journal of it, made in this process."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from schemas.codec import topic_codec
from schemas.models.agreement import Agreement, SettlementWindow, TransferPrice
from schemas.models.base import ORDER_LINES_MAX
from schemas.models.catalog import CatalogItem
from schemas.models.config import Change, ClockConfirmation, ConfigChange
from schemas.models.reports import FulfilmentLine, FulfilmentReport
from schemas.models.requests import OrderLine, OrderRequest, OrderRequestKind, TransferTerms
from schemas.topics import CATALOG_ITEMS, FULFILMENT_REPORTS, ORDERS_REQUESTS, POOL_CONFIG, POOL_JOURNAL
from streams.pool.processor import PoolProcessor
from streams.runtime.contract import InputRecord, Rows
from world.uniform import (
    BASE_MS,
    OPENING_UNITS,
    POOL,
    UNIT_MILLI,
    Published,
    UniformPools,
    declarations,
    gtin,
    opening_stock,
    popular_sales,
    sku,
    store_id,
    tick,
)

_ITEMS = 400
_MONTH_MS = 40 * 86_400_000
_BATCH = 1_000
"""Records of a micro-batch, and so of a journal's page."""


class MonthOfPages(NamedTuple):
    """The records of `pool.journal.v1`, in order."""

    begun: list[bytes]
    """Settings, the agreement, opening stock, and transfers by which every third item is lent to the next store."""
    sales: list[bytes]
    """Sales of one line."""
    ended: list[bytes]
    """The tick after the month."""


def journal_of_a_month(sales: int, stores: int) -> MonthOfPages:
    """The journal of so many sales in so many stores."""
    world = UniformPools(stores, _ITEMS)
    pool = _Pool()
    setting_up = (declarations(world), _priced_items(), _agreed(), opening_stock(world), _transfers(stores))
    begun = [page for records in setting_up for page in pool.take(records)]
    sold = pool.take(popular_sales(world, sales, 1))
    after_ms = BASE_MS + _MONTH_MS
    ended = pool.take([_change(ClockConfirmation(at_ms=after_ms)), tick(POOL, after_ms)])
    return MonthOfPages(begun, sold, ended)


class _Pool:
    """The pool's processor, with its rows in dicts."""

    def __init__(self) -> None:
        self._processor = PoolProcessor()
        self._rows: dict[str, bytes] = {}
        self._index: dict[bytes, bytes] = {}
        self._partition = self._processor.open(0, 1, Rows(self._rows.get, self._scan, self._index.get))
        self._offsets: dict[str, int] = {}

    def take(self, records: Iterable[Published]) -> list[bytes]:
        """Take the records in micro-batches, and return the journal's pages."""
        pages: list[bytes] = []
        for number, (topic, key, value) in enumerate(records, start=1):
            offset = self._offsets[topic] = self._offsets.get(topic, -1) + 1
            self._partition.apply(InputRecord(topic, 0, offset, BASE_MS + _MONTH_MS, key.encode(), value))
            if number % _BATCH == 0:
                pages += self._commit()
        return pages + self._commit()

    def _commit(self) -> list[bytes]:
        outputs, rows = self._partition.close_batch()
        for key, row in rows:
            if row is None:
                self._rows.pop(key, None)
            else:
                self._rows[key] = row
                self._index.update(self._processor.index_entries(key, row))
        self._partition.committed()
        return [output.value for output in outputs if output.topic == POOL_JOURNAL.name and output.value is not None]

    def _scan(self, prefix: str, after: str = "") -> Iterator[tuple[str, bytes]]:
        return iter(sorted(each for each in self._rows.items() if each[0].startswith(prefix) and each[0] > after))


def _change(change: Change) -> Published:
    event = ConfigChange(pool=POOL, recorded_at_ms=BASE_MS, origin="bench", change=change)
    return POOL_CONFIG.name, event.key, topic_codec(POOL_CONFIG.name).encode(event.to_avro())


def _agreed() -> Iterator[Published]:
    yield _change(
        Agreement(
            version=1, effective_from_ms=1, currency="EUR", ownership="owner",
            transfer_price=TransferPrice(permille=80), window=SettlementWindow(every="monthly"),
        )
    )  # fmt: skip


def _priced_items() -> Iterator[Published]:
    encode = topic_codec(CATALOG_ITEMS.name).encode
    for n in range(_ITEMS):
        item = CatalogItem(
            pool=POOL, sku=sku(n), gtin=gtin(n), name=f"Item {n}", cost_minor=50 + n, price_minor=100 + 2 * n,
            recorded_at_ms=BASE_MS + 1,
        )  # fmt: skip
        yield CATALOG_ITEMS.name, item.key, encode(item.to_avro())


def _transfers(stores: int) -> Iterator[Published]:
    """Half of what each store has of every third item goes to the next one."""
    lent = range(0, _ITEMS, 3)
    milli = OPENING_UNITS // 2 * UNIT_MILLI
    for number in range(stores):
        for first in range(0, len(lent), ORDER_LINES_MAX):
            items = lent[first : first + ORDER_LINES_MAX]
            yield from _transfer(f"t-{number}-{first}", number, (number + 1) % stores, items, milli)


def _transfer(name: str, sender: int, receiver: int, items: Iterable[int], milli: int) -> Iterator[Published]:
    lines = tuple(OrderLine(line_id=str(item), sku=sku(item), quantity_milli=milli) for item in items)
    terms = TransferTerms(from_store=store_id(sender), to_store=store_id(receiver), lines=lines)
    placed = OrderRequest(
        pool=POOL, order=name, kind=OrderRequestKind.placed, key=f"{name}/placed", recorded_at_ms=BASE_MS,
        origin="bench", transfer=terms,
    )  # fmt: skip
    yield ORDERS_REQUESTS.name, POOL, topic_codec(ORDERS_REQUESTS.name).encode(placed.to_avro())
    for kind, store in (("shipped", sender), ("received", receiver)):
        report = FulfilmentReport.model_validate({
            "pool": POOL, "store": store_id(store), "report_id": f"{name}/{kind}", "kind": kind, "transfer": name,
            "occurred_at_ms": BASE_MS, "recorded_at_ms": BASE_MS, "origin": "bench",
            "lines": tuple(FulfilmentLine(line_id=each.line_id, quantity_milli=milli) for each in lines),
        })  # fmt: skip
        yield FULFILMENT_REPORTS.name, POOL, topic_codec(FULFILMENT_REPORTS.name).encode(report.to_avro())
