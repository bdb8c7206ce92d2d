"""A collector of a translation's events, problems and skips: each line becomes one of the three."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from pydantic import ValidationError

from connectors.contract import (
    FieldRefused,
    Note,
    PosEvent,
    Problem,
    Refused,
    Skip,
    SkipReason,
    StoreContext,
    Translated,
)
from connectors.parsing.lines import NO_WORDS, field_refused, noted_stock_line, told_code
from connectors.parsing.units import UnitWords
from connectors.vendor.fields import ReadContext
from schemas.models.pos import Source, StockLine, StockReport, StockReportKind


class Collector:
    """Collects events, problems and skips, in the order in which they come up."""

    def __init__(self) -> None:
        self.events: list[PosEvent] = []
        self._problems: list[Problem] = []
        self._skipped: list[Skip] = []
        self._notes: list[Note] = []

    @contextmanager
    def at(self, where: str) -> Iterator[None]:
        """Translate the part at `where`: a refusal inside becomes a problem there, and the translation goes on."""
        try:
            yield
        except FieldRefused as refused:
            self._problem(where, refused)
        except Refused as refused:
            self._problems.append(Problem(where, str(refused)))
        except ValidationError as error:
            self._problem(where, field_refused(error))

    @property
    def problem_count(self) -> int:
        return len(self._problems)

    def name_problems(self, since: int, *, item: str = "", document: str = "") -> None:
        """Say which item and document the problems from number `since` on concern, where that is not known yet."""
        self._problems[since:] = [
            replace(each, item=each.item or item, document=each.document or document) for each in self._problems[since:]
        ]

    def note(self, where: str, text: str) -> None:
        """Say of what is used that a part of it is not, or not as it was told."""
        self._notes.append(Note(where, text))

    @property
    def noted(self) -> int:
        """The number of problems and skips."""
        return len(self._problems) + len(self._skipped)

    def skip(self, where: str, reason: SkipReason) -> None:
        self._skipped.append(Skip(where, reason))

    def done(self) -> Translated:
        return Translated(tuple(self.events), tuple(self._problems), tuple(self._skipped), tuple(self._notes))

    def _problem(self, where: str, refused: FieldRefused) -> None:
        place = f"{where}/{refused.field}" if refused.field else where
        self._problems.append(Problem(place, str(refused), item=refused.item))


def vendor_stock_line(
    collector: Collector, where: str, fields: Mapping[str, object], kind: StockReportKind,
    own_units: UnitWords = NO_WORDS,
) -> StockLine:  # fmt: skip
    """The one line of a vendor's report; a quantity that is rounded is noted. Raises FieldRefused, with its item."""
    try:
        line, notes = noted_stock_line("1", fields, kind, own_units)
    except FieldRefused as refused:
        refused.item = told_code(fields)
        raise
    for note in notes:
        collector.note(where, note.text)
    return line


def line_report(
    store: StoreContext,
    source: Source,
    kind: StockReportKind,
    line: StockLine,
    occurred_at_ms: int,
    reading: ReadContext,
) -> StockReport:
    """Make a stock report of one line: vendors report one item at a time."""
    return StockReport(
        pool=store.pool,
        store=store.id,
        source=source,
        occurred_at_ms=occurred_at_ms,
        recorded_at_ms=max(reading.received_at_ms, occurred_at_ms),
        kind=kind,
        lines=(line,),
    )
