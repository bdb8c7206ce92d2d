"""Decimals as tills write them, to the integers of the vocabulary. Exact, or refused: nothing is rounded silently."""

import re
from decimal import Decimal
from fractions import Fraction

from connectors.contract import Refused
from schemas.currency import currency_exponent
from schemas.models.base import PRICE_MAX_MINOR, QUANTITY_MAX_MILLI

DIGITS_MAX = 40
_COEFFICIENT_MAX = 120
_DOUBLE_DIGITS = 15
"""So many digits of a number mean something after a computer has reckoned with it."""
_PLAIN = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def decimal_of(value: object) -> Decimal:
    """A finite decimal from a string such as "-0.485", an int, or a Decimal. Raises Refused for all else."""
    if isinstance(value, str):
        text = value.strip()
        if len(text) > DIGITS_MAX or not _PLAIN.fullmatch(text):
            raise Refused(f"{shorten(text)} is not a plain decimal number such as 2 or 0.485")
        return Decimal(text)
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, Decimal) and value.is_finite():
        return value
    raise Refused(f"{shorten(value)} is not a number")


def quantity_milli(value: object, *, in_thousandths: bool = False) -> int:
    """Thousandths of the unit, from a number of units, or of thousandths (grams of a kg) when `in_thousandths`.

    Raises Refused for parts of a thousandth, and for more than a million units.
    """
    scaled = _scaled(decimal_of(value), 0 if in_thousandths else 3, "a quantity has (thousandths)")
    if abs(scaled) > QUANTITY_MAX_MILLI:
        raise Refused(f"{shorten(value)} is out of range: at most {QUANTITY_MAX_MILLI // 1000} units in a line")
    return scaled


def nearest_milli(value: object, factor: Fraction = Fraction(1)) -> tuple[int, bool]:
    """(thousandths of our unit, whether they are rounded) of a quantity in a unit that is `factor` of ours.

    Whole thousandths are exact. Else the nearest is taken, half a thousandth away from zero, and the difference is the
    shelf's until its next count. What is only the noise of a double, from the sixteenth digit on, is not rounding.
    Raises Refused for more than a million units, and for what would be rounded to nothing.
    """
    given = decimal_of(value)
    if abs(given.adjusted()) > DIGITS_MAX:
        raise Refused(f"{shorten(value)} is out of range")
    exact = Fraction(given) * factor * 1000
    floor, rest = divmod(abs(exact.numerator), exact.denominator)
    whole = floor + (2 * rest >= exact.denominator)
    whole = -whole if exact < 0 else whole
    is_noise = abs(exact - whole) * 10**_DOUBLE_DIGITS <= abs(exact)
    if abs(whole) > QUANTITY_MAX_MILLI:
        raise Refused(f"{shorten(value)} is out of range: at most {QUANTITY_MAX_MILLI // 1000} units in a line")
    if not whole and not given.is_zero():
        raise Refused(f"{shorten(value)} is less than half a thousandth of a unit: nothing would be left of it")
    return whole, exact != whole and not is_noise


def price_minor(value: object, currency: str) -> int:
    """Minor units of `currency`. Raises Refused when the amount has parts of a minor unit."""
    exponent = currency_exponent(currency)
    scaled = _scaled(decimal_of(value), exponent, f"{currency} has ({exponent})")
    return _in_price_range(scaled, value)


def line_price_minor(unit_price: object, milli: int, currency: str) -> int:
    """Unit price times quantity in minor units; half a minor unit goes away from zero, as on a receipt.

    The unit price may be finer than a minor unit (fuel: 1.799 a litre). Raises Refused.
    """
    price = decimal_of(unit_price)
    billionths = _scaled(price, 9, "a unit price may have (9)")
    product = billionths * milli * int(10 ** currency_exponent(currency))
    whole, rest = divmod(abs(product), 10**12)
    rounded = whole + (2 * rest >= 10**12)
    return _in_price_range(rounded if product >= 0 else -rounded, unit_price)


def shorten(value: object) -> str:
    """`value` quoted for a message, at most 40 characters of it."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    text = value if isinstance(value, str) else str(value)
    return repr(text if len(text) <= DIGITS_MAX else text[: DIGITS_MAX - 1] + "…")


def _scaled(value: Decimal, decimals: int, limit: str) -> int:
    """`value` times 10**decimals as an exact integer. Decimal's own products round at 28 digits."""
    if value.is_zero():
        return 0
    sign, digits, exponent = value.as_tuple()
    if abs(value.adjusted()) > DIGITS_MAX or len(digits) > _COEFFICIENT_MAX:
        raise Refused(f"{shorten(value)} is out of range")
    shift = int(exponent) + decimals
    whole = int("".join(map(str, digits)))
    power = int(10 ** abs(shift))
    if shift < 0:
        whole, rest = divmod(whole, power)
        if rest:
            raise Refused(f"{shorten(value)} has more decimals than {limit}: it would have to be rounded")
    else:
        whole *= power
    return -whole if sign else whole


def _in_price_range(minor: int, value: object) -> int:
    if abs(minor) > PRICE_MAX_MINOR:
        raise Refused(f"{shorten(value)} is out of range for a price")
    return minor
