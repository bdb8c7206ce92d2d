"""`map`: the mapping desk."""

import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commonshelf.options import JsonOption, PoolArgument, Where, fail, with_groups
from commonshelf.text import counted, print_table
from messaging.clock import wall_clock_ms

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from commonshelf.config.pool_config import PoolConfigs
    from commonshelf.dead_letters.letters import Letter
    from commonshelf.mapping.codes import CodeWaiting
    from commonshelf.mapping.suggestions import Suggestion
    from commonshelf.stack.connection import Connection
    from schemas.models.config import CodeMapping
    from streams.catalog import PoolConfig

app = typer.Typer(
    no_args_is_help=True, help="The mapping desk: which item a till's code means; what waited for it counts then."
)

StoreOption = Annotated[str | None, typer.Option("--store", help="Only of this store.", show_default=False)]
CodeOption = Annotated[str | None, typer.Option("--code", help="Only this code.", show_default=False)]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="At most so many codes, those with most lines first.")]
NamesOption = Annotated[
    Path | None,
    typer.Option(
        "--names", metavar="FILE", help="The till's items: CSV of code, name, barcode, sku; or discovered .json."
    ),
]
ReplaceOption = Annotated[bool, typer.Option("--replace", help="Also where the code means another item already.")]
NoReplayOption = Annotated[bool, typer.Option("--no-replay", help="Leave the lines that wait in the dead letters.")]
ScopeOption = Annotated[
    str | None, typer.Option("--store", help="The store whose code it is; else of the whole pool.", show_default=False)
]
UnitOption = Annotated[str | None, typer.Option("--unit", help="In what the till counts without saying so: kg, lb …")]
FactorOption = Annotated[str | None, typer.Option("--factor", help="So many units is one piece: 12, 0.75, 1/12.")]
AllStoresOption = Annotated[
    bool, typer.Option("--all-stores", help="For codes that shops make up: it is the same in all stores.")
]


@dataclass(frozen=True)
class _View:
    """A pool as the desk sees it."""

    connection: "Connection"
    pool: str
    config: "PoolConfigs"
    catalog: "PoolConfig"
    letters: list["Letter"]
    waiting: list["CodeWaiting"]

    @property
    def zone(self) -> "ZoneInfo":
        """Of the pool's wall clocks."""
        return self.config.zone(self.pool)

    def unmapped(self, store: str | None = None, code: str | None = None) -> list["CodeWaiting"]:
        """The codes that mean nothing yet. Raises UnknownNameError for a store that the pool does not have."""
        from commonshelf.config.names import check_name

        if store is not None:
            known = {*self.catalog.stores, *(str(one.store) for one in self.letters)}
            check_name("store", store, known, f"pool {self.pool}")
        codes = (one for one in self.waiting if one.sku is None and code in (None, one.code))
        return [one for one in codes if store is None or store in one.stores]


@app.command()
@with_groups
def status(*, pool: PoolArgument, where: Where, as_json: JsonOption = False) -> None:
    """Tell for each store how many codes it maps itself, how many mean nothing yet, and how many lines wait.

    Example: ./shelf map status riverside
    """
    from commonshelf.text import time_text

    view = _view(pool, where)
    rows = list(_status_rows(view))
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    shown = [row for row in rows if row["own_codes"] or row["oldest_ms"] is not None]
    if shown:
        print_table(
            ("store", "own codes", "unmapped codes", "their lines", "lines to replay", "oldest"),
            [
                (*list(row.values())[:-1], "" if row["oldest_ms"] is None else time_text(row["oldest_ms"], view.zone))
                for row in shown
            ],
            _NUMBERS,
        )
    if len(shown) < len(rows):
        typer.echo(f"{counted(len(rows) - len(shown), 'store')} without own codes or waiting lines")
    codes = counted(len(view.catalog.codes(None)), "code")
    typer.echo(f"pool {pool}: {counted(len(view.catalog.items), 'item')}, {codes} for all stores")
    _tell_what_next(view)


def _status_rows(view: _View) -> Iterator[dict[str, Any]]:
    from commonshelf.mapping.codes import codes_waiting

    by_store: dict[str, list[Letter]] = {store: [] for store in view.catalog.stores}
    for letter in view.letters:
        by_store.setdefault(str(letter.store), []).append(letter)
    for store, letters in sorted(by_store.items()):
        waiting = codes_waiting(view.catalog, view.pool, letters)
        unmapped = [one for one in waiting if one.sku is None]
        yield {
            "store": store,
            "own_codes": len(view.catalog.codes(store)),
            "unmapped_codes": len(unmapped),
            "lines_unmapped": sum(one.lines for one in unmapped),
            "lines_to_replay": sum(one.lines for one in waiting if one.sku is not None),
            "oldest_ms": min((one.first_ms for one in waiting), default=None),
        }


@app.command()
@with_groups
def unmapped(
    *,
    pool: PoolArgument,
    store: StoreOption = None,
    code: CodeOption = None,
    limit: LimitOption = 50,
    where: Where,
    as_json: JsonOption = False,
) -> None:
    """List the codes that mean nothing yet, with the lines that wait for them.

    Example: ./shelf map unmapped riverside --store anna
    """
    from commonshelf.text import time_text, units

    view = _view(pool, where)
    found = view.unmapped(store, code)
    if as_json:
        print(json.dumps([{**asdict(one), "letters": [str(at) for at in one.letters]} for one in found], indent=1))
        return
    print_table(
        ("code", "lines", "quantity", "first", "last", "one of its letters", "stores"),
        [
            (one.code, one.lines, " ".join(f"{units(milli)} {unit}" for unit, milli in one.milli.items()),
             time_text(one.first_ms, view.zone), time_text(one.last_ms, view.zone), one.letters[0], _stores(one))
            for one in found[:limit]
        ],
        _NUMBERS,
    )  # fmt: skip
    if len(found) > limit:
        typer.echo(f"{counted(len(found) - limit, 'more code')}; name a store, raise --limit, or use --json")
    _tell_what_next(view)


@app.command()
@with_groups
def suggest(
    *,
    pool: PoolArgument,
    store: StoreOption = None,
    code: CodeOption = None,
    names: NamesOption = None,
    limit: LimitOption = 20,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a list for `map import`, the best item each.")] = False,
    where: Where,
    as_json: JsonOption = False,
) -> None:
    """Suggest items for codes that mean nothing yet: by barcode, then by likeness of names, with a score of 100.

    Events carry no names. The code itself is compared, and with --names what the till's item list calls it.

    Example: ./shelf map suggest riverside --store anna --names anna-items.csv

    Example: ./shelf map suggest riverside --csv > fixes.csv
    """
    from commonshelf.mapping.files import read_till_items
    from commonshelf.mapping.suggestions import Suggester

    view = _view(pool, where)
    till_items = read_till_items(names) if names else {}
    suggester = Suggester(view.catalog)
    found = [
        (one, suggester.suggest(one.code, frozenset(one.milli), till_items.get(one.code)))
        for one in view.unmapped(store, code)[:limit]
    ]
    if as_json:
        plain = [
            {
                "code": one.code, "store": one.store, "stores": one.stores, "lines": one.lines,
                "suggestions": [asdict(best) for best in items],
            }
            for one, items in found
        ]  # fmt: skip
        print(json.dumps(plain, indent=1))
    elif as_csv:
        _print_csv(found)
    else:
        rows = []
        for one, items in found:
            for at, best in enumerate(items):
                place = (one.code, _stores(one), one.lines) if at == 0 else ("", "", "")
                rows.append((*place, best.score, best.sku, best.unit, best.name, best.why))
            if not items:
                rows.append((one.code, _stores(one), one.lines, "", "", "", "", _NOTHING))
        print_table(("code", "stores", "lines", "score", "item", "unit", "name", "why"), rows, _NUMBERS)
        typer.echo(f"decide with `./shelf map set {pool} CODE ITEM`, or many with --csv and `map import`")


@app.command("set")
@with_groups
def set_mapping(
    *,
    pool: PoolArgument,
    code: Annotated[str, typer.Argument(help="SCHEME:TEXT such as plu:4011, or a barcode.", show_default=False)],
    item: Annotated[str | None, typer.Argument(help="Its SKU, or a barcode of it.", show_default=False)] = None,
    store: ScopeOption = None,
    all_stores: AllStoresOption = False,
    unit: UnitOption = None,
    factor: FactorOption = None,
    replace: ReplaceOption = False,
    remove: Annotated[bool, typer.Option("--remove", help="The code is to mean nothing any more.")] = False,
    no_replay: NoReplayOption = False,
    where: Where,
) -> None:
    """Say which item a code means. The lines that wait for it are replayed, at their own time.

    One piece of a case's code is --factor 12 of the item; a till that sells pounds and names no unit has --unit lb.

    Lines that counted under another meaning stay as they are: count the items concerned.

    Example: ./shelf map set riverside plu:4011 BANANA

    Example: ./shelf map set riverside sku:CHEESE CHEESE --store anna --unit lb --replace

    Example: ./shelf map set riverside item:W62X 4006381333931 --store anna
    """
    from commonshelf.config.catalog_files import parse_code
    from commonshelf.mapping.files import find_item, piece_of
    from schemas.models.config import CodeMapping

    if (item is None) != remove or (remove and (unit or factor)):
        fail("name the item that the code means, or --remove, and that alone")
    view = _view(pool, where)
    try:
        sku = None if item is None else find_item(view.catalog, item)
        told = parse_code(code)
        piece = None if sku is None else piece_of(view.catalog, sku, unit or "", factor or "")
        wanted = CodeMapping(store=store, code=view.catalog.lasting_code(told), sku=sku, piece=piece)
    except ValueError as error:
        fail(str(error))
    if wanted.code != told:
        typer.echo(f"{told} is a label of a scale; all labels of its item are {wanted.code}")
    _publish(view, [wanted], may_be_private=all_stores, replaces=replace or remove, replays=not (no_replay or remove))


@app.command("import")
@with_groups
def import_mappings(
    *,
    pool: PoolArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Columns code and sku, maybe store, unit, factor.")],
    store: ScopeOption = None,
    all_stores: AllStoresOption = False,
    replace: ReplaceOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check the file.")] = False,
    no_replay: NoReplayOption = False,
    where: Where,
) -> None:
    """Take many mappings from a file, all or none, and replay the lines that wait for them.

    Rows without a sku are left out. Every row at fault is told: an unknown item, a wrong check digit, one code for two
    items.

    Example: ./shelf map import riverside fixes.csv

    Example: ./shelf map import riverside anna-codes.csv --store anna --dry-run
    """
    from commonshelf.mapping.files import read_mappings

    view = _view(pool, where)
    wanted, problems = read_mappings(file, store, view.catalog)
    for problem in problems:
        typer.echo(f"shelf: {problem}", err=True)
    _publish(
        view, wanted, may_be_private=all_stores, replaces=replace, replays=not no_replay,
        dry_run=dry_run, are_refused=bool(problems),
    )  # fmt: skip


def _publish(
    view: _View,
    wanted: list["CodeMapping"],
    *,
    may_be_private: bool,
    replaces: bool,
    replays: bool,
    dry_run: bool = False,
    are_refused: bool = False,
) -> None:
    """Publish the mappings unless something stands against one of them, and replay what waits for them."""
    from commonshelf.config.pool_config import read_pool_config
    from commonshelf.config.publishing import publish_settings
    from commonshelf.dead_letters.desk import ORIGIN
    from commonshelf.dead_letters.replays import replay
    from commonshelf.dead_letters.view import print_replay
    from commonshelf.mapping.codes import is_private, objections
    from schemas.models.config import ConfigChange

    against = objections(view.catalog, wanted, replaces=replaces)
    if not may_be_private:
        against += [
            f"{one.code} is a code that shops make up: name the store with --store, or say --all-stores"
            for one in wanted
            if one.store is None and is_private(one.code)
        ]
    for sentence in against:
        typer.echo(f"shelf: {sentence}", err=True)
    if against or are_refused:
        fail("nothing was published")
    if dry_run:
        typer.echo(f"{counted(len(wanted), 'mapping')} in order")
        return
    options, partitions = view.connection.kafka_options, view.connection.settings.partitions
    now_ms = wall_clock_ms()
    changes = [ConfigChange(pool=view.pool, recorded_at_ms=now_ms, origin=ORIGIN, change=one) for one in wanted]
    published = publish_settings(options, partitions, changes)
    known = "" if published == len(wanted) else f", {len(wanted) - published} in force already"
    typer.echo(f"{counted(published, 'mapping')} published{known}")
    if replays:
        chosen = [letter for letter in view.letters if letter.is_waiting and _concerns(view.catalog, letter, wanted)]
        names = ", ".join(one.code for one in wanted[:5]) + (" and more" if len(wanted) > 5 else "")
        done = replay(options, partitions, chosen, read_pool_config(options), f"{names} mapped")
        print_replay(done)
        for _, note in done.left[:5]:
            typer.echo(f"left: {note}")


def _concerns(catalog: "PoolConfig", letter: "Letter", wanted: list["CodeMapping"]) -> bool:
    codes = {catalog.lasting_code(line["code"]) for line in letter.lines}
    return any(one.code in codes and one.store in (None, letter.store) for one in wanted)


def _view(pool: str, where: Where) -> _View:
    from commonshelf.config.pool_config import read_pool_config
    from commonshelf.dead_letters.letters import read_letters
    from commonshelf.mapping.codes import codes_waiting

    connection = where.connect()
    settings = read_pool_config(connection.kafka_options)
    catalog = settings.catalog(pool)
    letters = [letter for letter in read_letters(connection.kafka_options) if letter.pool == pool]
    return _View(connection, pool, settings, catalog, letters, codes_waiting(catalog, pool, letters))


def _tell_what_next(view: _View) -> None:
    unmapped_codes = view.unmapped()
    ready = sum(one.lines for one in view.waiting if one.sku is not None)
    if unmapped_codes:
        typer.echo(f"{counted(len(unmapped_codes), 'code')} unmapped: ./shelf map suggest {view.pool}")
    else:
        typer.echo("every code that came so far means something")
    if ready:
        typer.echo(f"{counted(ready, 'line')} to replay, whose codes are mapped: ./shelf dlq replay --pool {view.pool}")


def _print_csv(found: list[tuple["CodeWaiting", list["Suggestion"]]]) -> None:
    """The best item of each code where one is nearly certain; else the sku is left empty for a person to decide."""
    from commonshelf.mapping.suggestions import CERTAIN_SCORE
    from connectors.parsing.spreadsheet import guarded

    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(("code", "store", "sku", "score", "suggested", "name", "why", "lines"))
    for one, items in found:
        best = items[0] if items else None
        texts: tuple[str | int | float, ...] = ("", "", "", "", _NOTHING)
        if best is not None:
            texts = (best.sku if best.score >= CERTAIN_SCORE else "", best.score, best.sku, best.name, best.why)
        cells = (one.code, one.store or "", *texts, one.lines)
        out.writerow(guarded(cell) if isinstance(cell, str) else cell for cell in cells)


def _stores(one: "CodeWaiting") -> str:
    return ", ".join(one.stores[:3]) + (f" and {len(one.stores) - 3} more" if len(one.stores) > 3 else "")


_NUMBERS = ("lines", "score", "own codes", "unmapped codes", "their lines", "lines to replay")
_NOTHING = "nothing is like it: a new item? add it to the product master, or name the till's item list"
