"""A till's exports: CSV files as its software writes them into the store's drop folder."""

import csv
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

from world.documents import DocumentKind, DocumentLine, StoreDocument

_PREFIX: Mapping[DocumentKind, str] = {
    "sale": "sales",
    "opening": "opening",
    "received": "receipts",
    "adjusted": "adjustments",
    "counted": "counts",
}
_SALE_HEADER = (
    "register", "receipt_no", "version", "line_no", "sold_at", "exported_at",
    "kind", "gtin", "plu", "sku", "qty", "uom", "unit_price",
)  # fmt: skip
_STOCK_HEADER = ("document_no", "version", "line_no", "occurred_at", "exported_at", "gtin", "plu", "sku", "qty", "uom",
                 "reason")  # fmt: skip
_SCHEMES = ("gtin", "plu", "sku")
_QUANTITY_PLACES = 4
"""With three, 1.234 could be read as more than a thousand."""


def write_export(folder: Path, kind: DocumentKind, documents: Iterable[StoreDocument], mark: str) -> Path:
    """Write one file of documents of one kind, such that a reader sees it whole or not at all. Returns its path.

    mark: makes the name unique; letters, digits, hyphens.
    """
    path = folder / f"{_PREFIX[kind]}-{mark}.csv"
    unfinished = folder / f".{path.name}.tmp"
    with unfinished.open("w", encoding="utf-8", newline="") as out:
        out.write(export_text(kind, documents))
        out.flush()
        os.fsync(out.fileno())
    unfinished.rename(path)
    return path


def export_text(kind: DocumentKind, documents: Iterable[StoreDocument]) -> str:
    """The file's content: a header and a row per line."""
    out = StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(_SALE_HEADER if kind == "sale" else _STOCK_HEADER)
    for document in documents:
        for line in document.lines:
            goods = (*_code_cells(line), decimal(10 * line.quantity_milli, _QUANTITY_PLACES), line.unit)
            if kind == "sale":
                price = "" if line.price_minor is None else decimal(line.price_minor, 2)
                writer.writerow((document.register, *_head(document, line), line.kind, *goods, price))
            else:
                writer.writerow((*_head(document, line), *goods, line.kind))
    return out.getvalue()


def decimal(value: int, places: int) -> str:
    """An integer count of 10^-places as a decimal number, exactly: 485 with 3 places is 0.485."""
    whole, fraction = divmod(abs(value), 10**places)
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{fraction:0{places}d}"


def iso(at_ms: int) -> str:
    """ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")


def _head(document: StoreDocument, line: DocumentLine) -> tuple[object, ...]:
    return document.number, document.version, line.line_no, iso(document.occurred_at_ms), iso(document.sent_at_ms)


def _code_cells(line: DocumentLine) -> tuple[str, ...]:
    scheme, _, text = line.code.partition(":")
    return tuple(text if scheme == column else "" for column in _SCHEMES)
