"""The sheet of restock proposals as .xlsx: live formulas, and only what is the shopkeeper's own can be edited."""

import io
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.cell.cell import Cell as SheetCell
from openpyxl.formatting.rule import FormulaRule
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.worksheet.datavalidation import DataValidation

from commonshelf.desks.restock.sheet import COLUMNS, EDITABLE, HEADINGS, HIDDEN, NO, YES, Cell, formulas, letter, row_of
from commonshelf.text import one_line
from schemas.currency import currency_exponent
from schemas.types.restock import RestockProposal

HEAD_ROW: Final = 4
"""The row of headings; the proposals stand below."""
_HOW = (
    "Change what you buy if you want another number of packs, write yes or no beside it, save the file and send it "
    "back. White cells are yours; all others are locked."
)
_GREY, _DARK = PatternFill("solid", fgColor="F2F2F2"), PatternFill("solid", fgColor="404040")
_AGREED, _REFUSED = PatternFill("solid", bgColor="E2F0D9"), PatternFill("solid", bgColor="FBE5D6")
_LINE = Border(bottom=Side("hair", color="BFBFBF"))
_MONEY: Final = ("pack cost", "cost")
_UNITS = "#,##0.###"
_WRAPPED: Final = {column.heading: column.width - 6 for column in COLUMNS if column.heading in ("name", "why")}
"""Text that may take several lines, and the characters that surely fit on one."""
_NUMBERS: Final = frozenset(HEADINGS[HEADINGS.index("on hand") : HEADINGS.index("why")])
_LINE_POINTS = 15


def sheet_workbook(proposals: Sequence[RestockProposal], title: str) -> bytes:
    """One sheet with a row for each proposal, at least one, all of one store and in one currency.

    title: its first line.
    """
    book = Workbook()
    sheet = book.active
    sheet.title = "Restock"
    last = HEAD_ROW + len(proposals)
    currency = proposals[0]["currency"]
    _head(sheet, title, currency, last)
    for number, proposal in enumerate(proposals, HEAD_ROW + 1):
        _write_row(sheet, number, {**row_of(proposal), **formulas(number)}, currency)
    for column in COLUMNS:
        shape = sheet.column_dimensions[letter(column.heading)]
        shape.width, shape.hidden = column.width, column.heading in HIDDEN
    _rules(sheet, last)
    sheet.freeze_panes = f"C{HEAD_ROW + 1}"
    sheet.auto_filter.ref = f"A{HEAD_ROW}:{letter(HEADINGS[-1])}{last}"
    sheet.protection.sheet = True
    for allowed in ("formatColumns", "formatRows", "autoFilter"):
        setattr(sheet.protection, allowed, False)  # False: not protected
    sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_title_rows = f"{HEAD_ROW}:{HEAD_ROW}"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _head(sheet: Any, title: str, currency: str, last: int) -> None:
    _put(sheet["A1"], title)
    sheet["A1"].font = Font(bold=True, size=14)
    _put(sheet["A2"], _HOW)
    sums = {
        "Cost of all": f"=SUM({_below('cost', last)})",
        "Cost of what you approve": f'=SUMIF({_below("approve", last)},"{YES}",{_below("cost", last)})',
    }
    for (said, formula), (text, amount) in zip(sums.items(), (("A", "C"), ("G", "L")), strict=True):
        _put(sheet[f"{text}3"], said)
        sheet[f"{amount}3"] = formula
        sheet[f"{amount}3"].number_format = _money_format(currency)
        sheet[f"{text}3"].font = sheet[f"{amount}3"].font = Font(bold=True)
    for number, column in enumerate(COLUMNS, 1):
        cell = sheet.cell(HEAD_ROW, number)
        in_currency = f" {currency}" if column.heading in _MONEY else ""
        _put(cell, column.heading + in_currency)
        cell.font, cell.fill = Font(bold=True, color="FFFFFF"), _DARK
        is_number = column.heading in _NUMBERS
        cell.alignment = Alignment("right" if is_number else "left", "center", wrap_text=True)
    sheet.row_dimensions[HEAD_ROW].height = 30


def _write_row(sheet: Any, row: int, cells: Mapping[str, Cell], currency: str) -> None:
    for number, heading in enumerate(HEADINGS, 1):
        cell, content = sheet.cell(row, number), cells[heading]
        if heading in formulas(row):
            cell.value = content
        else:
            _put(cell, content)
        is_text = heading in _WRAPPED
        cell.border, cell.alignment = _LINE, Alignment(vertical="top", wrap_text=is_text, indent=int(is_text))
        if heading in _MONEY:
            cell.number_format = _money_format(currency)
        elif isinstance(content, Decimal):
            cell.number_format = "General" if content == content.to_integral_value() else _UNITS
        if heading in EDITABLE:
            cell.protection = Protection(locked=False)
            cell.font = Font(bold=True)
        else:
            cell.fill = _GREY

    lines = max(-(-len(str(cells[heading])) // width) for heading, width in _WRAPPED.items())
    sheet.row_dimensions[row].height = _LINE_POINTS * max(lines, 1)


def _rules(sheet: Any, last: int) -> None:
    """What the cells that can be edited take, and how a row looks once it is answered."""
    first = HEAD_ROW + 1
    buy, pack, approve = (f"{letter(name)}{first}" for name in ("buy", "pack", "approve"))
    packs = DataValidation(
        "custom", formula1=f"AND({buy}>=0,MOD(ROUND({buy}*1000,0),ROUND({pack}*1000,0))=0)",
        errorTitle="Whole packs", error="Write 0 or a number of units that is whole packs.", showErrorMessage=True,
    )  # fmt: skip
    answers = DataValidation(
        "list", formula1=f'"{YES},{NO}"', allow_blank=True, errorTitle="Yes or no",
        error=f"Write {YES} or {NO}, or leave it empty.", showErrorMessage=True,
    )  # fmt: skip
    for heading, rule in (("buy", packs), ("approve", answers)):
        sheet.add_data_validation(rule)
        rule.add(_below(heading, last))
    rows = f"A{first}:{letter(HEADINGS[-1])}{last}"
    for answer, fill in ((YES, _AGREED), (NO, _REFUSED)):
        sheet.conditional_formatting.add(rows, FormulaRule([f'${approve}="{answer}"'], fill=fill))


def _below(heading: str, last: int) -> str:
    return f"{letter(heading)}{HEAD_ROW + 1}:{letter(heading)}{last}"


def _put(cell: SheetCell, content: Cell) -> None:
    """A number, or a text that no spreadsheet takes for a formula."""
    if isinstance(content, str):
        if content:
            cell.value = one_line(content)
            cell.data_type, cell.quotePrefix = "s", True
    else:
        cell.value = content


def _money_format(currency: str) -> str:
    decimals = currency_exponent(currency)
    return "#,##0" + (f".{'0' * decimals}" if decimals else "")
