"""Labels of scales: every weight is another number, and all of them mean the item."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.parsing.codes import check_digit
from schemas.models.config import CodeMapping, PoolSettings
from streams.catalog.weighed import label_of
from tests.support.pool import FLOUR, STORE, furnished


def label(payload: str) -> str:
    return f"gtin:0{payload}{check_digit(payload)}"


@pytest.mark.parametrize(
    ("payload", "region", "shared", "item_number"),
    [
        ("281234000500", "de", "281234000000", "1234"),
        ("201234500678", "gb", "201234500000", "12345"),
        ("231234560500", "fi", "231234560000", "123456"),
    ],
)
def test_what_all_labels_of_an_item_share_follows_the_region_s_rules(payload, region, shared, item_number):
    found = label_of(label(payload), region)
    assert found is not None
    assert (found.code[6:-1], found.item_number) == (shared, item_number)


@pytest.mark.parametrize(
    "code", ["gtin:04006381333931", "plu:4011", "item:2812340005007", label("201234500678"), label("041234500678")]
)
def test_what_carries_no_measure_in_the_region_is_no_label(code):
    assert label_of(code, "de") is None


def test_a_code_as_long_as_a_record_is_not_kept_in_memory():
    code = "gtin:02" + "1" * 1_000_000
    references = sys.getrefcount(code)
    assert label_of(code, "de") is None
    assert sys.getrefcount(code) == references


@given(st.integers(0, 99_999), st.integers(0, 9_999))
def test_all_weights_of_an_item_share_one_code_and_that_code_is_its_own(weight, item):
    codes = {label_of(label(f"28{item:04}{digit}{weight:05}"), "de").code for digit in range(10)}
    assert len(codes) == 1
    (shared,) = codes
    assert label_of(shared, "de").code == shared


def bench_with(region):
    bench = furnished()
    bench.configure(PoolSettings(name="North", weighed_codes_region=region))
    bench.report("opening", "o1", {"code": "sku:FLOUR", "quantity_milli": 10_000, "unit": "kg"})
    return bench


def weighed(payload, milli):
    return {"code": label(payload), "quantity_milli": milli, "unit": "kg"}


def test_a_mapping_of_the_shared_code_holds_for_every_weight():
    bench = bench_with("de")
    bench.configure(CodeMapping(store=STORE, code=label_of(label("281234000500"), "de").code, sku=FLOUR))
    bench.sell("s1", weighed("281234000500", 500), weighed("281234001250", 1_250))
    assert bench.on_hand(FLOUR) == 8_250
    assert bench.reasons() == []


def test_a_label_mapped_by_itself_means_that():
    bench = bench_with("de")
    bench.configure(CodeMapping(store=STORE, code=label("281234000500"), sku=FLOUR))
    bench.sell("s1", weighed("281234000500", 500), weighed("281234001250", 1_250))
    assert bench.on_hand(FLOUR) == 9_500
    assert bench.reasons() == ["unmapped_code"]


def test_without_a_region_a_label_is_a_number_like_any_other():
    bench = bench_with(None)
    bench.configure(CodeMapping(store=STORE, code=label_of(label("281234000500"), "de").code, sku=FLOUR))
    bench.sell("s1", weighed("281234000500", 500))
    assert bench.reasons() == ["unmapped_code"]


def test_the_region_is_known_again_after_a_restart():
    bench = bench_with("de")
    bench.configure(CodeMapping(store=STORE, code=label_of(label("281234000500"), "de").code, sku=FLOUR))
    bench.commit()
    bench.restart()
    bench.sell("s1", weighed("281234000500", 500))
    assert bench.on_hand(FLOUR) == 9_500
