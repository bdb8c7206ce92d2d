"""A plan drawn as one HTML page: a map in SVG, and a table of stops for each route. It refers to nothing outside."""

from collections.abc import Iterable
from datetime import datetime, tzinfo
from html import escape

from commonshelf.text import units
from streams.pool.orders.geo import distance_m
from streams.routing.model import Case, Consignment, Plan, Point, Route, Stop

_WIDTH, _HEIGHT, _MARGIN = 960, 640, 40
_HUES = (211, 24, 142, 282, 350, 52, 182, 100, 240, 318)
_DASHES = ("none", "9 5", "2 5", "12 4 2 4")
_STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --soft: #5b5b5b; --paper: #fff; --field: #f4f4f1; --line: #d8d8d2; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececec; --soft: #a8a8a8; --paper: #161616; --field: #202022; --line: #3a3a3d; } }
body { font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; color: var(--ink); background: var(--paper);
  max-width: 62rem; margin: 1.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.05rem; margin: 1.6rem 0 .3rem; }
p { margin: .3rem 0 .8rem; color: var(--soft); } .scroll { overflow-x: auto; }
svg { width: 100%; height: auto; background: var(--field); border: 1px solid var(--line); border-radius: 6px; }
svg text { font: 11px system-ui, "DejaVu Sans", sans-serif; fill: var(--ink); stroke: var(--field); stroke-width: 3px;
  paint-order: stroke; }
.way { fill: none; stroke-width: 2.5; stroke-linejoin: round; opacity: .85; }
.store { fill: var(--paper); stroke: var(--ink); stroke-width: 1.5; } .idle { stroke: var(--soft); opacity: .6; }
.customer { stroke: var(--field); stroke-width: 1; } .home { fill: var(--ink); }
.unserved { fill: none; stroke: var(--ink); stroke-width: 1.5; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 600; color: var(--soft); }
td, th { padding: .2rem .8rem .2rem 0; vertical-align: top; border-bottom: 1px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.key { display: inline-block; vertical-align: middle; width: 42px; height: 8px; margin-right: .5rem; background: none;
  border: 0; }
"""
_KEY = """<p>Squares are stores, dots customers (coarsely), diamonds where vehicles are at home, crosses what no route
serves. Lines are straight; the kilometres are on the road.</p>"""


def route_map(case: Case, plan: Plan, zone: tzinfo) -> str:
    """The whole page. zone: of the times in it."""
    colours = "".join(
        f".r{number} {{ stroke: hsl({hue} 70% 38%); }} circle.r{number} {{ fill: hsl({hue} 70% 38%); }}\n"
        f"@media (prefers-color-scheme: dark) {{ .r{number} {{ stroke: hsl({hue} 75% 66%); }} "
        f"circle.r{number} {{ fill: hsl({hue} 75% 66%); }} }}\n"
        for number, hue in enumerate(_HUES)
    )
    known = {one.consignment: one for one in case.consignments}
    return "\n".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Routes</title>\n<style>{_STYLE}{colours}</style>\n</head>\n<body>",
            "<h1>Routes</h1>",
            f"<p>{escape(_summary(plan))}</p>",
            _map(case, plan),
            _KEY,
            *(_table(number, route, known, zone) for number, route in enumerate(plan.routes)),
            _left_out(plan),
            "</body>\n</html>\n",
        )
    )


def _summary(plan: Plan) -> str:
    totals, alone = plan.totals(), plan.single_trips
    if not plan.orders:
        return "Nothing is delivered."
    return (
        f"{len(plan.routes)} routes deliver {plan.orders} orders and transfers: {units(totals.distance_m)} km, cost "
        f"{units(totals.cost_milli_minor)} minor units. One trip for each would be {units(alone.distance_m)} km, cost "
        f"{units(alone.cost_milli_minor)}."
    )


class _Frame:
    """The part of the Earth that is drawn, north up, in one scale for both directions."""

    def __init__(self, points: Iterable[Point]) -> None:
        points = list(points)
        self._north = max(point[0] for point in points)
        self._west = min(point[1] for point in points)
        south, east = min(point[0] for point in points), max(point[1] for point in points)
        corner = (self._north, self._west)
        self._high_m = max(distance_m(corner, (south, self._west)), 1)
        self._wide_m = max(distance_m(corner, (self._north, east)), 1)
        self._high_e6, self._wide_e6 = max(self._north - south, 1), max(east - self._west, 1)
        room = min((_WIDTH - 2 * _MARGIN) / self._wide_m, (_HEIGHT - 2 * _MARGIN) / self._high_m)
        self._scale = room
        self.height = round(self._high_m * room) + 2 * _MARGIN
        self._left = (_WIDTH - self._wide_m * room) / 2

    def at(self, point: Point) -> tuple[int, int]:
        x_m = (point[1] - self._west) * self._wide_m / self._wide_e6
        y_m = (self._north - point[0]) * self._high_m / self._high_e6
        return round(self._left + x_m * self._scale), round(_MARGIN + y_m * self._scale)


def _map(case: Case, plan: Plan) -> str:
    known = {one.consignment: one for one in case.consignments}
    homes = {one.vehicle: one.home_at for one in case.vehicles}
    busy = {stop.at for route in plan.routes for stop in route.stops}
    frame = _Frame(
        [store.at for store in case.stores]
        + [one.to_place for one in case.consignments]
        + [homes[route.vehicle] for route in plan.routes]
    )
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {frame.height}" role="img" aria-label="Map of the routes">',
        *(_way(frame, number, route, homes[route.vehicle]) for number, route in enumerate(plan.routes)),
    ]
    for store in case.stores:
        x, y = frame.at(store.at)
        idle = "" if store.at in busy else " idle"
        parts.append(
            f'<rect class="store{idle}" x="{x - 5}" y="{y - 5}" width="10" height="10"/>'
            f'<text x="{x + 8}" y="{y + 4}">{escape(store.store)}</text>'
        )
    for number, route in enumerate(plan.routes):
        x, y = frame.at(homes[route.vehicle])
        parts.append(f'<path class="home" d="M{x} {y - 5} l5 5 l-5 5 l-5 -5 z"/>')
        for stop in route.stops:
            parts += [_customer(frame, number, known[name]) for name in stop.hands_over if known[name].to_store is None]
    for one in plan.unserved:
        x, y = frame.at(known[one.consignment].to_place)
        parts.append(
            f'<path class="unserved" d="M{x - 5} {y - 5} l10 10 m0 -10 l-10 10"><title>{escape(one.consignment)}: '
            f"{one.reason.replace('_', ' ')}</title></path>"
        )
    return "\n".join([*parts, "</svg>"])


def _way(frame: _Frame, number: int, route: Route, home: Point) -> str:
    points = " ".join(f"{x},{y}" for x, y in map(frame.at, [home, *(stop.at for stop in route.stops), home]))
    return (
        f'<polyline class="way r{number % len(_HUES)}" stroke-dasharray="{_dash(number)}" points="{points}">'
        f"<title>{escape(route.vehicle)}</title></polyline>"
    )


def _customer(frame: _Frame, number: int, one: Consignment) -> str:
    x, y = frame.at(one.to_place)
    return (
        f'<circle class="customer r{number % len(_HUES)}" cx="{x}" cy="{y}" r="5">'
        f"<title>{escape(one.order)}</title></circle>"
    )


def _dash(number: int) -> str:
    return _DASHES[number // len(_HUES) % len(_DASHES)]


def _table(number: int, route: Route, known: dict[str, Consignment], zone: tzinfo) -> str:
    rows = "\n".join(_row(stop, known, zone) for stop in route.stops)
    return (
        f'<h2><svg class="key" viewBox="0 0 42 8" aria-hidden="true"><path class="way r{number % len(_HUES)}" '
        f'stroke-dasharray="{_dash(number)}" d="M0 4 H42"/></svg>{escape(route.vehicle)}</h2>\n'
        f"<p>{_clock(route.starts_s, zone)} to {_clock(route.ends_s, zone)}, {units(route.distance_m)} km, cost "
        f"{units(route.costs.total())} minor units</p>\n"
        '<div class="scroll"><table><thead><tr><th scope="col">at</th><th scope="col">stop</th>'
        '<th scope="col">what</th><th scope="col" class="number">aboard then</th></tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody></table></div>"
    )


def _row(stop: Stop, known: dict[str, Consignment], zone: tzinfo) -> str:
    acts = [
        f"{verb} {escape(name)}: {escape(_goods(known[name]))}"
        for verb, names in (("load", stop.loads), ("hand over", stop.hands_over), ("bring back", stop.returns))
        for name in names
    ]
    return (
        f"<tr><td>{_clock(stop.arrives_s, zone)}</td><td>{escape(stop.place)}</td>"
        f'<td>{"<br>".join(acts)}</td><td class="number">{units(stop.aboard_milli)}</td></tr>'
    )


def _goods(one: Consignment) -> str:
    return ", ".join(f"{units(goods.quantity_milli)} {goods.sku}" for goods in one.goods)


def _left_out(plan: Plan) -> str:
    if not plan.unserved:
        return ""
    rows = "".join(
        f"<tr><td>{escape(one.consignment)}</td><td>{one.reason.replace('_', ' ')}</td></tr>" for one in plan.unserved
    )
    head = '<tr><th scope="col">what</th><th scope="col">why</th></tr>'
    return f"<h2>On no route</h2>\n<table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def _clock(at_s: int, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(at_s, zone):%H:%M}"
