"""Scenarios side by side: a table of texts, and the same as CSV and as a workbook."""

import csv
import io
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from openpyxl import Workbook
from openpyxl.cell.cell import Cell as SheetCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side

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
HEAD_ROW: Final = 4
"""The row of headings; the figures stand below."""
_HOW: Final = (
    "Each column is a plan of its own for what it says; base is what is expected. Lines with “as in base” show "
    "the same with what base buys and moves. Nothing is ordered by this."
)
_AS_BASE: Final = 6
"""The first row of figures with the purchases of the base."""
_WIDTH: Final = 16
"""Of a scenario's column, in characters."""
_LINE_POINTS: Final = 15
_LINE = Border(top=Side("hair", color="BFBFBF"))
_GROUP = Border(top=Side("thin", color="404040"))


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
    """The table as a workbook, for the screen and one page across of paper. title: its first line."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Scenarios"
    _put(sheet["A1"], title)
    sheet["A1"].font = Font(bold=True, size=14)
    _put(sheet["A2"], _HOW)
    sheet["A2"].font = Font(color="595959")
    for column, name in enumerate(("", *(one.name for one in figures)), 1):
        cell = sheet.cell(HEAD_ROW, column)
        _put(cell, name)
        cell.font, cell.fill = Font(bold=True, color="FFFFFF"), PatternFill("solid", fgColor="404040")
        cell.alignment = Alignment("left" if column == 1 else "right", "center", wrap_text=True)
        sheet.column_dimensions[cell.column_letter].width = 44 if column == 1 else _WIDTH
    lines = max(-(-len(one.name) // (_WIDTH - 2)) for one in figures)
    sheet.row_dimensions[HEAD_ROW].height = _LINE_POINTS * (lines + 1)
    exponent = currency_exponent(currency)
    formats = ["#,##0.0"] * len(_UNITS) + ["#,##0" + (f".{'0' * exponent}" if exponent else "")] * len(_MONEY)
    for number, (name, numbers) in enumerate(rows_of(figures, currency)):
        line = _GROUP if number in (0, _AS_BASE, len(_UNITS)) else _LINE
        for column, content in enumerate((name, *numbers), 1):
            cell = sheet.cell(HEAD_ROW + 1 + number, column, content)
            cell.border, cell.number_format = line, "General" if column == 1 else formats[number]
            cell.font = Font(bold=column == 2)
    sheet.freeze_panes = f"B{HEAD_ROW + 1}"
    sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _put(cell: SheetCell, text: str) -> None:
    """A text that no spreadsheet takes for a formula."""
    cell.value = one_line(text)
    cell.data_type = "s"
