"""The guess at an export's columns: what is found, what stays open, and that the mapping it gives works as said."""

import io
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.drop_folder.formats import format_of, read_events
from connectors.drop_folder.guess import Sample, guess
from connectors.drop_folder.settings import SHARED_FIELDS, TABLE_FIELDS, DropFolderSpec

ZONE = ZoneInfo("Europe/Berlin")
GTIN, OTHER = "4006381333931", "96385074"


def guessed(content, kind=None, name="export.csv"):
    content = content if isinstance(content, bytes) else content.encode()
    form = format_of(name)
    return guess(form.sample(io.BytesIO(content), form.survey(io.BytesIO(content))), kind, ZONE)


def lines_of(content, found, name="export.csv"):
    content = content if isinstance(content, bytes) else content.encode()
    spec = DropFolderSpec(pool="north", store="grocer-7", folder=Path(), time_zone="Europe/Berlin",
                          columns=found.mapping, time_format=found.time_format)  # fmt: skip
    batches = list(read_events(name, content, found.kind, spec, 0))
    assert [problem for batch in batches for problem in batch.problems] == []
    return [
        (event.source.id, event.occurred_at_ms, line.code, line.quantity_milli)
        for batch in batches for event in batch.events for line in event.lines
    ]  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        f"receipt_no,sold_at,gtin,qty\n17,2026-03-01 09:15,{GTIN},2\n",
        f"BonNr;Datum;Uhrzeit;Strichcode;Anzahl;Kunde\n17;01.03.2026;09:15;{GTIN};2;Erika\n",
        f"Ticket No,Date,Time,Code barre,Quantité\n17,01/03/2026,09:15:00,{GTIN},2\n",
        f"invoice,when,what,Qantity\n17,03/01/2026 9:15 AM,{GTIN},2\n",
        f"Rechnungsnr\tverkauft am\tArtikel\tPreis\tSumme\tStk\n17\t2026/03/01 09:15\t{GTIN}\t1,99\t3,98\t2\n",
        f"sale id|time|date|EAN|count\n17|09:15|01-03-2026|{GTIN}|2\n",
    ],
)
def test_a_foreign_export_is_read_as_guessed(content):
    found = guessed(content)
    assert (found.kind, found.missing) == ("sales", ())
    ((source_id, at_ms, code, milli),) = lines_of(content, found)
    assert source_id.endswith("/17")
    assert datetime.fromtimestamp(at_ms / 1000, ZONE).strftime("%H:%M") == "09:15"
    assert (code, milli) == ("gtin:04006381333931", 2000)


EXPORTS = {
    "a German till's, with a byte order mark and totals": (
        ("\ufeffKassen-Nr.;Bon-Nr.;Datum;Uhrzeit;Artikelnummer;Bezeichnung;Menge;ME;Einzelpreis;Gesamt;Bediener\r\n"
        "1;4711;01.03.2026;09:15;100;Milch;2;Stk;1,19;2,38;Frau M.\r\n"
        "1;4711;01.03.2026;09:15;205;Gouda;0,485;kg;12,90;6,26;Frau M.\r\n"
        "1;4712;13.03.2026;09:17;100;Milch;-1;Stk;1,19;-1,19;Frau M.\r\n;;;;;Summe;1,485;;;7,45;\r\n"),
        [("1/2026-03-01/4711", "sku:100", 2000), ("1/2026-03-01/4711", "sku:205", 485),
         ("1/2026-03-13/4712", "sku:100", 1000)],
    ),
    "a tab-separated one with a line break in a cell": (
        ("Sale ID\tDate\tTime\tBarcode\tItem\tQty\tTotal\r\n"
        f'1001\t2026-03-01\t09:15:22\t{GTIN}\t"Pen\nblue"\t2\t3.98\r\n'
        f"1001\t2026-03-01\t09:15:22\t{OTHER}\tCandy\t1\t0.50\r\nTotal\t\t\t\t\t3\t4.48\r\n"),
        [("-/2026-03-01/1001", "gtin:04006381333931", 2000), ("-/2026-03-01/1001", "gtin:00000096385074", 1000)],
    ),
    "an American one with a clock of twelve hours and money with signs": (
        ('"Transaction ID","Date","Time","SKU","Product Name","Quantity","Gross Sales","Customer Email"\n'
        '"TX-1","03/13/2026","9:15 AM","MILK-1L","Milk, whole","2","$3.98","a@b.com"\n'
        '"TX-2","03/13/2026","1:02 PM","TV","Television","1","$1,299.00","c@d.com"\n'),
        [("-/2026-03-13/TX-1", "sku:MILK-1L", 2000), ("-/2026-03-13/TX-2", "sku:TV", 1000)],
    ),
    "a French one": (
        ("N° ticket;Date vente;Code article;Libellé;Quantité;PU TTC;Montant TTC\r\n"
        '52;01/03/2026 09:15;BAG;"Baguette ""tradition""";3;1,30;3,90\r\n'
        "53;13/03/2026 18:02;CAF;Café;1;4,50;4,50\r\nTOTAL;;;;4;;8,40\r\n"),
        [("-/2026-03-01/52", "sku:BAG", 3000), ("-/2026-03-13/53", "sku:CAF", 1000)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
@pytest.mark.parametrize(("text", "expected"), EXPORTS.values(), ids=EXPORTS)
def test_an_export_as_tills_write_it_is_guessed_whole(text, expected, encoding):
    content = (text if encoding == "utf-8" else text.lstrip("\ufeff")).encode(encoding)
    found = guessed(content)
    assert (found.kind, found.missing) == ("sales", ())
    assert [(source_id, code, milli) for source_id, _, code, milli in lines_of(content, found)] == expected


def test_a_workbook_with_dates_and_a_total_is_guessed_whole():
    book = openpyxl.Workbook()
    book.active.append(["Order No", "Order Date", "EAN", "Description", "Units Sold", "Net Sales"])
    book.active.append([1, datetime(2026, 3, 1, 9, 15), int(GTIN), "Pen", 2, 3.98])  # noqa: DTZ001  a cell has no zone
    book.active.append([2, datetime(2026, 3, 1, 9, 20), OTHER, "Candy", 1, 0.5])  # noqa: DTZ001
    book.active.append(["Grand Total", None, None, None, 3, 4.48])
    content = io.BytesIO()
    book.save(content)
    found = guessed(content.getvalue(), name="export.xlsx")
    assert (found.kind, found.missing) == ("sales", ())
    assert [(each[0], *each[2:]) for each in lines_of(content.getvalue(), found, "export.xlsx")] == [
        ("-/2026-03-01/1", "gtin:04006381333931", 2000), ("-/2026-03-01/2", "gtin:00000096385074", 1000),
    ]  # fmt: skip


def test_a_workbooks_day_and_time_cells_are_joined():
    book = openpyxl.Workbook()
    book.active.append(["Bon", "Tag", "Uhr", "EAN-Code", "Menge"])
    book.active.append([17, datetime(2026, 3, 1), time(9, 15), GTIN, 1.5])  # noqa: DTZ001  a cell has no zone
    content = io.BytesIO()
    book.save(content)
    found = guessed(content.getvalue(), name="export.xlsx")
    assert found.mapping["Tag"] == found.mapping["Uhr"] == "occurred_at"
    assert lines_of(content.getvalue(), found, "export.xlsx") == [
        ("-/2026-03-01/17", 1772352900000, "gtin:04006381333931", 1500)
    ]


def test_every_column_is_accounted_for_with_a_reason():
    found = guessed(f"bon,sold_at,ean,Stueck,Kunde\n17,2026-03-01 09:15,{GTIN},2,Erika\n")
    assert [(column.header, column.field, column.why) for column in found.columns] == [
        ("bon", "receipt_no", "by its name"), ("sold_at", "occurred_at", "by its name"),
        ("ean", "gtin", "by its name"), ("Stueck", "quantity", "its name is like 'stueck'"),
        ("Kunde", None, "dropped"),
    ]  # fmt: skip
    assert found.mapping == {"Stueck": "quantity"}


def test_a_day_that_could_be_a_month_is_a_doubt():
    rows = "".join(f"17,03/0{day}/2026 09:15,{GTIN},1\n" for day in range(1, 6))
    found = guessed(f"receipt,sold_at,ean,qty\n{rows}")
    assert found.time_format == "%d/%m/%Y %H:%M"
    assert "%m/%d/%Y %H:%M" in found.doubts[0]
    assert guessed(f"receipt,sold_at,ean,qty\n{rows}17,03/25/2026 09:15,{GTIN},1\n" * 3).time_format is not None


def test_of_two_columns_for_one_field_the_fuller_one_is_taken_and_said():
    found = guessed(f"receipt,sold_at,ean,barcode,qty\n17,2026-03-01 09:15,,{GTIN},1\n")
    assert found.mapping == {"barcode": "gtin"}
    assert "'ean', 'barcode' could each be gtin" in found.doubts[0]
    assert len(lines_of(f"receipt,sold_at,ean,barcode,qty\n17,2026-03-01 09:15,,{GTIN},1\n", found)) == 1


@pytest.mark.parametrize(
    ("content", "kind", "missing"),
    [
        ("a,b\nx,y\n", None, ("quantity", "item")),
        ("a,b\nx,y\n", "sales", ("receipt_no", "occurred_at", "quantity", "item")),
        (f"ean,sold_at\n{GTIN},2026-03-01 09:15\n", "sales", ("receipt_no", "quantity")),
        ("receipt,sold_at,ean,qty\n", None, ()),
    ],
)
def test_what_was_not_found_is_said(content, kind, missing):
    assert guessed(content, kind).missing == missing


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (f"counted at,ean,counted\n2026-03-01 09:15,{GTIN},2\n", "counted"),
        (f"ean,on hand\n{GTIN},2\n{OTHER},3\n", "level"),
    ],
)
def test_what_the_file_holds_is_told_by_its_columns(content, kind):
    found = guessed(content)
    assert (found.kind, found.missing) == (kind, ())
    assert lines_of(content, found) != []


cells = st.one_of(st.text(max_size=8), st.sampled_from([GTIN, "1,5", "2026-03-01 09:15", "09:15", "01.03.2026", ""]))


@settings(deadline=None)
@given(
    st.lists(st.one_of(cells, st.sampled_from(TABLE_FIELDS)), max_size=8),
    st.lists(st.lists(cells, max_size=9), max_size=6),
)
def test_no_table_breaks_it_and_no_field_is_named_twice(header, rows):
    found = guess(Sample(tuple(header), tuple(map(tuple, rows))), None, ZONE)
    assert [column.header for column in found.columns] == header
    fields = [column.field for column in found.columns if column.field not in (None, *SHARED_FIELDS)]
    assert len(fields) == len(set(fields))
