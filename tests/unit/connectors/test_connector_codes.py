"""What a till calls an item."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Refused
from connectors.parsing.codes import SCHEMES, check_digit, code_of, is_in_store
from connectors.parsing.spreadsheet import guarded, unguarded
from schemas.models.base import CODE_PATTERN


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
