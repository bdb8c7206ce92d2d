"""Rows to events. Pure: rows go in, sales or stock reports and the rows that were not used come out, in batches.

A row with neither an item nor a time is no line but a total, or a remark, and is left out and counted; so is one of
which the columns of states say that it was no sale. A price that cannot be read costs no line: it counts without one,
with a note.

Lines of one receipt become one sale. A receipt may also come in several events (its rows lie far apart, or it is
very long): they bear one source id and one time, and the pool unites their lines.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from pydantic import ValidationError

from connectors.contract import FieldRefused, PosEvent, Refused, Skip, SkipReason
from connectors.drop_folder.batch import BATCH_ROWS, Batch, FileReadContext, RowProblem
from connectors.drop_folder.columns import CODES, Layout
from connectors.drop_folder.no_sale import SEPARATOR, judged
from connectors.drop_folder.numbers import Marks, plain_amount, plain_number
from connectors.drop_folder.preset import normal_header
from connectors.drop_folder.rows import BrokenRow, Row
from connectors.drop_folder.totals import is_total_word
from connectors.drop_folder.when import Moment, TimeReader, zone_named
from connectors.parsing.lines import field_refused, line_code, sale_line, stock_line
from connectors.parsing.quantities import shorten
from connectors.parsing.spreadsheet import clean_cell
from connectors.parsing.times import calendar_day, local_date
from schemas.models.pos import Sale, SaleLine, SaleLineKind, Source, StockLine, StockReport, StockReportKind

LINES_PER_EVENT = 500
SYSTEM = "csv"
"""Also of tables that come as workbooks: the same export in another format is the same receipts."""

_CSV_NAMES = {"line_id": "line_no", "id": "receipt_no"}
_LINE_ID_MAX = 100
_VERSION_MAX_DIGITS = 18
_PRICES = ("price", "unit_price")
_CURRENCY = re.compile(r"[A-Z]{3}")
_CARRIED = (
    "store", "status", "cancelled", "voided", "currency", "register", "business_date", "order_ref", "occurred_at",
)  # fmt: skip
"""Fields of a receipt that many tills write into its first row only."""


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
    """Translates the rows of one file. marks, times: how its numbers and times are written."""

    def __init__(self, reading: FileReadContext, layout: Layout, marks: Marks, times: TimeReader) -> None:
        self._kind = reading.kind
        self._report_kind = None if reading.kind == "sales" else StockReportKind(reading.kind)
        self._layout = layout
        self._marks = marks
        self._times = times
        self._spec = reading.spec
        self._zone = reading.spec.zone
        self._recorded_at_ms = reading.recorded_at_ms
        self._memory = reading.memory
        self._names = [normal_header(each) for each in layout.header]
        self._store_label: str | None = None
        self._carrying = [name for name in _CARRIED if layout.has(name)]
        self._receipt = ""
        self._carried: dict[str, str] = {}
        self._notes: list[RowProblem] = []

    def batches(self, rows: Iterable[Row | BrokenRow], batch_rows: int = BATCH_ROWS) -> Iterator[Batch]:
        """The same rows give the same batches, so work can be taken up after the last one that was confirmed."""
        documents: dict[_Head, _Document] = {}
        problems: list[RowProblem] = []
        skipped: list[Skip] = []
        row_count = 0
        latest: _Head | None = None
        for row in rows:
            head = latest
            if isinstance(row, BrokenRow):
                problems.append(self._problem(row.line, "", row.reason))
            else:
                try:
                    fields, reason = self._fields(row)
                    if reason is not None:
                        skipped.append(Skip(f"line {row.line}", reason))
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
        reason = self._no_sale(row, fields)
        if reason is not None:
            return fields, reason
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

    def _no_sale(self, row: Row, fields: dict[str, str]) -> SkipReason | None:
        """Why the row moves nothing, or None; then `fields` say what kind of line it is. Raises FieldRefused."""
        preset = self._layout.preset
        if self._report_kind is not None:
            is_untracked = preset is not None and preset.has_untracked and not fields.get("quantity")
            if is_untracked:
                return SkipReason.non_stock
            return self._verdict(row, fields) if preset is not None else None
        self._carry(fields)
        return self._verdict(row, fields)

    def _verdict(self, row: Row, fields: dict[str, str]) -> SkipReason | None:
        verdict = judged(fields, self._spec.status_words) if self._report_kind is None else None
        preset = self._layout.preset
        if preset is not None and preset.judge is not None and not isinstance(verdict, SkipReason):
            raw = {name: clean_cell(cell) for name, cell in zip(self._names, row.cells, strict=False)}
            for name in preset.first_row_only:
                raw[name] = self._carried[f" {name}"] = raw.get(name) or self._carried.get(f" {name}", "")
            verdict = preset.judge(raw) or verdict
        if isinstance(verdict, SaleLineKind):
            fields["kind"] = verdict.value
        return verdict if isinstance(verdict, SkipReason) else None

    def _carry(self, fields: dict[str, str]) -> None:
        """Rows of one receipt after its first one may leave out what holds for all of them."""
        receipt = fields.get("receipt_no", "")
        if not receipt or receipt != self._receipt:
            self._receipt = receipt
            self._carried = {}
        for name in self._carrying:
            if fields[name]:
                self._carried[name] = fields[name]
            elif name in self._carried:
                fields[name] = self._carried[name]

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
            return self._recorded_ms(fields)
        moment = self._moment(fields, "occurred_at")
        if moment is None:
            raise FieldRefused("occurred_at", "the time is missing")
        if moment.day_end_ms is None:
            return moment.at_ms
        if self._report_kind is None:
            day = shorten(fields["occurred_at"])
            raise FieldRefused("occurred_at", f"{day} is a day without a time of day, which a sale must have")
        if self._report_kind in (StockReportKind.counted, StockReportKind.level):
            return max(moment.at_ms, min(moment.day_end_ms, self._recorded_at_ms))
        return moment.at_ms

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
                    recorded_at_ms=self._recorded_ms(fields),
                    till=fields.get("register") or None,
                    currency=self._currency(fields) or self._spec.currency,
                )
            line = self._line(row.line, head, document, fields)
        except FieldRefused as refused:
            problems.append(self._problem(row.line, refused.field, str(refused)))
            if document is not None:
                document.bad_row = row.line
            return
        document.order_ref = document.order_ref or fields.get("order_ref") or None
        document.lines.append(line)
        document.rows.append(row.line)

    def _currency(self, fields: Mapping[str, str]) -> str | None:
        """The row's currency, or None where it names one that cannot be."""
        currency = (fields.get("currency") or self._spec.currency).upper()
        return currency if _CURRENCY.fullmatch(currency) else None

    def _line(self, at: int, head: _Head, document: _Document, fields: dict[str, str]) -> SaleLine | StockLine:
        line_id = fields.get("line_no") or self._line_id(head, fields)
        if fields.get("quantity"):
            try:
                fields["quantity"] = plain_number(fields["quantity"], self._marks)
            except Refused as error:
                raise FieldRefused("quantity", str(error)) from error
        if self._report_kind is not None:
            return stock_line(line_id, fields, self._report_kind)
        self._read_prices(at, document, fields)
        try:
            return sale_line(line_id, fields, document.currency)
        except FieldRefused as refused:
            if refused.field not in _PRICES:
                raise
            self._note(at, refused.field, str(refused))
            return sale_line(line_id, {**fields, "price": "", "unit_price": ""}, document.currency)

    def _read_prices(self, at: int, document: _Document, fields: dict[str, str]) -> None:
        """Make plain numbers of the prices; one that cannot be read is left out, with a note: it moves no stock."""
        currency = self._currency(fields)
        is_return = fields.get("kind") == SaleLineKind.return_ or fields.get("quantity", "").startswith("-")
        for name in _PRICES:
            text = fields.get(name)
            if not text:
                continue
            price = ""
            if currency != document.currency:
                theirs = shorten(fields.get("currency", ""))
                self._note(at, name, f"{shorten(text)} is in {theirs}, and the receipt in {document.currency}")
            else:
                try:
                    price = plain_amount(text, self._marks, document.currency)
                except Refused as error:
                    self._note(at, name, str(error))
            if is_return and price and name == "price":
                # Tills write what they paid back with or without a sign; the line's own sign says that it came back.
                price = price.lstrip("-")
                price = f"-{price}" if fields.get("quantity", "").startswith("-") else price
            fields[name] = price

    def _note(self, line: int, name: str, reason: str) -> None:
        problem = self._problem(line, name, reason)
        self._notes.append(replace(problem, reason=f"{reason}; the line counts without a price"))

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
        notes, self._notes = tuple(self._notes), []
        return Batch(tuple(events), tuple(problems), row_count, tuple(skipped), notes)

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
