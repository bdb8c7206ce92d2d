"""Reads an operator's lists for the mapping desk: what codes mean, and what a store's till calls its items.

Mappings: columns code and sku, and maybe store, and unit and factor: one piece of the code is factor units. Item lists:
column code, and name, barcode or sku. A code is written SCHEME:TEXT, such as plu:4011 or item:W62X, or as the digits
of a barcode. Other columns are left alone. What `connect discover --json` prints is an item list, too: an item's kind
is the scheme of its code.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from commonshelf.config.catalog_files import UnusableFileError, list_rows, located, parse_code
from commonshelf.config.catalog_headers import CODE_HEADERS
from commonshelf.config.names import unknown_name
from commonshelf.config.pieces import parse_piece
from commonshelf.mapping.codes import item_named
from commonshelf.mapping.suggestions import TillItem
from connectors.parsing.codes import SCHEMES
from connectors.parsing.spreadsheet import unguarded
from schemas.models.config import CodeMapping, PieceMeasure
from schemas.models.pos import Unit
from streams.catalog import PoolConfig


def read_mappings(file: Path, store: str | None, catalog: PoolConfig) -> tuple[list[CodeMapping], list[str]]:
    """(the mappings, a sentence for each row that is none). Rows without a sku are left out: nobody decided them yet.

    `store` holds where a row names none; None is the whole pool. Raises UnusableFileError when the file cannot be read.
    """
    found: list[CodeMapping] = []
    problems: list[str] = []
    for line, row in list_rows(file, ("code", "sku"), CODE_HEADERS):
        if not row.get("sku"):
            continue
        try:
            sku = find_item(catalog, unguarded(row["sku"]))
            code = catalog.lasting_code(parse_code(unguarded(row.get("code", ""))))
            piece = piece_of(catalog, sku, row.get("unit", ""), row.get("factor", ""))
            found.append(CodeMapping(store=row.get("store") or store, code=code, sku=sku, piece=piece))
        except ValueError as error:
            problems.append(str(located(file, line, error)))
    return found, problems


def read_till_items(file: Path) -> dict[str, TillItem]:
    """The items of a till's list, by code. Raises UnusableFileError, also for a code that is named twice."""
    found: dict[str, TillItem] = {}
    for place, code, item in _discovered(file) if file.suffix == ".json" else _listed(file):
        if found.setdefault(code, item) != item:
            raise UnusableFileError(f"{place}: {code} is named before, as {found[code].name!r}; which one is it?")
    return found


def _listed(file: Path) -> Iterator[tuple[str, str, TillItem]]:
    for line, row in list_rows(file, ("code",), CODE_HEADERS):
        try:
            item = TillItem(row.get("name", ""), row.get("barcode", ""), row.get("sku", ""))
            yield f"{file}:{line}", parse_code(row.get("code", "")), item
        except ValueError as error:
            raise located(file, line, error) from None


def _discovered(file: Path) -> Iterator[tuple[str, str, TillItem]]:
    try:
        things = json.loads(file.read_text(encoding="utf-8"))
        for at, thing in enumerate(things):
            if thing["kind"] in SCHEMES:
                item = TillItem(str(thing["name"]), str(thing.get("barcode", "")), str(thing.get("sku", "")))
                yield f"{file}, entry {at + 1}", parse_code(f"{thing['kind']}:{thing['id']}"), item
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UnusableFileError(
            f"{file} cannot be read as what `connect discover --json` prints ({type(error).__name__}: {error})"
        ) from None


def piece_of(catalog: PoolConfig, sku: str, unit: str, factor: str) -> PieceMeasure | None:
    """One piece of a code of `sku`: `factor` of `unit`, of the item's own where none is named. Raises ValueError."""
    own = catalog.unit(sku)
    return parse_piece(unit, factor, None if own is None else Unit(own))


def find_item(catalog: PoolConfig, text: str) -> str:
    """The SKU that `text` names: itself, or a code or a barcode of the pool's item. Raises ValueError."""
    sku = item_named(catalog, text)
    if sku is None:
        try:
            sku = item_named(catalog, parse_code(text))
        except ValueError:
            sku = None
    if sku is None:
        raise ValueError(str(unknown_name("item", text, catalog.items, "the pool")))
    return sku
