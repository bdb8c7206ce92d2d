"""A statement as a table: CSV, and a workbook whose cells no spreadsheet takes for formulas."""

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import tzinfo
from decimal import Decimal

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from commonshelf.desks.settlement.wording import moment, party_name, quantity
from commonshelf.text import one_line
from connectors.parsing.spreadsheet import guarded
from schemas.currency import decimal_text
from streams.settlement.statements import TITLES, Statement

COLUMNS = (
    "when", "kind", "restated of", "what", "with", "order", "transfer", "item", "quantity", "entry", "agreement",
    "disputed", "tax", "amount", "currency",
)  # fmt: skip
_WIDTHS = {
    "when": 17,
    "restated of": 17,
    "kind": 42,
    "what": 56,
    "with": 32,
    "order": 16,
    "transfer": 16,
    "item": 20,
    "amount": 14,
}
Cell = str | Decimal


def rows(statement: Statement, names: Mapping[str, str], zone: tzinfo) -> Iterator[tuple[Cell, ...]]:
    """A row for the opening balance, each line, and the closing balance, of each currency."""
    for part in statement.parts:
        currency = part.currency
        yield _balance("Opening balance", moment(statement.start_ms, zone), part.opening_minor, currency)
        for section in part.sections:
            for line in section.lines:
                one, about = line.transaction, line.transaction.about
                yield (
                    moment(about.occurred_at_ms, zone), TITLES[section.kind],
                    moment(one.belongs_to_ms, zone) if section.is_restated else "",
                    one.sentence, party_name(line.counterparty, names), about.order or "", about.transfer or "",
                    about.sku or "", quantity(about) and Decimal(quantity(about)),
                    f"{one.posted_position}.{one.sequence}", str(one.agreement), ", ".join(line.disputes),
                    _amount(line.tax_minor, currency), _amount(line.amount_minor, currency), currency,
                )  # fmt: skip
        yield _balance("Closing balance", moment(statement.end_ms, zone), part.closing_minor, currency)


def statement_csv(statement: Statement, names: Mapping[str, str], zone: tzinfo) -> str:
    """With a head; lines end as RFC 4180 has it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in rows(statement, names, zone):
        writer.writerow([guarded(one_line(cell)) if isinstance(cell, str) else cell for cell in row])
    return out.getvalue()


def statement_workbook(statement: Statement, names: Mapping[str, str], zone: tzinfo) -> bytes:
    """One sheet, as .xlsx."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Statement"
    head = f"Statement of {party_name(statement.store, names)}, pool {statement.pool}"
    state = "" if statement.is_closed else " (preliminary)"
    period = f"{moment(statement.start_ms, zone)} to {moment(statement.end_ms, zone)}{state}"
    table = [(head,), (period,), (), COLUMNS, *rows(statement, names, zone)]
    for at, row in enumerate(table, 1):
        for number, content in enumerate(row, 1):
            cell = sheet.cell(at, number)
            if isinstance(content, Decimal):
                cell.value = content
                cell.number_format = _format(content)
            elif content:
                cell.value = one_line(content)
                cell.data_type, cell.quotePrefix = "s", True
            if at in (1, 4) or row[1:2] in (("Opening balance",), ("Closing balance",)):
                cell.font = Font(bold=True)
    for number, name in enumerate(COLUMNS, 1):
        sheet.column_dimensions[get_column_letter(number)].width = _WIDTHS.get(name, 11)
    sheet.freeze_panes = "A5"
    sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _balance(what: str, when: str, amount_minor: int, currency: str) -> tuple[Cell, ...]:
    return (when, what, *[""] * (len(COLUMNS) - 4), _amount(amount_minor, currency), currency)


def _amount(amount_minor: int, currency: str) -> Decimal:
    return Decimal(decimal_text(amount_minor, currency))


def _format(number: Decimal) -> str:
    decimals = -int(number.as_tuple().exponent)
    return "#,##0" + (f".{'0' * decimals}" if decimals > 0 else "")
