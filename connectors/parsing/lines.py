"""One line of a sale or of a stock report, from the fields in which any outside system gives it."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from pydantic import ValidationError

from connectors.contract import FieldRefused, Refused
from connectors.parsing.codes import SCHEMES, code_of
from connectors.parsing.quantities import (
    currency_exponent,
    line_price_minor,
    nearest_milli,
    price_minor,
    quantity_milli,
    shorten,
)
from connectors.parsing.spreadsheet import clean_code
from schemas.models.forms import problem_text
from schemas.models.pos import SaleLine, SaleLineKind, StockLine, StockReportKind, Unit

SALE_KINDS: Mapping[str, SaleLineKind] = {
    "": SaleLineKind.sale, "sale": SaleLineKind.sale, "s": SaleLineKind.sale,
    "return": SaleLineKind.return_, "refund": SaleLineKind.return_, "r": SaleLineKind.return_,
    "return_not_restocked": SaleLineKind.return_not_restocked,
    "void": SaleLineKind.void, "v": SaleLineKind.void,
}  # fmt: skip
UNITS: Mapping[str, tuple[Unit, bool]] = (
    dict.fromkeys(
        ("", "each", "ea", "pc", "pcs", "pce", "piece", "pieces", "unit", "units", "count", "ct", "st", "stk", "stck",
         "stück", "stueck", "p", "pièce", "pièces", "unité", "unités", "u", "ud", "uds", "und", "unidad", "unidades",
         "pieza", "piezas", "pz", "pezzo", "pezzi", "stuk", "stuks", "szt"), (Unit.each, False),
    )
    | dict.fromkeys(
        ("kg", "kilogram", "kilogramm", "kilogramme", "kilogrammes", "kilogramo", "kilogramos", "chilo", "chili",
         "chilogrammo"), (Unit.kg, False),
    )
    | dict.fromkeys(("l", "lt", "liter", "litre", "ltr", "litro", "litros", "litri"), (Unit.l, False))
    | dict.fromkeys(("g", "gramm", "gramme", "grammes", "gramo", "gramos", "grammo", "grammi"), (Unit.kg, True))
    | {"ml": (Unit.l, True)}
)  # fmt: skip
"""Names of units in English, German, French, Spanish, Italian and Dutch → our unit, and whether it is a thousandth."""

CONVERTED: Mapping[str, tuple[Unit, Decimal]] = (
    dict.fromkeys(("lb", "lbs", "pound", "pounds"), (Unit.kg, Decimal("0.45359237")))
    | dict.fromkeys(("oz", "ounce", "ounces"), (Unit.kg, Decimal("0.028349523125")))
    | dict.fromkeys(("stone",), (Unit.kg, Decimal("6.35029318")))
    | dict.fromkeys(("mg", "milligram", "milligrams"), (Unit.kg, Decimal("0.000001")))
    | dict.fromkeys(("t", "tonne", "tonnes"), (Unit.kg, Decimal(1000)))
    | dict.fromkeys(("kgs", "kilograms", "kilo", "kilos"), (Unit.kg, Decimal(1)))
    | dict.fromkeys(("gram", "grams", "gr"), (Unit.kg, Decimal("0.001")))
    | dict.fromkeys(("liters", "litres"), (Unit.l, Decimal(1)))
    | dict.fromkeys(("milliliter", "millilitre", "milliliters", "millilitres"), (Unit.l, Decimal("0.001")))
    | dict.fromkeys(("cl", "centiliter", "centilitre"), (Unit.l, Decimal("0.01")))
    | dict.fromkeys(("dl", "deciliter", "decilitre"), (Unit.l, Decimal("0.1")))
    | dict.fromkeys(("fl oz", "floz", "fluid ounce"), (Unit.l, Decimal("0.0295735295625")))
    | dict.fromkeys(("cup", "cups"), (Unit.l, Decimal("0.2365882365")))
    | dict.fromkeys(("pint", "pints", "pt"), (Unit.l, Decimal("0.473176473")))
    | dict.fromkeys(("quart", "quarts", "qt"), (Unit.l, Decimal("0.946352946")))
    | dict.fromkeys(("gal", "gallon", "gallons"), (Unit.l, Decimal("3.785411784")))
    | dict.fromkeys(("dozen", "dozens", "doz"), (Unit.each, Decimal(12)))
)
"""Other units that tills use → our unit, and how much of it theirs is; exact by definition. Weights are avoirdupois
(NIST Handbook 44, appendix C), volumes those of the United States.
"""

_PLU = re.compile(r"[1-9][0-9]{0,4}")
ADJUSTMENT_REASONS = ("waste", "damage", "theft", "expiry", "own_use", "found", "other")
_ALWAYS_TAKES_AWAY = frozenset({"waste", "damage", "theft", "expiry", "own_use"})
_MAY_BE_NEGATIVE = frozenset({StockReportKind.adjusted, StockReportKind.level})
_UNIT_NAMES = "each, kg, g, l, ml, lb, oz or dozen"
_FIELD_NAMES = {
    "quantity_milli": "quantity", "price_minor": "price", "till": "register",
    "occurred_at_ms": "occurred_at", "recorded_at_ms": "recorded_at",
}  # fmt: skip
"""Fields that senders know under other names than the models'."""


def sale_line(line_id: str, fields: Mapping[str, object], currency: str) -> SaleLine:
    """A sale line from `fields`: one of gtin, plu, sku, item; quantity; and maybe kind, unit, price or unit_price.

    A negative quantity turns a sale into a return of as much, and the sign of a line's price with it.
    `price` is the line's, `unit_price` that of one unit. Raises FieldRefused.
    """
    kind = SALE_KINDS.get(_word(fields, "kind"))
    if kind is None:
        allowed = ", ".join(SaleLineKind)
        raise FieldRefused("kind", f"{shorten(fields['kind'])} is not a kind of sale line: use {allowed}")
    code = line_code(fields)
    unit, milli = _quantity(fields)
    if milli == 0:
        raise FieldRefused("quantity", "a sale line moves something: the quantity is zero")
    is_negative = milli < 0
    if is_negative and kind is SaleLineKind.sale:
        kind = SaleLineKind.return_
    price = _price(fields, abs(milli), is_negative, currency)
    try:
        return SaleLine(line_id=line_id, kind=kind, code=code, quantity_milli=abs(milli), unit=unit, price_minor=price)
    except ValidationError as error:
        raise field_refused(error) from error


def noted_sale_line(line_id: str, fields: Mapping[str, object], currency: str) -> tuple[SaleLine, Sequence[str]]:
    """`sale_line` for what must not cost the sale, and a note of each: a price that cannot be read, a rounded quantity.

    Raises FieldRefused.
    """
    read, notes = measured(fields)
    given = fields.get("quantity")
    unit_price = fields.get("unit_price")
    if "quantity" in read and unit_price not in (None, "") and fields.get("price") in (None, ""):
        del read["unit_price"]
        # It is that of a pound where the till sells pounds; of goods sold in grams it is that of a kilogram.
        quantity = read["quantity"] if _word(fields, "unit") in UNITS else given
        try:
            read["price"] = _line_price(unit_price, quantity, currency)
        except (Refused, ArithmeticError) as error:
            notes.append(f"the price is left out: {error}")
    try:
        return sale_line(line_id, read, currency), notes
    except FieldRefused as refused:
        if refused.field not in ("price", "unit_price"):
            raise
        notes.append(f"the price is left out: {refused}")
    return sale_line(line_id, {**read, "price": None, "unit_price": None}, currency), notes


def measured(fields: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
    """`fields` with quantity and unit in ours, and a note when the quantity was rounded. Raises FieldRefused."""
    unit, given = _word(fields, "unit"), _given(fields, "quantity")
    if given is None:
        return dict(fields), []
    measure = _measure(unit)
    if measure is None:
        raise FieldRefused("unit", f"{shorten(fields['unit'])} is not a unit: use {_UNIT_NAMES}")
    try:
        milli, is_rounded = nearest_milli(given, measure[1])
    except Refused as error:
        raise FieldRefused("quantity", str(error)) from error
    quantity = Decimal(milli).scaleb(-3)
    told = f"{given} {unit}".strip()
    note = f"{told} is counted as {quantity} {measure[0].value}, the nearest thousandth"
    return {**fields, "quantity": quantity, "unit": measure[0].value}, [note] if is_rounded else []


def taken_back(line: SaleLine) -> tuple[SaleLine, SaleLine]:
    """`line` and a void of it: nothing moved, for a revision that takes back what an earlier one may have reported.

    The line itself must stay: an event has lines, and a higher version replaces the lower one's.
    """
    return line, line.model_copy(update={"line_id": f"{line.line_id}/void", "kind": SaleLineKind.void})


def stock_line(line_id: str, fields: Mapping[str, object], kind: StockReportKind) -> StockLine:
    """A line of a stock report from `fields`: one of gtin, plu, sku, item; quantity; and maybe unit, reason.

    Waste, damage, theft, expiry and own use always take away, and found always adds, whatever the sign; an
    adjustment for another reason or none keeps its sign. Raises FieldRefused.
    """
    code = line_code(fields)
    unit, milli = _quantity(fields)
    reason = _word(fields, "reason") or None
    if reason is not None and reason not in ADJUSTMENT_REASONS:
        raise FieldRefused("reason", f"{shorten(reason)} is not a reason: use {', '.join(ADJUSTMENT_REASONS)}")
    if kind is not StockReportKind.adjusted:
        reason = None
    elif reason in _ALWAYS_TAKES_AWAY:
        milli = -abs(milli)
    elif reason == "found":
        milli = abs(milli)
    if milli < 0 and kind not in _MAY_BE_NEGATIVE:
        raise FieldRefused("quantity", f"a quantity {kind.value} cannot be below zero")
    try:
        return StockLine.model_validate(
            {"line_id": line_id, "code": code, "quantity_milli": milli, "unit": unit, "reason": reason}
        )
    except ValidationError as error:
        raise field_refused(error) from error


def line_code(fields: Mapping[str, object]) -> str:
    """The code of the first of gtin, plu, sku, item that is usable. Raises FieldRefused.

    Beside a good SKU a barcode that cannot be one costs nothing: cells of barcodes hold remarks, zeros and cut numbers.
    """
    refused: FieldRefused | None = None
    for scheme in SCHEMES:
        text = clean_code(text_of(fields, scheme))
        if text:
            try:
                return code_of(scheme, text)
            except Refused as error:
                refused = refused or FieldRefused(scheme, str(error))
    number = clean_code(text_of(fields, "gtin"))
    if _PLU.fullmatch(number):  # tills write the numbers of loose goods into the column of barcodes
        return code_of("plu", number)
    if refused is not None:
        raise refused
    raise FieldRefused("", f"the line names no item: give one of {', '.join(SCHEMES)}")


def text_of(fields: Mapping[str, object], name: str) -> str:
    """A field as stripped text, empty when it is missing or null. Raises FieldRefused for what is no text."""
    value = fields.get(name)
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise FieldRefused(name, f"{shorten(value)} is not text")


def field_refused(error: ValidationError) -> FieldRefused:
    """The first finding of a model, in the words of the sender's fields."""
    first = error.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][-1]) if first["loc"] else ""
    return FieldRefused(_FIELD_NAMES.get(name, name), problem_text(first))


def _word(fields: Mapping[str, object], name: str) -> str:
    return text_of(fields, name).lower()


def _quantity(fields: Mapping[str, object]) -> tuple[Unit, int]:
    known = UNITS.get(_word(fields, "unit").rstrip("."))
    if known is None:
        raise FieldRefused("unit", f"{shorten(fields['unit'])} is not a unit: use each, kg, g, l or ml")
    unit, in_thousandths = known
    value = _given(fields, "quantity")
    if value is None:
        raise FieldRefused("quantity", "the quantity is missing")
    try:
        return unit, quantity_milli(value, in_thousandths=in_thousandths)
    except Refused as error:
        raise FieldRefused("quantity", str(error)) from error


def _measure(name: str) -> tuple[Unit, Decimal] | None:
    """Our unit, and how much of it a till's is."""
    known = UNITS.get(name)
    if known is None:
        return CONVERTED.get(name)
    return known[0], Decimal("0.001") if known[1] else Decimal(1)


def unit_named(text: str) -> Unit | None:
    """The unit of that name in a product master; None for one that is none of ours, or a part of it."""
    known = UNITS.get(text.strip().lower().rstrip("."))
    return known[0] if known is not None and not known[1] else None


def is_unit(name: str) -> bool:
    """True for a unit that a quantity can be converted from; tills also have words of their own for a piece."""
    return _measure(name.strip().lower()) is not None


def _line_price(unit_price: object, quantity: object, currency: str) -> Decimal:
    """Unit price times quantity, rounded to a minor unit, with the quantity's sign. Raises Refused."""
    milli = nearest_milli(quantity)[0]
    return Decimal(line_price_minor(unit_price, milli, currency)).scaleb(-currency_exponent(currency))


def _price(fields: Mapping[str, object], milli: int, is_negative: bool, currency: str) -> int | None:
    price = _given(fields, "price")
    if price is not None:
        try:
            minor = price_minor(price, currency)
        except Refused as error:
            raise FieldRefused("price", str(error)) from error
        return -minor if is_negative else minor
    unit_price = _given(fields, "unit_price")
    if unit_price is None:
        return None
    try:
        return line_price_minor(unit_price, milli, currency)
    except Refused as error:
        raise FieldRefused("unit_price", str(error)) from error


def _given(fields: Mapping[str, object], name: str) -> str | int | Decimal | None:
    value = fields.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str | int | Decimal):
        return value
    raise FieldRefused(name, f"{shorten(value)} is not a number")
