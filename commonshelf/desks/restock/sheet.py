"""A shop's sheet of restock proposals: its columns and rows, the same in a workbook, in CSV and in Google Sheets."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from commonshelf.text import one_line
from connectors.parsing.spreadsheet import guarded
from schemas.currency import decimal_text
from schemas.types.restock import RestockProposal

Cell = str | int | Decimal
YES, NO = "yes", "no"
_MILLI = 1000


class Column(NamedTuple):
    """A column of the sheet."""

    heading: str
    width: int
    """Characters."""
    about: str
    """What stands in it, for docs/restock.md."""


COLUMNS: Final = (
    Column("SKU", 14, "the item"),
    Column("name", 26, "its name"),
    Column("unit", 6, "each, kg or l"),
    Column("on hand", 9, "what your books say"),
    Column("spoils", 8, "what of it will spoil before it is sold"),
    Column("on its way", 8, "ordered, or sent by a neighbour"),
    Column("forecast", 10, "what is expected to be sold in so many days"),
    Column("days", 6, "until the goods of the order after next are there"),
    Column("pack", 7, "units in a pack"),
    Column("pack cost", 10, "what a pack costs"),
    Column("from neighbours", 11, "what they are to send, if you approve"),
    Column("proposal", 10, "what is proposed to buy"),
    Column("buy", 9, "what you want to buy, whole packs; yours to change"),
    Column("cover", 7, "full days that all of it will last"),
    Column("cost", 10, "what you buy costs"),
    Column("why", 60, "the reason"),
    Column("approve", 9, "yes or no; yours to fill in, and empty means: ask me again"),
    Column("version", 9, "of the proposal; hidden, as the next two"),
    Column("store", 9, "the store"),
    Column("pool", 9, "the pool"),
)
HEADINGS: Final = tuple(column.heading for column in COLUMNS)
EDITABLE: Final = ("buy", "approve")
HIDDEN: Final = ("version", "store", "pool")


def row_of(proposal: RestockProposal) -> dict[str, Cell]:
    """Heading → cell, of a proposal nobody has answered."""
    moved = moved_milli(proposal)
    return {
        "SKU": proposal["sku"], "name": proposal["name"], "unit": proposal["unit"],
        "on hand": _units(proposal["on_hand_milli"]), "spoils": _units(proposal["expiring_milli"]),
        "on its way": _units(proposal["incoming_milli"]), "forecast": _units(proposal["mean_milli"]),
        "days": proposal["lead_days"] + proposal["review_days"], "pack": _units(proposal["pack_milli"]),
        "pack cost": _money(proposal["pack_cost_minor"], proposal["currency"]), "from neighbours": _units(moved),
        "proposal": _units(proposal["buy_milli"]), "buy": _units(proposal["buy_milli"]),
        "cover": _or_empty(cover_days(proposal, proposal["buy_milli"])),
        "cost": _money(cost_minor(proposal, proposal["buy_milli"]), proposal["currency"]), "why": proposal["why"],
        "approve": "", "version": proposal["version"], "store": proposal["store"], "pool": proposal["pool"],
    }  # fmt: skip


def moved_milli(proposal: RestockProposal) -> int:
    """What neighbours are to send, thousandths of the unit."""
    return sum(move["quantity_milli"] for move in proposal["moves"])


def cover_days(proposal: RestockProposal, buy_milli: int) -> int | None:
    """Full days that the stock lasts once so much is bought and what is proposed is moved; None if nothing is wanted.

    What spoils before it is sold does not count.
    """
    if proposal["mean_milli"] <= 0:
        return None
    there = proposal["on_hand_milli"] - proposal["expiring_milli"] + proposal["incoming_milli"]
    stock = max(there + moved_milli(proposal) + buy_milli, 0)
    return stock * (proposal["lead_days"] + proposal["review_days"]) // proposal["mean_milli"]


def cost_minor(proposal: RestockProposal, buy_milli: int) -> int:
    """What so many whole packs cost, in minor units."""
    return buy_milli * proposal["pack_cost_minor"] // proposal["pack_milli"]


def formulas(row: int) -> Mapping[str, str]:
    """Heading → the formula that reckons `cover_days` or `cost_minor` anew in row `row` of a sheet.

    Sheets reckon in binary fractions; what is rounded to the ninth decimal first is exact again.
    """
    at = {heading: f"{letter(heading)}{row}" for heading in HEADINGS}
    stock = f"{at['on hand']}-{at['spoils']}+{at['on its way']}+{at['from neighbours']}+{at['buy']}"
    days = f"ROUNDDOWN(ROUND(MAX({stock},0)*{at['days']}/{at['forecast']},9),0)"
    return {
        "cover": f'=IF({at["forecast"]}<=0,"",{days})',
        "cost": f"=ROUND({at['buy']}/{at['pack']}*{at['pack cost']},4)",
    }


def letter(heading: str) -> str:
    """The sheet's letter for a column; there are fewer than 27."""
    return chr(ord("A") + HEADINGS.index(heading))


def sheet_csv(proposals: Iterable[RestockProposal]) -> str:
    """The sheet as CSV, with a row of headings; cells that are no numbers are guarded against being formulas."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADINGS)
    for proposal in proposals:
        writer.writerow(plain_row(proposal))
    return out.getvalue()


def plain_row(proposal: RestockProposal) -> Sequence[Cell]:
    """The cells in the order of the columns, text on one line and guarded."""
    row = row_of(proposal)
    return [guarded(one_line(cell)) if isinstance(cell, str) else cell for cell in (row[name] for name in HEADINGS)]


def _units(milli: int) -> Decimal:
    """Thousandths as units without zeros at the end: 1500 → 1.5."""
    return Decimal(milli) / _MILLI


def _money(minor: int, currency: str) -> Decimal:
    return Decimal(decimal_text(minor, currency))


def _or_empty(days: int | None) -> Cell:
    return "" if days is None else days
