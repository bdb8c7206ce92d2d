"""Customers' orders: from their store's shelves, and from what it does not have."""

import random
from collections.abc import Mapping
from typing import Final, Protocol

from schemas.models.requests import OrderLine, OrderMode, OrderRequest, OrderRequestKind, OrderTerms, PickupWish

COLLECT_WITHIN_MS: Final = 4 * 3_600_000
"""A customer comes for the goods within so long."""

_LINES_MAX = 3
_LOOKS = 60
"""How many items a customer looks at before giving up for now."""


class Promise(Protocol):
    """The stock of one item that one store can promise. unit: each or kg."""

    @property
    def available_milli(self) -> int: ...
    @property
    def unit(self) -> str: ...


Promises = Mapping[str, Mapping[str, Promise]]
"""What the pool can promise, by SKU and store."""


class Wishes:
    """Chooses what a customer orders. `promises` is read live: it says what a store's own customers would find there.

    rng: the same one and the same promises give the same wishes.
    """

    def __init__(self, rng: random.Random, promises: Promises) -> None:
        self._rng = rng
        self._promises = promises

    def choose(self, store: str, *, lacks_first: bool) -> tuple[OrderLine, ...]:
        """One to three items for pickup at `store`, or none. lacks_first: the first one is not there, but elsewhere."""
        rng = self._rng
        lines: list[OrderLine] = []
        skus = list(self._promises)
        for sku in rng.sample(skus, min(_LOOKS, len(skus))):
            if len(lines) == _LINES_MAX:
                break
            quantity_milli = self._quantity_milli(sku)
            is_here = self.available_milli(sku, store) >= quantity_milli
            wants_lacked = lacks_first and not lines
            if is_here == wants_lacked or (wants_lacked and not self._is_elsewhere(sku, quantity_milli)):
                continue
            lines.append(OrderLine(line_id=str(len(lines) + 1), sku=sku, quantity_milli=quantity_milli))
            if not wants_lacked and rng.random() < 0.5:
                break
        return tuple(lines)

    def available_milli(self, sku: str, store: str) -> int:
        """The stock of an item that `store` can promise, thousandths; 0 when it does not list it."""
        promise = self._promises[sku].get(store)
        return 0 if promise is None else promise.available_milli

    def _quantity_milli(self, sku: str) -> int:
        is_whole = any(promise.unit == "each" for promise in list(self._promises[sku].values()))
        return 1000 * self._rng.randint(1, 2) if is_whole else 50 * self._rng.randint(4, 20)

    def _is_elsewhere(self, sku: str, quantity_milli: int) -> bool:
        return any(promise.available_milli >= quantity_milli for promise in list(self._promises[sku].values()))


def pickup_order(
    pool: str, order: str, store: str, lines: tuple[OrderLine, ...], now_ms: int, *, key: str, origin: str,
    wish: PickupWish | None = None,
) -> OrderRequest:  # fmt: skip
    """The request of a customer who wants to collect `lines` at `store`, placed now (ms since 1970 UTC)."""
    terms = OrderTerms(
        mode=OrderMode.pickup, preferred_store=store, deadline_ms=now_ms + COLLECT_WITHIN_MS, pickup=wish, lines=lines
    )
    return OrderRequest(
        pool=pool, order=order, kind=OrderRequestKind.placed, key=key, recorded_at_ms=now_ms, origin=origin, terms=terms
    )
