"""A till's name of an item, in the coded form of the vocabulary: `gtin:04006381333931`, `plu:4011`, `sku:MILK-1L`.

Barcodes are read with biip: GTIN-8, -12 (UPC-A, UPC-E), -13 and -14 with their check digit, and GS1 element strings
that carry a GTIN. A number with a wrong check digit is refused: it would be someone else's item.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

import biip
from biip import ParseConfig
from biip.gs1_element_strings import GS1ElementString
from biip.gtin import Gtin
from biip.upc import Upc

from connectors.contract import Refused
from connectors.parsing.quantities import shorten
from connectors.parsing.spreadsheet import code_damage
from schemas.models.base import CODE_PATTERN

SCHEMES = ("gtin", "plu", "sku", "item")
"""In the order of trust: where a line has several, the first one given names the item."""

_GTIN_LENGTHS = (8, 12, 13, 14)
_BARCODE_MAX = 120
_CODE = re.compile(CODE_PATTERN)
_DIGITS = re.compile(r"[0-9]+")
_BRACKETED_AI = re.compile(r"\((01|02)\)([0-9]{14})(?![0-9])")
_LENIENT = ParseConfig(gs1_element_strings_verify_date=False)
_GTIN_AIS = ("01", "02")


@lru_cache(maxsize=65536)
def code_of(scheme: str, text: str) -> str:
    """`text` as a code of `scheme`, one of SCHEMES. Raises Refused with a reason for the sender."""
    text = text.strip()
    if not text:
        raise Refused(f"the {scheme} is empty")
    damage = code_damage(text)
    if damage is not None:
        raise Refused(f"{shorten(text)} is not a usable {scheme}: {damage}")
    code = f"gtin:{_gtin14(text)}" if scheme == "gtin" else f"{scheme}:{text}"
    if not _CODE.fullmatch(code):
        raise Refused(f"{shorten(text)} is not a usable {scheme}: 1 to 100 characters, none of them control characters")
    return code


def is_in_store(gtin14: str) -> bool:
    """True for numbers that a store gives out itself (GS1 prefixes 02, 04, 20 to 29), weighed goods among them.

    They mean something in one store only, so a mapping names the store. The weight or price inside some of them is
    not read: each chain packs it in its own way, and the line's own quantity is there.
    """
    return gtin14[0] == "0" and (gtin14[1] == "2" or gtin14[1:3] in ("02", "04"))


def _gtin14(text: str) -> str:
    if len(text) > _BARCODE_MAX:
        raise Refused(f"a barcode of {len(text)} characters is too long")
    digits = text.replace(" ", "").replace("-", "")
    if _DIGITS.fullmatch(digits) and len(digits) <= _GTIN_LENGTHS[-1]:
        return _plain_gtin14(digits)
    bracketed = _BRACKETED_AI.search(text)
    if bracketed:
        return _plain_gtin14(bracketed[2])
    for element in _element_strings(text):
        if element.ai.ai in _GTIN_AIS:
            return _plain_gtin14(element.value)
    raise Refused(f"{shorten(text)} is neither a GTIN of 8, 12, 13 or 14 digits nor a GS1 code that holds one")


def _element_strings(text: str) -> Sequence[GS1ElementString]:
    try:
        message = biip.parse(text, config=_LENIENT).gs1_message
    except biip.ParseError:
        return ()
    return message.element_strings if message else ()


def _plain_gtin14(digits: str) -> str:
    if len(digits) not in _GTIN_LENGTHS:
        raise Refused(
            f"{shorten(digits)} has {len(digits)} digits; a GTIN has 8, 12, 13 or 14 "
            "(spreadsheets drop leading zeros: export the column as text)"
        )
    if len(digits) == 8 and digits[0] == "0":
        expanded = _expanded_upc_e(digits)
        if expanded:
            return expanded
    expected = check_digit(digits[:-1])
    if digits[-1] != expected:
        raise Refused(f"{shorten(digits)} has a wrong check digit: {digits[-1]}, where {expected} belongs")
    try:
        return Gtin.parse(digits).as_gtin_14()
    except biip.ParseError as error:
        raise Refused(f"{shorten(digits)} is not a GTIN: {error}") from error


def _expanded_upc_e(digits: str) -> str | None:
    """The GTIN of a zero-suppressed UPC-E; None where the digits are none."""
    try:
        return Upc.parse(digits).as_gtin_14()
    except biip.ParseError:
        return None


def check_digit(payload: str) -> str:
    """The GS1 check digit of `payload` (GS1 General Specifications, 7.9: weights 3 and 1 from the right)."""
    total = sum(int(digit) * (3 if at % 2 == 0 else 1) for at, digit in enumerate(reversed(payload)))
    return str(-total % 10)
