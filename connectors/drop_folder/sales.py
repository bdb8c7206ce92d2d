"""Rows of sales to receipts. A price that cannot be read costs no line: it counts without one, with a note.

Lines of one receipt become one sale. A receipt may also come in several events (its rows lie far apart, or it is
very long): they bear one source id and one time, and the pool unites their lines.
"""

import re
from collections.abc import Mapping

from connectors.contract import FieldRefused, PosEvent, Refused, SkipReason
from connectors.drop_folder.batch import FileReadContext
from connectors.drop_folder.columns import Layout
from connectors.drop_folder.documents import part
from connectors.drop_folder.no_sale import judged
from connectors.drop_folder.numbers import Marks, plain_amount
from connectors.drop_folder.rows import Row
from connectors.drop_folder.translate import Head, Lines, Translator
from connectors.drop_folder.when import TimeReader
from connectors.parsing.lines import PRICE_FIELDS, noted_sale_line
from connectors.parsing.quantities import shorten
from schemas.models.pos import Sale, SaleLine, SaleLineKind

_CURRENCY = re.compile(r"[A-Z]{3}")
_CARRIED = (
    "store", "status", "cancelled", "voided", "currency", "register", "business_date", "order_ref", "occurred_at",
)  # fmt: skip
"""Fields of a receipt that many tills write into its first row only."""


class SaleTranslator(Translator):
    """Translates the rows of a file of sales."""

    def __init__(self, reading: FileReadContext, layout: Layout, marks: Marks, times: TimeReader) -> None:
        super().__init__(reading, layout, marks, times)
        self._carrying = [name for name in _CARRIED if layout.has(name)]

    def _no_line(self, row: Row, fields: dict[str, str]) -> SkipReason | None:
        self._carry(fields)
        return self._state(row, fields, judged(fields, self._spec.status_words))

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

    def _head(self, row: Row, fields: Mapping[str, str]) -> Head:
        version = self._version(fields) or 1
        occurred_at_ms = self._occurred_at_ms(fields)
        receipt = fields["receipt_no"]
        if not receipt:
            raise FieldRefused("receipt_no", "the receipt number is missing")
        day = self._day(fields, occurred_at_ms)
        source_id = f"{part(fields.get('register', ''))}/{day}/{part(receipt)}"
        return Head(source_id, version, self._memory.first_time_ms(f"{source_id}@{version}", occurred_at_ms))

    def _occurred_at_ms(self, fields: Mapping[str, str]) -> int:
        moment = self._moment(fields, "occurred_at")
        if moment is None:
            raise FieldRefused("occurred_at", "the time is missing")
        if moment.day_end_ms is not None:
            day = shorten(fields["occurred_at"])
            raise FieldRefused("occurred_at", f"{day} is a day without a time of day, which a sale must have")
        return moment.at_ms

    def _currency(self, fields: Mapping[str, str]) -> str:
        return self._named_currency(fields) or self._spec.currency

    def _named_currency(self, fields: Mapping[str, str]) -> str | None:
        """The row's currency, or None where it names one that cannot be."""
        currency = (fields.get("currency") or self._spec.currency).upper()
        return currency if _CURRENCY.fullmatch(currency) else None

    def _line(self, at: int, head: Head, lines: Lines, fields: dict[str, str]) -> SaleLine:
        line_id = fields.get("line_no") or self._line_id(head, fields)
        self._read_quantity(fields)
        self._read_prices(at, lines, fields)
        line, notes = noted_sale_line(line_id, fields, lines.currency, self._spec.unit_words)
        self._add_notes(at, notes)
        return line

    def _read_prices(self, at: int, lines: Lines, fields: dict[str, str]) -> None:
        """Make plain numbers of the prices; one that cannot be read is left out, with a note: it moves no stock."""
        currency = self._named_currency(fields)
        is_return = fields.get("kind") == SaleLineKind.return_ or fields.get("quantity", "").startswith("-")
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
            if is_return and price and name == "price":
                # Tills write what they paid back with or without a sign; the line's own sign says that it came back.
                price = price.lstrip("-")
                price = f"-{price}" if fields.get("quantity", "").startswith("-") else price
            fields[name] = price

    def _note_price(self, line: int, name: str, reason: str) -> None:
        self._note(line, name, f"{reason}; the line counts without a price")

    def _event(self, common: Mapping[str, object], lines: Lines) -> PosEvent:
        return Sale.model_validate(
            {**common, "till": lines.till, "order_ref": lines.order_ref, "currency": lines.currency}
        )

    def _refusal(self, head: Head, lines: Lines) -> str | None:
        if head.version == 1 or lines.bad_row is None:
            return None
        return (
            f"not used, because line {lines.bad_row} of the same receipt is not usable "
            "and a revision replaces the receipt whole"
        )
