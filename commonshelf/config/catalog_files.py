"""Reads an operator's CSV lists: the product master of a pool, and what a store's own codes mean.

Catalog columns: sku and name; and, when known, gtin, category, unit (each, kg, l), pack, cost, price, tax_percent,
shelf_life_days, supplier, substitutes and codes (both separated by spaces; a code is written SCHEME:TEXT, such as
plu:4011). Code list columns: code and sku. Other columns are left alone.
"""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from connectors.contract import Refused
from connectors.parsing.codes import SCHEMES, code_of
from connectors.parsing.quantities import price_minor, quantity_milli
from messaging.errors import UserError
from schemas.models.catalog import CatalogItem
from schemas.models.config import CodeMapping, ConfigChange
from schemas.models.forms import first_problem

ORIGIN = "commonshelf"
_MILLI_PERCENT_PER_PERMILLE = 100
_BARCODE_MIN_DIGITS = 8

Parsers = dict[str, tuple[str, Callable[[str], Any]]]
"""Column → (field, how its text becomes the field's value)."""


class UnusableFileError(UserError):
    """A list of the operator cannot be used; the text names file and line."""


def read_catalog(file: Path, pool: str, currency: str, now_ms: int) -> Iterator[CatalogItem | ConfigChange]:
    """The items of a catalog file, and the mappings of their extra codes. Raises UnusableFileError."""
    parsers = _catalog_parsers(currency)
    for line, row in csv_rows(file, ("sku", "name")):
        try:
            fields = {
                field: _parse(column, row[column], parse)
                for column, (field, parse) in parsers.items()
                if row.get(column)
            }
            yield CatalogItem(pool=pool, recorded_at_ms=now_ms, **fields)
            for code in row.get("codes", "").split():
                yield _mapping(pool, None, code, row["sku"], now_ms)
        except ValueError as error:
            raise located(file, line, error) from None


def read_codes(file: Path, pool: str, store: str, now_ms: int) -> Iterator[ConfigChange]:
    """The meanings of the store's own codes. Raises UnusableFileError."""
    for line, row in csv_rows(file, ("code", "sku")):
        try:
            yield _mapping(pool, store, row["code"], row["sku"], now_ms)
        except ValueError as error:
            raise located(file, line, error) from None


def _catalog_parsers(currency: str) -> Parsers:
    return {
        "sku": ("sku", str),
        "name": ("name", str),
        "gtin": ("gtin", lambda text: code_of("gtin", text).removeprefix("gtin:")),
        "category": ("category", str),
        "unit": ("unit", str),
        "pack": ("pack_milli", quantity_milli),
        "cost": ("cost_minor", lambda text: price_minor(text, currency)),
        "price": ("price_minor", lambda text: price_minor(text, currency)),
        "tax_percent": ("tax_permille", _permille),
        "shelf_life_days": ("shelf_life_days", _days),
        "supplier": ("supplier", str),
        "substitutes": ("substitutes", lambda text: tuple(text.split())),
    }


def _permille(percent: str) -> int:
    permille, rest = divmod(quantity_milli(percent), _MILLI_PERCENT_PER_PERMILLE)
    if rest:
        raise Refused(f"{percent!r} has more than one decimal")
    return permille


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise Refused(f"{text!r} is no whole number of days")
    return int(text)


def _parse(column: str, text: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"{column}: {error}") from None


def _mapping(pool: str, store: str | None, text: str, sku: str, now_ms: int) -> ConfigChange:
    change = CodeMapping(store=store, code=parse_code(text), sku=sku)
    return ConfigChange(pool=pool, recorded_at_ms=now_ms, origin=ORIGIN, change=change)


def parse_code(text: str) -> str:
    """The code that a person wrote as SCHEME:TEXT, or as the digits of a barcode. Raises Refused."""
    if text.isascii() and text.isdigit() and len(text) >= _BARCODE_MIN_DIGITS:
        return code_of("gtin", text)
    scheme, _, rest = text.partition(":")
    if scheme not in SCHEMES:
        raise Refused(f"code {text!r} has no known scheme; write it like gtin:4006381333931, plu:4011, sku:… or item:…")
    return code_of(scheme, rest)


def csv_rows(file: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, column → stripped text) of each row that is not empty. Raises UnusableFileError."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            columns = [name.strip().lower() for name in reader.fieldnames or []]
            missing = [name for name in needed if name not in columns]
            if missing:
                raise UnusableFileError(
                    f"{file}:1: the column {missing[0]} is missing; the first line must name the columns"
                )
            reader.fieldnames = columns
            for row in reader:
                texts = {key: value.strip() for key, value in row.items() if key and isinstance(value, str)}
                if any(texts.values()):
                    yield reader.line_num, texts
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnusableFileError(f"{file} cannot be read as a UTF-8 CSV file ({error}); check the file") from None


def located(file: Path, line: int, error: ValueError) -> UnusableFileError:
    """The fault of a row, with file and line."""
    if isinstance(error, ValidationError):
        return UnusableFileError(f"{file}:{line}: {first_problem(error, 'the row')}")
    return UnusableFileError(f"{file}:{line}: {error}")
