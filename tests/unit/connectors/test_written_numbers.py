"""Numbers with marks, amounts of money, times, and codes as spreadsheets leave them: one reading, or a refusal."""

import io
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import FieldRefused, Refused
from connectors.drop_folder.formats import read_events
from connectors.drop_folder.numbers import (
    Marks,
    marks_shown,
    plain_amount,
    plain_number,
    typed_number,
    unambiguous,
    without_word,
)
from connectors.drop_folder.settings import DropFolderSpec
from connectors.drop_folder.survey import FileRefused
from connectors.drop_folder.when import TimeReader, orders_shown
from connectors.parsing.lines import line_code

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
SEEN_MS = 1_790_000_000_000
LOCALES = {"en": (",", "."), "de": (".", ","), "fr": ("\u202f", ","), "fr-nbsp": ("\u00a0", ","), "ch": ("'", "."),
           "ch-typographic": ("\u2019", "."), "es": (" ", ","), "plain": ("", ".")}  # fmt: skip


def written(milli, group, mark, decimals):
    whole, rest = divmod(milli, 1000)
    text = f"{whole:,}".replace(",", group)
    return text if not decimals else f"{text}{mark}{rest:03d}"


def read(content, kind="sales", name="f-1.csv", **settings):
    content = content if isinstance(content, bytes) else content.encode()
    spec = DropFolderSpec(pool="north", store="grocer-7", folder=Path(), **({"time_zone": "Europe/Berlin"} | settings))
    return list(read_events(name, content, kind, spec, SEEN_MS))


def lines_of(batches):
    return [line for batch in batches for event in batch.events for line in event.lines]


def problems_of(batches):
    return [(problem.line, problem.reason) for batch in batches for problem in batch.problems]


@given(st.integers(0, 10**9), st.sampled_from(sorted(LOCALES)), st.booleans())
def test_a_number_of_any_locale_is_read_as_written_or_refused_with_both_readings(milli, locale, decimals):
    group, mark = LOCALES[locale]
    text = written(milli, group, mark, decimals)
    exact = Decimal(milli).scaleb(-3) if decimals else Decimal(milli // 1000)
    assert Decimal(plain_number(text, Marks.of_option(mark))) == exact
    try:
        assert Decimal(plain_number(text, Marks())) == exact
    except Refused as refused:
        assert "two ways" in str(refused)  # noqa: PT017  either it is right, or it says so


@given(
    st.integers(0, 10**12), st.integers(0, 6), st.sampled_from([Marks(), Marks.of_option(","), Marks.of_option(".")])
)
def test_what_is_stored_as_a_number_is_never_in_doubt(digits, decimals, marks):
    exact = format(Decimal(digits).scaleb(-decimals), "f")
    assert Decimal(plain_number(unambiguous(exact, marks), marks)) == Decimal(exact)


@pytest.mark.parametrize(
    ("text", "number"),
    [("1.234,50", "1234.50"), ("1,234.50", "1234.50"), ("1 200,5", "1200.5"), ("1'234", "1234"),
     ("1.000.000", "1000000"),
     ("1,00,000", "100000"), ("0,485", "0.485"), ("1234,567", "1234.567"), (".5", "0.5"), ("(3)", "-3"), ("5-", "-5"),
     ("\u22122", "-2"), ("12.299999999999999", "12.3"), ("0.30000000000000004", "0.3")],
)  # fmt: skip
def test_a_number_with_one_reading_needs_no_evidence(text, number):
    assert plain_number(text, Marks()) == number


@pytest.mark.parametrize("text", ["1.200", "1,200", "-35.000", "999,999"])
def test_a_number_with_two_readings_is_refused_with_both_and_the_option(text):
    with pytest.raises(Refused, match=r"two ways.*decimal_mark"):
        plain_number(text, Marks())


@pytest.mark.parametrize(
    "text", ["", "1 2", "1,23,4", "12.34,5", "1.2.3", "1e3", "x", "1,2,3", "(1", "1)", "\u2163", "1_200"]
)
def test_what_is_no_number_is_refused(text):
    with pytest.raises(Refused):
        plain_number(text, Marks())


@pytest.mark.parametrize(
    "text", ["\u0661\u0662\u066b\u0665", "\uff11\uff12\uff0e\uff15", "\u06f1\u06f2\u066b\u06f5", "\u0967\u0968.\u096b"]
)
def test_digits_of_other_scripts_have_one_reading(text):
    assert plain_number(text, Marks()) == "12.5"


def test_a_number_that_a_spreadsheet_has_shortened_is_refused_as_that():
    with pytest.raises(Refused, match="spreadsheet has shortened"):
        plain_number("1,2E+03", Marks())


@given(st.integers(1, 10**7), st.sampled_from(["kg", "Kg", "g", "lb", "Stk.", "pcs", "l", "dozen"]), st.booleans())
def test_a_word_behind_a_number_is_its_unit(milli, word, has_blank):
    text = f"{Decimal(milli).scaleb(-3):f}{' ' if has_blank else ''}{word}"
    assert without_word(text) == (f"{Decimal(milli).scaleb(-3):f}", word)
    assert without_word(text.split(word[0], maxsplit=1)[0].strip()) == (f"{Decimal(milli).scaleb(-3):f}", "")


def test_a_quantity_that_names_its_unit_is_read_and_another_unit_beside_it_is_refused():
    head = "receipt_no;occurred_at;sku;quantity;unit\n"
    found = read(head + "1;2026-03-01 10:00;A;1,5 kg;\n2;2026-03-01 10:00;B;2 Stk;stk\n3;2026-03-01 10:00;C;2 kg;lb\n")
    assert [(line.quantity_milli, line.unit.value) for line in lines_of(found)] == [(1500, "kg"), (2000, "each")]
    assert problems_of(found) == [(4, "'2 kg' names another unit than 'lb'")]


def test_in_the_united_states_a_comma_groups_unless_the_file_shows_that_it_does_not():
    head = "receipt_no,occurred_at,sku,quantity\n"
    row = '1,2026-03-01 10:00,A,"1,200"\n'
    there = {"time_zone": "America/Chicago"}
    assert [line.quantity_milli for line in lines_of(read(head + row, **there))] == [1_200_000]
    shown = read(head + row + '2,2026-03-01 10:00,A,"0,5"\n', **there)
    assert [line.quantity_milli for line in lines_of(shown)] == [1200, 500]
    assert "two ways" in problems_of(read(head + row))[0][1]


@pytest.mark.parametrize(
    ("text", "currency", "price"),
    [
        ("$3.50", "USD", "3.50"), ("$3.50", "CAD", "3.50"), ("US$3.50", "USD", "3.50"), ("kr 3,50", "SEK", "3.50"),
        ("3.50 Fr.", "CHF", "3.50"), ("R$ 3,50", "BRL", "3.50"), ("¥350", "CNY", "350"),
        ("$3.50", "EUR", None), ("US$3.50", "CAD", None), ("R$ 3,50", "USD", None), ("kr 3,50", "EUR", None),
        ("€3.50", "CHF", None),
    ],
)  # fmt: skip
def test_an_amount_is_read_in_the_currency_that_its_mark_may_name(text, currency, price):
    if price is None:
        with pytest.raises(Refused, match="and the receipt in"):
            plain_amount(text, Marks(), currency)
    else:
        assert plain_amount(text, Marks(), currency) == price


def test_the_option_settles_what_a_mark_is_and_nothing_else_is_taken_for_a_number():
    assert plain_number("1.200", Marks.of_option(",")) == "1200"
    assert plain_number("1.200", Marks.of_option(".")) == "1.200"
    with pytest.raises(Refused, match="which the option decimal_mark sets"):
        plain_number("0,5", Marks.of_option("."))


def test_the_other_numbers_of_a_file_show_what_a_mark_is():
    assert plain_number("1.200", marks_shown(["1.000.000"])) == "1200"
    assert plain_number("1.200", marks_shown(["0.5"])) == "1.200"
    assert plain_number("1,200", marks_shown(["$1,299.00"])) == "1200"
    for seen in (["0,5"], ["1,5", "1.234.567", "0.5"], []):
        with pytest.raises(Refused, match="two ways"):
            plain_number("1.200", marks_shown(seen))


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [("$3.99", "USD", "3.99"), ("-$3.99", "USD", "-3.99"), ("$-3.99", "CAD", "-3.99"), ("(3.99)", "USD", "-3.99"),
     ("3,99 €", "EUR", "3.99"), ("€ 1.234,50", "EUR", "1234.50"), ("CHF 12.50", "CHF", "12.50"),
      ("12.50 kr", "SEK", "12.50")],
)  # fmt: skip
def test_money_is_read_with_the_mark_of_its_currency(text, currency, amount):
    assert plain_amount(text, Marks(), currency) == amount


@pytest.mark.parametrize("text", ["3,99 €", "EUR 5", "£1.50"])
def test_money_of_another_currency_is_no_price_of_this_receipt(text):
    with pytest.raises(Refused, match="and the receipt in USD"):
        plain_amount(text, Marks(), "USD")


def test_evidence_at_the_end_of_a_long_file_counts_from_its_beginning():
    rows = "".join(f"{n};2026-03-01 10:00;A;1.200\n" for n in range(300))
    assert len(problems_of(read(f"receipt;sold_at;sku;qty\n{rows}"))) == 300
    batches = read(f"receipt;sold_at;sku;qty\n{rows}x;2026-03-01 10:00;A;1.000.000\n")
    assert (problems_of(batches), {line.quantity_milli for line in lines_of(batches)}) == ([], {1_200_000, 10**9})


def test_one_number_with_a_point_does_not_change_a_file_of_commas():
    batches = read(
        "receipt;sold_at;sku;Menge;Einheit\nQ1;2026-03-01 10:00;BANANA;0,5;kg\nQ2;2026-03-01 10:00;BANANA;0,25;kg\n"
        "Q3;2026-03-01 10:00;MILK;1.000;Stk\n"
    )
    assert [line.quantity_milli for line in lines_of(batches)] == [500, 250]
    ((line, reason),) = problems_of(batches)
    assert (line, "as 1.000 or as 1000" in reason) == (4, True)


@pytest.mark.parametrize(
    ("evidence", "milli"), [("0.5", [1200, 500]), ("1.000.000", [1_200_000, 10**9]), (0.5, [500]), (2, [2000])]
)
def test_text_in_a_workbook_is_read_by_the_evidence_of_all_of_its_text(evidence, milli):
    """A cell that is a number shows nothing of how people write one."""
    book = openpyxl.Workbook()
    book.active.append(["counted_at", "sku", "qty"])
    book.active.append(["2026-03-01 10:00", "A", "1.200"])
    book.active.append(["2026-03-01 10:00", "B", evidence])
    content = io.BytesIO()
    book.save(content)
    batches = read(content.getvalue(), "counted", "f.xlsx")
    assert [line.quantity_milli for line in lines_of(batches)] == milli
    assert ["two ways" in reason for _, reason in problems_of(batches)] == [True] * (2 - len(milli))


@pytest.mark.parametrize(
    "code",
    ["5.01E+12", "5,01E+12", "4.00638E+12", "1e-05", "12345678901234500", "#N/A", "#REF!", "#NV", "#VALUE!",
     "####", "1-Jan",
     "Mar-26"],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["sku", "gtin", "item", "plu"])
def test_a_code_that_a_spreadsheet_has_damaged_is_refused_and_a_good_one_beside_it_counts(code, scheme):
    with pytest.raises(FieldRefused):
        line_code({scheme: code})
    other = "item" if scheme == "sku" else "sku"
    assert line_code({scheme: code, other: "MILK"}) == f"{other}:MILK"


@pytest.mark.parametrize("nothing", ["N/A", "null", "-", "", " ", "NaN", "none"])
def test_what_stands_for_no_code_is_none(nothing):
    with pytest.raises(FieldRefused, match="names no item"):
        line_code({"sku": nothing})


@pytest.mark.parametrize(
    ("cell", "code"),
    [('="036000291452"', "gtin:00036000291452"), ("'036000291452", "gtin:00036000291452"),
     ("\u200b036000291452\ufeff", "gtin:00036000291452"), ("\u202d4006381333931\u202c", "gtin:04006381333931"),
     ("4006381333931.0", "gtin:04006381333931"), ("\u00a04006381333931 ", "gtin:04006381333931")],
)  # fmt: skip
def test_what_protects_a_code_is_taken_off(cell, code):
    assert line_code({"gtin": cell}) == code


def test_a_number_of_sixteen_digits_in_a_workbook_is_no_code():
    book = openpyxl.Workbook()
    book.active.append(["sku", "on_hand"])
    book.active.append([1234567890123456, 1])
    book.active.append([123456789012345 - 1, 2])
    content = io.BytesIO()
    book.save(content)
    batches = read(content.getvalue(), "level", "f.xlsx")
    assert [line.code for line in lines_of(batches)] == ["sku:123456789012344"]
    assert "shortened" in problems_of(batches)[0][1]


@pytest.mark.parametrize(
    ("text", "wall"),
    [("3/16/26 4:35 PM", "2026-03-16 16:35"), ("03/16/2026 04:35:10 pm", "2026-03-16 16:35"),
     ("16/3/26 16:35", "2026-03-16 16:35"),
     ("16.03.26 16:35", "2026-03-16 16:35"), ("16.03.2026, 16:35 Uhr", "2026-03-16 16:35"),
      ("16 Mar 2026, 16:35", "2026-03-16 16:35"),
     ("16. März 2026 16:35", "2026-03-16 16:35"), ("Mar 16, 2026 4:35 PM", "2026-03-16 16:35"),
      ("2026/03/16 16:35", "2026-03-16 16:35"),
     ("46097.690972", "2026-03-16 16:35"), ("46097 0.690972", "2026-03-16 16:35"),
      ("2026-03-16 0.690972", "2026-03-16 16:35"),
     ("3/16/26 12:05\u202fAM", "2026-03-16 00:05"), ("16-Mar-2026 04:35 PM CET", "2026-03-16 16:35")],
)  # fmt: skip
def test_a_time_as_tills_write_it_is_read(text, wall):
    at_ms = TimeReader(BERLIN).moment(text).at_ms
    assert datetime.fromtimestamp(at_ms / 1000, BERLIN).strftime("%Y-%m-%d %H:%M") == wall


def test_a_day_that_could_be_a_month_is_settled_by_the_file_or_the_country_or_refused():
    with pytest.raises(Refused, match=r"two ways.*time_format"):
        TimeReader(BERLIN).moment("3/4/26 10:00")
    american = TimeReader(NEW_YORK).moment("3/4/26 10:00").at_ms
    assert datetime.fromtimestamp(american / 1000, NEW_YORK).month == 3
    shown = TimeReader(BERLIN, None, orders_shown(["3/4/26 10:00", "25/4/26 9:00"]))
    assert datetime.fromtimestamp(shown.moment("3/4/26 10:00").at_ms / 1000, BERLIN).month == 4


def test_the_last_date_of_a_file_shows_what_the_first_one_means():
    batches = read("receipt,sold_at,sku,qty\n1,03/04/2026 10:00,A,1\n2,03/25/2026 10:00,A,1\n")
    assert [event.source.id for batch in batches for event in batch.events] == ["-/2026-03-04/1", "-/2026-03-25/2"]


@pytest.mark.parametrize("header", ["Lieferdatum", "delivery date", "Datum", "date de livraison"])
def test_the_day_of_a_delivery_is_when_it_counts(header):
    batches = read(f"{header};EAN;Menge\n28.02.2026;4006381333948;12\n", "received")
    assert [event.occurred_at_ms for batch in batches for event in batch.events] == [1_772_233_200_000]


def test_the_day_of_a_count_ends_it_unless_the_file_came_before():
    batches = read("counted_at;EAN;Menge\n2026-02-28;4006381333948;12\n", "counted")
    assert [event.occurred_at_ms for batch in batches for event in batch.events] == [1_772_319_599_000]
    today = datetime.fromtimestamp(SEEN_MS / 1000, BERLIN).date().isoformat()
    batches = read(f"counted_at;EAN;Menge\n{today};4006381333948;12\n", "counted")
    assert [event.occurred_at_ms for batch in batches for event in batch.events] == [SEEN_MS]


def test_a_day_alone_is_no_time_of_a_sale():
    batches = read("receipt,sold_at,sku,qty\n1,2026-03-01,A,1\n")
    assert "without a time of day" in problems_of(batches)[0][1]


def test_a_column_of_days_that_nobody_knows_refuses_a_delivery_until_it_is_named():
    content = "Kam an;EAN;Menge\n28.02.2026;4006381333948;12\n"
    with pytest.raises(FileRefused, match=r"'Kam an' holds dates.*occurred_at.*ignored"):
        read(content, "received")
    assert len(lines_of(read(content, "received", columns={"Kam an": "ignored"}))) == 1
    (batch,) = read(content, "received", columns={"Kam an": "occurred_at"})
    assert batch.events[0].occurred_at_ms == 1_772_233_200_000


def test_a_best_before_date_refuses_nothing_and_is_named_as_unused():
    (batch,) = read("MHD;EAN;Menge\n28.02.2027;4006381333948;12\n", "received")
    assert (batch.line_count, batch.unused) == (1, ("MHD",))


@pytest.mark.parametrize(
    ("header", "cell", "kind"),
    [("VPE", "12", "received"), ("Case Size", "6", "counted"), ("Colisage", "24", "opening"),
     ("Retouren", "1", "sales"), ("Returned Qty", "2", "sales"), ("Gebinde", "20", "received")],
)  # fmt: skip
def test_a_number_that_would_change_what_is_counted_is_not_left_out_in_silence(header, cell, kind):
    content = f"receipt;sold_at;sku;qty;{header}\n1;2026-03-01 09:15;MILK;2;{{}}\n"
    with pytest.raises(FileRefused, match=rf"'{header}' holds .* and is not used"):
        read(content.format(cell), kind)
    assert len(lines_of(read(content.format(cell), kind, columns={header: "ignored"}))) == 1
    for harmless in ("", "0", "-"):
        assert len(lines_of(read(content.format(harmless), kind))) == 1


@pytest.mark.parametrize("header", ["Korrekturgrund", "Reason text", "Tipo", "Type", "Vorgang", "Adjustment reason"])
def test_a_column_of_reasons_is_not_left_out_of_adjustments_in_silence(header):
    content = f"sku;qty;{header}\nMILK;2;Bruch\n"
    with pytest.raises(FileRefused, match=rf"'{header}' may hold why the stock was changed, and is not used"):
        read(content, "adjusted")
    (line,) = lines_of(read(content, "adjusted", columns={header: "ignored"}))
    assert line.quantity_milli == 2_000
    (line,) = lines_of(read(content.replace("Bruch", "waste"), "adjusted", columns={header: "reason"}))
    assert line.quantity_milli == -2_000


@pytest.mark.parametrize("header", ["Grund", "Ursache", "Motif", "Motivo", "Causale", "Reden", "cause"])
def test_the_reason_is_known_in_six_languages(header):
    (line,) = lines_of(read(f"sku;qty;{header}\nMILK;2;theft\n", "adjusted"))
    assert (line.quantity_milli, line.reason) == (-2_000, "theft")


def test_what_says_something_of_sales_only_is_named_as_unused_in_a_list_of_stock():
    (batch,) = read("sku;qty;Type;Storno\nMILK;2;Return;ja\n", "received")
    assert (batch.line_count, batch.unused) == (1, ("Type", "Storno"))


@given(st.integers(0, 10**9))
def test_what_a_field_was_filled_with_is_read_as_it_was(milli):
    exact = f"{milli // 1000}.{milli % 1000:03}".rstrip("0").rstrip(".")
    assert Decimal(typed_number(unambiguous(exact, Marks()))) == Decimal(milli) / 1000


@pytest.mark.parametrize("text", ["1.500", "1,500", "12.125"])
def test_a_typed_number_with_two_readings_is_refused_with_both(text):
    with pytest.raises(Refused, match=r"may be [0-9.]+ or [0-9]+: write one of these") as refused:
        typed_number(text)
    decimal = re.search(r"may be ([0-9.]+)", str(refused.value))[1]
    assert Decimal(typed_number(decimal)) == Decimal(text.replace(",", "."))
