"""`tasks`: a store's queue, and reports on it, so that a pilot works without an app."""

import json
import time
import uuid
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commonshelf.options import BootstrapOption, ConfigOption, JsonOption, checked, fail, milli_of
from messaging.clock import wall_clock_ms

if TYPE_CHECKING:
    from commonshelf.config.pool_config import PoolConfigs
    from schemas.models.reports import FulfilmentReport

_REPORTS = {"claim": "claimed", "renew": "renewed", "done": "done", "short": "short", "refuse": "refused"}
_SETTLE_S = 2.0
_TAKEN_WITHIN_S = 20.0


def tasks(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="STORE | DID TASK",
            show_default=False,
            help="DID: claim, renew, done, short or refuse, of some tasks.",
        ),
    ],
    reason: Annotated[
        str | None, typer.Option("--reason", help="Of short and refuse: not_found, damaged, wrong_item, sold, …")
    ] = None,
    missing: Annotated[
        list[str] | None, typer.Option("--missing", metavar="LINE=UNITS", help="Of short: what is not there.")
    ] = None,
    worker: Annotated[str | None, typer.Option("--worker", help="Who does it.")] = None,
    pool: Annotated[str | None, typer.Option("--pool", help="When several pools have such a store or task.")] = None,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a store's tasks, the most urgent first, or report on some: claim, renew, done, short, refuse.

    Example: ./shelf tasks corner-shop

    Example: ./shelf tasks short pick-1204-1 --missing 1=2 --reason not_found

    Example: ./shelf tasks refuse pick-1204-1 pick-1207-1 --reason store_closed
    """
    from commonshelf.config.pool_config import read_pool_config
    from commonshelf.desks.orders import find_task, live_tasks, publish
    from commonshelf.stack.connection import connect

    connection = connect(config, bootstrap)
    options, partitions = connection.kafka_options, connection.settings.partitions
    if len(words) == 1:
        settings = read_pool_config(options)
        _check_store(settings, words[0], pool)
        rows = live_tasks(options, words[0], pool)
        if not rows and not as_json:
            typer.echo(f"{words[0]} has no task to do")
        else:
            _print(rows, settings, as_json)
        return
    if words[0] not in _REPORTS:
        fail(f"{words[0]!r} is none of {', '.join(_REPORTS)}; to see a queue give one store")
    for name in words[1:]:
        task = find_task(options, name, pool)
        report = _report(_REPORTS[words[0]], task, reason, missing or [], worker)
        publish(options, partitions, report)
        _tell(options, partitions, report, as_json)


def _check_store(settings: "PoolConfigs", store: str, pool: str | None) -> None:
    """An unknown store ends the command: it has no tasks, and saying only that would hide a slip of the hand."""
    from commonshelf.config.names import check_name

    pools = settings.named if pool is None else [pool]
    known = {one for name in pools for one in settings.catalog(name).stores}
    check_name("store", store, known, "" if pool is None else f"pool {pool}")


def _report(
    kind: str, task: dict[str, Any], reason: str | None, missing: list[str], worker: str | None
) -> "FulfilmentReport":
    from schemas.models.reports import FulfilmentReport

    now_ms = wall_clock_ms()
    lines = [
        {"line_id": line_id, "quantity_milli": milli_of(units, f"--missing {line_id}")}
        for line_id, _, units in (one.rpartition("=") for one in missing)
    ]
    plain = {
        "pool": task["pool"], "store": task["store"], "report_id": uuid.uuid4().hex, "kind": kind,
        "task": task["task"], "worker": worker, "reason": reason, "lines": lines, "occurred_at_ms": now_ms,
        "recorded_at_ms": now_ms, "origin": "cli",
    }  # fmt: skip
    return checked(FulfilmentReport, plain, "the report")


def _tell(options: dict[str, str], partitions: int, report: "FulfilmentReport", as_json: bool) -> None:
    """A refusal comes as an event, and so does all that concerns an order; other reports only show in the task."""
    from commonshelf.config.pool_config import read_pool_config
    from commonshelf.desks.orders import NoAnswerError, await_answer, find_task

    deadline = time.monotonic() + _TAKEN_WITHIN_S
    while True:
        try:
            event = await_answer(options, partitions, report.pool, report.report_id, _SETTLE_S)
        except NoAnswerError:
            event = None
        if event is not None and event["kind"] == "report_refused":
            fail(f"{report.task} {event['reason']}: {event['detail']}")
        task = find_task(options, str(report.task), report.pool)
        if any(known["report_id"] == report.report_id for known in task["reports"]):
            _print([task], read_pool_config(options), as_json)
            return
        if time.monotonic() > deadline:
            fail(f"{report.task}: sent, and not taken yet; does the pool's worker run? See ./shelf doctor")


def _print(rows: list[dict[str, Any]], settings: "PoolConfigs", as_json: bool) -> None:
    from commonshelf.text import print_table, time_text, units

    if as_json:
        print(json.dumps(rows, indent=1))
        return
    table = []
    for row in rows:
        state = f"{row['status']} {row['worker'] or row['reason']}".rstrip()
        goods = ", ".join(
            f"{units(one['quantity_milli'])} of {one['sku']} (line {one['line_id']})"
            if one["quantity_milli"]
            else one["sku"]
            for one in row["lines"]
        )
        due = time_text(row["due_ms"], settings.zone(row["pool"]))
        cause = row["order"] or row["transfer"] or ""
        table.append((("! " if row["priority"] else "") + row["task"], cause, state, due, goods))
    print_table(("task", "for", "state", "due", "goods"), table)
