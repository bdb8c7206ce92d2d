"""Pages as text: templates filled with what they show, everything escaped, in the visitor's language."""

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from commonshelf.text import units
from commonshelf.web.board import paths
from commonshelf.web.board.frame import Point
from commonshelf.web.board.texts import Texts
from commonshelf.web.board.visitors import Visitor
from connectors.drop_folder.numbers import Marks, unambiguous

FOLDER: Final = Path(__file__).parent / "templates"
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_NAME_ON_MAP_MAX = 18
NONE: Final = "\N{EN DASH}"
"""Stands for what is not known."""


def page(
    template: str,
    values: Mapping[str, object],
    *,
    t: Texts,
    visitor: Visitor,
    zone: tzinfo,
    pool: str = "",
    pool_name: str = "",
    here: str = "",
    live: str = "",
    notice: str = "",
    error: str = "",
) -> str:
    """A page's text. values: what its template shows; here: its key in the list of pages; zone: of the times in it.

    live: the address of the stream of its changes.
    """
    return _templates().get_template(template).render(
        t=t, visitor=visitor, pool=pool, pool_name=pool_name, here=here, live=live, notice=notice, error=error,
        url=paths, clock=_clock(zone, "%H:%M"), moment=_clock(zone, "%Y-%m-%d %H:%M"), soon=_soon(zone), **values,
    )  # fmt: skip


def answer(text: str, status: int = 200) -> HTMLResponse:
    """The response with a page."""
    return HTMLResponse(text, status, headers=HEADERS)


def arc(a: Point, b: Point) -> str:
    """The path of a bent way between two points of a map, a little to the left of the straight one."""
    bend_x, bend_y = (a.x + b.x) / 2 + (b.y - a.y) * 0.18, (a.y + b.y) / 2 - (b.x - a.x) * 0.18
    return f"M{a.x} {a.y}Q{bend_x:.0f} {bend_y:.0f} {b.x} {b.y}"


def percent(permille: int | None) -> str:
    """97 %, of permille."""
    return NONE if permille is None else f"{permille / 10:.0f} %"


def km(metres: int) -> str:
    """1.2 km, or 300 m."""
    return f"{metres / 1000:.1f} km" if metres >= 1000 else f"{round(metres, -1)} m"


def short(name: str) -> str:
    """A name that fits beside its neighbours on a map."""
    return name if len(name) <= _NAME_ON_MAP_MAX else f"{name[: _NAME_ON_MAP_MAX - 1].rstrip()}…"


def _clock(zone: tzinfo, form: str) -> Callable[[int], str]:
    """Writes ms since 1970 UTC as a time in `zone`; a dash for none."""

    def written(at_ms: int) -> str:
        return datetime.fromtimestamp(at_ms / 1000, zone).strftime(form) if at_ms > 0 else NONE

    return written


def _soon(zone: tzinfo) -> Callable[[int], str]:
    """Writes a time of today without its date."""
    today = datetime.now(zone).date()

    def written(at_ms: int) -> str:
        is_today = datetime.fromtimestamp(at_ms / 1000, zone).date() == today
        return _clock(zone, "%H:%M" if is_today else "%Y-%m-%d %H:%M")(at_ms)

    return written


@cache
def _templates() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., Any]] = {
        "percent": percent, "short": short, "km": km, "units": units, "number": lambda value: f"{value:,}",
        "typed": lambda milli: unambiguous(units(milli), Marks()),
    }  # fmt: skip
    made.filters.update(filters)
    made.globals["arc"] = arc
    return made
