"""A shop's sheet of proposals: what it shows and reckons, what may be edited, and the answers that come back in it."""

import csv
import io
import subprocess
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from commonshelf.desks.restock.desk import FolderError, open_proposals, write_sheets
from commonshelf.desks.restock.returned import SheetError, judge, read_sheet
from commonshelf.desks.restock.sheet import COLUMNS, HEADINGS, cost_minor, cover_days, letter, sheet_csv
from commonshelf.desks.restock.workbook import HEAD_ROW, sheet_workbook
from tests.support.restock import BAD_TEXT, NOW_MS, proposal, proposals

TITLE = "Restock of corner-shop, pool riverside"
FIRST = HEAD_ROW + 1


def at(sheet, heading, row=FIRST):
    return sheet[f"{letter(heading)}{row}"]


def workbook(rows=None):
    return openpyxl.load_workbook(io.BytesIO(sheet_workbook(rows or proposals(), TITLE)))


def written(tmp_path, edits, rows=None, name="corner-shop.xlsx"):
    """The workbook once somebody wrote into it: (heading, row from 0) → content."""
    book = workbook(rows)
    for (heading, row), content in edits.items():
        at(book.active, heading, FIRST + row).value = content
    book.save(tmp_path / name)
    return tmp_path / name


def told(rows, file, **rest):
    """(row from 0, outcome, detail, what is bought instead) as the desk judges the file."""
    found = {(row["store"], row["sku"]): row for row in rows}
    verdicts = list(judge(read_sheet(file), found, rest.get("pool", "riverside"), "anna", NOW_MS))
    first = FIRST if file.suffix == ".xlsx" else 2
    return [
        (one.row - first, one.outcome, one.detail, one.answer.buy_milli if one.answer else None) for one in verdicts
    ]


def through_libreoffice(file, to):
    """What LibreOffice saves of a workbook, with its formulas reckoned."""
    folder = file.parent / "saved"
    subprocess.run(
        ["soffice", f"-env:UserInstallation=file://{file.parent}/profile", "--headless", "--convert-to", to,
         "--outdir", str(folder), str(file)], check=True, capture_output=True,
    )  # fmt: skip
    return folder / f"{file.stem}.{to}"


def test_a_row_shows_the_numbers_behind_the_proposal():
    sheet = workbook().active
    shown = {heading: at(sheet, heading).value for heading in HEADINGS}
    assert {name: shown[name] for name in ("SKU", "name", "on hand", "forecast", "days", "proposal", "buy", "why")} == {
        "SKU": "MILK-1L", "name": "Whole milk 1 l", "on hand": 4, "forecast": 12.5, "days": 5, "proposal": 12,
        "buy": 12, "why": "The street fair raises sales by half, and 3 are left.",
    }  # fmt: skip
    assert (shown["from neighbours"], shown["pack cost"], shown["approve"]) == (3, 4.5, None)
    assert sheet["A1"].value == TITLE
    assert [cell.value for cell in sheet[HEAD_ROW]] == [
        f"{name} EUR" if name in ("pack cost", "cost") else name for name in HEADINGS
    ]


def test_only_what_to_buy_and_the_answer_can_be_edited():
    sheet = workbook().active
    assert sheet.protection.sheet
    free = {cell.coordinate for row in sheet.iter_rows() for cell in row if not cell.protection.locked}
    assert free == {f"{letter(name)}{FIRST + row}" for name in ("buy", "approve") for row in range(4)}
    assert {rule.type for rule in sheet.data_validations.dataValidation} == {"custom", "list"}


def test_text_is_never_a_formula_in_a_workbook_or_in_csv():
    sheet = workbook().active
    formulas = {cell.coordinate for row in sheet.iter_rows() for cell in row if cell.data_type == "f"}
    ours = {f"{letter(name)}{FIRST + row}" for name in ("cover", "cost") for row in range(4)}
    assert formulas - ours == {"C3", "L3"}
    assert at(sheet, "name", FIRST + 2).value == BAD_TEXT
    cells = {row["SKU"]: row for row in csv.DictReader(io.StringIO(sheet_csv(proposals())))}
    assert cells["BELL"]["name"] == f"'{BAD_TEXT}"
    assert cells["BELL"]["why"] == "'@nobody wants it"
    assert cells["'+EGGS"]["on hand"] == "-5"


@pytest.mark.needs_debian
def test_libreoffice_reckons_what_the_code_does_also_when_the_shopkeeper_changes_the_quantity(tmp_path):
    rows, bought = proposals(), [18_000, 500, 6_000, 0]
    book = workbook(rows)
    for row, milli in enumerate(bought):
        at(book.active, "buy", FIRST + row).value = milli / 1000
    at(book.active, "approve", FIRST).value = at(book.active, "approve", FIRST + 1).value = "yes"
    book.save(tmp_path / "sheet.xlsx")
    text = through_libreoffice(tmp_path / "sheet.xlsx", "csv").read_text(encoding="utf-8")
    table = list(csv.reader(io.StringIO(text)))
    place = {name: HEADINGS.index(name) for name in HEADINGS}
    for number, (row, milli) in enumerate(zip(rows, bought, strict=True), HEAD_ROW):
        days = cover_days(row, milli)
        assert table[number][place["cover"]] == ("" if days is None else str(days))
        assert Decimal(table[number][place["cost"]]) == Decimal(cost_minor(row, milli)) / 100
        assert table[number][place["name"]] == row["name"]
    assert [cover_days(row, milli) for row, milli in zip(rows, bought, strict=True)] == [9, 3, None, 0]
    costs = [Decimal(cost_minor(row, milli)) / 100 for row, milli in zip(rows, bought, strict=True)]
    assert [Decimal(table[2][at]) for at in (2, 11)] == [sum(costs), costs[0] + costs[1]]


@pytest.mark.needs_debian
def test_a_sheet_that_libreoffice_saved_comes_back_as_it_was_answered(tmp_path):
    file = written(tmp_path, {("approve", 0): "yes", ("buy", 1): 2, ("approve", 1): "yes", ("approve", 3): "no"})
    assert told(proposals(), through_libreoffice(file, "xlsx")) == [
        (0, "approved", "", None), (1, "changed", "buy 2 instead of 1.5", 2_000), (2, "left open", "", None),
        (3, "refused", "", None),
    ]  # fmt: skip


def test_what_stock_lasts_counts_no_goods_that_spoil_and_all_that_comes():
    milk = proposal()
    assert cover_days(milk, 0) == (4 - 1 + 3) * 5 // 12.5
    assert cover_days(milk, 12_000) == (4 - 1 + 3 + 12) * 5 // 12.5
    assert cover_days(proposal(on_hand_milli=-90_000), 0) == 0
    assert cost_minor(milk, 12_000) == milk["buy_cost_minor"]


@pytest.mark.parametrize("separator", [",", ";"])
def test_csv_comes_back_as_it_was_answered(tmp_path, separator):
    table = list(csv.reader(io.StringIO(sheet_csv(proposals()))))
    buy, approve = HEADINGS.index("buy"), HEADINGS.index("approve")
    for row, answer in zip(table[1:], ("YES", "yes", "", " no "), strict=True):
        row[approve] = answer
    table[2][buy] = "0,5" if separator == ";" else "0.5"
    file = tmp_path / "answers.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out, delimiter=separator).writerows(table)
    assert told(proposals(), file) == [
        (0, "approved", "", None), (1, "changed", "buy 0.5 instead of 1.5", 500), (2, "left open", "", None),
        (3, "refused", "", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("edits", "says"),
    [
        ({"approve": "maybe"}, "approve is 'maybe'; write yes or no, or leave it empty"),
        ({"buy": 7}, "buy is 7, which is no whole number of packs of 6; write 6 or 12"),
        ({"buy": -6}, "buy is -6; write 0 to buy nothing, or no to refuse"),
        ({"buy": "a dozen"}, "buy is 'a dozen', which is no number of units; write whole packs, as 6"),
        ({"buy": "6.000"}, "buy is 6.000, which may be 6 or 6000; write one of these"),
        ({"buy": "12,000,000"}, "buy is 12,000,000, which may be 12 or 12000000; write one of these"),
        ({"buy": None}, "buy is empty; write whole packs, as 6, or 0"),
        ({"buy": 6e12}, "buy is '6000000000000', which is no number of units; write whole packs, as 6"),
        ({"SKU": "MELK"}, "nothing is proposed for this store and item; leave SKU and store as they were"),
        ({"version": 2}, "it answers version 2, and version 3 has superseded that; export the sheet anew"),
        ({"version": None}, "it answers version (none), and version 3 has superseded that; export the sheet anew"),
        ({"pool": "hillside"}, "it is of pool hillside, not of riverside"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_used_says_why_and_the_others_count(tmp_path, edits, says):
    rows = [proposal(), proposal(sku="HAM")]
    changed = {("approve", 0): "yes", ("approve", 1): "yes"} | {(name, 0): value for name, value in edits.items()}
    assert told(rows, written(tmp_path, changed, rows)) == [(0, "not used", says, None), (1, "approved", "", None)]


@pytest.mark.parametrize(
    ("now", "says"),
    [
        ({"status": "withdrawn"}, "the proposal was withdrawn: nothing is needed any more"),
        ({"status": "approved", "answered_by": "ben"}, "ben has answered it: approved"),
    ],
)
def test_an_answer_to_what_is_no_longer_open_is_told(tmp_path, now, says):
    file = written(tmp_path, {("approve", 0): "yes"}, [proposal()])
    assert told([proposal(**now)], file) == [(0, "not used", says, None)]


def test_one_proposal_is_answered_once_and_a_change_without_yes_is_no_answer(tmp_path):
    file = written(tmp_path, {("approve", 0): "no", ("approve", 1): "yes"}, [proposal(), proposal()])
    assert [(row, outcome) for row, outcome, *_ in told([proposal()], file)] == [(0, "refused"), (1, "not used")]
    assert told([proposal()], file)[1][2] == f"row {FIRST} of {file} has answered this proposal"
    file = written(tmp_path, {("buy", 0): 6}, [proposal()])
    assert told([proposal()], file) == [(0, "left open", "buy was changed, but approve is empty; write yes", None)]


def test_nothing_to_buy_can_be_approved_with_what_neighbours_send(tmp_path):
    file = written(tmp_path, {("buy", 0): 0, ("approve", 0): "yes"}, [proposal()])
    assert told([proposal()], file) == [(0, "changed", "buy 0 instead of 12", 0)]


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.xlsx", b"no workbook"), ("x.csv", b"a,b\n1,2\n"), ("x.csv", b""), ("x.csv", b"\xff\xfe\x00"), ("x.csv", None)],
)
def test_a_file_that_is_no_sheet_is_told(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SheetError, match=f"{name} "):
        read_sheet(tmp_path / name)


def test_a_file_for_each_store_holds_what_waits_for_an_answer_and_none_is_written_over(tmp_path):
    rows = [*proposals(), proposal(store="mill-grocer"), proposal(store="old-town", status="approved")]
    by_store = open_proposals(rows, None)
    assert {store: len(found) for store, found in by_store.items()} == {"corner-shop": 4, "mill-grocer": 1}
    assert list(open_proposals(rows, "mill-grocer")) == ["mill-grocer"]
    files = write_sheets(by_store, None, tmp_path / "new", None)
    assert [file.name for file in files] == ["corner-shop.xlsx", "mill-grocer.xlsx"]
    with pytest.raises(FolderError, match=r"corner-shop\.xlsx, .*would be written over"):
        write_sheets(by_store, None, tmp_path / "new", tmp_path / "texts")
    assert not (tmp_path / "texts").exists()


def test_docs_have_each_column():
    docs = (Path(__file__).parents[3] / "docs" / "restock.md").read_text(encoding="utf-8")
    assert [column.heading for column in COLUMNS if f"| `{column.heading}` | {column.about} |" not in docs] == []
