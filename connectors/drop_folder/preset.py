"""A preset: how the export of a well-known till is read, which its headers give away."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from connectors.drop_folder.no_sale import Verdict
from connectors.drop_folder.settings import FileKind
from connectors.parsing.spreadsheet import clean_cell
from connectors.parsing.units import UnitWords, measure_of
from schemas.models.pos import Unit

_PRECISION = re.compile(r"[ ,]*\(?\.?0*\)?$")
"""Behind a unit, how finely it is counted: kg .000."""
Judge = Callable[[Mapping[str, str]], Verdict | None]


@dataclass(frozen=True, slots=True)
class Preset:
    """The layout of one export.

    title: its name for people. needs: the headers that only this export has together, as `normal_header` gives them.
    columns: a header (alternatives apart by |, any ending as *) and its field; all others mean nothing here.
    judge: what the other columns say of a row, which it gets by their headers; raises FieldRefused.
    first_row_only: headers whose cells stand on the first row of a receipt and hold for all of its rows.
    refusal: why such a file cannot be used, and which export can. has_untracked: a row without a quantity is no stock.
    is_one_unless_told: a row without a quantity is one piece. has_own_units: units that are not known are the
    merchant's own words, such as a bunch, of which there are so many.
    """

    name: str
    title: str
    kind: FileKind
    needs: tuple[str, ...]
    columns: tuple[tuple[str, str], ...] = ()
    judge: Judge | None = None
    first_row_only: tuple[str, ...] = ()
    refusal: str = ""
    has_untracked: bool = False
    is_one_unless_told: bool = False
    has_own_units: bool = False

    def fits(self, names: Sequence[str]) -> bool:
        """Whether a table with these headers is such an export."""
        return all(any(_matches(name, need) for name in names) for need in self.needs)

    def kind_of(self, named: FileKind | None) -> FileKind:
        """What such a file holds, if its name says `named`: which report of stock it is, the name may say."""
        if named is None or (named == "sales") != (self.kind == "sales"):
            return self.kind
        return named

    def fields(self, names: Sequence[str]) -> list[tuple[str, int]]:
        """(field, index of its column), in the preset's order. Of alternatives, the first that is there counts."""
        found: list[tuple[str, int]] = []
        for header, field in self.columns:
            for alternative in header.split("|"):
                indexes = [index for index, name in enumerate(names) if _matches(name, alternative)]
                if indexes:
                    found += [(field, index) for index in indexes]
                    break
        return found

    def complete(self, fields: dict[str, str], own_units: UnitWords) -> None:
        """Write into `fields` what the till means and does not write. own_units: the store's words for units."""
        if self.is_one_unless_told and not fields.get("quantity"):
            fields["quantity"] = "1"
        unit = fields.get("unit")
        if self.has_own_units and unit and measure_of(unit, own_units) is None:
            word = _PRECISION.sub("", unit)
            fields["unit"] = word if measure_of(word, own_units) is not None else Unit.each.value


def normal_header(header: str) -> str:
    """A header as it is compared: lower case, words joined by underscores."""
    return re.sub(r"[\s_./-]+", "_", clean_cell(header).lower()).strip("_")


def _matches(name: str, wanted: str) -> bool:
    return any(name.startswith(each[:-1]) if each.endswith("*") else name == each for each in wanted.split("|"))
