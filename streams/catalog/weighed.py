"""Labels of a store's scale: an in-store number that also carries a weight, a price or a count. Pure.

Which digits carry it differs from region to region (GS1 General Specifications, 2.1.12; the rules are biip's). Each
label is another number, so a mapping names the one with zeros in their place. The line has a quantity of its own, so
what the label carries is not read.
"""

from functools import lru_cache
from typing import NamedTuple

from biip import EncodeError, ParseConfig, ParseError
from biip.gtin import Gtin
from biip.rcn import Rcn, RcnRegion

_IN_STORE = ("gtin:02", "gtin:002", "gtin:004")
_CODE_MAX = len("gtin:") + 14


class Label(NamedTuple):
    """The code that all labels of an item share, and the item's number in it."""

    code: str
    item_number: str


def label_of(code: str, region: str) -> Label | None:
    """What `code` is as a scale's label by the rules of `region`; None for one that carries no measure there."""
    # Only what may be a label is remembered: any other text may be as long as a record.
    return _label(code, region) if len(code) <= _CODE_MAX and code.startswith(_IN_STORE) else None


@lru_cache(maxsize=65_536)
def _label(code: str, region: str) -> Label | None:
    try:
        number = Gtin.parse(
            code.removeprefix("gtin:"),
            config=ParseConfig(rcn_region=RcnRegion(region), rcn_verify_variable_measure=False),
        )
        if not isinstance(number, Rcn) or (number.weight, number.price, number.count) == (None, None, None):
            return None
        return Label(f"gtin:{number.without_variable_measure().as_gtin_14()}", str(number.item_reference))
    except (ParseError, EncodeError):
        return None
