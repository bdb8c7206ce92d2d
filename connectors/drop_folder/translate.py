"""Rows to events. Pure: rows go in, sales or stock reports and the rows that were not used come out, in batches.

A row with neither an item nor a time is no line but a total, or a remark, and is left out and counted.

Lines of one receipt become one sale. A receipt may also come in several events (its rows lie far apart, or it is
very long): they bear one source id and one time, and the pool unites their lines.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from pydantic import ValidationError

from connectors.contract import FieldRefused, PosEvent, Refused, Skip, SkipReason
from connectors.drop_folder.batch import BATCH_ROWS, Batch, RowProblem
from connectors.drop_folder.columns import CODES, NUMBER_FIELDS, DecimalMark, Layout, plain_number
from connectors.drop_folder.memory import FileMemory
from connectors.drop_folder.rows import BrokenRow, Row
from connectors.drop_folder.settings import DropFolderSpec, FileKind
from connectors.parsing.lines import field_refused, line_code, sale_line, stock_line
from connectors.parsing.quantities import shorten
from connectors.parsing.times import calendar_day, instant_ms, local_date
from schemas.models.pos import Sale, SaleLine, Source, StockLine, StockReport, StockReportKind

LINES_PER_EVENT = 500
SYSTEM = "csv"
"""Also of tables that come as workbooks: the same export in another format is the same receipts."""

_CSV_NAMES = {"line_id": "line_no", "id": "receipt_no"}
_LINE_ID_MAX = 100
_VERSION_MAX_DIGITS = 18


@dataclass(frozen=True, slots=True)
class _Head:
    """The fields that the rows of one document share. Rows with equal heads make one event."""

    source_id: str
    version: int
    occurred_at_ms: int


@dataclass(slots=True)
class _Document:
    recorded_at_ms: int
    till: str | None
    currency: str
    order_ref: str | None = None
    lines: list[SaleLine | StockLine] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    bad_row: int | None = None


class Translator:
    """Translates the rows of one file.

    recorded_at_ms: when the file was first seen: its rows are recorded then, unless they say otherwise.
    """

    def __init__(
        self,
        kind: FileKind,
        layout: Layout,
        decimal_mark: DecimalMark,
        spec: DropFolderSpec,
        recorded_at_ms: int,
        memory: FileMemory,
    ) -> None:
        self._kind = kind
        self._report_kind = None if kind == "sales" else StockReportKind(kind)
        self._layout = layout
        self._decimal_mark = decimal_mark
        self._spec = spec
        self._zone = spec.zone
        self._recorded_at_ms = recorded_at_ms
        self._memory = memory
        self._store_label: str | None = None

    def batches(self, rows: Iterable[Row | BrokenRow], batch_rows: int = BATCH_ROWS) -> Iterator[Batch]:
        """The same rows give the same batches, so work can be taken up after the last one that was confirmed."""
        documents: dict[_Head, _Document] = {}
        problems: list[RowProblem] = []
        skipped: list[Skip] = []
        row_count = 0
        latest: _Head | None = None
        for row in rows:
            if isinstance(row, BrokenRow):
                head = latest
                problems.append(self._problem(row.line, "", row.reason))
            else:
                head = latest
                try:
                    fields = self._fields(row)
                    if self._is_total(fields):
                        skipped.append(Skip(f"line {row.line}", SkipReason.no_content))
                    else:
                        head = self._head(fields)
                        if row_count >= batch_rows and head != latest:
                            yield self._batch(documents, problems, skipped, row_count)
                            documents, problems, skipped, row_count = {}, [], [], 0
                        self._take(documents, problems, row, head, fields)
                except FieldRefused as refused:
                    problems.append(self._problem(row.line, refused.field, str(refused)))
            latest = head
            row_count += 1
            if row_count >= 2 * batch_rows:
                yield self._batch(documents, problems, skipped, row_count)
                documents, problems, skipped, row_count = {}, [], [], 0
        if row_count:
            yield self._batch(documents, problems, skipped, row_count)

    def _is_total(self, fields: Mapping[str, str]) -> bool:
        return fields.get("occurred_at") == "" and not any(fields.get(scheme) for scheme in CODES)

    def _fields(self, row: Row) -> dict[str, str]:
        """The cells that mean something, by our names. All others are dropped here."""
        cells = row.cells
        width = self._layout.width
        if len(cells) < width:
            raise FieldRefused("", f"the row has {len(cells)} cells under {width} headers: it is cut off")
        if len(cells) > width and any(cells[width:]):
            raise FieldRefused("", f"the row has {len(cells)} cells under {width} headers; quote cells with delimiters")
        fields: dict[str, str] = {}
        for name, index, _ in self._layout.columns:
            fields[name] = f"{fields[name]} {cells[index]}".strip() if name in fields else cells[index].strip()
        if not fields.get("unit"):
            fields["unit"] = self._spec.default_unit.value
        store = fields.get("store")
        if store:
            self._store_label = self._store_label or store
            if store != self._store_label:
                raise FieldRefused("store", f"{shorten(store)} is another store than in the rows before")
        return fields

    def _head(self, fields: Mapping[str, str]) -> _Head:
        version = fields.get("version") or "1"
        if not (version.isascii() and version.isdigit() and len(version) <= _VERSION_MAX_DIGITS):
            raise FieldRefused("version", f"{shorten(version)} is not a version: whole numbers only")
        occurred_at_ms = self._occurred_at_ms(fields)
        if self._kind == "sales":
            receipt = fields["receipt_no"]
            if not receipt:
                raise FieldRefused("receipt_no", "the receipt number is missing")
            day = self._day(fields, occurred_at_ms)
            source_id = f"{_part(fields.get('register', ''))}/{day}/{_part(receipt)}"
        elif fields.get("document_no"):
            source_id = f"{self._kind}/{self._day(fields, occurred_at_ms)}/{_part(fields['document_no'])}"
        else:
            return _Head(f"{self._kind}/{occurred_at_ms}", int(version), occurred_at_ms)
        occurred_at_ms = self._memory.first_time_ms(f"{source_id}@{version}", occurred_at_ms)
        return _Head(source_id, int(version), occurred_at_ms)

    def _occurred_at_ms(self, fields: Mapping[str, str]) -> int:
        if "occurred_at" not in fields:
            return self._time_ms(fields, "recorded_at") or self._recorded_at_ms
        at_ms = self._time_ms(fields, "occurred_at")
        if at_ms is None:
            raise FieldRefused("occurred_at", "the time is missing")
        return at_ms

    def _time_ms(self, fields: Mapping[str, str], name: str) -> int | None:
        text = fields.get(name)
        if not text:
            return None
        try:
            return instant_ms(text, self._zone, self._spec.time_format)
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
        documents: dict[_Head, _Document],
        problems: list[RowProblem],
        row: Row,
        head: _Head,
        fields: dict[str, str],
    ) -> None:
        """Add the row's line to its document."""
        document = documents.get(head)
        try:
            if document is None:
                document = documents[head] = _Document(
                    recorded_at_ms=self._time_ms(fields, "recorded_at") or self._recorded_at_ms,
                    till=fields.get("register") or None,
                    currency=(fields.get("currency") or self._spec.currency).upper(),
                )
            line = self._line(head, document, fields)
        except FieldRefused as refused:
            problems.append(self._problem(row.line, refused.field, str(refused)))
            if document is not None:
                document.bad_row = row.line
            return
        document.order_ref = document.order_ref or fields.get("order_ref") or None
        document.lines.append(line)
        document.rows.append(row.line)

    def _line(self, head: _Head, document: _Document, fields: dict[str, str]) -> SaleLine | StockLine:
        currency = (fields.get("currency") or self._spec.currency).upper()
        if currency != document.currency:
            raise FieldRefused("currency", f"{shorten(currency)}, but the receipt began in {document.currency}")
        line_id = fields.get("line_no") or self._line_id(head, fields)
        for name in NUMBER_FIELDS:
            if fields.get(name):
                try:
                    fields[name] = plain_number(fields[name], self._decimal_mark)
                except Refused as error:
                    raise FieldRefused(name, str(error)) from error
        if self._report_kind is None:
            return sale_line(line_id, fields, currency)
        return stock_line(line_id, fields, self._report_kind)

    def _line_id(self, head: _Head, fields: Mapping[str, str]) -> str:
        """A name for a line without a number: its item, its kind, and the how manieth such line it is.

        The quantity is no part of it: a changed line under the same receipt and version must show as a contradiction.
        """
        name = f"{fields.get('kind', '').lower()}/{line_code(fields)}"
        ordinal = self._memory.next_ordinal(f"{head.source_id}@{head.version}/{name}")
        line_id = f"{name.lstrip('/')}#{ordinal}"
        return line_id if len(line_id) <= _LINE_ID_MAX else blake2b(line_id.encode(), digest_size=16).hexdigest()

    def _batch(
        self, documents: Mapping[_Head, _Document], problems: list[RowProblem], skipped: list[Skip], row_count: int
    ) -> Batch:
        events: list[PosEvent] = []
        for head, document in documents.items():
            if head.version > 1 and document.bad_row is not None:
                reason = (
                    f"not used, because line {document.bad_row} of the same receipt is not usable "
                    "and a revision replaces the receipt whole"
                )
                problems.extend(self._problem(line, "", reason) for line in document.rows)
                continue
            try:
                events.extend(self._events(head, document))
            except ValidationError as error:
                refused = field_refused(error)
                problems.extend(self._problem(line, refused.field, str(refused)) for line in document.rows)
        problems.sort(key=lambda problem: problem.line)
        return Batch(tuple(events), tuple(problems), row_count, tuple(skipped))

    def _events(self, head: _Head, document: _Document) -> Iterator[PosEvent]:
        for start in range(0, len(document.lines), LINES_PER_EVENT):
            common = {
                "pool": self._spec.pool,
                "store": self._spec.store,
                "source": Source(system=SYSTEM, id=head.source_id, version=head.version),
                "occurred_at_ms": head.occurred_at_ms,
                "recorded_at_ms": document.recorded_at_ms,
                "lines": tuple(document.lines[start : start + LINES_PER_EVENT]),
            }
            if self._report_kind is None:
                yield Sale.model_validate(
                    common | {"till": document.till, "order_ref": document.order_ref, "currency": document.currency}
                )
            else:
                yield StockReport.model_validate(common | {"kind": self._report_kind})

    def _problem(self, line: int, name: str, reason: str) -> RowProblem:
        column = self._layout.header_of(_CSV_NAMES.get(name, name)) if name else ""
        where = f"line {line}, column {column}" if column else f"line {line}"
        return RowProblem(where, reason, line, column)


def _part(text: str) -> str:
    """A part of a source id that is joined by slashes."""
    return text.replace("%", "%25").replace("/", "%2F") or "-"
