"""Rows of sales to receipts. A price that cannot be read costs no line: it counts without one, with a note.

Lines of one receipt become one sale. A receipt may also come in several events (its rows lie far apart, or it is
very long): they bear one source id and one time, and the pool unites their lines.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

from connectors.contract import FieldRefused, PosEvent, Refused, SkipReason
from connectors.drop_folder.batch import FileReadContext
from connectors.drop_folder.columns import Layout
from connectors.drop_folder.documents import part
from connectors.drop_folder.no_sale import SAYING, judged
from connectors.drop_folder.numbers import Marks, plain_amount, plain_number
from connectors.drop_folder.rows import BrokenRow, Row
from connectors.drop_folder.translate import Head, Lines, Translator
from connectors.drop_folder.when import TimeReader
from connectors.parsing.lines import PRICE_FIELDS, line_code, noted_sale_line
from connectors.parsing.quantities import shorten
from connectors.parsing.times import local_date
from schemas.models.base import LINE_ID_MAX, LINES_MAX
from schemas.models.pos import Sale, SaleLine, Source

_CURRENCY = re.compile(r"[A-Z]{3}")
_CARRIED = (
    "store", "status", "cancelled", "voided", "currency", "register", "business_date", "order_ref", "occurred_at",
)  # fmt: skip
"""Fields of a receipt that many tills write into its first row only."""


_TAKES_BACK = frozenset({SkipReason.cancelled, SkipReason.voided, SkipReason.not_moved})
"""Why a row is no sale that an earlier export of the same receipt may have shown as one."""


class SaleTranslator(Translator):
    """Translates the rows of a file of sales."""

    def __init__(self, reading: FileReadContext, layout: Layout, marks: Marks, times: TimeReader) -> None:
        super().__init__(reading, layout, marks, times)
        self._carrying = [name for name in _CARRIED if layout.has(name)]
        self._is_sums = not layout.has("receipt_no")
        judge = None if layout.preset is None else layout.preset.judge
        self._has_states = not self._is_sums and (judge is not None or any(map(layout.has, SAYING)))

    def _no_line(self, row: Row, fields: dict[str, str]) -> SkipReason | None:
        self._carry(fields)
        reason = self._state(row, fields, judged(fields, self._spec.status_words))
        return SkipReason.not_moved if reason is None and self._is_nothing(fields) else reason

    def _is_nothing(self, fields: Mapping[str, str]) -> bool:
        """True for a quantity of zero, as of a line that was taken off. A day's sum of zero replaces an earlier sum."""
        try:
            return not self._is_sums and Decimal(plain_number(fields.get("quantity", ""), self._marks)).is_zero()
        except Refused:
            return False

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

    def survey(self, rows: Iterable[Row | BrokenRow]) -> None:
        """Look for receipts of which a row says that it was no sale: an earlier file may have told it as one."""
        if not self._has_states:
            return
        for row in rows:
            if isinstance(row, BrokenRow):
                continue
            try:
                fields, reason = self._fields(row)
                if reason in _TAKES_BACK:
                    self._memory.put(f"taken back {self._receipt_of(fields, self._occurred_at_ms(fields))}", 1)
            except FieldRefused:  # the row is told when it is read
                continue
        self._notes.clear()
        self._receipt, self._carried, self._store_label = "", {}, None

    def _left_out(self, row: Row, documents: dict[Head, Lines], fields: Mapping[str, str], reason: SkipReason) -> None:
        """A receipt that was cancelled or voided is published without the row: nothing of it was sold after all.

        A row that is left out for another reason says no such thing: what a revision's line was before, it stays.
        """
        if reason is SkipReason.no_content or self._is_sums:
            return
        try:
            head = self._head(row, fields)
            if reason not in _TAKES_BACK:
                name = self._name_of(head, fields) if head.version > 1 else ""
                if 0 < len(name) <= LINE_ID_MAX:  # a line of any other name was never told
                    documents.setdefault(head, self._opened(fields)).unread.append(name)
                return
        except FieldRefused:  # nothing that was told before has its name
            return
        recorded_at_ms = self._recorded_ms(fields)
        if recorded_at_ms - head.occurred_at_ms > self._spec.late_limit_ms:
            if self._memory.next_ordinal("too old to be taken back") == 1:
                receipt = shorten(fields["receipt_no"])
                text = "is too old to be taken back, as others may be: if it was told as a sale before, count its items"
                self._note(row.line, "", f"receipt {receipt} {text}")
        elif head.version > 1 and head not in documents:
            documents[head] = self._opened(fields)

    def _may_be_empty(self, head: Head) -> bool:
        return head.version > 1

    def _head(self, row: Row, fields: Mapping[str, str]) -> Head:
        version = self._version(fields)
        occurred_at_ms = self._occurred_at_ms(fields)
        if self._is_sums:
            day = local_date(occurred_at_ms, self._zone)
            source_id = f"{part(fields.get('register', ''))}/{day}/sum/{part(line_code(fields))}"
            version = self._recorded_at_ms if version is None else version
        else:
            source_id = self._receipt_of(fields, occurred_at_ms)
            if version is None:
                version = 2 if self._is_taken_back(source_id) else 1
        return Head(source_id, version, self._memory.first_time_ms(f"{source_id}@{version}", occurred_at_ms))

    def _receipt_of(self, fields: Mapping[str, str], occurred_at_ms: int) -> str:
        receipt = fields["receipt_no"]
        if not receipt:
            raise FieldRefused("receipt_no", "the receipt number is missing")
        return f"{part(fields.get('register', ''))}/{self._day(fields, occurred_at_ms)}/{part(receipt)}"

    def _occurred_at_ms(self, fields: Mapping[str, str]) -> int:
        moment = self._moment(fields, "occurred_at")
        if moment is None:
            raise FieldRefused("occurred_at", "the time is missing")
        day = shorten(fields["occurred_at"])
        if self._is_sums:
            if moment.day_end_ms is None:
                raise FieldRefused("occurred_at", f"{day} is no day: without a receipt number a row is a day's sum")
            return max(moment.at_ms, min(moment.day_end_ms, self._recorded_at_ms))
        if moment.day_end_ms is not None:
            raise FieldRefused("occurred_at", f"{day} is a day without a time of day, which a sale must have")
        return moment.at_ms

    def _currency(self, fields: Mapping[str, str]) -> str:
        return self._named_currency(fields) or self._spec.currency

    def _named_currency(self, fields: Mapping[str, str]) -> str | None:
        """The row's currency, or None where it names one that cannot be."""
        currency = (fields.get("currency") or self._spec.currency).upper()
        return currency if _CURRENCY.fullmatch(currency) else None

    def _line(self, at: int, head: Head, lines: Lines, fields: dict[str, str]) -> SaleLine | None:
        line_id = self._name_of(head, fields)
        self._read_quantity(fields)
        if self._is_sums and not Decimal(fields.get("quantity") or 1):
            return None
        self._read_prices(at, lines, fields)
        line, notes = noted_sale_line(line_id, fields, lines.currency, self._spec.unit_words)
        self._add_notes(at, notes)
        return line

    def _name_of(self, head: Head, fields: Mapping[str, str]) -> str:
        return fields.get("line_no") or self._line_id(head, fields)

    def _read_prices(self, at: int, lines: Lines, fields: dict[str, str]) -> None:
        """Make plain numbers of the prices; one that cannot be read is left out, with a note: it moves no stock."""
        currency = self._named_currency(fields)
        for name in PRICE_FIELDS:
            text = fields.get(name)
            if not text:
                continue
            price = ""
            if currency != lines.currency:
                theirs = shorten(fields.get("currency", ""))
                self._note_price(at, name, f"{shorten(text)} is in {theirs}, and the receipt in {lines.currency}")
            else:
                try:
                    price = plain_amount(text, self._marks, lines.currency)
                except Refused as error:
                    self._note_price(at, name, str(error))
            fields[name] = price

    def _note_price(self, line: int, name: str, reason: str) -> None:
        self._note(line, name, f"{reason}; the line counts without a price")

    def _event(self, common: Mapping[str, object], source: Source, lines: Lines) -> PosEvent:
        # A row that cannot be used may be any of the lines that an earlier export told.
        bad = ["*"] if lines.bad_row is not None and self._is_taken_back(source.id) else []
        unread = tuple(dict.fromkeys(lines.unread + bad))[:LINES_MAX]
        said = {"till": lines.till, "order_ref": lines.order_ref, "currency": lines.currency, "unread_lines": unread}
        return Sale.model_validate({**common, **said, "source": source})

    def _is_taken_back(self, source_id: str) -> bool:
        """True for a receipt of which this file says that a part, or all of it, was no sale after all."""
        return self._memory.value(f"taken back {source_id}") is not None

    def _refusal(self, head: Head, lines: Lines) -> str | None:
        if head.version == 1 or lines.bad_row is None or self._is_taken_back(head.source_id):
            return None
        return (
            f"not used, because line {lines.bad_row} of the same receipt is not usable "
            "and a revision replaces the receipt whole"
        )
