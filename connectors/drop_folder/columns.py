"""Columns and their meaning: their headers to our fields, the delimiter, the decimal mark."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from connectors.contract import Refused
from connectors.drop_folder.rows import BrokenRow, Row, split_line
from connectors.drop_folder.settings import TABLE_FIELDS, FileKind
from connectors.drop_folder.survey import FileRefused
from connectors.parsing.quantities import shorten

DELIMITERS = (",", ";", "\t", "|")
JOINED_FIELD = "occurred_at"
"""Several columns may be mapped to it: a day and a time of day. They are joined by a blank in the mapping's order."""
NUMBER_FIELDS = ("quantity", "unit_price", "price")
DecimalMark = Literal[".", ","]

_ALIASES: Mapping[str, str] = {field: field for field in TABLE_FIELDS} | {
    "store_id": "store", "shop": "store", "shop_id": "store", "location": "store",
    "register_id": "register", "till": "register", "till_id": "register", "terminal": "register", "pos": "register",
    "receipt": "receipt_no", "receipt_id": "receipt_no", "receipt_number": "receipt_no", "transaction_id": "receipt_no",
    "transaction_no": "receipt_no", "ticket": "receipt_no", "bon": "receipt_no", "belegnummer": "receipt_no",
    "line": "line_no", "line_number": "line_no", "position": "line_no", "pos_no": "line_no", "line_id": "line_no",
    "sold_at": "occurred_at", "datetime": "occurred_at", "timestamp": "occurred_at", "time": "occurred_at",
    "counted_at": "occurred_at", "received_at": "occurred_at", "adjusted_at": "occurred_at", "as_of": "occurred_at",
    "occurred": "occurred_at", "business_day": "business_date", "exported_at": "recorded_at",
    "revision": "version", "order": "order_ref", "order_id": "order_ref",
    "type": "kind", "line_type": "kind",
    "barcode": "gtin", "ean": "gtin", "ean13": "gtin", "upc": "gtin", "plu_code": "plu",
    "article_no": "sku", "artikelnummer": "sku", "item_id": "item", "variation_id": "item",
    "qty": "quantity", "menge": "quantity", "counted": "quantity", "on_hand": "quantity", "stock": "quantity",
    "uom": "unit", "unit_of_measure": "unit", "einheit": "unit",
    "price_each": "unit_price", "einzelpreis": "unit_price",
    "line_price": "price", "line_total": "price", "amount": "price", "total": "price",
    "document": "document_no", "delivery_note": "document_no", "reference": "document_no", "count_no": "document_no",
    "cause": "reason",
}  # fmt: skip
"""Usual headers, in lower case with underscores, and the field that they mean."""

CODES = ("gtin", "plu", "sku", "item")
_REQUIRED: Mapping[FileKind, tuple[str, ...]] = {
    "sales": ("receipt_no", "occurred_at", "quantity"),
    "counted": ("occurred_at", "quantity"),
}
_SEPARATOR_LINE = re.compile(r"sep=(.)\s*", re.IGNORECASE)
_SINGLE_MARK = re.compile(r"[+-]?[0-9]+([.,])[0-9]+")
_GROUPED = {
    ",": re.compile(r"[+-]?[0-9]{1,3}(\.[0-9]{3})+,[0-9]+"),
    ".": re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+\.[0-9]+"),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a file: (field, index, their header), and the number of columns in all.

    delimiter: empty where cells come apart by themselves, as in a workbook.
    """

    delimiter: str
    columns: tuple[tuple[str, int, str], ...]
    width: int

    def header_of(self, field: str) -> str:
        """Their header of `field`; the field's own name when the file lacks it."""
        return next((header for name, _, header in self.columns if name == field), field)


def separator_line(line: str) -> str | None:
    """The delimiter that a first line `sep=;` (as spreadsheets write it) names, or None."""
    found = _SEPARATOR_LINE.fullmatch(line.strip("\r\n"))
    return found[1] if found and found[1] in DELIMITERS else None


def read_layout(header: str, kind: FileKind, mapping: Mapping[str, str], delimiter: str | None = None) -> Layout:
    """Understand the header line. Of the delimiters, the one that gives most known columns is taken.

    mapping: their header → our field, before the usual headers. Raises FileRefused.
    """
    return _checked(split_header(header, mapping, delimiter)[0], kind, header.strip(), mapping)


def split_header(header: str, mapping: Mapping[str, str], delimiter: str | None = None) -> tuple[Layout, list[str]]:
    """(the columns as far as they are known, all cells of the header line)."""
    split = [(each, split_line(header, each)) for each in ((delimiter,) if delimiter else DELIMITERS)]
    layouts = [(known_columns(cells, mapping, each), cells) for each, cells in split]
    return max(layouts, key=lambda one: (len(one[0].columns), one[0].width))


def layout_of(cells: Sequence[str], kind: FileKind, mapping: Mapping[str, str]) -> Layout:
    """Understand a header whose cells are apart. Raises FileRefused."""
    return _checked(known_columns(cells, mapping), kind, " | ".join(cells), mapping)


def missing_fields(fields: Collection[str], kind: FileKind) -> tuple[str, ...]:
    """Fields without which a file of that kind says nothing; "item" stands for any of the codes."""
    missing = [field for field in _REQUIRED.get(kind, ("quantity",)) if field not in fields]
    return (*missing, *(() if any(code in fields for code in CODES) else ("item",)))


def _checked(layout: Layout, kind: FileKind, header: str, mapping: Mapping[str, str]) -> Layout:
    fields = [field for field, _, _ in layout.columns]
    for field in fields:
        if fields.count(field) > 1 and not (field == JOINED_FIELD and field in mapping.values()):
            both = " and ".join(repr(theirs) for name, _, theirs in layout.columns if name == field)
            raise FileRefused(f"the columns {both} both mean {field}; say which one counts, in the option columns")
    missing = [field for field in missing_fields(fields, kind) if field != "item"]
    if missing:
        raise FileRefused(
            f"no column for {', '.join(missing)} in the header {shorten(header)}; "
            "name the columns as in docs/drop-folder.md, or map them in the option columns"
        )
    if not any(field in fields for field in CODES):
        raise FileRefused(f"no column names the item; one of {', '.join(CODES)} is needed")
    return layout


def known_columns(cells: Sequence[str], mapping: Mapping[str, str], delimiter: str = "") -> Layout:
    """The columns whose header is known, by the operator's own mapping first."""
    own = {normal_header(theirs): field for theirs, field in mapping.items()}
    columns = []
    chosen = {own[normal_header(cell)] for cell in cells if normal_header(cell) in own}
    for index, cell in enumerate(cells):
        name = normal_header(cell)
        field = own.get(name)
        if field is None and _ALIASES.get(name) not in chosen:
            field = _ALIASES.get(name)
        if field is not None:
            columns.append((field, index, cell.strip()))
    order = list(own)
    if sum(field == JOINED_FIELD for field, _, _ in columns) > 1 and chosen:
        columns.sort(key=lambda each: order.index(normal_header(each[2])) if each[0] == JOINED_FIELD else -1)
    return Layout(delimiter, tuple(columns), len(cells))


def normal_header(header: str) -> str:
    """A header as it is compared: lower case, words joined by underscores."""
    return re.sub(r"[\s_./-]+", "_", header.strip().lower()).strip("_")


def sniff_decimal_mark(layout: Layout, sample: Iterable[Row | BrokenRow]) -> DecimalMark:
    """The mark that the numbers of the first rows use. Without evidence: a comma in text that it does not delimit."""
    seen: set[str] = set()
    indexes = [index for field, index, _ in layout.columns if field in NUMBER_FIELDS]
    for row in sample:
        if isinstance(row, Row):
            for index in indexes:
                found = _SINGLE_MARK.fullmatch(row.cells[index].strip()) if index < len(row.cells) else None
                if found:
                    seen.add(found[1])
    if seen:
        return "," if seen == {","} else "."
    return "." if layout.delimiter in ("", ",") else ","


def plain_number(text: str, mark: DecimalMark) -> str:
    """A number with a decimal point and nothing else. Raises Refused where a mark can be read in two ways."""
    text = text.strip()
    other = "," if mark == "." else "."
    if other in text:
        if not _GROUPED[mark].fullmatch(text):
            raise Refused(
                f"{shorten(text)} can be read in two ways: the decimal mark of this file is {mark!r}; "
                "write it so, or set the option decimal_mark"
            )
        text = text.replace(other, "")
    return text.replace(",", ".")
