"""Suggestions: a barcode is certain, a name is only alike, and what the lines are counted in counts."""

import pytest

from commonshelf.mapping.suggestions import CERTAIN_SCORE, Suggester, TillItem
from connectors.parsing.codes import check_digit
from streams.catalog import PoolConfig

EACH, KG = frozenset(["each"]), frozenset(["kg"])
GTIN = "04006381333931"


@pytest.fixture
def suggester():
    catalog = PoolConfig()
    for sku, name, unit, gtin in [
        ("MILK-1L", "Whole milk 3.5 % 1 l", "each", GTIN),
        ("OATS", "Rolled oats, fine, 500 g", "each", None),
        ("BANANA", "Bananas, loose", "kg", None),
        ("BANANA-BAG", "Bananas, bag of five", "each", None),
    ]:
        catalog.apply_item({"sku": sku, "name": name, "unit": unit, "gtin": gtin, "recorded_at_ms": 1})
    return Suggester(catalog)


@pytest.mark.parametrize("code", ["sku:4006381333931", "item:04006381333931", "plu: 4006381333931"])
def test_a_barcode_in_another_field_of_the_till_is_certain(suggester, code):
    best = suggester.suggest(code, EACH)[0]
    assert (best.sku, best.score, best.why) == ("MILK-1L", 100, "the code is its barcode")


def test_a_number_with_a_wrong_check_digit_is_no_barcode(suggester):
    assert [best.sku for best in suggester.suggest("sku:4006381333932", EACH) if best.score >= CERTAIN_SCORE] == []


def test_the_barcode_of_the_till_s_item_list_is_certain(suggester):
    best = suggester.suggest("item:W62X", EACH, TillItem("MLK", "4006381333931"))[0]
    assert (best.sku, best.score) == ("MILK-1L", 100)


def test_a_case_of_the_item_is_told_apart_from_the_item(suggester):
    payload = "1" + GTIN[1:13]
    best = suggester.suggest(f"gtin:{payload}{check_digit(payload)}", EACH)[0]
    assert best.sku == "MILK-1L"
    assert best.score < CERTAIN_SCORE
    assert "mind the quantity" in best.why


@pytest.mark.parametrize(
    ("listed", "score", "why"),
    [
        (TillItem(sku="4006381333931"), 100, "the till's SKU for it is its barcode"),
        (TillItem(sku="milk 1l"), CERTAIN_SCORE, "the till's item list has its SKU, but for case and punctuation"),
    ],
)
def test_an_opaque_id_is_found_by_the_sku_that_the_till_lists_for_it(suggester, listed, score, why):
    best = suggester.suggest("item:6F4C7B3A-0", EACH, listed)[0]
    assert (best.sku, best.score, best.why) == ("MILK-1L", score, why)


def test_a_till_item_without_barcode_and_sku_is_compared_by_its_name_alone(suggester):
    assert [best for best in suggester.suggest("item:6F4C7B3A-0", EACH, TillItem()) if best.score >= 95] == []


def test_a_sku_spelled_otherwise_is_nearly_certain(suggester):
    best = suggester.suggest("sku:milk 1L", EACH)[0]
    assert (best.sku, best.score) == ("MILK-1L", CERTAIN_SCORE)


def test_names_are_compared_among_items_of_the_lines_unit(suggester):
    bananas = TillItem("BANANAS")
    assert [best.sku for best in suggester.suggest("item:7", KG, bananas)] == ["BANANA"]
    assert [best.sku for best in suggester.suggest("item:7", EACH, bananas)] == ["BANANA-BAG"]
    assert suggester.suggest("item:7", KG, bananas)[0].score < CERTAIN_SCORE


def test_the_code_itself_is_compared_where_no_name_is_known(suggester):
    assert suggester.suggest("sku:ROLLED-OATS-500", EACH)[0].sku == "OATS"


def test_nothing_alike_is_no_suggestion(suggester):
    assert suggester.suggest("item:99317", EACH) == []
    assert suggester.suggest("gtin:05000157024671", EACH) == []


def test_the_number_on_a_scale_s_label_may_be_the_item_s_plu():
    catalog = PoolConfig()
    catalog.apply_item({"sku": "BANANA", "name": "Bananas", "unit": "kg", "gtin": None, "recorded_at_ms": 1})
    catalog.apply_change(("commonshelf.CodeMapping", {"store": None, "code": "plu:4011", "sku": "BANANA"}))
    catalog.pool = {"weighed_codes_region": "de"}
    payload = "284011000500"
    (best,) = Suggester(catalog).suggest(f"gtin:0{payload}{check_digit(payload)}", KG)
    assert best.sku == "BANANA"
    assert "carries the number 4011" in best.why
