"""`route`: routes that bundle deliveries and transfers, from a case or from a running pool."""

import json
import sys
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commonshelf.options import JsonOption, Where, fail, moment_ms, parse_duration_s, with_groups
from commonshelf.text import units
from messaging.clock import wall_clock_ms

if TYPE_CHECKING:
    from streams.routing.model import Case, Consignment, Plan

app = typer.Typer(no_args_is_help=True, help="Plan routes that bundle deliveries and transfers.")


@app.command()
@with_groups
def plan(
    *,
    pool: Annotated[
        str | None, typer.Argument(help="A running pool; a case from --file if left out.", show_default=False)
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="The case; standard input if left out.")
    ] = None,
    fleet: Annotated[
        Path | None,
        typer.Option("--fleet", metavar="FILE", help="The pool's vehicles; its shops' own couriers if left out."),
    ] = None,
    earlier: Annotated[
        Path | None,
        typer.Option("--earlier", metavar="FILE", help="The plan in force, as --json printed it: what has left stays."),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="Of a pool: plan as of then, not of now.")
    ] = None,
    within: Annotated[
        str,
        typer.Option(
            "--within",
            metavar="DURATION",
            help="Of a pool: deliver at most so long after the deadline.",
        ),
    ] = "2h",
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Of the search's random numbers.")] = 1,
    iterations: Annotated[int, typer.Option("--iterations", min=1, max=1_000_000, help="Length of the search.")] = 300,
    map_file: Annotated[
        Path | None, typer.Option("--map", metavar="FILE.html", help="Draw the routes into this file.")
    ] = None,
    where: Where,
    as_json: JsonOption = False,
) -> None:
    """Plan who carries what, when and where, and compare with one trip for each order. The page is docs/routing.md.

    Example: ./shelf route plan --file case.json --map routes.html

    Example: ./shelf route plan riverside --fleet fleet.json --json
    """
    try:
        from streams.routing.plan import plan as solve
    except ModuleNotFoundError as error:
        fail(f"routes take the package pyvrp ({error}); ./shelf installs it, or install commonshelf[routing]")
    from streams.routing.case_file import read_case
    from streams.routing.model import Effort
    from streams.routing.plan_file import plan_as_json, read_earlier

    zone: tzinfo = UTC
    given_up: frozenset[str] = frozenset()
    unplaced: tuple[str, ...] = ()
    if pool is None:
        if fleet or at:
            fail("--fleet and --at are of a pool; a case has its own vehicles and now_s")
        case = read_case(_text(file))
    else:
        from commonshelf.desks.onboarding import zone_of
        from commonshelf.desks.routes import OWN_COURIERS, pool_case

        if file:
            fail("there are a pool and --file; leave out one of them")
        connection = where.connect()
        zone = zone_of(connection, pool)
        at_ms = wall_clock_ms() if at is None else moment_ms(at, zone, "--at")
        told = OWN_COURIERS if fleet is None else _read(fleet)
        case, unplaced, given_up = pool_case(connection, pool, told, at_ms, int(parse_duration_s(within)))
    before = None
    if earlier is not None:
        case, before = read_earlier(_read(earlier), case)
        failed = tuple(one._replace(is_failed=one.is_failed or one.order in given_up) for one in case.consignments)
        case = case._replace(consignments=failed)
    found = solve(case, Effort(seed, iterations), before)
    if map_file is not None:
        from commonshelf.desks.route_map import route_map

        map_file.write_text(route_map(case, found, zone), encoding="utf-8")
    if as_json:
        print(json.dumps({**plan_as_json(case, found), "unplaced_orders": list(unplaced)}, indent=1))
    else:
        print("\n".join([*_told(case, found, zone), *(f"not {name}: no geohash says where" for name in unplaced)]))
        if map_file is not None:
            typer.echo(f"the map is in {map_file}")


def _told(case: "Case", plan: "Plan", zone: tzinfo) -> list[str]:
    known = {one.consignment: one for one in case.consignments}
    told = []
    for route in plan.routes:
        told.append(
            f"{route.vehicle} {_clock(route.starts_s, zone)} to {_clock(route.ends_s, zone)}, "
            f"{units(route.distance_m)} km, cost {units(route.costs.total())}"
        )
        for stop in route.stops:
            acts = [f"load {_goods(known[name])}" for name in stop.loads]
            acts += [f"hand over {_goods(known[name])}" for name in stop.hands_over]
            acts += [f"bring back {_goods(known[name])}" for name in stop.returns]
            told.append(
                f"  {_clock(stop.arrives_s, zone)} {stop.place}: {'; '.join(acts) or 'nothing'}; "
                f"{units(stop.aboard_milli)} aboard"
            )
    told += [f"not {one.consignment}: {one.reason.replace('_', ' ')}" for one in plan.unserved]
    if plan.orders:
        totals, alone = plan.totals(), plan.single_trips
        told.append(
            f"{plan.orders} orders and transfers, each {units(totals.distance_m // plan.orders)} km and "
            f"{units(totals.cost_milli_minor // plan.orders)} minor units; by one trip for each "
            f"{units(alone.distance_m // plan.orders)} km and {units(alone.cost_milli_minor // plan.orders)}"
        )
    else:
        told.append("nothing is delivered")
    return [*told, f"seed {plan.effort.seed}, {plan.effort.iterations} iterations"]


def _goods(one: "Consignment") -> str:
    goods = ", ".join(f"{units(goods.quantity_milli)} {goods.sku}" for goods in one.goods)
    return f"{one.consignment} ({goods})"


def _clock(at_s: int, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(at_s, zone):%H:%M}"


def _text(file: Path | None) -> bytes:
    if file is not None:
        return _read(file)
    if sys.stdin.isatty():
        fail("there is no case: name a pool, or ./shelf route plan --file case.json")
    return sys.stdin.buffer.read()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        fail(f"{file} cannot be read ({error.strerror}); check the path and its rights")
