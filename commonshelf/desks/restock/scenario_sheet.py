"""Scenarios side by side: a table of texts, and the same as CSV and as a workbook."""

import csv
import io
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill

from commonshelf.text import one_line
from connectors.parsing.spreadsheet import guarded
from schemas.currency import currency_exponent
from streams.restock.planning.scenarios import Figures

_UNITS: Final[tuple[tuple[str, Callable[[Figures], int]], ...]] = (
    ("units expected to be wanted", lambda one: one.demand_milli),
    ("units to buy", lambda one: one.buy_milli),
    ("units from neighbours", lambda one: one.moved_milli),
    ("shelves expected to run out", lambda one: one.stockouts_milli),
    ("units expected to be missed", lambda one: one.lost_milli),
    ("units expected to spoil", lambda one: one.wasted_milli),
    ("shelves that run out, if ordered as in base", lambda one: one.stockouts_as_base_milli),
    ("units missed, if ordered as in base", lambda one: one.lost_as_base_milli),
    ("units spoiled, if ordered as in base", lambda one: one.wasted_as_base_milli),
)
_MONEY: Final[tuple[tuple[str, Callable[[Figures], int]], ...]] = (
    ("cash for purchases", lambda one: one.cash_minor),
    ("cost of moving", lambda one: one.move_cost_minor),
    ("cost of what spoils", lambda one: one.waste_minor),
)
Row = tuple[str, list[Decimal]]


def rows_of(figures: Sequence[Figures], currency: str) -> list[Row]:
    """A row for each figure, a number for each scenario; units to a tenth, money in units of the currency."""
    exponent = currency_exponent(currency)
    units: list[Row] = [
        (name, [Decimal(of(one)).scaleb(-3).quantize(Decimal("0.1")) for one in figures]) for name, of in _UNITS
    ]
    money: list[Row] = [
        (f"{name}, {currency}", [Decimal(of(one)).scaleb(-exponent) for one in figures]) for name, of in _MONEY
    ]
    return [*units, *money]


def scenario_csv(figures: Sequence[Figures], currency: str) -> str:
    """The table as CSV; no cell is taken for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["", *(guarded(one_line(one.name)) for one in figures)])
    writer.writerows([name, *numbers] for name, numbers in rows_of(figures, currency))
    return out.getvalue()


def scenario_workbook(figures: Sequence[Figures], currency: str, title: str) -> bytes:
    """The table as a workbook. title: its first line."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Scenarios"
    sheet["A1"] = one_line(title)
    sheet["A1"].font, sheet["A1"].data_type = Font(bold=True, size=14), "s"
    for column, name in enumerate(("", *(one.name for one in figures)), 1):
        cell = sheet.cell(3, column, one_line(name))
        cell.data_type = "s"
        cell.font, cell.fill = Font(bold=True, color="FFFFFF"), PatternFill("solid", fgColor="404040")
        cell.alignment = Alignment("left" if column == 1 else "right", wrap_text=True)
        sheet.column_dimensions[cell.column_letter].width = 44 if column == 1 else 16
    for row, (name, numbers) in enumerate(rows_of(figures, currency), 4):
        sheet.cell(row, 1, name)
        for column, number in enumerate(numbers, 2):
            sheet.cell(row, column, number).number_format = "#,##0.0" if row < 4 + len(_UNITS) else "#,##0.00"
    sheet.freeze_panes = "B4"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
