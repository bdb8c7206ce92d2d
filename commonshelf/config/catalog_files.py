"""Reads an operator's lists: the product master of a pool, and what a store's own codes mean.

They are CSV files or Excel workbooks, in any form that the drop folder reads. Catalog columns: sku and name; and, when
known, gtin, category, unit (each, kg, l), pack, cost, price, tax_percent, shelf_life_days, supplier, plu,
substitutes, codes and pack_codes (separated by spaces; a code is written SCHEME:TEXT, such as plu:4011), also by their
German, French, Spanish, Italian and Dutch names; and parts: of a kit, SKU=QUANTITY for each item in it. One piece of a
pack code is a whole pack. Code list columns: code and sku, and maybe unit and factor: one piece of the code is factor
units. Other columns are left alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from commonshelf.config.catalog_headers import CATALOG_HEADERS, CODE_HEADERS
from commonshelf.config.pieces import pack_of, parse_parts, parse_piece
from connectors.contract import Refused
from connectors.drop_folder.lists import read_list
from connectors.drop_folder.numbers import Marks, marks_shown, plain_amount, plain_number
from connectors.drop_folder.survey import FileRefused
from connectors.parsing.codes import SCHEMES, code_of
from connectors.parsing.lines import unit_named
from connectors.parsing.quantities import price_minor, quantity_milli
from messaging.errors import UserError
from schemas.models.catalog import CatalogItem
from schemas.models.config import CodeMapping, ConfigChange, PieceMeasure
from schemas.models.forms import first_problem

ORIGIN = "commonshelf"
_MILLI_PERCENT_PER_PERMILLE = 100
_BARCODE_MIN_DIGITS = 8
_PLU_MAX_DIGITS = 5
NUMBER_COLUMNS = ("pack", "cost", "price", "tax_percent")
Parsers = dict[str, tuple[str, Callable[[str], Any]]]
"""Column → (field, how its text becomes the field's value)."""


class UnusableFileError(UserError):
    """A list of the operator cannot be used; the text names file and line."""


def read_catalog(file: Path, pool: str, currency: str, now_ms: int) -> Iterator[CatalogItem | ConfigChange]:
    """The items of a catalog file, and the mappings of their extra codes.

    Raises UnusableFileError, also where two rows name one SKU or one code.
    """
    rows = list(list_rows(file, ("sku", "name"), CATALOG_HEADERS))
    parsers = _catalog_parsers(currency, _marks(rows))
    places: dict[str, tuple[int, str]] = {}
    kits: dict[str, tuple[int, CatalogItem]] = {}
    for line, row in rows:
        try:
            fields = {
                field: _parse(column, row[column], parse)
                for column, (field, parse) in parsers.items()
                if row.get(column)
            }
            codes = [parse_code(code) for code in row.get("codes", "").split()]
            codes += [code_of("plu", row["plu"])] if row.get("plu") else []
            if not fields.get("gtin", "x"):
                codes.append(code_of("plu", row["gtin"]))
                del fields["gtin"]
            item = CatalogItem(pool=pool, recorded_at_ms=now_ms, **fields)
            packs = [parse_code(code) for code in row.get("pack_codes", "").split()]
            own = [f"sku:{item.sku}", *([f"gtin:{item.gtin}"] if item.gtin else []), *codes, *packs]
            for code in own:
                _claim(places, code, line, item.sku)
            yield item
            if item.parts:
                kits[item.sku] = line, item
            for code in codes:
                yield _mapping(pool, None, code, item.sku, now_ms)
            for code in packs:
                yield _mapping(pool, None, code, item.sku, now_ms, pack_of(item))
        except ValueError as error:
            raise located(file, line, error) from None
    for line, kit in kits.values():
        inner = next((part.sku for part in kit.parts if part.sku in kits), None)
        if inner is not None:
            reason = f"parts: {inner} is a kit, too; name the items that are in it"
            raise located(file, line, ValueError(reason)) from None


def read_codes(file: Path, pool: str, store: str, now_ms: int) -> Iterator[ConfigChange]:
    """The meanings of the store's own codes. Raises UnusableFileError, also for a code with two meanings."""
    places: dict[str, tuple[int, str]] = {}
    for line, row in list_rows(file, ("code", "sku"), CODE_HEADERS):
        try:
            code, sku = parse_code(row.get("code", "")), row.get("sku", "")
            _claim(places, code, line, sku)
            yield _mapping(
                pool, store, code, sku, now_ms, parse_piece(row.get("unit", ""), row.get("factor", ""), None)
            )
        except ValueError as error:
            raise located(file, line, error) from None


def _claim(places: dict[str, tuple[int, str]], code: str, line: int, sku: str) -> None:
    """Note the line and the item of a code. Raises Refused when another line has it for another item, or is that item.

    places: code → (line, SKU), as far as the file was read.
    """
    before, known = places.setdefault(code, (line, sku))
    if known != sku or (before != line and code == f"sku:{sku}"):
        raise Refused(f"{code} stands in line {before} already, for {known}; each item has its own")


def _marks(rows: Sequence[tuple[int, Mapping[str, str]]]) -> Marks:
    """The meaning of points and commas, as the file's numbers show it. A single 1.299 of a price is 1.299."""
    return marks_shown(row[column] for _, row in rows for column in NUMBER_COLUMNS if row.get(column))


def _catalog_parsers(currency: str, marks: Marks) -> Parsers:
    def number(text: str) -> str:
        return _plainly(lambda: plain_number(text.removesuffix("%"), marks))

    def amount(text: str) -> int:
        return price_minor(_plainly(lambda: plain_amount(text, marks, currency)), currency)

    return {
        "sku": ("sku", str),
        "name": ("name", str),
        "gtin": ("gtin", _gtin),
        "category": ("category", str),
        "unit": ("unit", _unit),
        "pack": ("pack_milli", lambda text: quantity_milli(number(text))),
        "cost": ("cost_minor", amount),
        "price": ("price_minor", amount),
        "tax_percent": ("tax_permille", lambda text: _permille(number(text))),
        "shelf_life_days": ("shelf_life_days", _days),
        "supplier": ("supplier", str),
        "substitutes": ("substitutes", lambda text: tuple(text.split())),
        "parts": ("parts", parse_parts),
    }


def _plainly(read: Callable[[], str]) -> str:
    """What `read` gives. Raises Refused without the advice that is for a drop folder."""
    try:
        return read()
    except Refused as refused:
        reason, advice, _ = str(refused).partition(": set the option")
        raise Refused(f"{reason}; write it with two decimals, or with none") if advice else refused from None


def _gtin(text: str) -> str:
    """The 14 digits of a barcode; empty for the short number of loose goods, a PLU, in the column of barcodes."""
    if text.isascii() and text.isdigit() and len(text) <= _PLU_MAX_DIGITS:
        return ""
    return code_of("gtin", text).removeprefix("gtin:")


def _unit(text: str) -> str:
    unit = unit_named(text)
    if unit is None:
        raise Refused(f"{text!r} is not a unit of a product master: use each, kg or l")
    return unit.value


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


def _mapping(
    pool: str, store: str | None, text: str, sku: str, now_ms: int, piece: PieceMeasure | None = None
) -> ConfigChange:
    change = CodeMapping(store=store, code=parse_code(text), sku=sku, piece=piece)
    return ConfigChange(pool=pool, recorded_at_ms=now_ms, origin=ORIGIN, change=change)


def parse_code(text: str) -> str:
    """The code that a person wrote as SCHEME:TEXT, or as the digits of a barcode. Raises Refused."""
    if text.isascii() and text.isdigit() and len(text) >= _BARCODE_MIN_DIGITS:
        return code_of("gtin", text)
    scheme, _, rest = text.partition(":")
    if scheme not in SCHEMES:
        raise Refused(f"code {text!r} has no known scheme; write it like gtin:4006381333931, plu:4011, sku:… or item:…")
    return code_of(scheme, rest)


def list_rows(
    file: Path, needed: tuple[str, ...], names: Mapping[str, Sequence[str]]
) -> Iterator[tuple[int, Mapping[str, str]]]:
    """(line number, column → text of its filled cells) of each row. names: column → other headers for it.

    Raises UnusableFileError.
    """
    try:
        found = read_list(file.name, file.read_bytes(), names)
        missing = [name for name in needed if name not in found.fields]
        if missing:
            known = f" (or {', '.join(names[missing[0]][:3])}, …)" if names[missing[0]] else ""
            raise UnusableFileError(
                f"{file}:{found.header_line}: the column {missing[0]}{known} is missing; the header must name it"
            )
        for row in found.rows():
            yield row.line, row.cells
    except OSError as error:
        raise UnusableFileError(f"{file} cannot be read ({error.strerror}); check the path and its rights") from None
    except FileRefused as refused:
        raise UnusableFileError(f"{file}:{refused.line}: {refused}") from None


def located(file: Path, line: int, error: ValueError) -> UnusableFileError:
    """The fault of a row, with file and line."""
    if isinstance(error, ValidationError):
        return UnusableFileError(f"{file}:{line}: {first_problem(error, 'the row')}")
    return UnusableFileError(f"{file}:{line}: {error}")
