"""The exports are files that the drop-folder connector reads back to exactly what the store said."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonshelf.demo.exports import decimal, export_text, iso, write_export
from connectors.drop_folder.formats import read_events
from connectors.drop_folder.settings import DEFAULT_KINDS, DropFolderSpec
from connectors.parsing.times import instant_ms
from world.documents import DocumentLine, StoreDocument

AT_MS = 1_767_600_000_123
RECEIPT = StoreDocument(
    "lich", "sale", "ab12-000017", AT_MS, AT_MS + 4_000,
    (
        DocumentLine(1, "gtin:9520000011123", 2_000, "each", "sale", 149),
        DocumentLine(2, "plu:4011", 485, "kg", "sale", 199),
        DocumentLine(3, "plu:4011", 485, "kg", "void", 199),
        DocumentLine(4, "gtin:9520000011123", 1_000, "each", "return", 149),
    ),
    register="2", version=2,
)  # fmt: skip
WASTE = StoreDocument(
    "lich", "adjusted", "ab12-000018", AT_MS, AT_MS + 9_000,
    (DocumentLine(1, "plu:4011", -250, "kg", "expiry"), DocumentLine(2, "sku:1095275", -1_000, "each", "damage")),
)  # fmt: skip


def read_back(folder: Path, path: Path):
    spec = DropFolderSpec(pool="lahn", store="lich", folder=folder, time_zone="Europe/Berlin")
    kind = DEFAULT_KINDS[path.name.partition("-")[0]]
    batches = list(read_events(path.name, path.read_bytes(), kind, spec, recorded_at_ms=0))
    assert [problem for batch in batches for problem in batch.problems] == []
    return [event for batch in batches for event in batch.events]


def test_a_receipt_reads_back(tmp_path):
    (sale,) = read_back(tmp_path, write_export(tmp_path, "sale", [RECEIPT], "ab12-00001"))
    assert (sale.store, sale.source.version, sale.till) == ("lich", 2, "2")
    assert (sale.occurred_at_ms, sale.recorded_at_ms) == (AT_MS, AT_MS + 4_000)
    assert [
        (line.line_id, line.code, line.kind.value, line.quantity_milli, line.unit.value) for line in sale.lines
    ] == [
        ("1", "gtin:09520000011123", "sale", 2_000, "each"),
        ("2", "plu:4011", "sale", 485, "kg"),
        ("3", "plu:4011", "void", 485, "kg"),
        ("4", "gtin:09520000011123", "return", 1_000, "each"),
    ]
    assert sale.lines[0].price_minor == 298


@pytest.mark.parametrize(("kind", "theirs"), [("opening", "opening"), ("received", "received"), ("counted", "counted")])
def test_stock_reports_read_back(tmp_path, kind, theirs):
    lines = (DocumentLine(1, "gtin:9520000011123", 12_000), DocumentLine(2, "plu:4011", 5_250, "kg"))
    document = StoreDocument("lich", kind, "ab12-000019", AT_MS, AT_MS, lines)
    (report,) = read_back(tmp_path, write_export(tmp_path, kind, [document], "ab12-00001"))
    assert report.kind.value == theirs
    assert [(line.code, line.quantity_milli) for line in report.lines] == [
        ("gtin:09520000011123", 12_000), ("plu:4011", 5_250),
    ]  # fmt: skip


def test_waste_reads_back_with_its_reason(tmp_path):
    (report,) = read_back(tmp_path, write_export(tmp_path, "adjusted", [WASTE], "ab12-00001"))
    assert [(line.code, line.quantity_milli, line.reason) for line in report.lines] == [
        ("plu:4011", -250, "expiry"), ("sku:1095275", -1_000, "damage"),
    ]  # fmt: skip


def test_a_copy_has_the_same_source_and_line_ids(tmp_path):
    first, again = (
        read_back(tmp_path, write_export(tmp_path, "sale", [RECEIPT], mark))[0] for mark in ("ab12-00001", "ab12-00002")
    )
    assert (again.source, again.lines) == (first.source, first.lines)


def test_nobody_sees_a_file_that_is_not_whole(tmp_path, monkeypatch):
    seen = []
    rename = Path.rename

    def look_then_rename(path: Path, target: Path) -> Path:
        seen.extend(entry.name for entry in tmp_path.iterdir())
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", look_then_rename)
    path = write_export(tmp_path, "sale", [RECEIPT], "ab12-00001")
    assert seen == [".sales-ab12-00001.csv.tmp"]
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_an_export_of_many_slips_has_a_row_per_line():
    rows = export_text("sale", [RECEIPT, RECEIPT]).splitlines()
    assert len(rows) == 1 + 2 * len(RECEIPT.lines)


@given(st.integers(-(10**12), 10**12), st.sampled_from([2, 3]))
def test_decimals_are_exact(value, places):
    from decimal import Decimal

    assert Decimal(decimal(value, places)) * 10**places == value


@given(st.integers(0, 4_000_000_000_000))
def test_times_are_exact(at_ms):
    from zoneinfo import ZoneInfo

    assert instant_ms(iso(at_ms), ZoneInfo("Europe/Berlin")) == at_ms
