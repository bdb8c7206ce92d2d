"""Rows to events. Pure: rows go in, sales or stock reports and the rows that were not used come out, in batches.

A row with neither an item nor a time is no line but a total, or a remark, and is left out and counted; so is one of
which the columns of states say that it was no sale.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from pydantic import ValidationError

from connectors.contract import FieldRefused, PosEvent, Refused, Skip, SkipReason
from connectors.drop_folder.batch import BATCH_ROWS, Batch, FileReadContext, RowProblem
from connectors.drop_folder.columns import CODES, Layout
from connectors.drop_folder.documents import Document
from connectors.drop_folder.no_sale import SEPARATOR, Verdict
from connectors.drop_folder.numbers import Marks, plain_number, without_word
from connectors.drop_folder.preset import normal_header
from connectors.drop_folder.rows import BrokenRow, Row
from connectors.drop_folder.totals import is_total_word
from connectors.drop_folder.when import Moment, TimeReader, zone_named
from connectors.parsing.lines import LineNote, field_refused, line_code, told_code
from connectors.parsing.quantities import shorten
from connectors.parsing.spreadsheet import clean_cell
from connectors.parsing.times import calendar_day, local_date
from schemas.models.pos import SaleLine, SaleLineKind, Source, StockLine

LINES_PER_EVENT = 500
SYSTEM = "csv"
"""Also of tables that come as workbooks: the same export in another format is the same receipts."""

_CSV_NAMES = {"line_id": "line_no", "id": "receipt_no"}
_LINE_ID_MAX = 100
_VERSION_MAX_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Head:
    """The fields that the rows of one receipt or document share. Rows with equal heads make one event."""

    source_id: str
    version: int
    occurred_at_ms: int


@dataclass(slots=True)
class Lines:
    """The lines of a head, as far as they were read. bad_row: one that cannot be used, and is not among them."""

    recorded_at_ms: int
    till: str | None
    currency: str
    order_ref: str | None = None
    lines: list[SaleLine | StockLine] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    bad_row: int | None = None
    unread: list[str] = field(default_factory=list)
    """Ids of lines that were left out for a reason that does not say that they were not sold."""


class Translator(ABC):
    """Translates the rows of one file. marks, times: how its numbers and times are written."""

    def __init__(self, reading: FileReadContext, layout: Layout, marks: Marks, times: TimeReader) -> None:
        self._kind = reading.kind
        self._layout = layout
        self._marks = marks
        self._times = times
        self._spec = reading.spec
        self._zone = reading.spec.zone
        self._recorded_at_ms = reading.recorded_at_ms
        self._memory = reading.memory
        self._names = [normal_header(each) for each in layout.header]
        self._store_label: str | None = None
        self._receipt = ""
        self._carried: dict[str, str] = {}
        self._notes: list[RowProblem] = []

    def batches(self, rows: Iterable[Row | BrokenRow], batch_rows: int = BATCH_ROWS) -> Iterator[Batch]:
        """The same rows give the same batches, so work can be taken up after the last one that was confirmed."""
        documents: dict[Head, Lines] = {}
        problems: list[RowProblem] = []
        skipped: list[Skip] = []
        row_count = 0
        latest: Head | None = None
        for row in rows:
            head = latest
            fields: dict[str, str] = {}
            if isinstance(row, BrokenRow):
                problems.append(self._problem(row.line, "", row.reason))
            else:
                try:
                    fields, reason = self._fields(row)
                    if reason is not None:
                        skipped.append(Skip(f"line {row.line}", reason))
                        self._left_out(row, documents, fields, reason)
                    else:
                        head = self._head(row, fields)
                        if row_count >= batch_rows and head != latest:
                            yield self._batch(documents, problems, skipped, row_count)
                            documents, problems, skipped, row_count = {}, [], [], 0
                        self._take(documents, problems, row, head, fields)
                except FieldRefused as refused:
                    problems.append(self._problem(row.line, refused.field, str(refused), item=told_code(fields)))
            latest = head
            row_count += 1
            if row_count >= 2 * batch_rows:
                yield self._batch(documents, problems, skipped, row_count)
                documents, problems, skipped, row_count = {}, [], [], 0
        if row_count:
            yield self._batch(documents, problems, skipped, row_count)

    def _fields(self, row: Row) -> tuple[dict[str, str], SkipReason | None]:
        """(the cells that mean something, by our names; why the row is no line, or None). Others are dropped here."""
        cells = row.cells
        width = self._layout.width
        if len(cells) < width:
            if is_total_word(next(filter(None, cells), "")):
                return {}, SkipReason.no_content
            raise FieldRefused("", f"the row has {len(cells)} cells under {width} headers: it is cut off")
        if len(cells) > width and any(cells[width:]):
            raise FieldRefused("", f"the row has {len(cells)} cells under {width} headers; quote cells with delimiters")
        fields: dict[str, str] = {}
        for name, index, _ in self._layout.columns:
            cell = clean_cell(cells[index])
            if name in fields and name != "ignored":
                between = " " if name == "occurred_at" else SEPARATOR
                fields[name] = f"{fields[name]}{between}{cell}".strip()
            else:
                fields[name] = cell
        if self._is_total(row, fields) or self._is_header(row):
            return fields, SkipReason.no_content
        reason = self._no_line(row, fields)
        if reason is not None:
            return fields, reason
        if self._layout.preset is not None:
            self._layout.preset.complete(fields, self._spec.unit_words)
        if not fields.get("unit"):
            fields["unit"] = self._spec.default_unit.value
        store = fields.get("store")
        if store:
            self._store_label = self._store_label or store
            if store != self._store_label:
                raise FieldRefused("store", f"{shorten(store)} is another store than in the rows before")
        return fields, None

    def _is_total(self, row: Row, fields: Mapping[str, str]) -> bool:
        codes = [cell for scheme in CODES if (cell := fields.get(scheme))]
        if codes:
            return not fields.get("occurred_at") and all(map(is_total_word, codes))
        if any(map(is_total_word, row.cells)):
            return True
        receipt = fields.get("receipt_no")
        return fields.get("occurred_at") == "" and not (receipt and receipt == self._receipt)

    def _is_header(self, row: Row) -> bool:
        """The header again, as it stands on each page of a printed list."""
        return row.cells[0] == self._layout.header[0] and tuple(row.cells) == self._layout.header

    @abstractmethod
    def survey(self, rows: Iterable[Row | BrokenRow]) -> None:
        """Look through all rows of the file, before the first is published, for what the reading of each must know."""

    @abstractmethod
    def _no_line(self, row: Row, fields: dict[str, str]) -> SkipReason | None:
        """Why the row moves nothing, or None; then `fields` say what kind of line it is. Raises FieldRefused."""

    @abstractmethod
    def _left_out(self, row: Row, documents: dict[Head, Lines], fields: Mapping[str, str], reason: SkipReason) -> None:
        """Take note of a row that moves nothing: it may say that what an earlier file told was not so."""

    @abstractmethod
    def _head(self, row: Row, fields: Mapping[str, str]) -> Head:
        """The receipt or document of the row. Raises FieldRefused."""

    @abstractmethod
    def _line(self, at: int, head: Head, lines: Lines, fields: dict[str, str]) -> SaleLine | StockLine | None:
        """The line of row `at`; None where it is part of another. Raises FieldRefused."""

    @abstractmethod
    def _event(self, common: Mapping[str, object], source: Source, lines: Lines) -> PosEvent:
        """The event with the fields that all events have. Raises ValidationError."""

    @abstractmethod
    def _refusal(self, head: Head, lines: Lines) -> str | None:
        """Why nothing of a receipt or document is used, although these lines could be read; or None."""

    def _may_be_empty(self, head: Head) -> bool:
        """Whether it says something that a receipt or document has no line."""
        return False

    def _documents(self, head: Head, lines: Lines) -> Iterator[Document]:
        """The documents that are published with these lines."""
        yield from ()

    def _state(self, row: Row, fields: dict[str, str], verdict: Verdict | None) -> SkipReason | None:
        """Why the columns of states say that the row moves nothing, or None. verdict: of the usual columns."""
        preset = self._layout.preset
        if preset is not None and preset.judge is not None and not isinstance(verdict, SkipReason):
            raw = {name: clean_cell(cell) for name, cell in zip(self._names, row.cells, strict=False)}
            for name in preset.first_row_only:
                raw[name] = self._carried[f" {name}"] = raw.get(name) or self._carried.get(f" {name}", "")
            verdict = preset.judge(raw) or verdict
        if isinstance(verdict, SaleLineKind):
            fields["kind"] = verdict.value
        return verdict if isinstance(verdict, SkipReason) else None

    def _version(self, fields: Mapping[str, str]) -> int | None:
        """The version that the row names. Raises FieldRefused."""
        version = fields.get("version")
        if not version:
            return None
        if not (version.isascii() and version.isdigit() and len(version) <= _VERSION_MAX_DIGITS):
            raise FieldRefused("version", f"{shorten(version)} is not a version: whole numbers only")
        return int(version)

    def _recorded_ms(self, fields: Mapping[str, str]) -> int:
        moment = self._moment(fields, "recorded_at")
        return moment.at_ms if moment else self._recorded_at_ms

    def _moment(self, fields: Mapping[str, str], name: str) -> Moment | None:
        text = fields.get(name)
        if not text:
            return None
        times = self._times
        try:
            if fields.get("time_zone"):
                times = replace(times, zone=zone_named(fields["time_zone"], self._zone))
            return times.moment(text)
        except Refused as error:
            raise FieldRefused(name, str(error)) from error

    def _day(self, fields: Mapping[str, str], occurred_at_ms: int) -> str:
        day = fields.get("business_date")
        try:
            return calendar_day(day) if day else local_date(occurred_at_ms, self._zone)
        except Refused as error:
            raise FieldRefused("business_date", str(error)) from error

    def _take(
        self,
        documents: dict[Head, Lines],
        problems: list[RowProblem],
        row: Row,
        head: Head,
        fields: dict[str, str],
    ) -> None:
        """Add the row's line to its document."""
        document = documents.get(head)
        try:
            if document is None:
                document = documents[head] = self._opened(fields)
            line = self._line(row.line, head, document, fields)
        except FieldRefused as refused:
            item = told_code(fields)
            problems.append(self._problem(row.line, refused.field, str(refused), item=item, document=head.source_id))
            if document is not None:
                document.bad_row = row.line
            return
        document.order_ref = document.order_ref or fields.get("order_ref") or None
        if line is not None:
            document.lines.append(line)
            document.rows.append(row.line)

    def _opened(self, fields: Mapping[str, str]) -> Lines:
        """A receipt or document that begins with these fields."""
        return Lines(self._recorded_ms(fields), fields.get("register") or None, self._currency(fields))

    def _currency(self, fields: Mapping[str, str]) -> str:
        """The currency of a receipt."""
        return self._spec.currency

    def _read_quantity(self, fields: dict[str, str]) -> None:
        """Make a plain number of the quantity; a word behind it is its unit. Raises FieldRefused."""
        if fields.get("quantity"):
            number, word = without_word(fields["quantity"])
            if word and fields["unit"].lower() not in (word.lower(), self._spec.default_unit.value):
                raise FieldRefused(
                    "quantity", f"{shorten(fields['quantity'])} names another unit than {shorten(fields['unit'])}"
                )
            fields["unit"] = word or fields["unit"]
            try:
                fields["quantity"] = plain_number(number, self._marks)
            except Refused as error:
                raise FieldRefused("quantity", str(error)) from error

    def _add_notes(self, line: int, notes: Iterable[LineNote]) -> None:
        for note in notes:
            self._note(line, note.field, note.text)

    def _note(self, line: int, name: str, reason: str) -> None:
        self._notes.append(self._problem(line, name, reason))

    def _line_id(self, head: Head, fields: Mapping[str, str]) -> str:
        """A name for a line without a number: its item, its kind, and the how manieth such line it is.

        The quantity is no part of it: a changed line under the same receipt and version must show as a contradiction.
        """
        name = f"{fields.get('kind', '').lower()}/{line_code(fields)}"
        ordinal = self._memory.next_ordinal(f"{head.source_id}@{head.version}/{name}")
        line_id = f"{name.lstrip('/')}#{ordinal}"
        return line_id if len(line_id) <= _LINE_ID_MAX else blake2b(line_id.encode(), digest_size=16).hexdigest()

    def _batch(
        self, documents: Mapping[Head, Lines], problems: list[RowProblem], skipped: list[Skip], row_count: int
    ) -> Batch:
        events: list[PosEvent] = []
        published: list[Document] = []
        for head, document in documents.items():
            refusal = self._refusal(head, document)
            if refusal is not None:
                problems.extend(self._unused(head, document, "", refusal))
                continue
            try:
                events.extend(self._events(head, document))
                published.extend(self._documents(head, document))
            except ValidationError as error:
                refused = field_refused(error)
                problems.extend(self._unused(head, document, refused.field, str(refused)))
        problems.sort(key=lambda problem: problem.line)
        notes, self._notes = tuple(self._notes), []
        return Batch(tuple(events), tuple(problems), row_count, tuple(skipped), notes, documents=tuple(published))

    def _events(self, head: Head, lines: Lines) -> Iterator[PosEvent]:
        size = len(lines.lines) or int(self._may_be_empty(head))
        for start in range(0, size, LINES_PER_EVENT):
            source = Source(system=SYSTEM, id=head.source_id, version=head.version)
            common = {
                "pool": self._spec.pool,
                "store": self._spec.store,
                "occurred_at_ms": head.occurred_at_ms,
                "recorded_at_ms": lines.recorded_at_ms,
                "lines": tuple(lines.lines[start : start + LINES_PER_EVENT]),
            }
            yield self._event(common, source, lines)

    def _unused(self, head: Head, lines: Lines, name: str, reason: str) -> Iterator[RowProblem]:
        """The lines of a receipt or document of which nothing is used."""
        for at, line in zip(lines.rows, lines.lines, strict=True):
            yield self._problem(at, name, reason, item=line.code, document=head.source_id)

    def _problem(self, line: int, name: str, reason: str, *, item: str = "", document: str = "") -> RowProblem:
        column = self._layout.header_of(_CSV_NAMES.get(name, name)) if name else ""
        where = f"line {line}, column {column}" if column else f"line {line}"
        return RowProblem(where, reason, line, column, item=item, document=document)
