"""Reads what an operator's lists say of packs and kits: the measure of one piece of a code, and the parts of a kit."""

from fractions import Fraction

from connectors.contract import Measure, Refused
from connectors.parsing.quantities import quantity_milli
from connectors.parsing.units import KNOWN_UNITS, measure_of, parse_factor
from schemas.models.catalog import CatalogItem, KitPart
from schemas.models.config import PieceMeasure
from schemas.models.pos import Unit


def parse_parts(text: str) -> tuple[KitPart, ...]:
    """The parts of a kit: SKU=QUANTITY, or SKU alone for one, separated by spaces. Raises Refused."""
    found = []
    for part in text.split():
        sku, _, quantity = part.rpartition("=") if "=" in part else (part, "", "1")
        found.append(KitPart(sku=sku, quantity_milli=quantity_milli(quantity)))
    return tuple(found)


def parse_piece(unit: str, factor: str, own_unit: Unit | None) -> PieceMeasure | None:
    """One piece of a code: `factor` (12, 0.75, 1/12; one when empty) of `unit`, a till's word such as lb.

    own_unit: of the item, where no unit is named; None when the file does not know it. Raises Refused.
    """
    if not unit and not factor:
        return None
    measure = measure_of(unit, {}) if unit or own_unit is None else Measure(own_unit, Fraction(1))
    if measure is None:
        raise Refused(f"unit: {unit!r} is not a unit such as {KNOWN_UNITS}")
    whole = measure.factor * (parse_factor(factor) if factor else 1)
    return PieceMeasure(unit=measure.unit, numerator=whole.numerator, denominator=whole.denominator)


def pack_of(item: CatalogItem) -> PieceMeasure:
    """One piece of a pack code of `item`."""
    return PieceMeasure(unit=item.unit, numerator=item.pack_milli, denominator=1000)
