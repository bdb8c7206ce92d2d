"""A shop's sheet in Google Sheets: laid out as the workbook, written whole or not at all, and read back."""

import io
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from commonshelf.desks.restock.desk import sheet_title
from commonshelf.desks.restock.google import GoogleError, open_spreadsheet, read_tabs, write_tabs
from commonshelf.desks.restock.returned import SheetError, judge
from commonshelf.desks.restock.sheet import HEADINGS
from commonshelf.desks.restock.workbook import HEAD_ROW, sheet_workbook
from tests.support.google_sheets import URL, GoogleSheets
from tests.support.restock import BAD_TEXT, NOW_MS, proposal, proposals
from tests.support.vendor_server import Answer

UTC = ZoneInfo("UTC")
STORE = "corner-shop"


@pytest.fixture
def google():
    with GoogleSheets() as played:
        yield played


@pytest.fixture
def key(google, monkeypatch, tmp_path):
    return google.play(monkeypatch, tmp_path)


def test_a_tab_has_the_cells_of_the_workbook_and_no_text_becomes_a_formula(google, key):
    assert write_tabs(open_spreadsheet(URL, key), {STORE: proposals()}, UTC) == [STORE]
    book = openpyxl.load_workbook(io.BytesIO(sheet_workbook(proposals(), sheet_title(proposals(), UTC))))
    wanted = [[cell.value for cell in row] for row in book.active.iter_rows()]
    found = [[next(iter(cell.values()), None) for cell in row] for row in google.cells[STORE]]
    assert found == wanted
    named = google.cells[STORE][HEAD_ROW + 2][HEADINGS.index("name")]
    assert named == {"stringValue": BAD_TEXT}
    formulas = {at for row in google.cells[STORE][HEAD_ROW:] for at, cell in enumerate(row) if "formulaValue" in cell}
    assert formulas == {HEADINGS.index("cover"), HEADINGS.index("cost")}


def test_only_what_is_the_shopkeeper_s_is_free_of_a_warning_and_is_checked(google, key):
    write_tabs(open_spreadsheet(URL, key), {STORE: proposals()}, UTC)
    (protected,) = [one["addProtectedRange"]["protectedRange"] for one in google.marks if "addProtectedRange" in one]
    free = {HEADINGS[one["startColumnIndex"]] for one in protected["unprotectedRanges"]}
    assert free == {"buy", "approve"}
    rules = [one["setDataValidation"] for one in google.marks if "setDataValidation" in one]
    conditions = {HEADINGS[one["range"]["startColumnIndex"]]: one["rule"]["condition"] for one in rules}
    assert [value["userEnteredValue"] for value in conditions["approve"]["values"]] == ["yes", "no"]
    assert conditions["buy"]["type"] == "CUSTOM_FORMULA"
    assert {(one["range"]["startRowIndex"], one["range"]["endRowIndex"]) for one in rules} == {
        (HEAD_ROW, HEAD_ROW + len(proposals()))
    }
    hidden = {
        HEADINGS[one["updateDimensionProperties"]["range"]["startIndex"]]
        for one in google.marks
        if one.get("updateDimensionProperties", {"properties": {}})["properties"].get("hiddenByUser")
    }
    assert hidden == {"version", "store", "pool"}
    assert google.marked["addConditionalFormatRule"] == 2


def test_what_a_shopkeeper_writes_comes_back_as_answers(google, key):
    rows = proposals()
    spreadsheet = open_spreadsheet(URL, key)
    write_tabs(spreadsheet, {STORE: rows}, UTC)
    buy, approve = HEADINGS.index("buy"), HEADINGS.index("approve")
    google.write(STORE, HEAD_ROW, approve, "yes")
    google.write(STORE, HEAD_ROW + 1, approve, "YES")
    google.write(STORE, HEAD_ROW + 1, buy, 2)
    google.write(STORE, HEAD_ROW + 3, approve, "no")
    found = {(row["store"], row["sku"]): row for row in rows}
    verdicts = list(judge(read_tabs(spreadsheet), found, "riverside", "anna", NOW_MS))
    assert [(one.row, one.sku, one.outcome) for one in verdicts] == [
        (HEAD_ROW + 1, "MILK-1L", "approved"), (HEAD_ROW + 2, "HAM", "changed"), (HEAD_ROW + 3, "BELL", "left open"),
        (HEAD_ROW + 4, "+EGGS", "refused"),
    ]  # fmt: skip
    assert verdicts[1].answer.buy_milli == 2_000
    assert {one.file for one in verdicts} == {f"tab {STORE}"}


def test_no_tab_is_written_over_and_of_several_all_or_none_are_written(google, key):
    spreadsheet = open_spreadsheet(URL, key)
    write_tabs(spreadsheet, {STORE: proposals()}, UTC)
    more = {STORE: proposals(), "mill": [proposal(store="mill")]}
    with pytest.raises(GoogleError, match=f"{STORE} would be written over; import what it says"):
        write_tabs(spreadsheet, more, UTC)
    assert sorted(google.tabs) == ["Sheet1", STORE]
    write_tabs(spreadsheet, {"mill": more["mill"]}, UTC)
    assert sorted(google.tabs) == ["Sheet1", STORE, "mill"]
    assert write_tabs(spreadsheet, {}, UTC) == []


def test_a_spreadsheet_without_a_tab_of_ours_is_told(google, key):
    with pytest.raises(SheetError, match="no tab that"):
        read_tabs(open_spreadsheet(URL, key))


def test_what_is_wrong_on_the_way_to_google_is_told_with_what_to_do(google, key, tmp_path):
    with pytest.raises(GoogleError, match="is no key file of a service account"):
        open_spreadsheet(URL, tmp_path / "missing.json")
    (tmp_path / "other.json").write_text('{"installed": {}}')
    with pytest.raises(GoogleError, match="is no key file of a service account"):
        open_spreadsheet(URL, tmp_path / "other.json")
    with pytest.raises(GoogleError, match="no address of a spreadsheet"):
        open_spreadsheet("https://example.com/", key)
    google.locale = "de_DE"
    with pytest.raises(GoogleError, match="locale de_DE"):
        open_spreadsheet(URL, key)
    google.is_shared = False
    with pytest.raises(GoogleError, match="not shared with shelf@shop"):
        open_spreadsheet(URL, key)
    google.is_shared, google.locale = True, "en_US"
    spreadsheet = open_spreadsheet(URL, key)
    google.faults.append(Answer({"error": {"code": 429, "message": "Quota exceeded", "status": "X"}}, 429))
    with pytest.raises(GoogleError, match="status 429: Quota exceeded"):
        write_tabs(spreadsheet, {STORE: proposals()}, UTC)
