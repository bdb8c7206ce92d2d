"""Amounts of a POSLog line, as vendors write them."""

from decimal import ROUND_HALF_UP, Decimal

from connectors.contract import FieldRefused, Refused
from connectors.parsing.quantities import decimal_of, shorten
from schemas.currency import currency_exponent


def measured(text: str, units: str) -> str:
    """The weight or volume: vendors write it as the Quantity, or as its attribute Units beside a Quantity of 1."""
    try:
        amount, per_piece = decimal_of(text), decimal_of(units)
    except Refused as error:
        raise FieldRefused("Quantity", str(error)) from error
    if abs(per_piece) == 1 or amount == per_piece:
        return text
    if abs(amount) == 1:
        return str(abs(per_piece) * amount)
    raise FieldRefused("Quantity", f"{shorten(text)} with Units of {shorten(units)} can be read in two ways")


def rounded(amount: str, currency: str) -> Decimal:
    """An amount as on the receipt: whole minor units."""
    try:
        return decimal_of(amount).quantize(Decimal(1).scaleb(-currency_exponent(currency)), ROUND_HALF_UP)
    except Refused as error:
        raise FieldRefused("ExtendedAmount", str(error)) from error
    except ArithmeticError as error:
        raise FieldRefused("ExtendedAmount", f"{shorten(amount)} is out of range for a price") from error
