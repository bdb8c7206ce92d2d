"""Columns and their meaning: their headers to our fields, the header's line, and the delimiter."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from connectors.drop_folder.headers import ALIASES, CLOCKS, DAYS
from connectors.drop_folder.known_tills import preset_of
from connectors.drop_folder.preset import Preset, normal_header
from connectors.drop_folder.rows import CELLS_MAX, split_line
from connectors.drop_folder.settings import SHARED_FIELDS, FileKind
from connectors.drop_folder.survey import FileRefused
from connectors.parsing.quantities import shorten

DELIMITERS = (",", ";", "\t", "|")
JOINED_FIELD = "occurred_at"
"""Several columns may be mapped to it: a day and a time of day. They are joined by a blank in the mapping's order."""
NUMBER_FIELDS = ("quantity", "unit_price", "price")
CODES = ("gtin", "plu", "sku", "item")
_REQUIRED: Mapping[FileKind, tuple[str, ...]] = {
    "sales": ("receipt_no", "occurred_at", "quantity"),
    "counted": ("occurred_at", "quantity"),
}
_SEPARATOR_LINE = re.compile(r"sep=(.)\s*", re.IGNORECASE)
_TELLING_COLUMNS = 2
"""So many known headers make a line the header, whatever stands above it."""
_MOST_CELLS = 0.6
"""A header fills so many of the cells of the fullest line; a title does not."""
_GUESS_HINT = "./shelf connect guess FILE shows how the file can be read"


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a file: (field, index, their header), and the number of columns in all.

    delimiter: empty where cells come apart by themselves, as in a workbook. header: all cells of the header.
    preset: of the till whose export it is, if that is known.
    """

    delimiter: str
    columns: tuple[tuple[str, int, str], ...]
    width: int
    header: tuple[str, ...] = ()
    preset: Preset | None = None

    def header_of(self, field: str) -> str:
        """Their header of `field`; the field's own name when the file lacks it."""
        return next((header for name, _, header in self.columns if name == field), field)

    def has(self, field: str) -> bool:
        """Whether a column means `field`."""
        return any(name == field for name, _, _ in self.columns)

    @property
    def unused(self) -> tuple[tuple[int, str], ...]:
        """(index, header) of the columns that mean nothing here, by a guess of ours and not by the operator's word."""
        used = {index for _, index, _ in self.columns}
        return tuple(
            (index, name.strip()) for index, name in enumerate(self.header) if index not in used and name.strip()
        )


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a table: its place among the lines (rows) that were looked at, from 0, and its columns."""

    at: int
    layout: Layout


def separator_line(line: str) -> str | None:
    """The delimiter that a first line `sep=;` (as spreadsheets write it) names, or None."""
    found = _SEPARATOR_LINE.fullmatch(line.strip("\r\n"))
    return found[1] if found and found[1] in DELIMITERS else None


def text_header(lines: Sequence[str], kind: FileKind | None, mapping: Mapping[str, str]) -> Header | None:
    """The header among the first lines of a text file; titles and empty lines may stand above it.

    mapping: their header → our field, before the usual headers. Of the delimiters, the one that gives most known
    columns is taken, unless a line names one. A line of more cells than a row may have is no header.
    """
    delimiter: str | None = None
    candidates: list[Header] = []
    for at, line in enumerate(lines):
        named = separator_line(line)
        if named is not None:
            delimiter = named
        elif line.strip():
            split = [(each, split_line(line, each)) for each in ((delimiter,) if delimiter else DELIMITERS)]
            if all(len(cells) <= CELLS_MAX for _, cells in split):
                layouts = [known_columns(cells, mapping, each) for each, cells in split]
                candidates.append(Header(at, max(layouts, key=lambda one: (len(one.columns), one.width))))
    return _best(candidates, kind)


def cells_header(rows: Sequence[Sequence[str]], kind: FileKind | None, mapping: Mapping[str, str]) -> Header | None:
    """The header among the first rows of a table whose cells are apart."""
    filled = [(at, cells) for at, cells in enumerate(rows) if any(cells) and len(cells) <= CELLS_MAX]
    return _best([Header(at, known_columns(cells, mapping)) for at, cells in filled], kind)


def missing_fields(fields: Collection[str], kind: FileKind) -> tuple[str, ...]:
    """Fields without which a file of that kind says nothing; "item" stands for any of the codes."""
    missing = [field for field in _REQUIRED.get(kind, ("quantity",)) if field not in fields]
    return (*missing, *(() if any(code in fields for code in CODES) else ("item",)))


def checked(layout: Layout, kind: FileKind, mapping: Mapping[str, str]) -> Layout:
    """`layout`, if a file of that kind can be read by it. Raises FileRefused."""
    if layout.preset is not None and layout.preset.refusal:
        raise FileRefused(f"it is {layout.preset.title}: {layout.preset.refusal}")
    fields = [field for field, _, _ in layout.columns]
    doubled = [field for field in fields if fields.count(field) > 1 and field not in SHARED_FIELDS]
    if is_doubled_time(layout, mapping):
        doubled.append(JOINED_FIELD)
    for field in doubled:
        both = " and ".join(repr(theirs) for name, _, theirs in layout.columns if name == field)
        raise FileRefused(
            f"the columns {both} both mean {field}; say which one counts, in the option columns, and map the other to "
            "ignored"
        )
    missing = [field for field in missing_fields(fields, kind) if field != "item"]
    if missing == ["receipt_no"]:  # a list of a day's sums needs none; whether it is one, its times say
        missing = []
    if layout.preset is not None and layout.preset.is_one_unless_told:
        missing = [field for field in missing if field != "quantity"]
    header = layout.delimiter.join(layout.header) if layout.delimiter else " | ".join(layout.header)
    if missing:
        raise FileRefused(
            f"no column for {', '.join(missing)} in the header {shorten(header.strip())}; "
            f"name the columns as in docs/drop-folder.md, or map them in the option columns; {_GUESS_HINT}"
        )
    if not any(field in fields for field in CODES):
        raise FileRefused(f"no column names the item; one of {', '.join(CODES)} is needed; {_GUESS_HINT}")
    return layout


def known_columns(cells: Sequence[str], mapping: Mapping[str, str], delimiter: str = "") -> Layout:
    """The columns whose header is known: by the operator's own mapping first, then by the till whose export it is.

    Where neither knows any, by their usual names.
    """
    own = {normal_header(theirs): field for theirs, field in mapping.items()}
    names = [normal_header(cell) for cell in cells]
    preset = preset_of(names)
    chosen = {own[name] for name in names if name in own} - {"ignored"}
    found = preset.fields(names) if preset else _of_names(names, own)
    fields = {index: field for field, index in found if field not in chosen and names[index] not in own}
    fields |= {index: own[name] for index, name in enumerate(names) if name in own}
    columns = [(fields[index], index, cells[index].strip()) for index in sorted(fields)]
    order = list(own) if JOINED_FIELD in chosen else [names[index] for field, index in found if field == JOINED_FIELD]
    if sum(field == JOINED_FIELD for field, _, _ in columns) > 1:
        columns.sort(key=lambda each: order.index(names[each[1]]) if each[0] == JOINED_FIELD else -1)
    return Layout(delimiter, tuple(columns), len(cells), tuple(cells), preset)


def _of_names(names: Sequence[str], own: Mapping[str, str]) -> list[tuple[str, int]]:
    """(field, index) by usual names. A day and a time of day that stand apart are joined, the day first."""
    free = [index for index, name in enumerate(names) if name not in own]
    known = [(ALIASES[names[index]], index) for index in free if names[index] in ALIASES]
    days = [index for index in free if names[index] in DAYS]
    times = [index for field, index in known if field == JOINED_FIELD]
    if days and all(names[index] in CLOCKS for index in times):
        clocks = [index for index in free if names[index] in CLOCKS]
        known = [(field, index) for field, index in known if field != JOINED_FIELD]
        known += [(JOINED_FIELD, index) for index in (*days, *clocks)]
    return known


def is_doubled_time(layout: Layout, mapping: Mapping[str, str]) -> bool:
    """True where two columns are times by their names, and not a day and its time of day."""
    names = [normal_header(header) for field, _, header in layout.columns if field == JOINED_FIELD]
    if len(names) < 2 or layout.preset is not None or JOINED_FIELD in mapping.values():
        return False
    return [name in DAYS for name in names] != [True, False]


def _best(candidates: Sequence[Header], kind: FileKind | None) -> Header | None:
    for header in candidates:
        fields = [field for field, _, _ in header.layout.columns]
        if header.layout.preset is not None or (kind is not None and not missing_fields(fields, kind)):
            return header
    known = max(candidates, key=lambda header: len(header.layout.columns), default=None)
    if known is not None and len(known.layout.columns) >= _TELLING_COLUMNS:
        return known
    most = max((_filled(header) for header in candidates), default=0)
    return next((header for header in candidates if _filled(header) >= _MOST_CELLS * most), None)


def _filled(header: Header) -> int:
    return sum(bool(cell.strip()) for cell in header.layout.header)
