"""Exports of tills with a fault each, and the right value of each: what counts, what is left out, what is refused."""

import io
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connectors.drop_folder.formats import format_of, read_events
from connectors.drop_folder.guess import guess
from connectors.drop_folder.settings import DropFolderSpec

FILES = Path(__file__).parent / "handed"
SEEN_MS = 1_790_000_000_000
NEW_YORK = {"time_zone": "America/New_York", "currency": "USD"}
BERLIN = {"time_zone": "Europe/Berlin", "currency": "EUR"}
BY_HAND = {
    "Name": "receipt_no", "Created at": "occurred_at", "Lineitem quantity": "quantity", "Lineitem sku": "sku",
    "Lineitem price": "unit_price",
}  # fmt: skip


def batches_of(name, kind="sales", **settings):
    spec = DropFolderSpec(pool="north", store="grocer-7", folder=Path(), **(NEW_YORK | settings))
    return list(read_events(name, (FILES / name).read_bytes(), kind, spec, SEEN_MS))


def read(name, kind="sales", **settings):
    """(lines as text, problems by line and reason, reasons of skips, notes) of a file."""
    batches = batches_of(name, kind, **settings)
    lines = [
        f"{event.source.id} {getattr(line, 'kind', 'stock')} {line.quantity_milli} {line.code} "
        f"{getattr(line, 'price_minor', None)}"
        for batch in batches
        for event in batch.events
        for line in event.lines
    ]
    return (
        lines,
        [(problem.line, problem.reason) for batch in batches for problem in batch.problems],
        [skip.reason.value for batch in batches for skip in batch.skipped],
        [(note.line, note.reason) for batch in batches for note in batch.notes],
    )


def guessed(name, zone="America/New_York"):
    content = (FILES / name).read_bytes()
    form = format_of(name)
    return guess(form.sample(io.BytesIO(content), form.survey(io.BytesIO(content))), "sales", ZoneInfo(zone))


def as_guessed(name, zone="America/New_York"):
    found = guessed(name, zone)
    assert found.missing == ()
    return {"columns": found.mapping, "time_format": found.time_format}


def times(name, time_zone="America/New_York", **settings):
    return [
        datetime.fromtimestamp(event.occurred_at_ms / 1000, ZoneInfo(time_zone)).strftime("%Y-%m-%d %H:%M")
        for batch in batches_of(name, time_zone=time_zone, **settings)
        for event in batch.events
    ]


def test_a_german_thousand_is_refused_with_both_readings_until_the_option_settles_it():
    name = "dropfolder-counts-german-thousands.csv"
    lines, problems, _, _ = read(name, "counted", **BERLIN)
    assert lines == ["counted/dropfolder-counts-german-thousands/1772355600000 stock 35000 sku:TAPE None"]
    ((line, reason),) = problems
    assert line == 2
    assert all(each in reason for each in ("'1.200'", "as 1.200", "as 1200", 'decimal_mark to "."', 'to ","'))
    lines, problems, _, _ = read(name, "counted", **BERLIN, decimal_mark=",")
    assert (lines[0], problems) == (
        "counted/dropfolder-counts-german-thousands/1772355600000 stock 1200000 sku:NAILS None",
        [],
    )


def test_french_numbers_have_one_reading():
    lines, problems, _, notes = read("dropfolder-sales-french-grouping.csv", time_zone="Europe/Paris", currency="EUR")
    assert (problems, notes) == ([], [])
    assert [line.split(" ", 1)[1] for line in lines] == [
        "sale 1000 sku:A 123450", "sale 1000 sku:A 123450", "sale 1200500 sku:A 300",
    ]  # fmt: skip


def test_a_good_sku_names_the_line_beside_a_barcode_that_cannot_be_one():
    lines, problems, _, _ = read("dropfolder-sales-bad-barcode-beside-good-sku.csv")
    assert [line.split()[3] for line in lines] == ["sku:SOAP", "sku:MILK", "sku:BREAD"]
    assert problems == []


def test_a_code_that_a_spreadsheet_has_shortened_is_refused():
    lines, problems, _, _ = read("dropfolder-sales-scientific-barcode-in-sku.csv")
    assert (lines, [line for line, _ in problems]) == ([], [2, 3])
    assert all("spreadsheet has shortened" in reason for _, reason in problems)


def test_a_code_that_is_protected_from_a_spreadsheet_is_read():
    lines, problems, _, _ = read("dropfolder-sales-protected-barcode.csv")
    assert ([line.split()[3] for line in lines], problems) == (["gtin:00036000291452"] * 2, [])


def test_a_price_costs_no_sale():
    lines, problems, _, notes = read("dropfolder-sales-price-with-currency-mark.csv")
    assert problems == []
    assert [line.split(" ", 1)[1] for line in lines] == [
        "sale 1000 sku:A 399", "sale 2000 sku:B -399", "sale 1000 sku:C None",
    ]  # fmt: skip
    assert notes == [(4, "'3,99 €' is in EUR, and the receipt in USD; the line counts without a price")]


@pytest.mark.parametrize("by_guess", [False, True])
def test_a_cancelled_receipt_of_loyverse_is_no_sale(by_guess):
    name = "dropfolder-loyverse-receipts-cancelled.csv"
    lines, problems, skipped, _ = read(name, **(as_guessed(name) if by_guess else {}))
    assert lines == [
        "POS 1/2026-03-01/1-1001 sale 1000 sku:10221 1500",
        "POS 1/2026-03-01/1-1003 return 1000 sku:10221 1500",
    ]
    assert (problems, skipped) == ([], ["cancelled"])


@pytest.mark.parametrize("settings", [{}, {"columns": BY_HAND}])
def test_voided_and_pending_orders_of_shopify_are_no_sales(settings):
    lines, problems, skipped, _ = read("dropfolder-shopify-export-cancelled-pending.csv", **settings)
    assert lines == ["-/2026-09-10/#2001 sale 1000 sku:MUG-1 2500"]
    assert (problems, skipped) == ([], ["cancelled", "unpaid"])


@pytest.mark.parametrize("settings", [{}, {"columns": BY_HAND, "currency": "EUR"}, {"currency": "EUR"}])
def test_shopifys_order_total_is_no_lines_price_and_its_currency_holds_for_all_rows(settings):
    name = "dropfolder-shopify-orders-export.csv"
    lines, problems, _, notes = read(name, **settings)
    assert lines == ["-/2026-09-03/#1001 sale 2000 sku:FERN-1 3200", "-/2026-09-03/#1001 sale 1000 sku:TOTE-1 2000"]
    assert (problems, notes) == ([], [])
    assert {event.currency for batch in batches_of(name, **settings) for event in batch.events} == {"USD"}


def test_a_title_above_the_header_is_passed_over():
    lines, problems, _, _ = read("dropfolder-report-with-title-rows.csv")
    assert (lines, problems) == (["-/2026-03-01/1 sale 1000 sku:MILK None"], [])


@pytest.mark.parametrize("by_guess", [False, True])
def test_squares_items_are_goods_and_its_custom_amounts_are_not(by_guess):
    name = "dropfolder-square-items-detail.csv"
    lines, problems, skipped, _ = read(name, **(as_guessed(name) if by_guess else {}))
    assert lines == ["-/2026-07-18/TX1 sale 1000 gtin:04006381333931 399"]
    assert (problems, skipped, times(name)) == ([], ["non_stock"], ["2026-07-18 12:59"])


@pytest.mark.parametrize("by_guess", [False, True])
def test_only_the_sale_lines_of_lightspeeds_ledger_are_goods(by_guess):
    name = "dropfolder-vend-sales-ledger.csv"
    lines, problems, skipped, _ = read(name, **(as_guessed(name) if by_guess else {}))
    assert lines == ["Main/2026-03-01/1042 sale 2000 sku:MILK-1L 660", "Main/2026-03-01/1042 sale 1000 sku:BREAD 440"]
    assert (problems, skipped) == ([], ["no_content", "no_content"])


def test_the_american_clock_of_loyverse_is_read_and_guessed():
    name = "dropfolder-loyverse-us-clock.csv"
    assert guessed(name).time_format == "%m/%d/%y %I:%M %p"
    assert times(name) == times(name, **as_guessed(name)) == ["2026-03-16 16:35", "2026-03-16 16:41"]


def test_a_german_till_with_windows_letters_is_read_as_guessed():
    name = "guard-dropfolder-cp1252-semicolon.csv"
    lines, problems, _, _ = read(name, **BERLIN, **as_guessed(name, "Europe/Berlin"))
    assert (lines, problems) == (["-/2026-03-01/17 sale 485 gtin:04006381333931 None"], [])


def test_a_barcode_that_lost_its_zero_is_refused_where_nothing_else_names_the_item():
    lines, problems, _, _ = read("guard-dropfolder-lost-zero.csv")
    assert (lines, "leading zeros" in problems[0][1]) == ([], True)


@pytest.mark.parametrize(
    ("name", "skipped"),
    [
        ("guard-poslog-voided-line.xml", ["voided"]), ("poslog-bottle-refund.xml", ["fee"]),
        ("poslog-message-time-first.xml", []),
    ],
)  # fmt: skip
def test_a_poslog_counts_goods_at_the_transactions_time(name, skipped):
    london = {"time_zone": "Europe/London", "currency": "GBP"}
    lines, problems, found, _ = read(name, **london)
    assert lines == ["2/2026-03-01/7 sale 1000 sku:TEA 400"]
    assert (problems, found, times(name, **london)) == ([], skipped, ["2026-03-01 10:00"])
