"""Rows of stock reports to documents: opening stock, deliveries, adjustments, counts and levels.

A file is looked through before its first line is published, so that of each document it is known whether it is the same
as before, and whether all of its lines can be used. A mended document replaces the earlier one whole, or not at all.
An item that stands twice in a count is counted once, with the sum.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b

from connectors.contract import FieldRefused, PosEvent, Refused, SkipReason
from connectors.drop_folder.batch import Batch, FileReadContext, RowProblem
from connectors.drop_folder.columns import CODES, Layout
from connectors.drop_folder.documents import NAMES, Document, check_named, document_of, is_telling, part, stem
from connectors.drop_folder.numbers import Marks, plain_number
from connectors.drop_folder.rows import BrokenRow, Row
from connectors.drop_folder.translate import SYSTEM, Head, Lines, Translator
from connectors.drop_folder.when import Moment, TimeReader
from connectors.parsing.lines import LineNote, noted_stock_line
from connectors.parsing.quantities import shorten
from connectors.parsing.times import local_date, minute_text
from schemas.models.base import QUANTITY_MAX_MILLI
from schemas.models.pos import Source, StockLine, StockReport, StockReportKind, Unit

LINES_PER_DOCUMENT = 4_000
"""A longer document is published as several: a pool takes 5,000 lines of one name."""
_SUMMED = (StockReportKind.counted, StockReportKind.level)
_DIGEST_BYTES = 7
_DIGEST_MAX = 1 << (8 * _DIGEST_BYTES)
_LOST_ROW = "lost row"


@dataclass(frozen=True, slots=True)
class _Name:
    """The document of a row. number: its own; empty where the file's name names it. at_ms: when it was, or came."""

    source_id: str
    number: str
    at_ms: int
    is_exact: bool
    """False where the time is that of its coming: a mended one keeps that of the first."""


class StockTranslator(Translator):
    """Translates the rows of a file of stock reports, after `survey` has looked through them."""

    def __init__(self, reading: FileReadContext, layout: Layout, marks: Marks, times: TimeReader) -> None:
        super().__init__(reading, layout, marks, times)
        check_named(
            reading.name,
            reading.kind,
            has_time=layout.has("occurred_at") or layout.has("recorded_at"),
            has_number=layout.has("document_no"),
        )
        self._report_kind = StockReportKind(reading.kind)
        self._known = reading.documents
        self._file = stem(reading.name)
        self._is_named_by_file = self._kind == "opening" or is_telling(reading.name)
        self._numbers: dict[str, str] = {}
        self._told: set[str] = set()
        self._sums = _Sums()

    def survey(self, rows: Iterable[Row | BrokenRow]) -> None:
        """Look through all rows: what each document holds, and whether a row of it cannot be used."""
        for row in rows:
            if isinstance(row, BrokenRow):
                self._memory.put(_LOST_ROW, row.line)
                continue
            try:
                fields, reason = self._fields(row)
                if reason is not None:
                    continue
                name = self._name(fields, "survey/")
            except FieldRefused:
                self._memory.put(_LOST_ROW, row.line)
                continue
            self._memory.put(f"document {name.source_id}", 1)
            if name.number:
                self._memory.put(f"number {name.number}", 1)
            try:
                line, _ = self._read(fields)
            except FieldRefused:
                self._memory.put(f"bad row of {name.source_id}", row.line)
                continue
            self._add_to_digest(name.source_id, line)
            if self._report_kind in _SUMMED:
                total = f"total {document_of(name.source_id)} {line.code} {line.unit}"
                self._memory.put(total, (self._memory.value(total) or 0) + line.quantity_milli)
        self._sums = _Sums()
        self._notes.clear()

    def withdrawals(self) -> Batch | None:
        """What takes back the documents of this file's name that are no longer in it; None where there are none.

        A row that cannot be read may belong to one of them: then they all stay.
        """
        if not self._is_named_by_file:
            return None
        gone = [each for each in self._known.of_file(self._kind, self._file) if self._is_gone(each)]
        if not gone or self._kind == "level":
            return None
        lost = self._memory.value(_LOST_ROW)
        events: list[PosEvent] = []
        notes: list[RowProblem] = []
        for each in gone:
            what = f"the {NAMES[self._kind]} {each.number or self._file} of {self._told_time(each.occurred_at_ms)}"
            if lost is not None:
                note = f"{what} is no longer in this file, but stays: line {lost} is not usable and may belong to it"
            elif self._is_too_old(each.occurred_at_ms):
                note = f"{what} is no longer in this file, but stays: it is too old to be taken back; count the items"
            else:
                note = f"{what} is no longer in this file, so it was taken back"
                events.append(self._withdrawal(each))
            notes.append(RowProblem("the file", note, 1, ""))
        taken_back = tuple(event.source.id for event in events)
        return Batch(tuple(events), (), 1, notes=tuple(notes), withdrawn=taken_back)

    def _is_gone(self, document: Document) -> bool:
        if self._memory.value(f"document {document.source_id}") is not None:
            return False
        return not document.number or self._memory.value(f"number {document.number}") is not None

    def _withdrawal(self, document: Document) -> StockReport:
        """Nothing in the document's place. A count is taken back by a report that counts nothing."""
        kind = self._report_kind if self._report_kind is not StockReportKind.counted else StockReportKind.adjusted
        line = StockLine(line_id="withdrawn", code=document.code, quantity_milli=0, unit=Unit(document.unit))
        version = max(self._recorded_at_ms, document.version + 1)
        return StockReport(
            pool=self._spec.pool,
            store=self._spec.store,
            source=Source(system=SYSTEM, id=document.source_id, version=version),
            occurred_at_ms=document.occurred_at_ms,
            recorded_at_ms=self._recorded_at_ms,
            kind=kind,
            lines=(line,),
        )

    def _no_line(self, row: Row, fields: dict[str, str]) -> SkipReason | None:
        preset = self._layout.preset
        if preset is not None:
            if preset.has_untracked and not fields.get("quantity"):
                return SkipReason.non_stock
            return self._state(row, fields, None)
        return SkipReason.no_content if self._is_sum(row, fields) else None

    def _left_out(self, row: Row, documents: dict[Head, Lines], fields: Mapping[str, str], reason: SkipReason) -> None:
        """A remark in a list of stock says nothing."""

    def _is_sum(self, row: Row, fields: Mapping[str, str]) -> bool:
        """Whether a row without an item is a remark, or the sum of the rows above it or since the sum before it."""
        if any(fields.get(scheme) for scheme in CODES):
            self._sums.add(self._plain_quantity(fields))
            return False
        if not fields.get("quantity"):
            return True
        if any(char.isalpha() for cell in row.cells for char in cell):
            return False
        is_sum = self._sums.take(self._plain_quantity(fields))
        if is_sum:
            quantity = shorten(fields["quantity"])
            self._note(row.line, "quantity", f"{quantity} is the sum of the rows above and names no item: left out")
        return is_sum

    def _plain_quantity(self, fields: Mapping[str, str]) -> Decimal | None:
        try:
            return Decimal(plain_number(fields.get("quantity", ""), self._marks))
        except Refused:
            return None

    def _head(self, row: Row, fields: Mapping[str, str]) -> Head:
        name = self._name(fields, "")
        if name.number:
            self._numbers[name.source_id] = name.number
        standing = self._known.find(name.source_id)
        given = self._version(fields)
        at_ms = name.at_ms
        if standing is not None and not name.is_exact:
            at_ms = standing.occurred_at_ms
        version = self._recorded_at_ms
        if given is not None:
            if standing is not None and given < standing.version:
                raise FieldRefused("version", f"version {standing.version} was read before")
            version = given
        elif standing is not None:
            is_same = standing.digest == self._digest(name.source_id)
            version = standing.version if is_same else max(version, standing.version + 1)
        at_ms = self._memory.first_time_ms(f"{name.source_id}@{version}", at_ms)
        return Head(name.source_id, version, at_ms)

    def _name(self, fields: Mapping[str, str], space: str) -> _Name:
        """The document of a row. Raises FieldRefused where its time is missing, or nothing names it.

        space: before the names under which rows are numbered, for `survey` numbers them, too.
        """
        moment = self._own_moment(fields)
        number = fields.get("document_no", "")
        at_ms, is_exact = self._at_ms(moment)
        if number:
            day = self._day(fields, at_ms) if moment is not None or fields.get("business_date") else ""
            source_id = "/".join(filter(None, (self._kind, day, part(number))))
        else:
            when = self._when(moment)
            if not (when or self._is_named_by_file):
                raise FieldRefused("document_no", f"the number of the {NAMES[self._kind]} is missing")
            source_id = "/".join(filter(None, (self._kind, part(self._file), when)))
        ordinal = self._memory.next_ordinal(f"{space}row of {source_id}")
        piece = (ordinal - 1) // LINES_PER_DOCUMENT
        return _Name(f"{source_id}//{piece + 1}" if piece else source_id, number, at_ms, is_exact)

    def _own_moment(self, fields: Mapping[str, str]) -> Moment | None:
        """The time that the row itself names."""
        if "occurred_at" not in fields:
            return self._moment(fields, "recorded_at")
        moment = self._moment(fields, "occurred_at")
        if moment is None:
            raise FieldRefused("occurred_at", "the time is missing")
        return moment

    def _at_ms(self, moment: Moment | None) -> tuple[int, bool]:
        """When it was, and whether that is the row's own time, and not that of its coming."""
        if moment is None:
            return self._recorded_at_ms, False
        if moment.day_end_ms is None or self._report_kind not in _SUMMED:
            return moment.at_ms, True
        return max(moment.at_ms, min(moment.day_end_ms, self._recorded_at_ms)), False

    def _when(self, moment: Moment | None) -> str:
        """The part of a document's name that says when it was."""
        if moment is None:
            return str(self._recorded_at_ms) if self._kind == "level" else ""
        return str(moment.at_ms) if moment.day_end_ms is None else local_date(moment.at_ms, self._zone)

    def _line(self, at: int, head: Head, lines: Lines, fields: dict[str, str]) -> StockLine | None:
        line, notes = self._read(fields)
        self._add_notes(at, notes)
        if self._report_kind in _SUMMED:
            name = f"{document_of(head.source_id)} {line.code} {line.unit}"
            total = self._memory.value(f"total {name}") or 0
            if abs(total) > QUANTITY_MAX_MILLI:
                raise FieldRefused("quantity", f"the sum of all rows of {line.code} is out of range")
            if self._memory.next_ordinal(f"summed {name}@{head.version}") > 1:
                self._note(at, "", f"{line.code} stands in this {NAMES[self._kind]} more than once: the sum is taken")
                return None
            told = line.told if total == line.quantity_milli else None
            line = line.model_copy(update={"quantity_milli": total, "told": told})
        return line if fields.get("line_no") else line.model_copy(update={"line_id": self._line_id(head, fields)})

    def _read(self, fields: dict[str, str]) -> tuple[StockLine, list[LineNote]]:
        """The line as its row says it, without a name of its own where that names none. Raises FieldRefused."""
        self._read_quantity(fields)
        name = fields.get("line_no") or "-"
        line, notes = noted_stock_line(name, fields, self._report_kind, self._spec.unit_words)
        opening = self._known.opening_of(line.code) if self._kind == "opening" else None
        if opening is None or opening.file == self._file:
            return line, notes
        if opening.number and opening.number == fields.get("document_no"):
            return line, notes
        raise FieldRefused(
            "",
            f"{line.code} stands in the opening stock {opening.number or opening.file} already, and a store opens "
            "once; drop a mended list under the name of that one, or tell what is there now as a count",
        )

    def _refusal(self, head: Head, lines: Lines) -> str | None:
        standing = self._known.find(head.source_id)
        if standing is None and head.version in (1, self._recorded_at_ms):
            return None
        if standing is not None and head.version <= standing.version:
            return None
        bad = lines.bad_row or self._memory.value(f"bad row of {head.source_id}") or self._memory.value(_LOST_ROW)
        if bad is not None:
            return (
                f"not used, because line {bad} is not usable, and a mended {NAMES[self._kind]} replaces the earlier "
                "one whole; that one stands"
            )
        if standing is not None and self._is_too_old(head.occurred_at_ms):
            return (
                f"not used: the {NAMES[self._kind]} {standing.number or standing.file} of "
                f"{self._told_time(standing.occurred_at_ms)} stands, which is too old to be changed. If this is "
                f"another one, give it a name or a number of its own; else count the items"
            )
        return None

    def _event(self, common: Mapping[str, object], source: Source, lines: Lines) -> PosEvent:
        return StockReport.model_validate({**common, "source": source, "kind": self._report_kind})

    def _documents(self, head: Head, lines: Lines) -> Iterator[Document]:
        if not lines.lines:
            return
        first = lines.lines[0]
        standing = self._known.find(head.source_id)
        if standing is not None and head.version > standing.version and head.source_id not in self._told:
            self._told.add(head.source_id)
            self._note(
                lines.rows[0],
                "",
                f"the {NAMES[self._kind]} {standing.number or standing.file} of "
                f"{self._told_time(standing.occurred_at_ms)} was read before with other lines: what stands here "
                f"replaces it whole; another {NAMES[self._kind]} needs a name or a number of its own",
            )
        yield Document(
            source_id=head.source_id,
            kind=self._kind,
            number=self._numbers.get(head.source_id, ""),
            file=self._file,
            digest=self._digest(head.source_id),
            version=head.version,
            occurred_at_ms=head.occurred_at_ms,
            code=first.code,
            unit=first.unit.value,
        )

    def _digest(self, source_id: str) -> int:
        return self._memory.value(f"digest {source_id}") or 0

    def _add_to_digest(self, source_id: str, line: StockLine) -> None:
        """The order of lines does not matter, but for lines of one item."""
        text = f"{line.code}|{line.quantity_milli}|{line.unit}|{line.reason}|{line.line_id}"
        ordinal = self._memory.next_ordinal(f"survey/line of {source_id} {line.code}")
        hashed = int.from_bytes(blake2b(f"{text}|{ordinal}".encode(), digest_size=_DIGEST_BYTES).digest())
        self._memory.put(f"digest {source_id}", (self._digest(source_id) + hashed) % _DIGEST_MAX)

    def _is_too_old(self, at_ms: int) -> bool:
        return self._recorded_at_ms - at_ms > self._spec.late_limit_ms

    def _told_time(self, at_ms: int) -> str:
        return minute_text(at_ms, self._zone)


class _Sums:
    """The sums of a column: of all rows, and of those since the last sum that stood in it."""

    def __init__(self) -> None:
        self._all = self._since = Decimal(0)
        self._rows = self._rows_since = 0

    def add(self, quantity: Decimal | None) -> None:
        """A row of an item."""
        self._all += quantity or 0
        self._since += quantity or 0
        self._rows += 1
        self._rows_since += 1

    def take(self, quantity: Decimal | None) -> bool:
        """True when `quantity` is the sum of at least two rows; those that follow are summed anew."""
        is_sum = (quantity == self._since and self._rows_since > 1) or (quantity == self._all and self._rows > 1)
        if is_sum:
            self._since = Decimal(0)
            self._rows_since = 0
        return is_sum
