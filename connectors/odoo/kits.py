"""Kits of Odoo: products with a phantom bill of materials, of which the components move and the kit does not.

Source: Odoo 19, models mrp.bom and mrp.bom.line. Where Manufacturing is not installed, or the connector's user may not
read it, no product is known as a kit.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

import structlog

from connectors.contract import AccessRefused, Refused
from connectors.odoo.translate import KitPart, reference
from connectors.vendor.fields import Json, number

_DEPTH_MAX = 8
_log = structlog.get_logger()


class Kits:
    """Reads kits. ask: (model, method, **params) → records; raises Unavailable, AccessRefused."""

    def __init__(self, ask: Callable[..., Sequence[Json]]) -> None:
        self._ask = ask

    def of(self, products: Mapping[int, Json]) -> dict[int, list[KitPart]]:
        """What one of each kit among `products` consists of; kits within kits are taken apart. Raises Unavailable."""
        known: dict[int, list[KitPart]] = {}
        try:
            wanted = dict(products)
            for _ in range(_DEPTH_MAX):
                found = self._direct(wanted)
                if not found:
                    break
                known |= found
                inside = {part.product for parts in found.values() for part in parts} - known.keys()
                wanted = self._products(inside)
        except AccessRefused as refused:
            _log.warning("kits are not read: they are counted as what they are sold as", reason=str(refused))
            return {}
        return {kit: _whole(kit, known) for kit in known if kit in products}

    def _direct(self, products: Mapping[int, Json]) -> dict[int, list[KitPart]]:
        templates = {product: reference(fields, "product_tmpl_id") for product, fields in products.items()}
        wanted = sorted({each for each in templates.values() if each is not None})
        if not wanted:
            return {}
        domain = [["type", "=", "phantom"], ["product_tmpl_id", "in", wanted]]
        fields = ["product_id", "product_tmpl_id", "product_qty", "sequence"]
        bills = self._ask("mrp.bom", "search_read", domain=domain, fields=fields)
        chosen: dict[int, Json] = {}
        for product, template in templates.items():
            fitting = [
                bill for bill in bills
                if reference(bill, "product_tmpl_id") == template and reference(bill, "product_id") in (None, product)
            ]  # fmt: skip
            if fitting:
                chosen[product] = min(fitting, key=lambda bill: (bill.get("sequence") or 0, bill["id"]))
        if not chosen:
            return {}
        lines = self._ask(
            "mrp.bom.line", "search_read", domain=[["bom_id", "in", sorted({bill["id"] for bill in chosen.values()})]],
            fields=["bom_id", "product_id", "product_qty", "product_uom_id"],
        )  # fmt: skip
        parts = {product: _parts(bill, lines) for product, bill in chosen.items()}
        return {product: found for product, found in parts.items() if found}

    def _products(self, ids: Iterable[int]) -> dict[int, Json]:
        wanted = sorted(ids)
        if not wanted:
            return {}
        domain = [["id", "in", wanted]]
        found = self._ask("product.product", "search_read", domain=domain, fields=["product_tmpl_id"])
        return {product["id"]: product for product in found}


def _parts(bill: Json, lines: Sequence[Json]) -> list[KitPart]:
    """The components of one kit; none where the bill cannot be read as one."""
    made = _quantity(bill)
    parts = []
    for line in lines:
        product, quantity = reference(line, "product_id"), _quantity(line)
        if reference(line, "bom_id") == bill["id"] and product is not None and made and quantity:
            parts.append(KitPart(product, quantity / made, line.get("product_uom_id")))
    return parts


def _quantity(fields: Json) -> Decimal | None:
    try:
        return number(fields, "product_qty")
    except Refused:
        return None


def _whole(kit: int, known: Mapping[int, Sequence[KitPart]], within: tuple[int, ...] = ()) -> list[KitPart]:
    """The components of a kit that are no kits themselves, each once."""
    found: dict[int, KitPart] = {}
    for part in known[kit]:
        is_kit = part.product in known and part.product not in (*within, kit)
        for each in _whole(part.product, known, (*within, kit)) if is_kit else ():
            _sum(found, KitPart(each.product, each.quantity * part.quantity, each.unit))
        if not is_kit:
            _sum(found, part)
    return list(found.values())


def _sum(found: dict[int, KitPart], part: KitPart) -> None:
    known = found.get(part.product)
    quantity = part.quantity + (known.quantity if known is not None else 0)
    found[part.product] = KitPart(part.product, quantity, part.unit)
