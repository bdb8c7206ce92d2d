"""`connect guess`: what it shows, and that what it says to set reads the file so."""

import tomllib

import openpyxl
import pytest
from typer.testing import CliRunner

from commonshelf.cli import app
from connectors.drop_folder.client import spec_of
from connectors.drop_folder.formats import read_events
from connectors.drop_folder.spec import FolderOptions
from tests.support.connectors import GROCER

GTIN = "4006381333931"
EXPORT = (
    "BonNr;Datum;Uhrzeit;Strichcode;Stück;Kunde\n"
    f"17;01.03.2026;09:15;{GTIN};2;Erika\n"
    f"18;01.03.2026;09:16;{GTIN};1,5;Max\n"
)


def guess(*words):
    return CliRunner().invoke(app, ["connect", "guess", *map(str, words)])


@pytest.fixture
def export(tmp_path):
    (tmp_path / "umsatz-2026-03.csv").write_text(EXPORT)
    return tmp_path / "umsatz-2026-03.csv"


def test_it_shows_columns_and_lines_and_what_to_set(export):
    shown = guess(export, "--time-zone", "Europe/Berlin")
    assert shown.exit_code == 0
    assert "umsatz-2026-03.csv holds: sales" in shown.output
    assert "BonNr       →  receipt_no, by its name" in shown.output
    assert "Kunde       →  (dropped)" in shown.output
    assert "2026-03-01T08:15:00Z  -/2026-03-01/17  sale  2 each  gtin:04006381333931" in shown.output
    assert "2026-03-01T08:16:00Z  -/2026-03-01/18  sale  1.5 each" in shown.output
    assert "Erika" not in shown.output


def test_what_it_says_to_set_reads_the_file_so(export):
    shown = guess(export)
    toml = shown.output[shown.output.index("[[stores.connectors]]") :]
    (raw,) = tomllib.loads(toml)["stores"]["connectors"]
    spec = spec_of(FolderOptions.model_validate(raw), GROCER)
    assert spec.kinds["umsatz"] == "sales"
    batches = list(read_events(export.name, export.read_bytes(), "sales", spec, 0))
    assert [problem for batch in batches for problem in batch.problems] == []
    assert sum(batch.line_count for batch in batches) == 2


def test_the_mapping_can_be_written_to_a_new_file_only(export, tmp_path):
    mapping = tmp_path / "mapping.toml"
    assert f'mapping_file = "{mapping}"' in guess(export, "--write", mapping).output
    options = FolderOptions.model_validate({"folder": "in", "mapping_file": str(mapping)}, context={"base": tmp_path})
    assert options.columns["Strichcode"] == "gtin"
    again = guess(export, "--write", mapping)
    assert (again.exit_code, "cannot be written" in again.stderr) == (1, True)


def test_a_file_that_tells_too_little_says_what_is_missing_and_fails(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\nfoo,bar\n")
    shown = guess(tmp_path / "x.csv", "--kind", "sales")
    assert shown.exit_code == 1
    assert "Not found: receipt_no, occurred_at, quantity, one of gtin, plu, sku, item." in shown.output


def test_bad_rows_are_shown_with_their_place(tmp_path):
    (tmp_path / "sales.csv").write_text(f"receipt,sold_at,ean,qty\n17,2026-03-01 09:15,{GTIN},x\n")
    shown = guess(tmp_path / "sales.csv")
    assert (shown.exit_code, "Not usable: line 2, column qty" in shown.output) == (1, True)


def test_a_workbook_and_a_poslog_are_shown_alike(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["receipt", "sold_at", "ean", "qty"])
    book.active.append(["17", "2026-03-01 09:15", GTIN, -0.485])
    book.save(tmp_path / "sales.xlsx")
    assert "return  0.485 each  gtin:04006381333931" in guess(tmp_path / "sales.xlsx").output
    (tmp_path / "log.xml").write_text(
        "<POSLog><Transaction><SequenceNumber>7</SequenceNumber><EndDateTime>2026-03-01T09:15:00</EndDateTime>"
        f"<RetailTransaction><LineItem><Sale><ItemID>{GTIN}</ItemID></Sale></LineItem><LineItem><Tax/></LineItem>"
        "</RetailTransaction></Transaction></POSLog>"
    )
    shown = guess(tmp_path / "log.xml").output
    assert "is POSLog: it needs no mapping" in shown
    assert "-/2026-03-01/7  sale  1 each  gtin:04006381333931" in shown
    assert "1 line moves no stock" in shown


@pytest.mark.parametrize(
    ("content", "words", "reason"),
    [
        (b"", (), "the file is empty"),
        (b"a\x00b", (), "zero bytes"),
        (EXPORT.encode(), ("--kind", "gossip"), "'gossip' is not what a file may hold: sales"),
        (EXPORT.encode(), ("--time-zone", "Mars"), "'Mars' is no time zone"),
    ],
)
def test_what_cannot_be_read_is_one_clear_sentence(tmp_path, content, words, reason):
    (tmp_path / "x.csv").write_bytes(content)
    shown = guess(tmp_path / "x.csv", *words)
    assert (shown.exit_code, reason in shown.stderr, shown.stderr.count("\n")) == (1, True, 1)


@pytest.mark.parametrize(
    ("price", "quantity", "mark"),
    [("1,29", "12,500", ","), ("1.29", "12.500", "."), ("1.299,00", "2", ","), ("", "12,500", None), ("3", "2", None)],
)
def test_the_decimal_mark_that_the_numbers_show_is_written_down(tmp_path, price, quantity, mark):
    export, mapping = tmp_path / "sales.csv", tmp_path / "mapping.toml"
    export.write_text(f"receipt;sold_at;sku;qty;unit_price\n1;2026-03-01 09:15;HAM;{quantity};{price}\n")
    shown = guess(export, "--write", mapping).output
    assert tomllib.loads(mapping.read_text()).get("decimal_mark") == mark
    assert ("The decimal mark of its numbers is" in shown) == (mark is not None)


def test_a_workbook_shows_nothing_of_the_marks_that_its_till_writes(tmp_path):
    book, mapping = openpyxl.Workbook(), tmp_path / "mapping.toml"
    for row in (("receipt", "sold_at", "sku", "qty"), ("1", "2026-03-01 09:15", "HAM", 0.5)):
        book.active.append(row)
    book.save(tmp_path / "sales.xlsx")
    guess(tmp_path / "sales.xlsx", "--write", mapping)
    assert "decimal_mark" not in tomllib.loads(mapping.read_text())


def test_what_a_file_says_does_not_steer_the_terminal(tmp_path):
    steering = "\x1b]0;title\x07\x1b[2J\x9b31m"
    file = tmp_path / "sales-1.csv"
    rows = f"receipt_no,sold_at,sku,qty,of{steering}\n1,2026-03-01 09:15,MILK{steering},1{steering},x\n"
    file.write_text(rows, encoding="utf-8")
    shown = guess(file)
    assert "2J" in shown.output
    assert [char for char in shown.output if not char.isprintable() and char != "\n"] == []
