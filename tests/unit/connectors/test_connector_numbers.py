"""Decimals to thousandths and minor units: exact or refused."""

import contextlib
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Refused
from connectors.parsing.quantities import decimal_of, line_price_minor, price_minor, quantity_milli
from schemas.currency import currency_exponent
from schemas.models.base import QUANTITY_MAX_MILLI


@pytest.mark.parametrize(
    ("written", "milli"),
    [
        ("1", 1000), ("0.485", 485), ("-2", -2000), ("+3", 3000), ("0", 0), ("-0.000", 0), ("0.4850000", 485),
        (" 7 ", 7000), ("1000000", 1_000_000_000), (2, 2000), (Decimal("0.001"), 1), (Decimal("1E+3"), 1_000_000),
        (Decimal("0E-400"), 0), ("00012.5", 12500),
    ],
)  # fmt: skip
def test_a_quantity_becomes_thousandths_exactly(written, milli):
    assert quantity_milli(written) == milli


@pytest.mark.parametrize(
    "written",
    ["0.4851", "1e3", "", "abc", "1,5", "NaN", "Infinity", "--1", "1.", ".5", "٣", "1 000", "0x10", "1000000.001",
     "9" * 41, 1.5, True, None, [], {}, Decimal("NaN"), Decimal("1E+400"), Decimal("1E-400"), 10**200, "1\n2"],
)  # fmt: skip
def test_what_is_no_exact_quantity_is_refused_with_a_reason(written):
    with pytest.raises(Refused) as refused:
        quantity_milli(written)
    assert str(refused.value) != ""


def test_grams_are_thousandths_and_half_a_gram_is_refused():
    assert quantity_milli("485", in_thousandths=True) == 485
    with pytest.raises(Refused, match="more decimals"):
        quantity_milli("0.5", in_thousandths=True)


@given(st.integers(-QUANTITY_MAX_MILLI, QUANTITY_MAX_MILLI))
def test_every_quantity_survives_being_written_and_read(milli):
    sign = "-" if milli < 0 else ""
    assert quantity_milli(f"{sign}{abs(milli) // 1000}.{abs(milli) % 1000:03d}") == milli


@pytest.mark.parametrize(
    ("written", "currency", "minor"),
    [("1.99", "EUR", 199), ("1.990", "EUR", 199), ("250", "JPY", 250), ("1.234", "BHD", 1234), ("-5", "USD", -500)],
)
def test_a_price_becomes_minor_units_of_its_currency(written, currency, minor):
    assert price_minor(written, currency) == minor


@pytest.mark.parametrize(
    ("written", "currency"), [("1.999", "EUR"), ("0.5", "JPY"), ("1.2345", "KWD"), ("9" * 20, "EUR")]
)
def test_a_price_with_parts_of_a_minor_unit_is_refused(written, currency):
    with pytest.raises(Refused):
        price_minor(written, currency)


def test_a_line_price_rounds_half_a_cent_away_from_zero():
    assert line_price_minor("3.99", 485, "EUR") == 194  # 1.93515
    assert line_price_minor("0.01", 500, "EUR") == 1
    assert line_price_minor("-0.01", 500, "EUR") == -1
    assert line_price_minor("1.799", 1000, "EUR") == 180
    assert line_price_minor("100", 3000, "JPY") == 300


@given(st.integers(0, 10**7), st.integers(1, 10**7), st.sampled_from(["EUR", "JPY", "BHD"]))
def test_a_line_price_is_within_half_a_minor_unit_of_the_product(ten_thousandths, milli, currency):
    exact = Fraction(ten_thousandths, 10_000) * Fraction(milli, 1000) * 10 ** currency_exponent(currency)
    minor = line_price_minor(f"{ten_thousandths // 10_000}.{ten_thousandths % 10_000:04d}", milli, currency)
    assert abs(minor - exact) <= Fraction(1, 2)


@given(st.text(max_size=60))
def test_any_text_is_a_decimal_or_refused(text):
    with contextlib.suppress(Refused):
        assert decimal_of(text).is_finite()
