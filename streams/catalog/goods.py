"""The goods that a quantity told by a code is: of a pack, of a pound, of a kit's parts. Pure.

The rule of every conversion: the exact product, rounded to the nearest thousandth of the item's unit, half a thousandth
away from zero. The difference is the shelf's until its next count. Exact multiples are exact.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from schemas.models.base import QUANTITY_MAX_MILLI
from schemas.types.catalog import CatalogItem, KitPart
from schemas.types.config import PieceMeasure
from schemas.types.pos import Unit

Goods = tuple[str, int]
"""(SKU, thousandths of its unit)"""
NoGoods = Literal["unknown_item", "wrong_unit", "bad_quantity", "bad_kit"]
"""The reason why a quantity is none of the item; named as dead letters name it."""


class Terms(NamedTuple):
    """The terms of a code that are not the usual ones: the measure of one piece, and the parts of the kit it means."""

    piece: PieceMeasure | None
    parts: Sequence[KitPart]


class Meaning(NamedTuple):
    """The meaning of a code."""

    sku: str
    unit: Unit | None
    """Unit of the item; None for a SKU that the product master lacks."""
    terms: Terms | None = None
    """None for nearly every code: one unit told is one unit of the item."""


def goods_of(
    meaning: Meaning, items: Mapping[str, CatalogItem], quantity_milli: int, unit: Unit
) -> list[Goods] | NoGoods:
    """The goods that `quantity_milli` of `unit` is; of a kit its parts. The quantity's sign is kept."""
    own_unit, terms = meaning.unit, meaning.terms
    if own_unit is None:
        return "unknown_item"
    if terms is not None and terms.piece is not None and unit == "each":
        piece = terms.piece
        quantity_milli, unit = scaled(quantity_milli, piece["numerator"], piece["denominator"]), piece["unit"]
        if not quantity_milli or abs(quantity_milli) > QUANTITY_MAX_MILLI:
            return "bad_quantity"
    if unit != own_unit:
        return "wrong_unit"
    if terms is None or not terms.parts:
        return [(meaning.sku, quantity_milli)]
    if kit_fault(meaning.sku, items) is not None:
        return "bad_kit"
    found = [(part["sku"], scaled(quantity_milli, part["quantity_milli"], 1000)) for part in terms.parts]
    in_range = all(milli and abs(milli) <= QUANTITY_MAX_MILLI for _, milli in found)
    return found if in_range or not quantity_milli else "bad_quantity"


def is_of_one_unit(meaning: Meaning) -> bool:
    """True where one that is told of the code is one unit of the item: the same number says the same quantity."""
    terms = meaning.terms
    if terms is None:
        return True
    return not terms.parts and (terms.piece is None or terms.piece["numerator"] == terms.piece["denominator"])


def scaled(quantity_milli: int, numerator: int, denominator: int) -> int:
    """The quantity times numerator/denominator, rounded half away from zero."""
    whole, rest = divmod(abs(quantity_milli) * numerator, denominator)
    rounded = whole + (2 * rest >= denominator)
    return rounded if quantity_milli >= 0 else -rounded


def kit_fault(sku: str, items: Mapping[str, CatalogItem]) -> str | None:
    """The reason why the parts of the kit `sku` cannot be moved, or None; also None for an item that is no kit."""
    for part in items[sku].get("parts", ()):
        item = items.get(part["sku"])
        if item is None:
            return f"{sku} is a kit, and the product master lacks its part {part['sku']}"
        if item.get("parts"):
            return f"{sku} is a kit, and its part {part['sku']} is one, too: name the items that are in it"
    return None
