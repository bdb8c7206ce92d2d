"""One line of a sale or of a stock report, from the fields in which any outside system gives it."""

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import NamedTuple

from pydantic import ValidationError

from connectors.contract import FieldRefused, Measure, Refused
from connectors.parsing.codes import SCHEMES, code_of
from connectors.parsing.quantities import line_price_minor, nearest_milli, price_minor, shorten
from connectors.parsing.reasons import REASONS, TAKES_AWAY, reason_of
from connectors.parsing.spreadsheet import clean_code
from connectors.parsing.units import UnitWords, measure_of, unknown_unit
from schemas.models.forms import problem_text
from schemas.models.pos import TOLD_MAX, SaleLine, SaleLineKind, StockLine, StockReportKind, Told, Unit

NO_WORDS: UnitWords = MappingProxyType({})
PRICE_FIELDS = ("price", "unit_price")
_THOUSANDTH = Fraction(1, 1000)

SALE_KINDS: Mapping[str, SaleLineKind] = {
    "": SaleLineKind.sale, "sale": SaleLineKind.sale, "s": SaleLineKind.sale,
    "return": SaleLineKind.return_, "refund": SaleLineKind.return_, "r": SaleLineKind.return_,
    "return_not_restocked": SaleLineKind.return_not_restocked,
    "void": SaleLineKind.void, "v": SaleLineKind.void,
}  # fmt: skip
_BACK = (SaleLineKind.return_, SaleLineKind.return_not_restocked)
_PLU = re.compile(r"[1-9][0-9]{0,4}")
_MAY_BE_NEGATIVE = frozenset({StockReportKind.adjusted, StockReportKind.level})
_FIELD_NAMES = {
    "quantity_milli": "quantity", "price_minor": "price", "till": "register",
    "occurred_at_ms": "occurred_at", "recorded_at_ms": "recorded_at",
}  # fmt: skip
"""Fields that senders know under other names than the models'."""


class LineNote(NamedTuple):
    """Of a line that is used: a field that is not used as it was told, and how."""

    field: str
    text: str


def sale_line(line_id: str, fields: Mapping[str, object], currency: str, own_units: UnitWords = NO_WORDS) -> SaleLine:
    """A sale line from `fields`: one of gtin, plu, sku, item; quantity; and maybe kind, unit, price or unit_price.

    A negative quantity turns a sale into a return of as much. What was paid back has no sign: the line's kind says it.
    `price` is the line's, `unit_price` that of one unit. own_units: the store's words for units. Raises FieldRefused.
    """
    return _sale_line(line_id, fields, currency, _quantity(fields, own_units))


def noted_sale_line(
    line_id: str, fields: Mapping[str, object], currency: str, own_units: UnitWords = NO_WORDS
) -> tuple[SaleLine, list[LineNote]]:
    """`sale_line` for what must not cost the sale, and a note of each: a price that cannot be read, a rounded quantity.

    Raises FieldRefused.
    """
    quantity = _quantity(fields, own_units)
    notes = quantity.notes
    try:
        return _sale_line(line_id, fields, currency, quantity), notes
    except FieldRefused as refused:
        if refused.field not in PRICE_FIELDS:
            raise
        notes.append(LineNote(refused.field, f"the price is left out: {refused}"))
    return _sale_line(line_id, {**fields, "price": None, "unit_price": None}, currency, quantity), notes


def _sale_line(line_id: str, fields: Mapping[str, object], currency: str, quantity: "_Quantity") -> SaleLine:
    kind = SALE_KINDS.get(_word(fields, "kind"))
    if kind is None:
        allowed = ", ".join(SaleLineKind)
        raise FieldRefused("kind", f"{shorten(fields['kind'])} is not a kind of sale line: use {allowed}")
    code, milli = line_code(fields), quantity.milli
    if milli == 0:
        raise FieldRefused("quantity", "a sale line moves something: the quantity is zero")
    is_negative = milli < 0
    if is_negative and kind is SaleLineKind.sale:
        kind = SaleLineKind.return_
    price = _price(fields, quantity, currency)
    if price is not None and kind in _BACK:  # tills write what they paid back with or without a sign
        price = abs(price)
    try:
        return SaleLine(
            line_id=line_id, kind=kind, code=code, quantity_milli=abs(milli), unit=quantity.unit, price_minor=price,
            told=quantity.told,
        )  # fmt: skip
    except ValidationError as error:
        raise field_refused(error) from error


def taken_back(line: SaleLine) -> tuple[SaleLine, SaleLine]:
    """`line` and a void of it: nothing moved, for a revision that takes back what an earlier one may have reported.

    The line itself must stay: an event has lines, and a higher version replaces the lower one's.
    """
    return line, line.model_copy(update={"line_id": f"{line.line_id}/void", "kind": SaleLineKind.void})


def stock_line(
    line_id: str, fields: Mapping[str, object], kind: StockReportKind, own_units: UnitWords = NO_WORDS
) -> StockLine:
    """A line of a stock report from `fields`: one of gtin, plu, sku, item; quantity; and maybe unit, reason.

    Waste, damage, theft, expiry and own use always take away, and found always adds, whatever the sign; an
    adjustment for another reason or none keeps its sign. own_units: the store's words for units. Raises FieldRefused.
    """
    return noted_stock_line(line_id, fields, kind, own_units)[0]


def noted_stock_line(
    line_id: str, fields: Mapping[str, object], kind: StockReportKind, own_units: UnitWords = NO_WORDS
) -> tuple[StockLine, list[LineNote]]:
    """`stock_line`, and a note where its quantity is rounded. Raises FieldRefused."""
    code = line_code(fields)
    quantity = _quantity(fields, own_units)
    milli = quantity.milli
    told = _word(fields, "reason")
    reason = reason_of(told) if told else None
    if told and reason is None:
        raise FieldRefused("reason", f"{shorten(told)} is not a reason that is known: use {', '.join(REASONS)}")
    if kind is not StockReportKind.adjusted:
        reason = None
    elif reason in TAKES_AWAY:
        milli = -abs(milli)
    elif reason == "found":
        milli = abs(milli)
    if milli < 0 and kind not in _MAY_BE_NEGATIVE:
        raise FieldRefused("quantity", f"a quantity {kind.value} cannot be below zero")
    said = {"line_id": line_id, "code": code, "quantity_milli": milli, "unit": quantity.unit, "reason": reason}
    try:
        line = StockLine.model_validate(said | {"told": quantity.told})
    except ValidationError as error:
        raise field_refused(error) from error
    return line, quantity.notes


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


def told_code(fields: Mapping[str, object]) -> str:
    """The code that `line_code` gives; empty where none of them is usable."""
    try:
        return line_code(fields)
    except FieldRefused:
        return ""


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


class _Quantity(NamedTuple):
    """A quantity in our unit; what the till said, where that is something else; and a note where it was rounded."""

    given: str | int | Decimal
    measure: Measure
    milli: int
    told: Told | None
    notes: list[LineNote]

    @property
    def unit(self) -> Unit:
        return self.measure.unit


def _quantity(fields: Mapping[str, object], own_units: UnitWords) -> _Quantity:
    word = text_of(fields, "unit")
    measure = measure_of(word, own_units)
    if measure is None:
        raise FieldRefused("unit", unknown_unit(word))
    given = _given(fields, "quantity")
    if given is None:
        raise FieldRefused("quantity", "the quantity is missing")
    try:
        milli, is_rounded = nearest_milli(given, measure.factor)
    except Refused as error:
        raise FieldRefused("quantity", str(error)) from error
    told, notes, number = None, list[LineNote](), ""
    if is_rounded or measure.factor != 1:
        number = given.strip() if isinstance(given, str) else format(Decimal(given).normalize(), "f")
        told = Told(quantity=number[:TOLD_MAX], unit=word[:TOLD_MAX])
    if is_rounded:
        quantity = Decimal(milli).scaleb(-3)
        text = f"{number} {word}".strip() + f" is counted as {quantity} {measure.unit.value}, the nearest thousandth"
        notes.append(LineNote("quantity", text))
    return _Quantity(given, measure, milli, told, notes)


def unit_named(text: str) -> Unit | None:
    """The unit of that name in a product master; None for one that is none of ours, or a part of it."""
    measure = measure_of(text, NO_WORDS)
    return measure.unit if measure is not None and measure.factor == 1 else None


def _price(fields: Mapping[str, object], quantity: _Quantity, currency: str) -> int | None:
    price = _given(fields, "price")
    if price is not None:
        try:
            minor = price_minor(price, currency)
        except Refused as error:
            raise FieldRefused("price", str(error)) from error
        return -minor if quantity.milli < 0 else minor
    unit_price = _given(fields, "unit_price")
    if unit_price is None:
        return None
    # It is that of a pound where the till sells pounds; of goods sold in grams it is that of a kilogram.
    is_of_ours = quantity.measure.factor in (1, _THOUSANDTH)
    try:
        milli = abs(quantity.milli if is_of_ours else nearest_milli(quantity.given)[0])
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
