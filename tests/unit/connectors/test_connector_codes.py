"""What a till calls an item."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import FieldRefused, Refused
from connectors.parsing.codes import SCHEMES, check_digit, code_of, is_in_store
from connectors.parsing.lines import line_code
from connectors.parsing.spreadsheet import guarded, unguarded
from schemas.models.base import CODE_PATTERN

GTIN = "4006381333931"


@pytest.mark.parametrize(
    ("scanned", "code"),
    [
        ("96385074", "gtin:00000096385074"),
        ("036000291452", "gtin:00036000291452"),
        ("4006381333931", "gtin:04006381333931"),
        ("15901234123454", "gtin:15901234123454"),
        (" 4006381333931 ", "gtin:04006381333931"),
        ("4-006381-333931", "gtin:04006381333931"),
        ("04252614", "gtin:00042100005264"),  # UPC-E
        ("0109501101530003310300019510ABC\x1d2112", "gtin:09501101530003"),
        ("]d20109501101530003", "gtin:09501101530003"),
        ("(01)09501101530003(3103)000195", "gtin:09501101530003"),
        ("2012345678903", "gtin:02012345678903"),
    ],
)
def test_a_barcode_becomes_its_fourteen_digits(scanned, code):
    assert code_of("gtin", scanned) == code


@pytest.mark.parametrize(
    ("scanned", "reason"),
    [
        ("4006381333932", "wrong check digit: 2, where 1 belongs"),
        ("36000291452", "has 11 digits"),
        ("", "empty"),
        ("5.90123E+12", "a spreadsheet has shortened"),
        ("abc", "neither a GTIN"),
        ("(01)09501101530004", "wrong check digit"),
        ("٤٠٠٦٣٨١٣٣٣٩٣١", "neither a GTIN"),
        ("1" * 200, "too long"),
    ],
)
def test_a_barcode_that_would_be_another_item_is_refused_with_its_reason(scanned, reason):
    with pytest.raises(Refused, match=re.escape(reason)):
        code_of("gtin", scanned)


@pytest.mark.parametrize("digit", "0123456789")
def test_exactly_one_check_digit_is_right(digit):
    payload = "590123412345"
    if digit == check_digit(payload):
        assert code_of("gtin", payload + digit) == f"gtin:0{payload}{digit}"
    else:
        with pytest.raises(Refused):
            code_of("gtin", payload + digit)


def test_other_schemes_are_kept_as_the_till_writes_them():
    assert [code_of("plu", "4011"), code_of("sku", " MILK-1L "), code_of("item", "ö#7")] == [
        "plu:4011", "sku:MILK-1L", "item:ö#7",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["a\nb", "\x00", "x" * 101, "  "])
def test_a_code_that_cannot_be_named_is_refused(text):
    with pytest.raises(Refused):
        code_of("sku", text)


def test_numbers_that_a_store_gives_out_itself_are_told():
    assert [is_in_store(each) for each in ("02012345678903", "00212345678909", "04006381333931")] == [True, True, False]


@given(st.sampled_from(SCHEMES), st.text(max_size=130))
def test_any_text_is_a_code_of_the_vocabulary_or_refused(scheme, text):
    with contextlib.suppress(Refused):
        assert re.fullmatch(CODE_PATTERN, code_of(scheme, text))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "\0x", "\uff1d1"])
def test_a_text_that_a_spreadsheet_would_take_for_a_formula_is_guarded_and_read_back(text):
    assert guarded(text) == f"'{text}"
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", ["", "milk", "'tis", "'", "1-1", " =1"])
def test_any_other_text_stays_as_it_is(text):
    assert (guarded(text), unguarded(text)) == (text, text)


DAMAGED = st.one_of(
    st.builds(
        lambda digits, mark, exponent: f"{digits[0]}{mark}{digits[1:]}E+{exponent:02d}",
        st.text("0123456789", min_size=2, max_size=12), st.sampled_from(".,"), st.integers(10, 22),
    ),
    st.builds(lambda digits, zeros: f"9{digits}{'0' * zeros}", st.text("0123456789", min_size=14, max_size=14),
              st.integers(2, 8)),
    st.builds(
        "{}{}{}".format, st.integers(1, 31), st.sampled_from(["-", ".", ". "]),
        st.sampled_from(["Jan", "Mrz", "mars", "ene", "Okt", "Dez."]),
    ),
    st.dates().map(lambda day: f"{day.month}/{day.day}/{1900 + day.year % 200}"),
    st.sampled_from(["#N/A", "#REF!", "#BEZUG!", "########", "=1234", '=HYPERLINK("x","MILK")', "Mar-26", "01. Mrz",
                     "2026-03-01 00:00:00", "3-Jan-26"]),
)  # fmt: skip
"""What spreadsheets make of codes."""


@given(DAMAGED, st.sampled_from(["sku", "item", "gtin"]))
def test_what_a_spreadsheet_has_damaged_is_no_code_and_costs_nothing_beside_a_good_one(text, scheme):
    with pytest.raises(FieldRefused):
        line_code({scheme: text})
    if scheme != "sku":
        assert line_code({"sku": "MILK", scheme: text} if scheme == "gtin" else {scheme: text, "gtin": GTIN}) in (
            "sku:MILK", f"gtin:0{GTIN}",
        )  # fmt: skip


@given(
    st.sampled_from(['="{}"', '=T("{}")', '="{}"&""', "'{}", " {} ", "\u200b{}", "{}.0", "\ufeff{}\u200e"]),
    st.text("0123456789", min_size=12, max_size=12).map(lambda digits: digits + check_digit(digits)),
)
def test_what_protects_a_code_is_taken_off(protection, digits):
    assert line_code({"gtin": protection.format(digits)}) == f"gtin:0{digits}"


@pytest.mark.parametrize("text", ["6-SET", "12-set", "MAR-26X", "A-1-2026", "1-MAR", "5E3", "10-20", "3.5", "MAI-TAI"])
def test_a_code_that_only_looks_a_little_like_a_date_or_a_number_is_kept(text):
    assert line_code({"sku": text}) == f"sku:{text}"
