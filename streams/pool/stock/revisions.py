"""Finds what a revision takes back of the version before it: all but what it does not say, which stays as it was.

A line stays when the revision has a line of its id that is set aside here, or names it among those that its connector
could not read. It is reversed and applied again, so that the fact of the revision holds all that stands.
"""

from collections.abc import Collection, Sequence
from typing import TypeVar

from schemas.types.pos import Sale, SaleLine, StockLine, StockReport
from schemas.types.stock import AppliedLine, SaleRecorded, StockReportRecorded
from streams.pool.journal.facts import own_lines

_Fact = SaleRecorded | StockReportRecorded
_L = TypeVar("_L", SaleLine, StockLine)
_MATCHED = ("sold_at_till_milli", "handed_over_milli", "waiting_milli")
"""Parts of a line that are goods of orders."""


def is_newer(event: Sale | StockReport, before: _Fact) -> bool:
    """True for a higher version than the one of which `before` is the fact: it replaces it."""
    return event["source"]["version"] > before["event"]["source"]["version"]


def kept_lines(before: _Fact | None, fact: _Fact, unusable: Collection[str]) -> list[AppliedLine]:
    """The applied lines of `before` that stay although `fact` is of a higher version.

    unusable: ids of the lines that are set aside.
    """
    event = fact["event"]
    if before is None or not is_newer(event, before):
        return []
    own, unread = _own_ids(fact), event.get("unread_lines", [])
    kept = []
    for line in before["applied"]:
        line_id = before["event"]["lines"][line["line"]]["line_id"]
        if line_id not in own and (line_id in unusable or _is_named(line_id, unread)):
            kept.append(line)
    return kept


def keep(applied: list[AppliedLine], kept: Sequence[AppliedLine]) -> list[AppliedLine]:
    """Apply `kept` again, by their places in the event. Gives those that were an order's."""
    again: list[AppliedLine] = [
        {
            "line": line["line"], "sku": line["sku"], "delta_milli": line["delta_milli"], "kept": True,
            "moved_milli": line.get("moved_milli"),
        }
        for line in kept
    ]  # fmt: skip
    applied += again
    return [line for line, old in zip(again, kept, strict=True) if any(old.get(name) for name in _MATCHED)]


def placed(applied: Sequence[AppliedLine], told: Sequence[_L], lines: list[_L]) -> list[AppliedLine]:
    """`applied`, lines of an event that has `told`, at the places that these get at the end of `lines`, each once."""
    places: dict[int, int] = {}
    for line in applied:
        if line["line"] not in places:
            places[line["line"]] = len(lines)
            lines.append(told[line["line"]])
    return [{**line, "line": places[line["line"]]} for line in applied]


def undone(before: _Fact | None, fact: _Fact) -> list[AppliedLine]:
    """The applied lines of `before` that `fact` reverses.

    All of a lower version; of the same version the kept ones that it now has itself.
    """
    if before is None:
        return []
    if is_newer(fact["event"], before):
        return list(before["applied"])
    own, lines = _own_ids(fact), before["event"]["lines"]
    return [line for line in before["applied"] if line.get("kept") and lines[line["line"]]["line_id"] in own]


def standing_beside(part: _Fact, fact: _Fact) -> list[AppliedLine]:
    """The applied lines of `part` that stand beside those of `fact`, which is of the same version or is `part`."""
    if part is fact:
        return list(part["applied"])
    gone = undone(part, fact)
    return [line for line in part["applied"] if line not in gone]


def _own_ids(fact: _Fact) -> set[str]:
    lines = fact["event"]["lines"]
    return {lines[line["line"]]["line_id"] for line in own_lines(fact["applied"])}


def _is_named(line_id: str, unread: Collection[str]) -> bool:
    """True when `unread` names the line, or one that it stands below: 7/void below 7. * may be any."""
    return any(each in (line_id, "*") or line_id.startswith(f"{each}/") for each in unread)
