"""`order`: ask the pool for goods by hand, and see what became of it."""

import json
import sys
import uuid
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commonshelf.options import Asking, JsonOption, PoolArgument, Where, amount, checked, deadline_ms, fail, with_groups
from messaging.clock import wall_clock_ms

if TYPE_CHECKING:
    from schemas.models.requests import OrderRequest

app = typer.Typer(no_args_is_help=True, help="Place, confirm, cancel and show orders.")

OrderArgument = Annotated[str, typer.Argument(help="Id of the order.", show_default=False)]


@app.command()
@with_groups
def send(
    *,
    file: Annotated[Path | None, typer.Argument(metavar="FILE.json", help="Standard input if left out.")] = None,
    asking: Asking,
) -> None:
    """Publish a request about an order, in the form of docs/topics/orders.requests.v1.md, and print the pool's answer.

    `key`, `recorded_at_ms` and `origin` may be left out.

    Example: ./shelf order send order.json
    """
    from schemas.models.requests import OrderRequest

    try:
        told = json.loads(sys.stdin.read() if file is None else file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        fail(f"{file or 'standard input'}: {error}")
    if not isinstance(told, dict):
        fail("a request is one JSON object; see docs/topics/orders.requests.v1.md")
    request = checked(OrderRequest, {**_head(), **told})
    _send(request, asking)


@app.command()
@with_groups
def place(
    *,
    pool: PoolArgument,
    goods: Annotated[list[str], typer.Argument(metavar="SKU=UNITS…", show_default=False)],
    at: Annotated[str, typer.Option("--at", metavar="STORE", help="The preferred store.", show_default=False)],
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="TIME",
            show_default=False,
            help="18:00 (the next on the pool's clock), 2h, or a date and time; in 2h, or at the end of --collect.",
        ),
    ] = None,
    collect: Annotated[
        str | None,
        typer.Option("--collect", metavar="TIME-TIME", help="Collect by appointment: 17:00-18:00 on the pool's clock."),
    ] = None,
    place_of_pickup: Annotated[
        str | None, typer.Option("--place", metavar="PLACE", help="Where to collect; any place if left out.")
    ] = None,
    with_code: Annotated[
        bool, typer.Option("--code/--no-code", help="Goods of an appointment are given for a code alone.")
    ] = True,
    order: Annotated[str | None, typer.Option("--order", metavar="ID", help="Its id; a new one if left out.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", metavar="REF", help="For limits per customer.")] = None,
    one_store: Annotated[bool, typer.Option("--one-store", help="It may not come from several stores.")] = False,
    only_there: Annotated[
        bool, typer.Option("--only-there", help="All of it comes from that store: the customer goes to no other.")
    ] = False,
    whole: Annotated[bool, typer.Option("--whole", help="All of it, or nothing.")] = False,
    asking: Asking,
) -> None:
    """Place an order to be picked up; `confirm` has the stores pick it.

    Example: ./shelf order place riverside MILK-1L=2 HAM=0.5 --at corner-shop --by 18:00

    Example: ./shelf order place riverside MILK-1L=2 --at corner-shop --collect 17:00-18:00
    """
    from commonshelf.desks.arrival_pages import customer_url
    from commonshelf.desks.onboarding import check_item, check_store, zone_of
    from connectors.arrival.reference.links import new_code
    from schemas.models.requests import OrderRequest
    from schemas.pickup_code import code_digest

    if place_of_pickup is not None and collect is None:
        fail("--place is where an appointment is; say when, too: --collect 17:00-18:00")
    connection = asking.connect()
    zone, asked = zone_of(connection, pool), [amount(one) for one in goods]
    check_store(connection, pool, at)
    for sku, _ in asked:
        check_item(connection, pool, sku)
    lines = [{"line_id": sku[:100], "sku": sku, "quantity_milli": milli} for sku, milli in asked]
    name = order or f"cli-{uuid.uuid4().hex[:10]}"
    code = new_code() if collect is not None and with_code else ""
    wish = None if collect is None else _wish(collect, zone, place_of_pickup, code_digest(pool, name, code), code)
    due_ms = wish["until_ms"] if by is None and wish is not None else deadline_ms(by or "2h", zone)
    terms = {
        "mode": "pickup", "preferred_store": at, "deadline_ms": due_ms, "may_split": not one_store,
        "only_there": only_there,
        "may_part_fill": not whole, "customer_ref": customer, "pickup": wish, "lines": lines,
    }  # fmt: skip
    plain = {**_head(), "pool": pool, "order": name, "kind": "placed", "terms": terms}
    _send(checked(OrderRequest, plain, shows_input=True), asking)
    if wish is None or asking.as_json:
        return
    if code:
        typer.echo(f"  the customer's code: {code}")
    url = customer_url(connection.settings, pool, name, code)
    if url is not None:
        typer.echo(f"  the customer's page: {url}")


@app.command("list")
@with_groups
def list_orders(
    *,
    pool: PoolArgument,
    everything: Annotated[bool, typer.Option("--all", help="Ended ones, too (of the last 30 days).")] = False,
    where: Where,
    as_json: JsonOption = False,
) -> None:
    """List a pool's orders, the newest last, with where their goods are.

    Example: ./shelf order list riverside
    """
    from commonshelf.desks.onboarding import zone_of
    from commonshelf.desks.orders import standing_orders
    from commonshelf.text import print_table, time_text, units

    connection = where.connect()
    zone = zone_of(connection, pool)
    orders = standing_orders(connection.kafka_options, connection.settings.partitions, pool)
    shown = [one for one in orders if everything or one["status"] != "ended"]
    if as_json:
        print(json.dumps(shown, indent=1))
        return
    if not shown:
        typer.echo(f"pool {pool} has no order{'' if everything else ' under way; --all shows ended ones'}")
        return
    rows = [
        (
            one["order"], one["outcome"] or one["status"], time_text(one["at_ms"], zone),
            ", ".join(f"{units(line['quantity_milli'])} {line['sku']}" for line in one["lines"]),
            ", ".join(f"{units(hold['quantity_milli'])} {hold['sku']} at {hold['store']}" for hold in one["holds"]),
        )
        for one in shown
    ]  # fmt: skip
    print_table(("order", "state", "since", "wanted", "kept"), rows)


@app.command()
@with_groups
def confirm(
    *,
    pool: PoolArgument,
    order: OrderArgument,
    asking: Asking,
) -> None:
    """Confirm an order: its goods are held until the deadline, and the stores are asked to pick.

    Example: ./shelf order confirm riverside R-1042
    """
    _ask("confirmed", pool, order, asking)


@app.command()
@with_groups
def cancel(
    *,
    pool: PoolArgument,
    order: OrderArgument,
    asking: Asking,
) -> None:
    """Cancel an order: all that is held for it is released.

    Example: ./shelf order cancel riverside R-1042
    """
    _ask("cancelled", pool, order, asking)


@app.command()
@with_groups
def show(
    *,
    pool: PoolArgument,
    order: OrderArgument,
    where: Where,
    as_json: JsonOption = False,
) -> None:
    """Print what became of an order, event by event (of the last 30 days).

    Example: ./shelf order show riverside R-1042
    """
    from commonshelf.desks.onboarding import stores_of, zone_of
    from commonshelf.desks.orders import order_events
    from commonshelf.desks.pickup import appointment_text, appointments_of

    connection = where.connect()
    partitions = connection.settings.partitions
    events = [event for event in order_events(connection.kafka_options, partitions, pool) if event["order"] == order]
    if as_json:
        print(json.dumps(events, indent=1))
        return
    if not events:
        stores_of(connection, pool)  # an unknown pool is told
        fail(f"nothing is told of an order {order!r} in pool {pool}; `./shelf order list {pool} --all`")
    zone = zone_of(connection, pool)
    for event in events:
        _print(event, zone)
    for row in appointments_of(connection, pool, order):
        typer.echo(f"  {appointment_text(row, zone)}")


def _wish(collect: str, zone: tzinfo, place: str | None, digest: str, code: str) -> dict[str, Any]:
    """The wish for a window such as 17:00-18:00, the next one on the pool's clock, or of a date: DATE 17:00-18:00."""
    day, _, span = collect.rpartition(" ")
    begins, _, ends = span.partition("-")
    try:
        now = datetime.now(zone)
        on = date.fromisoformat(day) if day else now.date()
        from_at = datetime.combine(on, time.fromisoformat(begins), zone)
        until_at = datetime.combine(on, time.fromisoformat(ends), zone)
    except ValueError:
        fail(f"--collect is {collect!r}; write a window such as 17:00-18:00, or '2026-11-28 17:00-18:00'")
    if until_at <= from_at:
        until_at += timedelta(days=1)
    if not day and until_at <= now:
        from_at, until_at = from_at + timedelta(days=1), until_at + timedelta(days=1)
    return {
        "from_ms": int(from_at.timestamp() * 1000), "until_ms": int(until_at.timestamp() * 1000), "place": place,
        "code_digest": digest if code else None,
    }  # fmt: skip


def _head() -> dict[str, Any]:
    return {"key": uuid.uuid4().hex, "recorded_at_ms": wall_clock_ms(), "origin": "cli"}


def _ask(kind: str, pool: str, order: str, asking: Asking) -> None:
    from commonshelf.desks.onboarding import stores_of
    from schemas.models.requests import OrderRequest

    stores_of(asking.connect(), pool)  # an unknown pool is told
    plain = {**_head(), "pool": pool, "order": order, "kind": kind}
    _send(checked(OrderRequest, plain, shows_input=True), asking)


def _send(request: "OrderRequest", asking: Asking) -> None:
    from commonshelf.desks.onboarding import zone_of

    answer = asking.ask(request, request.key)
    if asking.as_json:
        print(json.dumps(answer, indent=1))
    else:
        _print(answer, zone_of(asking.connect(), request.pool) if answer["slots"] else UTC)
        terms = request.terms
        missing = [line for line in answer["lines"] if line["unfilled_milli"]]
        if missing and terms is not None and terms.only_there:
            _tell_how_to_fill(request.pool, str(terms.preferred_store), missing)
    if answer["kind"] in ("refused", "set_aside"):
        raise typer.Exit(1)


def _tell_how_to_fill(pool: str, store: str, missing: list[dict[str, Any]]) -> None:
    from commonshelf.text import units

    goods = " ".join(f"{line['sku']}={units(line['unfilled_milli'])}" for line in missing)
    typer.echo(
        f"  all of it was to come from {store}, which cannot give that: order without --only-there, or have goods sent "
        f"there first and order again: ./shelf transfer ask {pool} TRANSFER FROM {store} {goods}"
    )


def _print(event: dict[str, Any], zone: tzinfo) -> None:
    from commonshelf.desks.pickup import window_text
    from commonshelf.text import units

    why = ": ".join(text for text in (event["reason"], event["detail"]) if text)
    state = event["outcome"] or event["status"]
    typer.echo(f"order {event['order']} {event['kind']}{f' ({why})' if why else ''}{f', now {state}' if state else ''}")
    for hold in event["holds"]:
        goods = f"{units(hold['quantity_milli'])} {hold['sku']}"
        typer.echo(f"  line {hold['line_id']}: {goods} at {hold['store']}, {hold['state']}")
    for slot in event["slots"]:
        window = window_text(slot["slot_ms"], slot["until_ms"], zone)
        typer.echo(f"  collect what {slot['store']} keeps at {slot['place']}, {window}")
    for line in event["lines"]:
        if line["unfilled_milli"]:
            goods = f"{units(line['unfilled_milli'])} {line['sku']}"
            typer.echo(f"  line {line['line_id']}: {goods} given up, {line['reason']}")
    for one in (event["decision"] or {"substitutes": []})["substitutes"]:
        if one["skus"]:
            typer.echo(f"  line {one['line_id']}: instead perhaps {', '.join(one['skus'])}")
