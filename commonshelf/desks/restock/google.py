"""Sheets of restock proposals in Google Sheets: a tab for each store, laid out as the workbook is, and read back.

The spreadsheet is the shop's own, and shared with a service account whose key file is at hand. What is written goes in
one request, so that either all tabs are there or none. https://developers.google.com/workspace/sheets/api/reference/rest
"""

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from openpyxl import load_workbook
from openpyxl.utils import range_boundaries

from commonshelf.desks.restock.desk import sheet_title
from commonshelf.desks.restock.returned import Row, SheetError, rows_of_table
from commonshelf.desks.restock.sheet import EDITABLE
from commonshelf.desks.restock.workbook import HEAD_ROW, sheet_workbook
from messaging.errors import UserError
from schemas.types.restock import RestockProposal

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from gspread import Spreadsheet

Request = dict[str, Any]
_PIXELS_PER_CHARACTER = 7
_TIMEOUT_S = 60.0
_RULES: Final = {"custom": "CUSTOM_FORMULA", "list": "ONE_OF_LIST"}
_FIELDS = "userEnteredValue,userEnteredFormat"


class GoogleError(UserError):
    """Google does not give or take the sheets; the sentence says what to do."""


def open_spreadsheet(url: str, key: Path) -> "Spreadsheet":
    """The spreadsheet at an address as the browser shows it, by a service account's key file. Raises GoogleError."""
    try:
        import gspread
    except ImportError as error:
        raise GoogleError(
            f"Google Sheets take the package gspread ({error}); ./shelf installs it, or install commonshelf[google]"
        ) from error
    try:
        account = dict(json.loads(key.read_text(encoding="utf-8")))
        client = gspread.service_account_from_dict(account)
    except (OSError, ValueError, TypeError) as error:
        raise GoogleError(
            f"{key} is no key file of a service account ({error}); docs/restock.md says how to get one"
        ) from error
    client.set_timeout(_TIMEOUT_S)
    with _told(url, str(account.get("client_email"))):
        found = client.open_by_url(url)
    if not found.locale.startswith("en"):
        raise GoogleError(
            f"{url} has the locale {found.locale}, in which formulas are written another way; choose an English one in "
            "its settings"
        )
    return found


def write_tabs(
    spreadsheet: "Spreadsheet", by_store: Mapping[str, list[RestockProposal]], zone: "ZoneInfo"
) -> list[str]:
    """The tabs written, one for each store, all or none. Raises GoogleError.

    No tab is written over: it may be one that a shopkeeper has filled in.
    """
    with _told(spreadsheet.url):
        tabs = spreadsheet.worksheets()
        there = sorted({tab.title for tab in tabs} & by_store.keys())
        if there:
            raise GoogleError(f"{', '.join(there)} would be written over; import what it says, then remove the tab")
        free = max((tab.id for tab in tabs), default=0) + 1
        requests = [
            request
            for number, (store, proposals) in enumerate(by_store.items(), free)
            for request in tab_requests(number, store, sheet_workbook(proposals, sheet_title(proposals, zone)))
        ]
        if requests:
            spreadsheet.batch_update({"requests": requests})
    return list(by_store)


def read_tabs(spreadsheet: "Spreadsheet") -> list[Row]:
    """The rows of all tabs that have our headings. Raises GoogleError; SheetError when no tab has them."""
    from gspread.utils import ValueRenderOption

    rows: list[Row] = []
    is_ours = False
    with _told(spreadsheet.url):
        for tab in spreadsheet.worksheets():
            table = tab.get_values(value_render_option=ValueRenderOption.unformatted)
            try:
                rows += rows_of_table(f"tab {tab.title}", table)
                is_ours = True
            except SheetError:
                continue  # a tab of the shop's own
    if not is_ours:
        raise SheetError(
            f"{spreadsheet.url} has no tab that `./shelf restock export --google` wrote, with all its columns"
        )
    return rows


@contextmanager
def _told(url: str, account: str = "the service account") -> Iterator[None]:
    """What Google or the way there says against it, as a sentence."""
    from google.auth.exceptions import GoogleAuthError
    from gspread.exceptions import APIError, GSpreadException, NoValidUrlKeyFound, SpreadsheetNotFound
    from requests import RequestException

    try:
        yield
    except NoValidUrlKeyFound as error:
        raise GoogleError(f"{url} is no address of a spreadsheet; copy it from the browser") from error
    except (SpreadsheetNotFound, PermissionError) as error:
        raise GoogleError(f"{url} is not shared with {account}; share it as an editor") from error
    except APIError as error:
        raise GoogleError(
            f"Google refused, with status {error.code}: {error.error.get('message')}; try again"
        ) from error
    except (GSpreadException, GoogleAuthError, RequestException) as error:
        raise GoogleError(f"Google cannot be asked: {error}; try again, or look at the key file") from error


# --- a workbook as requests -----------------------------------------------------------------------------


def tab_requests(tab: int, title: str, workbook: bytes) -> list[Request]:
    """The requests that make a tab of a workbook of ours. tab: its number, free in the spreadsheet."""
    sheet = load_workbook(io.BytesIO(workbook)).active
    frozen = range_boundaries(sheet.freeze_panes)
    grid = {
        "rowCount": sheet.max_row, "columnCount": sheet.max_column, "frozenRowCount": frozen[1] - 1,
        "frozenColumnCount": frozen[0] - 1,
    }  # fmt: skip
    properties = {"sheetId": tab, "title": title, "gridProperties": grid}
    rows = [{"values": [_cell(cell) for cell in row]} for row in sheet.iter_rows()]
    cells = {"rows": rows, "fields": _FIELDS, "start": {"sheetId": tab, "rowIndex": 0, "columnIndex": 0}}
    free = [_range(tab, _column_below(sheet, heading)) for heading in EDITABLE]
    # Only a warning: it is told to the owner, too, who may edit whatever is protected.
    protected = {"range": {"sheetId": tab}, "unprotectedRanges": free, "warningOnly": True, "description": "not yours"}
    return [
        {"addSheet": {"properties": properties}},
        {"updateCells": cells},
        *_columns(tab, sheet),
        {"addProtectedRange": {"protectedRange": protected}},
        *_validations(tab, sheet),
        *_colours(tab, sheet),
    ]


def _cell(cell: Any) -> Request:
    """A number, a formula, or a text that stays one: Google takes a stringValue for nothing else."""
    shown: Request = {
        "textFormat": {"bold": bool(cell.font.bold)},
        "wrapStrategy": "WRAP" if cell.alignment.wrap_text else "OVERFLOW_CELL",
        "verticalAlignment": "TOP",
    }
    if cell.fill.fill_type == "solid":
        shown["backgroundColor"] = _colour(cell.fill.fgColor.rgb)
    if cell.font.color is not None and isinstance(cell.font.color.rgb, str):
        shown["textFormat"]["foregroundColor"] = _colour(cell.font.color.rgb)
    if cell.number_format != "General":
        shown["numberFormat"] = {"type": "NUMBER", "pattern": cell.number_format}
    value: Request = {}
    if cell.data_type == "f":
        value = {"formulaValue": cell.value}
    elif isinstance(cell.value, str):
        value = {"stringValue": cell.value}
    elif cell.value is not None:
        value = {"numberValue": float(cell.value)}
    return {"userEnteredValue": value, "userEnteredFormat": shown}


def _columns(tab: int, sheet: Any) -> Iterator[Request]:
    for number, heading in enumerate(sheet[HEAD_ROW]):
        shape = sheet.column_dimensions[heading.column_letter]
        yield {
            "updateDimensionProperties": {
                "range": {"sheetId": tab, "dimension": "COLUMNS", "startIndex": number, "endIndex": number + 1},
                "properties": {
                    "pixelSize": int(shape.width * _PIXELS_PER_CHARACTER), "hiddenByUser": bool(shape.hidden),
                },
                "fields": "pixelSize,hiddenByUser",
            }
        }  # fmt: skip


def _validations(tab: int, sheet: Any) -> Iterator[Request]:
    for rule in sheet.data_validations.dataValidation:
        words = rule.formula1.strip('"').split(",") if rule.type == "list" else [f"={rule.formula1}"]
        condition = {"type": _RULES[rule.type], "values": [{"userEnteredValue": word} for word in words]}
        checked = {"condition": condition, "inputMessage": rule.error, "strict": True}
        yield {"setDataValidation": {"range": _range(tab, str(rule.sqref)), "rule": checked}}


def _colours(tab: int, sheet: Any) -> Iterator[Request]:
    for where in sheet.conditional_formatting:
        for rule in where.rules:
            condition = {"type": "CUSTOM_FORMULA", "values": [{"userEnteredValue": f"={rule.formula[0]}"}]}
            shown = {"backgroundColor": _colour(rule.dxf.fill.bgColor.rgb)}
            made = {"ranges": [_range(tab, str(where.sqref))], "booleanRule": {"condition": condition, "format": shown}}
            yield {"addConditionalFormatRule": {"rule": made, "index": 0}}


def _column_below(sheet: Any, heading: str) -> str:
    letter = next(cell.column_letter for cell in sheet[HEAD_ROW] if cell.value == heading)
    return f"{letter}{HEAD_ROW + 1}:{letter}{sheet.max_row}"


def _range(tab: int, where: str) -> Request:
    first_column, first_row, last_column, last_row = range_boundaries(where)
    return {
        "sheetId": tab, "startRowIndex": first_row - 1, "endRowIndex": last_row, "startColumnIndex": first_column - 1,
        "endColumnIndex": last_column,
    }  # fmt: skip


def _colour(rgb: str) -> Request:
    """AARRGGBB as parts of one."""
    red, green, blue = (int(rgb[at : at + 2], 16) / 255 for at in (2, 4, 6))
    return {"red": red, "green": green, "blue": blue}
