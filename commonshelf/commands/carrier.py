"""`carrier`: handoff manifests, and the reference carrier, which a pilot with one's own couriers starts with."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commonshelf.options import ConfigOption, JsonOption, Where, fail, with_groups
from messaging.clock import wall_clock_ms

if TYPE_CHECKING:
    from commonshelf.config.settings import Settings
    from commonshelf.desks.manifest import Manifest
    from connectors.carriers.spec import Carrier

app = typer.Typer(no_args_is_help=True, help="Hand deliveries to carriers, and be one.")
CarrierArgument = Annotated[
    str, typer.Argument(metavar="CARRIER", help="Its id among the settings' partners.", show_default=False)
]
_WRITTEN = (".csv", ".json", ".html", ".pdf")


@app.command()
@with_groups
def manifest(
    pool: Annotated[str, typer.Argument(help="The pool.", show_default=False)],
    where: Where,
    store: Annotated[str | None, typer.Option("--store", help="Of this store alone.")] = None,
    carrier: Annotated[str | None, typer.Option("--carrier", help="Of the stores that this one carries for.")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write .csv, .json, .html or .pdf.")] = None,
) -> None:
    """Print what waits for a carrier, or write it as .csv, .json, .html or .pdf, each handoff with its code.

    Example: ./shelf carrier manifest riverside

    Example: ./shelf carrier manifest riverside --store corner-shop --out handoffs.pdf
    """
    from commonshelf.desks.manifest import read_manifest
    from commonshelf.desks.onboarding import check_store

    if out is not None and out.suffix not in _WRITTEN:
        fail(f"--out {out} must end in {', '.join(_WRITTEN[:-1])} or {_WRITTEN[-1]}")
    connection = where.connect()
    if store is not None:
        check_store(connection, pool, store)
    options = None if carrier is None else _carrier(connection.settings, carrier, pool)

    def gives(one: str) -> bool:
        return store in (None, one) and (options is None or options.carries_for(one))

    found = read_manifest(connection, pool, gives, wall_clock_ms())
    if out is None:
        _print(found)
        return
    from commonshelf.commands.settle import write

    write(out, _content(found, out.suffix))


@app.command()
def serve(
    carrier: CarrierArgument,
    host: Annotated[str, typer.Option("--host", help="Where it listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="The one in the carrier's url.")] = 8077,
    config: ConfigOption = None,
) -> None:
    """Be the reference carrier until Ctrl-C: take the pool's messages, and keep what is to be carried.

    Example: ./shelf carrier serve own-couriers --port 8077
    """
    from commonshelf.config.sources import load
    from connectors.carriers.reference.serve import serve as serve_carrier
    from messaging.logs import log_to_stderr

    settings = load(config).settings
    options = _carrier(settings, carrier)
    log_to_stderr()
    typer.echo(f"carrier {carrier} takes messages at http://{host}:{port}/hooks/{carrier}", err=True)
    serve_carrier(options, settings.state_dir("carrier"), host, port)


@app.command("list")
def list_deliveries(carrier: CarrierArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List what the reference carrier is to carry, with the addresses as long as it may keep them.

    Example: ./shelf carrier list own-couriers
    """
    from commonshelf.config.sources import load
    from commonshelf.text import print_table
    from connectors.carriers.reference.serve import deliveries_of

    settings = load(config).settings
    found = deliveries_of(_carrier(settings, carrier), settings.state_dir("carrier")).standing(wall_clock_ms() // 1000)
    if as_json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
        return
    if not found:
        typer.echo(f"{carrier} has nothing to carry")
        return
    rows = [
        (
            one["task"], one["status"], one["store"]["name"], one["deliver_by"],
            "not known" if one["address"] is None else ", ".join(one["address"].values()),
        )
        for one in found
    ]  # fmt: skip
    print_table(("code", "status", "store", "deliver by", "address"), rows)


@app.command()
def report(
    carrier: CarrierArgument,
    kind: Annotated[
        str,
        typer.Argument(metavar="KIND", help="scanned_out, delivered, failed or returned.", show_default=False),
    ],
    code: Annotated[str, typer.Argument(metavar="CODE", help="Of the handoff, from the manifest.", show_default=False)],
    reason: Annotated[
        str | None, typer.Option("--reason", help="Of returned: not_collected, damaged or not_found.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Report as the carrier does, by a signed message, and print the pool's answer.

    Example: ./shelf carrier report own-couriers scanned_out hand-over-1204-1

    Example: ./shelf carrier report own-couriers returned hand-over-1204-1 --reason damaged
    """
    from commonshelf.config.sources import load
    from commonshelf.stack.processes import reachable
    from connectors.carriers.reference.serve import report as post_report

    settings = load(config).settings
    url = f"http://{reachable(settings.http.webhook_host)}:{settings.http.webhook_port}/partners"
    answered = post_report(_carrier(settings, carrier), url, kind, code, reason)
    told = answered.json()
    if not answered.is_success:
        fail(f"{code} {told.get('reason', answered.status_code)}: {told.get('error', answered.reason_phrase)}")
    typer.echo(f"{code} {kind}: {told['outcome']}")


def _carrier(settings: "Settings", name: str, pool: str | None = None) -> "Carrier":
    """The settings' carrier of that id, of a pool or of any; raises UnknownNameError."""
    from commonshelf.config.names import check_name
    from connectors.carriers.spec import Carrier

    known = {one.id: one for one in settings.partners if isinstance(one, Carrier) and pool in (None, one.pool)}
    check_name("carrier", name, known, "" if pool is None else f"pool {pool}")
    return known[name]


def _content(found: "Manifest", suffix: str) -> bytes:
    from commonshelf.desks.manifest import manifest_csv, manifest_json
    from commonshelf.desks.manifest_page import manifest_html
    from commonshelf.desks.printing import page_pdf

    if suffix == ".csv":
        return manifest_csv(found).encode()
    if suffix == ".json":
        return manifest_json(found).encode()
    page = manifest_html(found)
    return page_pdf(page) if suffix == ".pdf" else page.encode()


def _print(found: "Manifest") -> None:
    from commonshelf.text import print_table, units

    if not found.handoffs:
        typer.echo(f"nothing waits for a carrier in pool {found.pool}")
        return
    rows = [
        (
            one.code, one.order, one.store, one.deliver_by,
            ", ".join(f"{units(line.quantity_milli)} of {line.sku}" for line in one.lines),
        )
        for one in found.handoffs
    ]  # fmt: skip
    print_table(("code", "order", "store", "deliver by", "goods"), rows)
