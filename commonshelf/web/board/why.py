"""The sentences that say why a shelf holds what it holds, made of its history in the journal. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from commonshelf.desks.history import HistoryLine
from commonshelf.text import units
from commonshelf.web.board.texts import Texts

_MORE: Final[Mapping[str, str]] = {
    "sale": "{units} taken back from sales",
    "return": "{units} came back from a customer",
    "void": "{units} of a sale taken back at the till",
    "received": "{units} delivered",
    "opening": "Began with {units}",
    "adjusted": "{units} found",
    "counted, the difference": "Counted: {units} more than the books said",
    "level, the difference": "The till's system has {units} more than the books said",
    "transfer in": "{units} came by a transfer",
    "transfer back": "{units} came back from a transfer",
    "borrowed": "{units} lent by another pool",
}
_LESS: Final[Mapping[str, str]] = {
    "sale": "Sold {units}",
    "adjusted": "{units} taken off the books",
    "counted, the difference": "Counted: {units} fewer than the books said",
    "level, the difference": "The till's system has {units} fewer than the books said",
    "collected": "{units} handed over for an order",
    "damaged": "{units} found damaged",
    "transfer out": "{units} sent to another store",
    "drawn": "{units} of another pool's taken for an order",
}
_SAME: Final[Mapping[str, str]] = {
    "counted, the difference": "Counted: as the books said",
    "held": "Kept for an order",
    "held no longer": "No longer kept for an order",
}
WHY_WORDS: Final = (*_MORE.values(), *_LESS.values(), *_SAME.values())
"""All sentences, to be translated."""
_ABOUT: Final[Mapping[str, str]] = {
    "waste": "waste", "damage": "damage", "theft": "theft", "expiry": "expired", "own_use": "own use",
    "found": "found", "other": "another reason",
}  # fmt: skip
ABOUT_WORDS: Final = tuple(_ABOUT.values())


@dataclass(frozen=True)
class Because:
    """A sentence about one change of a shelf, with what was there after it. Quantities are thousandths."""

    position: int
    at_ms: int
    sentence: Markup
    about: str
    on_hand_milli: int
    held_milli: int


def because(lines: Iterable[HistoryLine], t: Texts) -> list[Because]:
    """One sentence for each line of a history."""
    return [
        Because(
            line.position, line.at_ms, sentence(line, t), str(t(_ABOUT[line.about])) if line.about in _ABOUT else
            line.about, line.on_hand_milli, line.held_milli,
        )
        for line in lines
    ]  # fmt: skip


def sentence(line: HistoryLine, t: Texts) -> Markup:
    """A change in words; of one that has no words of its own, what the journal calls it, and by how much."""
    what, change = line.what, line.change_milli
    known = _MORE if change > 0 else _LESS if change < 0 else _SAME
    if what in known:
        return t(known[what], units=units(abs(change)))
    sign = "+" if change > 0 else ""
    return t("{what} {units}", what=what, units=f"{sign}{units(change)}") if change else t(what)
