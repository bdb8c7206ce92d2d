"""The drawing area of a map: places on the Earth to points in an SVG, north up, no tiles."""

from collections.abc import Iterable, Mapping
from math import cos, radians
from typing import NamedTuple

WIDTH, HEIGHT = 720, 460
_MARGIN_X, _MARGIN_TOP, _MARGIN_BOTTOM = 70, 40, 52
_APART = 46
"""Markers are at least so far from each other, else their names would cover each other."""
_PUSHES = 60


class Point(NamedTuple):
    """A point of the drawing, in its units, from the top left."""

    x: int
    y: int


def points(places: Mapping[str, tuple[int, int]]) -> dict[str, Point]:
    """A point for each place (latitude and longitude in millionths of a degree), by the same names.

    One scale for both directions. Places that lie upon each other are pushed apart: the map shows who is next to
    whom, and measures nothing.
    """
    if not places:
        return {}
    narrow = cos(radians(sum(latitude for latitude, _ in places.values()) / len(places) / 1e6))
    flat = {name: (longitude * narrow, -latitude) for name, (latitude, longitude) in places.items()}
    left, right = _ends(x for x, _ in flat.values())
    top, bottom = _ends(y for _, y in flat.values())
    wide, high = WIDTH - 2 * _MARGIN_X, HEIGHT - _MARGIN_TOP - _MARGIN_BOTTOM
    scale = min(wide / (right - left) if right > left else 1e9, high / (bottom - top) if bottom > top else 1e9)
    scale = 0 if scale == 1e9 else scale
    middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
    spots = {
        name: [WIDTH / 2 + (x - middle_x) * scale, _MARGIN_TOP + high / 2 + (y - middle_y) * scale]
        for name, (x, y) in sorted(flat.items())
    }
    _push_apart(list(spots.values()))
    return {name: Point(round(x), round(y)) for name, (x, y) in spots.items()}


def _ends(values: Iterable[float]) -> tuple[float, float]:
    found = list(values)
    return min(found), max(found)


def _push_apart(spots: list[list[float]]) -> None:
    """Move what is too close, a little at a time, and keep all within the drawing."""
    for _ in range(_PUSHES):
        moved = False
        for at, one in enumerate(spots):
            for other in spots[at + 1 :]:
                dx, dy = other[0] - one[0], other[1] - one[1]
                far = (dx * dx + dy * dy) ** 0.5
                if far >= _APART:
                    continue
                dx, dy, far = (dx, dy, far) if far > 1 else (1.0 + at, 1.0, (1 + (1.0 + at) ** 2) ** 0.5)
                step = (_APART - min(far, _APART)) / 2 + 0.5
                for spot, sign in ((one, -1), (other, 1)):
                    spot[0] = min(max(spot[0] + sign * dx / far * step, _MARGIN_X), WIDTH - _MARGIN_X)
                    spot[1] = min(max(spot[1] + sign * dy / far * step, _MARGIN_TOP), HEIGHT - _MARGIN_BOTTOM)
                moved = True
        if not moved:
            return
