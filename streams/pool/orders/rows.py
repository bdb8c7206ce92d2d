"""Rows of orders, of what stores were given, and of what counts toward quotas."""

from schemas.types.orders import OrderRow, QuotaKind, QuotaRow, StoreLoad
from streams.pool.orders.index import ORDERS
from streams.pool.state.part import Pool
from streams.pool.state.pool_state import PoolState
from streams.pool.state.tables import EntityKey, TableSpec

QuotaRowKey = tuple[str, str, QuotaKind, str]
"""(pool, sku, what is counted, the store or the customer)"""


def _load_order(state: Pool, row: OrderRow) -> None:
    state[ORDERS].put(None, row)


def _load_store(state: Pool, row: StoreLoad) -> None:
    state[ORDERS].loads[row["store"]] = row


def _load_quota(state: Pool, row: QuotaRow) -> None:
    state[ORDERS].quota_counts[row["sku"], row["kind"], row["name"]] = row["count"]


ORDER_ROWS: TableSpec[EntityKey, OrderRow] = TableSpec("order", "OrderRow", "/".join, load=_load_order)
LOADS: TableSpec[EntityKey, StoreLoad] = TableSpec("load", "StoreLoad", "/".join, cached_rows_max=0, load=_load_store)
QUOTA_ROWS: TableSpec[QuotaRowKey, QuotaRow] = TableSpec(
    "quota", "QuotaRow", name=lambda key: f"{key[0]}/{len(key[1])}/{key[1]}/{key[2]}/{key[3]}",
    cached_rows_max=0, load=_load_quota,
)  # fmt: skip


def find_order(state: PoolState, name: str) -> OrderRow | None:
    """The order, ended ones that are not forgotten included."""
    return state.tables[ORDER_ROWS].get((state.pool, name))


def indexed_order(state: PoolState, name: str) -> OrderRow:
    """The order of an index entry. Raises LookupError for one without a row."""
    order = find_order(state, name)
    if order is None:
        raise LookupError(f"order {name} is indexed and has no row")
    return order
