"""The stock that will still be there to sell: the oldest goods go first, and what expires unsold does not count."""

from collections.abc import Sequence
from typing import NamedTuple


class Lot(NamedTuple):
    """Units of one age."""

    units: int
    days_left: int | None
    """Full days on which they can be sold; None: they do not spoil."""


class Outlook(NamedTuple):
    """The future of a store's stock of an item."""

    usable: int
    """Units that can be sold before they expire, at the expected demand."""
    expiring: int
    """Units that expire before."""


def outlook(lots: Sequence[Lot], milli_a_day: int) -> Outlook:
    """The outlook at an even demand of so many thousandths of a unit a day, oldest lots first (FIFO)."""
    sold_milli = expiring = usable = 0
    for lot in sorted(lots, key=lambda one: (one.days_left is None, one.days_left or 0)):
        units = max(lot.units, 0)
        if lot.days_left is None:
            usable += units
            continue
        can_sell = max(milli_a_day * max(lot.days_left, 0) - sold_milli, 0) // 1000
        kept = min(units, can_sell)
        usable, expiring = usable + kept, expiring + units - kept
        sold_milli += kept * 1000
    return Outlook(usable, expiring)


def stock_position(lots: Sequence[Lot], milli_a_day: int, window_days: int) -> int:
    """The units on hand that count against an order, at an even demand of so many thousandths of a unit a day.

    Those that can be sold all through the window count, sold or not: ordering another would not make up for them. Of
    those that expire within it, what demand takes until then. window_days: lead time and review period.
    """
    lasting = [lot for lot in lots if lot.days_left is None or lot.days_left >= window_days]
    expiring = [lot for lot in lots if lot.days_left is not None and lot.days_left < window_days]
    return sum(max(lot.units, 0) for lot in lasting) + outlook(expiring, milli_a_day).usable
