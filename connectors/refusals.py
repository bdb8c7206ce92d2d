"""Refusals as records: what of a message, a page or a file could not be used, stored with what of it could.

They are published together with the events, before anything is confirmed to the till: a line that is neither in an
event nor skipped is known to Kafka, too, whatever dies in between.
"""

from collections.abc import Sequence

from connectors.contract import Message, Problem, Translated
from connectors.metrics import Labels
from schemas.models.connectors import REFUSED_LINES_MAX, ConnectorRefusal, RefusedLine

_TEXT_MAX = 300
_REASON_MAX = 500
_CODE_MAX = 110


def messages(translated: Translated, labels: Labels, now_ms: int) -> list[Message]:
    """The events of a translation and, behind them, its refusals. labels: pool, store, connector."""
    return [*translated.events, *refusals(translated.problems, labels, _at_ms(translated, now_ms))]


def refusals(problems: Sequence[Problem], labels: Labels, at_ms: int) -> list[ConnectorRefusal]:
    """The problems as records of at most REFUSED_LINES_MAX lines each."""
    pool, store, connector = labels
    lines = [
        RefusedLine(
            item=_fit(each.item, _CODE_MAX), document=_fit(each.document, _TEXT_MAX), place=_fit(each.where, _TEXT_MAX),
            reason=_fit(each.reason, _REASON_MAX),
        )
        for each in problems
    ]  # fmt: skip
    return [
        ConnectorRefusal(
            pool=pool, store=store, connector=connector, refused_at_ms=at_ms,
            lines=tuple(lines[start : start + REFUSED_LINES_MAX]),
        )
        for start in range(0, len(lines), REFUSED_LINES_MAX)
    ]  # fmt: skip


def _fit(text: str, most: int) -> str:
    """At most so many characters; "?" for half a surrogate pair, which UTF-8 cannot write: tills cut emojis."""
    return text[:most].encode("utf-8", "replace").decode()


def _at_ms(translated: Translated, now_ms: int) -> int:
    """Not before what was used of the same: a later version, which has no such line, is recorded after it."""
    return max([now_ms, *(event.recorded_at_ms for event in translated.events)])
