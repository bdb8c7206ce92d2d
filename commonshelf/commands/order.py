"""`order`: ask the pool for goods by hand, and see what became of it."""

import json
import sys
import time
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer

from commonshelf.options import BootstrapOption, ConfigOption, JsonOption, fail

app = typer.Typer(no_args_is_help=True, help="Place, confirm, cancel and show orders.")

PoolArgument = Annotated[str, typer.Argument(help="The pool.", show_default=False)]
OrderArgument = Annotated[str, typer.Argument(help="Id of the order.", show_default=False)]
WaitOption = Annotated[float, typer.Option("--wait-s", min=0, help="How long to wait for the pool's answer.")]


@app.command()
def send(
    file: Annotated[Path | None, typer.Argument(metavar="FILE.json", help="Standard input if left out.")] = None,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    wait_s: WaitOption = 20,
    as_json: JsonOption = False,
) -> None:
    """Publish a request about an order, in the form of docs/topics/orders.requests.v1.md, and print the pool's answer.

    `key`, `recorded_at_ms` and `origin` may be left out.

    Example: ./shelf order send order.json
    """
    from pydantic import ValidationError

    from schemas.models.requests import OrderRequest

    try:
        told = json.loads(sys.stdin.read() if file is None else file.read_text(encoding="utf-8"))
        if not isinstance(told, dict):
            fail("a request is one JSON object; see docs/topics/orders.requests.v1.md")
        request = OrderRequest.model_validate({**_head(), **told})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        fail(f"{'.'.join(map(str, first['loc'])) or 'the request'}: {first['msg']}")
    except (ValueError, OSError) as error:
        fail(f"{file or 'standard input'}: {error}")
    _send(request, config, bootstrap, wait_s, as_json)


@app.command()
def confirm(
    pool: PoolArgument,
    order: OrderArgument,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    wait_s: WaitOption = 20,
    as_json: JsonOption = False,
) -> None:
    """Confirm an order: its goods are held until the deadline, and the stores are asked to pick.

    Example: ./shelf order confirm riverside R-1042
    """
    _ask("confirmed", pool, order, config, bootstrap, wait_s, as_json)


@app.command()
def cancel(
    pool: PoolArgument,
    order: OrderArgument,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    wait_s: WaitOption = 20,
    as_json: JsonOption = False,
) -> None:
    """Cancel an order: all that is held for it is released.

    Example: ./shelf order cancel riverside R-1042
    """
    _ask("cancelled", pool, order, config, bootstrap, wait_s, as_json)


@app.command()
def show(
    pool: PoolArgument,
    order: OrderArgument,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what became of an order, event by event (of the last 30 days).

    Example: ./shelf order show riverside R-1042
    """
    from commonshelf.desks.orders import order_events
    from commonshelf.stack.connection import connect

    connection = connect(config, bootstrap)
    partitions = connection.settings.partitions
    events = [event for event in order_events(connection.kafka_options, partitions, pool) if event["order"] == order]
    if as_json:
        print(json.dumps(events, indent=1))
        return
    if not events:
        fail(f"nothing is told of an order {order!r} in pool {pool}")
    for event in events:
        _print(event)


def _head() -> dict[str, Any]:
    return {"key": uuid.uuid4().hex, "recorded_at_ms": time.time_ns() // 1_000_000, "origin": "cli"}


def _ask(
    kind: str, pool: str, order: str, config: Path | None, bootstrap: str | None, wait_s: float, as_json: bool
) -> None:
    from pydantic import ValidationError

    from schemas.models.requests import OrderRequest

    try:
        request = OrderRequest.model_validate({**_head(), "pool": pool, "order": order, "kind": kind})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        fail(f"{'.'.join(map(str, first['loc']))} is {first['input']!r}: {first['msg']}")
    _send(request, config, bootstrap, wait_s, as_json)


def _send(request: Any, config: Path | None, bootstrap: str | None, wait_s: float, as_json: bool) -> None:
    from commonshelf.desks.orders import NoAnswerError, await_answer, publish
    from commonshelf.stack.connection import connect

    connection = connect(config, bootstrap)
    options, partitions = connection.kafka_options, connection.settings.partitions
    publish(options, partitions, request)
    try:
        answer = await_answer(options, partitions, request.pool, request.key, wait_s)
    except NoAnswerError as error:
        fail(str(error))
    if as_json:
        print(json.dumps(answer, indent=1))
    else:
        _print(answer)
    if answer["kind"] in ("refused", "set_aside"):
        raise typer.Exit(1)


def _print(event: dict[str, Any]) -> None:
    from commonshelf.text import units

    why = ": ".join(text for text in (event["reason"], event["detail"]) if text)
    state = event["outcome"] or event["status"]
    typer.echo(f"order {event['order']} {event['kind']}{f' ({why})' if why else ''}{f', now {state}' if state else ''}")
    for hold in event["holds"]:
        goods = f"{units(hold['quantity_milli'])} {hold['sku']}"
        typer.echo(f"  line {hold['line_id']}: {goods} at {hold['store']}, {hold['state']}")
    for line in event["lines"]:
        if line["unfilled_milli"]:
            goods = f"{units(line['unfilled_milli'])} {line['sku']}"
            typer.echo(f"  line {line['line_id']}: {goods} given up, {line['reason']}")
    for one in (event["decision"] or {"substitutes": []})["substitutes"]:
        if one["skus"]:
            typer.echo(f"  line {one['line_id']}: instead perhaps {', '.join(one['skus'])}")
