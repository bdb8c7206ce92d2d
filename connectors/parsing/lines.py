"""One line of a sale or of a stock report, from the fields in which any outside system gives it."""

from collections.abc import Mapping
from decimal import Decimal

from pydantic import ValidationError

from connectors.contract import FieldRefused, Refused
from connectors.parsing.codes import SCHEMES, code_of
from connectors.parsing.quantities import line_price_minor, price_minor, quantity_milli, shorten
from connectors.parsing.spreadsheet import clean_code
from schemas.models.pos import SaleLine, SaleLineKind, StockLine, StockReportKind, Unit

SALE_KINDS: Mapping[str, SaleLineKind] = {
    "": SaleLineKind.sale, "sale": SaleLineKind.sale, "s": SaleLineKind.sale,
    "return": SaleLineKind.return_, "refund": SaleLineKind.return_, "r": SaleLineKind.return_,
    "return_not_restocked": SaleLineKind.return_not_restocked,
    "void": SaleLineKind.void, "v": SaleLineKind.void,
}  # fmt: skip
UNITS: Mapping[str, tuple[Unit, bool]] = (
    dict.fromkeys(("", "each", "ea", "pc", "pcs", "piece", "unit", "st", "stk"), (Unit.each, False))
    | dict.fromkeys(("kg", "kilogram"), (Unit.kg, False))
    | dict.fromkeys(("l", "liter", "litre", "ltr"), (Unit.l, False))
    | {"g": (Unit.kg, True), "ml": (Unit.l, True)}
)
"""Tills' names of units → our unit, and whether theirs is a thousandth of it."""

ADJUSTMENT_REASONS = ("waste", "damage", "theft", "expiry", "own_use", "found", "other")
_ALWAYS_TAKES_AWAY = frozenset({"waste", "damage", "theft", "expiry", "own_use"})
_MAY_BE_NEGATIVE = frozenset({StockReportKind.adjusted, StockReportKind.level})
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
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    name = str(first["loc"][-1]) if first["loc"] else ""
    return FieldRefused(_FIELD_NAMES.get(name, name), first["msg"])


def _word(fields: Mapping[str, object], name: str) -> str:
    return text_of(fields, name).lower()


def _quantity(fields: Mapping[str, object]) -> tuple[Unit, int]:
    known = UNITS.get(_word(fields, "unit"))
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
