"""Workbooks that would keep a reader busy or fill its memory: refused soon, and nobody else waits meanwhile."""

import io
import zipfile

import pytest

from connectors.drop_folder import workbook_rows
from connectors.drop_folder.survey import FileRefused
from connectors.drop_folder.workbook_rows import rows_of
from tests.unit.connectors.test_drop_folder import FolderShop

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PKG = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def text(reference, value):
    return f'<c r="{reference}" t="inlineStr"><is><t>{value}</t></is></c>'


def book(rows, part="xl/worksheets/sheet1.xml", strings=None, more=()):
    """A workbook whose only sheet is the part of that name."""
    shared = (
        f'<Relationship Id="r2" Type="{_REL}/sharedStrings" Target="/xl/strings.dat"/>' if strings is not None else ""
    )
    of_strings = (
        f'<Override PartName="/xl/strings.dat" ContentType="{_TYPE}.sharedStrings+xml"/>' if strings is not None else ""
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PKG}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f"{of_strings}"
        f'<Override PartName="/{part}" ContentType="{_TYPE}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PKG}/relationships">'
        f'<Relationship Id="r1" Type="{_REL}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{_REL}"><sheets>'
        '<sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PKG}/relationships">'
        f'<Relationship Id="r1" Type="{_REL}/worksheet" Target="/{part}"/>{shared}</Relationships>',
        part: f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>',
        **dict(more),
    }
    if strings is not None:
        parts["xl/strings.dat"] = f'<sst xmlns="{MAIN}">{strings}</sst>'
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return content.getvalue()


def read(content):
    return list(rows_of(io.BytesIO(content)))


PARTS = ["xl/worksheets/sheet1.xml", "xl/worksheets/sheet1.dat", "elsewhere/sheet", "xl/media/image1.png"]


@pytest.mark.parametrize("part", PARTS)
def test_a_sheet_is_read_whatever_its_part_is_called(part):
    rows = f'<row r="1">{text("A1", "a")}</row><row r="3">{text("B3", "b")}</row>'
    assert read(book(rows, part)) == [(1, ("a",)), (2, ()), (3, (None, "b"))]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("row", [4_000_000_000, 10**40, 0, -1])
def test_a_row_that_would_have_millions_filled_in_is_refused_whatever_its_part_is_called(part, row):
    with pytest.raises(FileRefused, match="a row is numbered"):
        read(book(f'<row r="1">{text("A1", "a")}</row><row r="{row}">{text(f"A{row}", "a")}</row>', part))


@pytest.mark.parametrize("part", PARTS[:2])
def test_very_many_cells_that_are_left_out_between_are_refused(part):
    rows = "".join(f'<row r="{n}"><c r="XFD{n}"><v>{n}</v></c></row>' for n in range(1, 3_000))
    with pytest.raises(FileRefused, match="more than 32000000 cells"):
        read(book(rows, part))


def test_a_huge_shared_string_in_every_row_costs_no_more_than_a_row_may_have():
    rows = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, 300))
    found = read(book(rows, strings=f"<si><t>{'0123456789' * 90_000}</t></si>"))
    assert {len(values[0]) for _, values in found} == {65_537}


def test_endless_shared_strings_end_in_a_refusal():
    with pytest.raises(FileRefused, match=r"packed more tightly|elements|MiB"):
        read(book("", strings="<si><t/></si>" * 2_500_000))


def test_an_archive_within_the_archive_is_not_unpacked():
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as inner:
        inner.writestr("zeros", bytes(50_000_000))
    rows = f'<row r="1">{text("A1", "a")}</row>'
    assert read(book(rows, more={"xl/embeddings/inner.zip": bomb.getvalue()})) == [(1, ("a",))]


@pytest.mark.parametrize(
    ("limits", "python"),
    [
        ("RLIMIT_CPU", "while True: pass"),
        ("RLIMIT_AS", "real.measure = lambda _: bytearray(2 << 30)\nreal.main()"),
        ("a crash", "import os; os.abort()"),
        ("half a row", "print('[1, [', end='')"),
    ],
)
def test_a_process_that_takes_too_much_or_breaks_is_a_refusal(monkeypatch, tmp_path, limits, python):
    (tmp_path / "greedy.py").write_text(
        "import resource\nfrom connectors.drop_folder import workbook_process as real\n"
        f"real.CPU_MAX_S = 1\nreal._limit_ourselves()\n{python}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(workbook_rows, "_PROGRAM", "greedy")
    with pytest.raises(FileRefused, match="to read this workbook; save the sheet as CSV"):
        read(book(""))


def test_a_process_that_does_not_come_to_read_rejects_no_file(monkeypatch, tmp_path, publisher):
    monkeypatch.setattr(workbook_rows, "_PROGRAM", "not_there")
    shop = FolderShop(tmp_path, publisher)
    shop.drop("sales-1.xlsx", book(""))
    shop.scan()
    assert (shop.names(), shop.names("rejected")) == (["sales-1.xlsx"], [])


@pytest.mark.parametrize("at", [0.3, 0.5, 0.7])
def test_a_damaged_archive_is_refused(at):
    rows = "".join(f'<row r="{n}">{text(f"A{n}", n * 7919)}</row>' for n in range(1, 500))
    content = bytearray(book(rows))
    place = int(at * len(content))
    content[place : place + 40] = bytes(40)
    with pytest.raises(FileRefused, match="cannot be read as an Excel workbook"):
        read(bytes(content))


def test_a_workbook_that_takes_too_much_goes_to_rejected_and_the_next_file_is_read(tmp_path, publisher):
    shop = FolderShop(tmp_path, publisher)
    shop.drop("sales-1.xlsx", book('<row r="4000000000"/>', "xl/worksheets/sheet1.dat"))
    shop.drop("sales-2.csv", "register,receipt_no,line_no,sold_at,sku,qty\n1,1,1,2026-03-01 09:15,MILK,1\n")
    shop.scan()
    assert "a row is numbered '4000000000'" in (shop.path / "rejected" / "sales-1.xlsx.report.txt").read_text()
    assert len(publisher.events) == 1
