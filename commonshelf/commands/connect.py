"""`connect`: the connectors of stores, from what is installed to what they read."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commonshelf.options import BootstrapOption, ConfigOption, JsonOption, fail, parse_since_ms
from messaging.clock import wall_clock_ms

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from commonshelf.config.pool_config import PoolConfigs
    from commonshelf.desks.connector_status import ConnectorStatus
    from connectors.specs import ConnectorSpec

app = typer.Typer(
    no_args_is_help=True, help="The connectors of stores: what is installed, whether it works, what it reads."
)
_DAY_MS = 86_400_000

StoreArgument = Annotated[str, typer.Argument(help="Id of the store.", show_default=False)]
KindOption = Annotated[
    str | None, typer.Option("--kind", help="Of several connectors, the one of this kind.", show_default=False)
]
SinceOption = Annotated[
    int | None, typer.Option("--since", metavar="TIME", parser=parse_since_ms, help="36h, 7d, or 2026-11-24 (UTC).")
]


@app.command("list")
def list_connectors(as_json: JsonOption = False) -> None:
    """List the connectors that are installed, and those that are but cannot be used.

    Example: ./shelf connect list
    """
    from connectors.installed import installed

    types, broken = installed()
    if as_json:
        kinds = [{"kind": each.kind, "about": each.about} for each in types.values()]
        print(json.dumps({"kinds": kinds, "broken": {each.name: each.reason for each in broken}}, indent=1))
        return
    width = max(len(kind) for kind in types)
    for each in types.values():
        typer.echo(f"{each.kind:{width}}  {each.about}")
    for bad in broken:
        typer.echo(f"shelf: {bad.name}: {bad.reason}", err=True)


@app.command()
def spec(
    name: Annotated[str, typer.Argument(help="Kind of connector, as `connect list` names it.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Show what can be set about a kind of connector. With `--json`, as a JSON schema.

    Example: ./shelf connect spec square
    """
    from connectors.installed import installed

    types, _ = installed()
    if name not in types:
        fail(f"there is no connector {name!r}; installed: {', '.join(types)}")
    schema = types[name].options.model_json_schema()
    if as_json:
        print(json.dumps(schema, indent=1))
        return
    needed = schema.get("required", [])
    width = max(len(option) for option in schema["properties"])
    for option, about in schema["properties"].items():
        typer.echo(f"{option:{width}}  {_default(option, about, needed)}  {about.get('description', '')}".rstrip())


@app.command()
def guess(
    file: Annotated[Path, typer.Argument(help="An export: .csv, .xlsx, .xml.", exists=True, dir_okay=False)],
    kind: Annotated[
        str | None, typer.Option("--kind", help="What it holds, if its name does not say: sales, counted, …")
    ] = None,
    time_zone: Annotated[str, typer.Option("--time-zone", help="The store's wall clock.")] = "UTC",
    write: Annotated[
        Path | None, typer.Option("--write", help="Write the mapping into this new file.", show_default=False)
    ] = None,
) -> None:
    """Show how a till's export would be read: its columns, the first five lines, and what to set to confirm it.

    Example: ./shelf connect guess Umsatz-2026-03.xlsx --time-zone Europe/Berlin
    """
    from commonshelf.mapping.guessing import mapping_toml, preview, report

    try:
        found = preview(file, kind, time_zone)
    except (OSError, ValueError) as error:
        fail(f"{file}: {error}")
    for line in report(file, found):
        typer.echo(line)
    mapping = mapping_toml(file, found)
    if write is not None:
        try:
            with write.open("x", encoding="utf-8") as out:
                out.write(mapping)
        except OSError as error:
            fail(f"the mapping cannot be written to {write}: {error.strerror}")
        typer.echo(f'If that is right, name the file in the settings: mapping_file = "{write}"')
    else:
        typer.echo("\nIf that is right, put this into the settings file:\n")
        typer.echo(f'[[stores.connectors]]\nkind = "drop_folder"\nfolder = "drop/STORE"\n{mapping}', nl=False)
    if not found.is_usable:
        raise typer.Exit(1)


def _default(option: str, about: dict[str, Any], needed: list[str]) -> str:
    if "const" in about:
        return json.dumps(about["const"])
    return "(needed)" if option in needed else json.dumps(about.get("default"))


@app.command()
def check(store: StoreArgument, kind: KindOption = None, config: ConfigOption = None) -> None:
    """Try a store's connectors: secrets, rights, the vendor's answer. Exit code 1 when one fails.

    Example: ./shelf connect check anna --config commonshelf.toml
    """
    from commonshelf.desks.connecting import checked
    from commonshelf.errors import explain
    from commonshelf.text import one_line

    failures = 0
    for each in _specs(store, kind, config):
        try:
            typer.echo(one_line(f"ok    {each.options.kind}: {checked(each)}"))
        except Exception as error:
            sentence = explain(error)
            if sentence is None:
                raise
            failures += 1
            typer.echo(one_line(f"FAIL  {each.options.kind}: {sentence}"))
    if failures:
        raise typer.Exit(1)


@app.command()
def discover(
    store: StoreArgument, kind: KindOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List what the vendor has: locations and items, with the ids that settings and mappings need.

    Example: ./shelf connect discover anna
    """
    from commonshelf.desks.connecting import vendor_of
    from commonshelf.text import one_line

    found = []
    for each in _polled(_specs(store, kind, config)):
        with vendor_of(each) as connector:
            found += [{"connector": each.options.kind, **asdict(thing)} for thing in connector.vendor.discover()]
    if as_json:
        print(json.dumps(found, indent=1))
        return
    for row in found:
        typer.echo("  ".join(one_line(value) for value in row.values() if value))


@app.command()
def read(
    store: StoreArgument,
    kind: KindOption = None,
    since: SinceOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what it would publish, and publish nothing.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Of events that a dry run shows.")] = 5,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
) -> None:
    """Read what the vendor lists, now: with `--dry-run` the newest day (or `--since`) as JSON, one event a line.

    Without, it is one poll of the running connector: published, from the stored position on.

    Example: ./shelf connect read anna --dry-run --limit 5

    Example: ./shelf connect read anna
    """
    from itertools import islice

    from commonshelf.desks.connecting import events_since, read_once, vendor_of
    from commonshelf.stack.connection import connect

    specs = _polled(_specs(store, kind, config))
    if not dry_run:
        if since is not None:
            fail("--since is for --dry-run; a poll begins at its stored position, and backfill feeds the past")
        for each in specs:
            read_once(each, connect(config, bootstrap))
            typer.echo(f"{each.options.kind}: read to its end, published")
        return
    since_ms = wall_clock_ms() - _DAY_MS if since is None else since
    for each in specs:
        with vendor_of(each) as connector:
            for event in islice(events_since(connector.vendor.feeds(), since_ms), limit):
                print(event.model_dump_json())


@app.command()
def backfill(
    store: StoreArgument,
    since: Annotated[
        int, typer.Option("--since", metavar="TIME", parser=parse_since_ms, help="36h, 7d, or 2026-01-01 (UTC).")
    ],
    kind: KindOption = None,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
) -> None:
    """Feed sales of the past into pos.history.v1, for forecasts. It never touches stock; a repeat changes nothing.

    Example: ./shelf connect backfill anna --since 2026-01-01
    """
    from commonshelf.desks.connecting import backfill as feed
    from commonshelf.stack.connection import connect

    for each in _polled(_specs(store, kind, config)):
        fed = feed(each, connect(config, bootstrap), since)
        typer.echo(
            f"{each.options.kind}: {fed.sales} sales with {fed.lines} lines are in the history"
            + (f", the oldest of {_time(fed.oldest_ms / 1000, each.store.zone)}" if fed.oldest_ms is not None else "")
            + f"; {fed.skipped} skipped, {fed.refused} refused"
        )


@app.command()
def status(
    store: Annotated[str | None, typer.Argument(help="With --items: the store.", show_default=False)] = None,
    items: Annotated[bool, typer.Option("--items", help="Of one store, item by item.")] = False,
    since: SinceOption = None,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how each store's connectors fare: last success, lines, what was left out and why, how far they have read.

    With --items, for each item of one store: when a till last named it (in 7 days, or `--since`), its lines that a
    connector refused in that time, and those that wait because the code is unmapped or for another reason, those first.

    Example: ./shelf connect status

    Example: ./shelf connect status --json

    Example: ./shelf connect status anna --items
    """
    if items != (store is not None):
        fail("name a store together with --items: ./shelf connect status STORE --items")
    if store is not None:
        _item_status(store, since, config, bootstrap, as_json=as_json)
        return
    if since is not None:
        fail("--since is for --items: how far back the tills' sales are read")
    from dataclasses import asdict

    from commonshelf.config.pool_config import read_pool_config
    from commonshelf.desks.connector_status import statuses
    from commonshelf.stack.connection import connect

    connection = connect(config, bootstrap)
    urls = connection.runtime.urls if connection.runtime else {}
    found = statuses(connection.settings, connection.kafka_options, urls)
    if as_json:
        print(json.dumps([asdict(each) for each in found], indent=1))
        return
    _print_statuses(found, read_pool_config(connection.kafka_options))
    if not urls:
        typer.echo("the connectors do not run on this machine: counts are those of a running process")


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Of the vendor: small letters, digits and _.", show_default=False)],
    folder: Annotated[Path, typer.Option("--folder", help="Checkout of this repository.")] = Path(),
) -> None:
    """Make a vendor's connector to start from: client, translate, options, rig, example, test, page.

    It works and passes the contract suite, against a vendor that does not exist: make it yours field by field.

    Example: ./shelf connect new acme
    """
    from commonshelf.scaffold import scaffold

    for path in scaffold(name, folder):
        typer.echo(f"wrote {path}")
    typer.echo(f"now: ./shelf test -- tests/contract/test_vendor_contract.py tests/unit/connectors -k {name}")


def _item_status(
    store_id: str, since_ms: int | None, config: Path | None, bootstrap: str | None, *, as_json: bool
) -> None:
    from dataclasses import asdict

    from commonshelf.config.names import unknown_name
    from commonshelf.config.pool_config import read_pool_config
    from commonshelf.dead_letters.item_status import connector_refusals, item_statuses, pos_events
    from commonshelf.dead_letters.letters import read_letters
    from commonshelf.stack.connection import connect
    from commonshelf.text import counted, one_line, print_table, time_text
    from messaging.clock import wall_clock_ms

    connection = connect(config, bootstrap)
    options, settings = connection.kafka_options, connection.settings
    store = next((each for each in settings.stores if each.id == store_id), None)
    if store is None:
        raise unknown_name("store", store_id, [each.id for each in settings.stores], "the settings file")
    pools = read_pool_config(options)
    read_from_ms = wall_clock_ms() - 7 * _DAY_MS if since_ms is None else since_ms
    events = pos_events(options, store.pool, settings.partitions, read_from_ms)
    refusals = connector_refusals(options, store.pool, settings.partitions, read_from_ms)
    found = item_statuses(pools.catalog(store.pool), store.pool, store.id, events, read_letters(options), refusals)
    if as_json:
        print(json.dumps([asdict(each) for each in found], indent=1))
        return
    zone = pools.zone(store.pool)
    if found:
        print_table(
            ("item", "name", "last seen", "refused", "unmapped", "set aside", "why"),
            [
                (
                    each.item or "(no item could be read)", each.name,
                    "" if each.last_seen_ms is None else time_text(each.last_seen_ms, zone),
                    each.lines_refused or "", each.lines_unmapped or "", each.lines_set_aside or "",
                    ", ".join(each.reasons),
                )
                for each in found
            ],
            ("refused", "unmapped", "set aside"),
        )  # fmt: skip
    waiting = sum(not each.is_well for each in found)
    since_text = time_text(read_from_ms, zone)
    typer.echo(f"{counted(len(found), 'item')} since {since_text}, {waiting} with lines that wait or were refused")
    for each in found:
        if each.lines_refused:
            typer.echo(one_line(f"{each.item or 'no item could be read'}, refused last: {each.refusal}"))
    if any(each.lines_unmapped for each in found):
        typer.echo(f"map their codes: ./shelf map suggest {store.pool} --store {store.id}")
    if any(each.lines_set_aside for each in found):
        typer.echo(f"see why: ./shelf dlq list --pool {store.pool}")


def _print_statuses(found: "list[ConnectorStatus]", settings: "PoolConfigs") -> None:
    from commonshelf.text import duration, print_table

    numbers = ("lines", "again", "unmapped", "refused", "bad signatures")
    rows = []
    for each in found:
        skipped = ", ".join(f"{reason} {count}" for reason, count in sorted(each.skipped.items()))
        age = "" if each.newest_event_age_s is None else f"{duration(each.newest_event_age_s)} ago"
        counts = (
            each.lines_published, each.lines_duplicate, each.lines_unmapped, each.lines_refused,
            each.rejected_signatures,
        )  # fmt: skip
        zone = settings.zone(each.pool)
        times = (_time(each.last_success_s, zone), age, _time(each.reconciled_s, zone))
        rows.append((each.store, each.kind, *times, skipped, *counts))
    print_table(("store", "connector", "last success", "newest event", "last poll", "skipped", *numbers), rows, numbers)


def _time(at_s: float | None, zone: "ZoneInfo") -> str:
    from commonshelf.text import time_text

    return "" if at_s is None else time_text(int(at_s * 1000), zone)


def _specs(store: str, kind: str | None, config: Path | None) -> "list[ConnectorSpec]":
    from commonshelf.config.sources import load
    from commonshelf.desks.connecting import specs_of

    return specs_of(load(config).settings, store, kind)


def _polled(specs: "list[ConnectorSpec]") -> "list[ConnectorSpec]":
    """Those that have lists to read; all of them when none has, so that the error names one."""
    from connectors.vendor.options import VendorOptions

    return [each for each in specs if isinstance(each.options, VendorOptions)] or specs
