"""Reservations of what the pool holds in a WooCommerce shop: one order of ours, on hold, for each item.

An order that is put on hold takes its goods off the stock, and one that is cancelled puts them back: WooCommerce does
both beside its own sales, which a stock quantity written by us could not. A change of what is held is a new order for
all of it, after which the earlier one is cancelled; in between, more is taken out rather than less.
"""

from collections.abc import Sequence
from typing import Protocol

from connectors.contract import FieldRefused
from connectors.outbound.contract import CallRefused
from connectors.vendor.echo import MARK, is_ours
from connectors.vendor.fields import Json, milli_of, object_of, objects
from connectors.vendor.write_back import Write
from connectors.woocommerce.translate import REFERENCE, notes_of

_MILLI = 1000
_ITEM_CODE = "item:product-"


class Asks(Protocol):
    """The part of the shop's client that is used here. All raise Unavailable, AccessRefused."""

    def products_of(self, sku: str) -> Sequence[Json]: ...
    def product(self, product_id: str) -> Json | None: ...
    def orders_on_hold(self, product_id: str) -> Sequence[Json]: ...

    def create_order(self, order: Json) -> None:
        """Sent once. Raises CallRefused, too."""

    def cancel_order(self, order_id: str) -> None: ...


class OrderOnHold:
    """The `Channel` of one shop. An item is `PRODUCT/VARIATION`, the latter 0 where there is none."""

    grain_milli = _MILLI

    def __init__(self, shop: Asks) -> None:
        self._shop = shop

    def find(self, codes: Sequence[str]) -> str | None:
        """The one product or variation with a SKU of `codes`, or that one of them names, whose stock is managed."""
        for code in codes:
            scheme, _, text = code.partition(":")
            found: Sequence[Json | None] = ()
            if scheme == "sku":
                found = [each for each in self._shop.products_of(text) if each.get("sku") == text]
            elif code.startswith(_ITEM_CODE) and code.removeprefix(_ITEM_CODE).isdecimal():
                found = [self._shop.product(code.removeprefix(_ITEM_CODE))]
            managed = [each for each in found if each is not None and each.get("manage_stock") in (True, "parent")]
            if len(managed) == 1:
                return _item_of(managed[0])
        return None

    def reserved_by_others_milli(self, item: str) -> int:
        """By our own orders: others' are sales."""
        return sum(milli for _, _, milli in self._ours(item))

    def change(self, write: Write) -> None:
        reference = _reference(write)
        kept: str | None = None
        others: list[str] = []
        for order_id, made_by, _ in self._ours(write.item):
            if made_by == reference and kept is None:
                kept = order_id
            else:
                others.append(order_id)
        if kept is None and write.target_milli > 0:
            self._shop.create_order(_order(write, reference))
        for order_id in others:
            self._shop.cancel_order(order_id)

    def was_done(self, write: Write) -> bool:
        open_by = [made_by for _, made_by, _ in self._ours(write.item)]
        if write.target_milli == 0:
            return not open_by
        if _reference(write) not in open_by:
            return False
        self.change(write)  # the earlier order may be open beside it
        return True

    def is_lost(self, item: str, since_ms: int) -> bool:
        """True when somebody closed our order."""
        return not self._ours(item)

    def _ours(self, item: str) -> list[tuple[str, str, int]]:
        """Our open orders of an item, the earliest first: id, reference, quantity."""
        found: list[tuple[str, str, int]] = []
        product_id, _, variation_id = item.partition("/")
        for order in self._shop.orders_on_hold(product_id):
            reference = notes_of(order).get(REFERENCE)
            if not is_ours(reference):
                continue
            try:
                for each in objects(order, "line_items"):
                    line = object_of(each)
                    if (str(line.get("product_id")), str(line.get("variation_id") or 0)) == (product_id, variation_id):
                        found.append((str(order.get("id")), str(reference), milli_of(line, "quantity")))
            except FieldRefused as error:
                raise CallRefused(f"an order of ours there cannot be read: {error.field}: {error}") from error
        return sorted(found, key=lambda each: (len(each[0]), each[0]))


def _item_of(product: Json) -> str:
    if product.get("type") == "variation" or product.get("parent_id"):
        return f"{product.get('parent_id')}/{product.get('id')}"
    return f"{product.get('id')}/0"


def _order(write: Write, reference: str) -> Json:
    product_id, _, variation_id = write.item.partition("/")
    line: dict[str, object] = {
        "product_id": int(product_id), "quantity": write.target_milli // _MILLI,
        "subtotal": "0", "total": "0",
    }  # fmt: skip
    if variation_id != "0":
        line["variation_id"] = int(variation_id)
    return {"status": "on-hold", "line_items": [line], "meta_data": [{"key": REFERENCE, "value": reference}]}


def _reference(write: Write) -> str:
    return f"{MARK}write-back/{write.key}"
