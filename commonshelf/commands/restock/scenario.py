"""`restock scenario`: what would be bought, lost and wasted if things came otherwise."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commonshelf.commands.named_files import write_file
from commonshelf.options import JsonOption, Where, fail, with_groups

if TYPE_CHECKING:
    from commonshelf.desks.restock.state import PoolState
    from streams.restock.planning.scenarios import WhatIf

_LATE_MAX_DAYS = 30


@with_groups
def scenario(
    *,
    pool: Annotated[str, typer.Argument(help="The pool.", show_default=False)],
    store: Annotated[
        list[str] | None, typer.Option("--store", help="Of this store only; repeat it.", show_default=False)
    ] = None,
    low: Annotated[int, typer.Option("--low", min=0, max=100, help="Low demand, percent of what is expected.")] = 80,
    high: Annotated[int, typer.Option("--high", min=100, max=1000, help="High demand, percent.")] = 125,
    cancel: Annotated[
        list[str] | None,
        typer.Option("--cancel", metavar="EVENT", help="An event, or a kind of events, that does not take place."),
    ] = None,
    double: Annotated[
        list[str] | None,
        typer.Option("--double", metavar="EVENT", help="An event, or a kind, that changes demand twice as much."),
    ] = None,
    late: Annotated[
        list[str] | None,
        typer.Option("--late", metavar="SUPPLIER=DAYS", help="A supplier that delivers so many days later."),
    ] = None,
    close: Annotated[list[str] | None, typer.Option("--close", metavar="STORE", help="A store that is closed.")] = None,
    xlsx: Annotated[
        Path | None, typer.Option("--xlsx", metavar="FILE", help="Write a workbook.", show_default=False)
    ] = None,
    as_csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write CSV.", show_default=False)] = None,
    where: Where,
    as_json: JsonOption = False,
) -> None:
    """Compare low, expected and high demand, and each what-if that is asked for, side by side; nothing is published.

    All stores are planned as the next night's run would, from what the worker knew last.

    Example: ./shelf restock scenario riverside --cancel "street fair" --late dairy=2 --close mill

    Example: ./shelf restock scenario riverside --store corner-shop --double leaflet --xlsx scenarios.xlsx
    """
    from commonshelf.config.names import check_name
    from commonshelf.desks.onboarding import check_store, stores_of
    from commonshelf.desks.restock.scenario_sheet import rows_of, scenario_csv, scenario_workbook
    from commonshelf.desks.restock.state import known_state
    from commonshelf.text import print_table
    from streams.restock.planning.scenarios import WhatIf, compare

    connection = where.connect()
    stores = [one.store for one in stores_of(connection, pool)]
    for name in store or ():
        check_store(connection, pool, name)
    state = known_state(connection, pool)
    for name in close or ():
        check_name("store", name, stores, f"pool {pool}")
    asked = [
        WhatIf(f"low, {low} %", demand_permille=10 * low),
        WhatIf(f"high, {high} %", demand_permille=10 * high),
        *_of_events(state, pool, cancel or [], double or []),
        *_of_suppliers(state, pool, late or []),
        *(WhatIf(f"{name} closed", closed=frozenset([name])) for name in close or ()),
    ]
    found = compare(state.history, *state.learner.outlook(), store or stores, asked)
    currency = state.history.config.pool["currency"]
    if xlsx is not None:
        title = f"Scenarios of pool {pool}" + (f": {', '.join(store)}" if store else "")
        _write(xlsx, scenario_workbook(found, currency, title))
    if as_csv is not None:
        _write(as_csv, scenario_csv(found, currency).encode("utf-8-sig"))
    if as_json:
        print(json.dumps({"currency": currency, "scenarios": [one._asdict() for one in found]}, indent=1))
        return
    names = tuple(one.name for one in found)
    print_table(("", *names), [(name, *numbers) for name, numbers in rows_of(found, currency)], names)


def _of_events(state: "PoolState", pool: str, cancel: list[str], double: list[str]) -> "list[WhatIf]":
    from commonshelf.config.names import check_name
    from streams.restock.planning.scenarios import WhatIf

    known = {name for event in state.history.events() for name in (event.name, event.kind)}
    for name in (*cancel, *double):
        check_name("event", name, known, f"pool {pool}")
    return [
        *(WhatIf(f"{name} cancelled", cancelled=frozenset([name])) for name in cancel),
        *(WhatIf(f"{name} doubled", doubled=frozenset([name])) for name in double),
    ]


def _of_suppliers(state: "PoolState", pool: str, late: list[str]) -> "list[WhatIf]":
    from commonshelf.config.names import check_name
    from commonshelf.text import counted
    from streams.restock.planning.scenarios import WhatIf

    suppliers = {item["supplier"] for item in state.history.config.items.values() if item["supplier"]}
    found = []
    for text in late:
        name, _, days = text.rpartition("=")
        if not name or not days.isdecimal() or not 0 < int(days) <= _LATE_MAX_DAYS:
            fail(f"--late {text}: write a supplier and 1 to {_LATE_MAX_DAYS} days, such as dairy=2")
        check_name("supplier", name, suppliers, f"pool {pool}")
        found.append(WhatIf(f"{name} {counted(int(days), 'day')} late", late_days={name: int(days)}))
    return found


def _write(file: Path, content: bytes) -> None:
    write_file(file, content)
    typer.echo(f"written to {file}", err=True)
