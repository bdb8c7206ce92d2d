"""Reservations of what the pool holds at Shopify: moved between `available` and `reserved` at the store's location."""

from collections.abc import Sequence
from typing import Protocol

from connectors.contract import Unavailable
from connectors.outbound.contract import CallRefused
from connectors.shopify import graphql
from connectors.vendor.echo import MARK
from connectors.vendor.fields import Json, inner
from connectors.vendor.reservation_plan import moved_as
from connectors.vendor.write_back import Write

_MILLI = 1000
_ITEM_CODE = "item:variant-"
_UNSURE = frozenset({"IDEMPOTENCY_CONCURRENT_REQUEST", "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"})
"""The first write of that key is under way, or was another: whether it was carried out is not known."""


class Asks(Protocol):
    """The part of the shop's client that is used here. All raise Unavailable, AccessRefused."""

    def ask(self, query: str, variables: Json) -> Json: ...
    def store_location_id(self) -> str: ...
    def level_node(self, item_id: str, names: Sequence[str]) -> Json: ...


class ReservedStock:
    """The `Channel` of one location: Shopify's web shop sells what is `available`. Quantities there are whole."""

    grain_milli = _MILLI

    def __init__(self, shop: Asks) -> None:
        self._shop = shop

    def find(self, codes: Sequence[str]) -> str | None:
        """The inventory item of the one variant with a SKU of `codes`, or of the variant that one of them names."""
        for code in codes:
            scheme, _, text = code.partition(":")
            if scheme == "sku":
                items = self._items_with(text)
                if len(items) == 1:
                    return items.pop()
            elif code.startswith(_ITEM_CODE) and code.removeprefix(_ITEM_CODE).isdecimal():
                variant = graphql.gid("ProductVariant", code.removeprefix(_ITEM_CODE))
                answer = self._shop.ask(graphql.VARIANT, {"id": variant})
                item = graphql.plain_id(inner(inner(answer, "productVariant"), "inventoryItem"))
                if item:
                    return item
        return None

    def reserved_by_others_milli(self, item: str) -> int:
        quantities = self._shop.level_node(item, ["reserved"]).get("quantities")
        if not isinstance(quantities, list):
            raise CallRefused("the item is not stocked at the store's location")
        return sum(int(each.get("quantity") or 0) for each in quantities if isinstance(each, dict)) * _MILLI

    def change(self, write: Write) -> None:
        location = graphql.gid("Location", self._shop.store_location_id())
        # Both are asked for in so many words: null means that no quantity is expected.
        available = {
            "locationId": location, "name": "available", "ledgerDocumentUri": None, "changeFromQuantity": None,
        }  # fmt: skip
        reserved = {
            "locationId": location, "name": "reserved", "ledgerDocumentUri": f"{MARK}//held/{write.item}",
            "changeFromQuantity": None,
        }  # fmt: skip
        takes_out = write.change_milli > 0
        change = {
            "inventoryItemId": graphql.gid("InventoryItem", write.item), "quantity": abs(write.change_milli) // _MILLI,
            "from": available if takes_out else reserved, "to": reserved if takes_out else available,
        }  # fmt: skip
        asked = {
            "reason": "reservation_created" if takes_out else "reservation_deleted",
            "referenceDocumentUri": f"{MARK}//write-back/{write.key}", "changes": [change],
        }  # fmt: skip
        moved = inner(self._shop.ask(graphql.MOVE, {"input": asked, "key": write.key}), "inventoryMoveQuantities")
        errors = moved.get("userErrors")
        if not isinstance(errors, list):
            raise Unavailable("Shopify's answer does not say whether the goods are reserved", 60)
        codes = {str(each.get("code")) for each in errors if isinstance(each, dict)}
        if codes & _UNSURE:
            raise Unavailable(f"Shopify does not say whether the goods are reserved: {', '.join(sorted(codes))}", 60)
        if errors:
            raise CallRefused(f"Shopify refuses to move the item's stock: {', '.join(sorted(codes))}")

    def was_done(self, write: Write) -> bool:
        return moved_as(write.change_milli, write.reserved_by_others_milli, self.reserved_by_others_milli(write.item))

    def is_lost(self, item: str, since_ms: int) -> bool:
        """Counts there leave what is reserved."""
        return False

    def _items_with(self, sku: str) -> set[str]:
        """Inventory items of the variants with exactly this SKU: Shopify's search also finds what is like it."""
        quoted = sku.replace("\\", "\\\\").replace('"', '\\"')
        nodes = inner(self._shop.ask(graphql.VARIANTS_OF_SKU, {"query": f'sku:"{quoted}"'}), "productVariants")
        found = [node for node in nodes.get("nodes") or () if isinstance(node, dict) and node.get("sku") == sku]
        return {graphql.plain_id(inner(node, "inventoryItem")) for node in found} - {""}
