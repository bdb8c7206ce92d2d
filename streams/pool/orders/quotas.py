"""Quotas of limited drops: what of an item each store may give to orders, and each customer get. Pure.

Counted is what an order holds or has collected, so what is cancelled, expires or is not collected is given back. Holds
made before the quota was set do not count: what was counted is taken back exactly, and nothing else.
"""

from collections import defaultdict
from typing import Final

from schemas.types.config import ItemQuota
from schemas.types.orders import OrderRow, QuotaRow
from streams.pool.orders.index import ORDERS, QuotaKey
from streams.pool.orders.rows import QUOTA_ROWS
from streams.pool.state.pool_state import PoolState

STORE_QUOTA: Final = "store_quota"
CUSTOMER_QUOTA: Final = "customer_quota"
"""Why a line is left unfilled."""
_SINCE: Final = "since"
_STORE: Final = "store"
_CUSTOMER: Final = "customer"


def counted(state: PoolState, order: OrderRow | None) -> dict[QuotaKey, int]:
    """What of the order counts, by item and store and by item and customer."""
    found: dict[QuotaKey, int] = defaultdict(int)
    quotas = state.config.quotas
    for hold in order["holds"] if order is not None and quotas else ():
        sku = hold["sku"]
        quota = quotas.get(sku)
        if quota is None or order is None or order["placed_at_ms"] < quota["from_ms"]:
            continue
        if hold["position"] > state[ORDERS].quota_counts.get((sku, _SINCE, ""), 0):
            found[sku, _STORE, hold["store"]] += hold["quantity_milli"]
            if order["terms"]["customer_ref"] is not None:
                found[sku, _CUSTOMER, order["terms"]["customer_ref"]] += hold["quantity_milli"]
    return found


def count_order(state: PoolState, before: OrderRow | None, order: OrderRow) -> None:
    """Fold: the counts follow an order's row."""
    if not state.config.quotas:
        return
    was, now = counted(state, before), counted(state, order)
    for key in {**was, **now}:
        change = now.get(key, 0) - was.get(key, 0)
        if change:
            _put(state, key, state[ORDERS].quota_counts.get(key, 0) + change)


def start_quota(state: PoolState, quota: ItemQuota) -> None:
    """Fold: a window that begins at another time counts anew; other limits of the same one go on counting."""
    known = state.config.quotas.get(quota["sku"])
    if known is not None and known["from_ms"] == quota["from_ms"]:
        return
    for key in [key for key in state[ORDERS].quota_counts if key[0] == quota["sku"]]:
        _put(state, key, 0)
    _put(state, (quota["sku"], _SINCE, ""), state.row["position"])


def _put(state: PoolState, key: QuotaKey, count: int) -> None:
    sku, kind, name = key
    if count:
        state[ORDERS].quota_counts[key] = count
        row: QuotaRow = {"pool": state.pool, "sku": sku, "kind": kind, "name": name, "count": count}
        state.tables[QUOTA_ROWS].put((state.pool, *key), row)
    else:
        state[ORDERS].quota_counts.pop(key, None)
        state.tables[QUOTA_ROWS].delete((state.pool, *key))


class QuotaLeft:
    """The rest of the quotas for one order that is being allocated."""

    def __init__(self, state: PoolState, order: OrderRow, releases: OrderRow | None = None) -> None:
        """`releases` is the order's row before, when what that holds is released with the same entry."""
        self._state = state
        self._order = order
        self._freed = counted(state, releases)
        self.cut: set[tuple[str, str]] = set()
        """(sku, store) of which a store has more than it may give."""
        self._capped: set[str] = set()

    def _quota(self, sku: str) -> ItemQuota | None:
        quota = self._state.config.quotas.get(sku)
        if quota is None or not quota["from_ms"] <= self._order["placed_at_ms"] < quota["until_ms"]:
            return None
        return quota

    def needs_customer(self, sku: str) -> bool:
        """Is the item limited per customer?"""
        quota = self._quota(sku)
        return quota is not None and quota["per_customer_milli"] is not None

    def of_customer(self, sku: str, milli: int) -> int:
        """What of `milli` the customer may have; nothing when nobody says who it is."""
        quota, customer = self._quota(sku), self._order["terms"]["customer_ref"]
        if quota is None or quota["per_customer_milli"] is None:
            return milli
        left = 0 if customer is None else self._left((sku, _CUSTOMER, customer), quota["per_customer_milli"], milli)
        if left < milli:
            self._capped.add(sku)
        return left

    def of_store(self, sku: str, store: str, milli: int) -> int:
        """What of `milli` the store may give."""
        quota = self._quota(sku)
        if quota is None:
            return milli
        own = [one["limit_milli"] for one in quota["stores"] if one["store"] == store]
        limit = own[0] if own else quota["per_store_milli"]
        left = milli if limit is None else self._left((sku, _STORE, store), limit, milli)
        if left < milli:
            self.cut.add((sku, store))
        return left

    def _left(self, key: QuotaKey, limit_milli: int, milli: int) -> int:
        used = self._state[ORDERS].quota_counts.get(key, 0) - self._freed.get(key, 0)
        return min(max(limit_milli - used, 0), milli)

    def why_short(self, sku: str, otherwise: str) -> str:
        """Why what is missing of an item is left unfilled, once the customer and the stores were asked."""
        if sku in self._capped:
            return CUSTOMER_QUOTA
        return STORE_QUOTA if any(cut == sku for cut, _ in self.cut) else otherwise
