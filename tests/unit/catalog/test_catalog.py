"""What codes mean and what stores lend, as the config topic told it last."""

import itertools

import pytest

from streams.catalog import PoolConfig

GTIN = "04006381333931"
LATER_MS = 5


def item(sku, gtin=None, unit="each", recorded_at_ms=1):
    return {"pool": "north", "sku": sku, "gtin": gtin, "unit": unit, "recorded_at_ms": recorded_at_ms}


def store(name="s1", **changes):
    share = {"kind": "share", "value": 1000}
    return {"store": name, "open": True, "contribution": share, "safety_stock_milli": 0, **changes}


def sku_of(catalog, code, of_store="s1"):
    meaning = catalog.meaning(of_store, code)
    return None if meaning is None else meaning[0]


def mapping(code, sku, of_store=None):
    return "commonshelf.CodeMapping", {"store": of_store, "code": code, "sku": sku}


def test_a_store_s_own_code_goes_before_the_pool_s_and_that_before_the_gtin():
    catalog = PoolConfig()
    for sku in ("A", "B", "C"):
        catalog.apply_item(item(sku))
    catalog.apply_item(item("A", GTIN))
    code = f"gtin:{GTIN}"
    found = [sku_of(catalog, code)]
    catalog.apply_change(mapping(code, "B"))
    found.append(sku_of(catalog, code))
    catalog.apply_change(mapping(code, "C", "s1"))
    found += [sku_of(catalog, code), sku_of(catalog, code, "s2")]
    assert found == ["A", "B", "C", "B"]


def test_a_mapping_taken_back_leaves_the_next_one():
    catalog = PoolConfig()
    catalog.apply_change(mapping("plu:1", "B"))
    catalog.apply_change(mapping("plu:1", "C", "s1"))
    catalog.apply_change(mapping("plu:1", None, "s1"))
    found = [sku_of(catalog, "plu:1")]
    catalog.apply_change(mapping("plu:1", None))
    assert [*found, sku_of(catalog, "plu:1")] == ["B", None]


def test_taking_back_what_was_never_mapped_is_no_error():
    catalog = PoolConfig()
    catalog.apply_change(mapping("plu:1", None))
    catalog.apply_change(mapping("plu:1", None, "s1"))
    assert sku_of(catalog, "plu:1") is None


def test_an_item_that_changes_its_gtin_no_longer_answers_to_the_old_one():
    catalog = PoolConfig()
    catalog.apply_item(item("A", GTIN))
    catalog.apply_item(item("A", "00000000000017"))
    assert (sku_of(catalog, f"gtin:{GTIN}"), sku_of(catalog, "gtin:00000000000017")) == (None, "A")


def test_an_item_that_loses_its_gtin_no_longer_answers_to_it():
    catalog = PoolConfig()
    catalog.apply_item(item("A", GTIN))
    catalog.apply_item(item("A", None))
    assert (sku_of(catalog, f"gtin:{GTIN}"), sku_of(catalog, "sku:A")) == (None, "A")


def test_a_gtin_that_two_items_have_means_neither():
    catalog = PoolConfig()
    catalog.apply_item(item("A", GTIN, recorded_at_ms=LATER_MS))
    catalog.apply_item(item("B", GTIN))
    assert (sku_of(catalog, f"gtin:{GTIN}"), sku_of(catalog, "sku:A")) == (None, "A")


def test_a_mapping_says_which_of_two_items_a_gtin_means():
    catalog = PoolConfig()
    for sku in ("A", "B"):
        catalog.apply_item(item(sku, GTIN))
    catalog.apply_change(mapping(f"gtin:{GTIN}", "B", None))
    assert sku_of(catalog, f"gtin:{GTIN}") == "B"


def test_an_item_that_gives_its_gtin_up_leaves_it_to_the_other():
    catalog = PoolConfig()
    catalog.apply_item(item("A", GTIN))
    catalog.apply_item(item("B", GTIN, recorded_at_ms=LATER_MS))
    catalog.apply_item(item("A", "00000000000017", recorded_at_ms=LATER_MS))
    found = [sku_of(catalog, f"gtin:{GTIN}")]
    catalog.apply_item(item("B", None, recorded_at_ms=LATER_MS))
    assert [*found, sku_of(catalog, f"gtin:{GTIN}")] == ["B", None]


def test_the_last_of_several_items_with_one_gtin_has_it_again():
    catalog = PoolConfig()
    found = []
    for sku in ("A", "B", "C"):
        catalog.apply_item(item(sku, GTIN))
    for sku in ("A", "C"):
        catalog.apply_item(item(sku, None))
        found.append(sku_of(catalog, f"gtin:{GTIN}"))
    assert found == [None, "B"]


def test_what_a_gtin_means_does_not_depend_on_the_order_of_the_items():
    """A restart reads the items in the order of their keys, not in the order in which they came."""
    items = [item("A", GTIN), item("B", GTIN), item("C", GTIN, recorded_at_ms=0)]
    found = set()
    for order in itertools.permutations(items):
        catalog = PoolConfig()
        for one in order:
            catalog.apply_item(one)
        found.add(sku_of(catalog, f"gtin:{GTIN}"))
    assert found == {None}


@pytest.mark.parametrize("of_store", [None, "s1"])
def test_a_code_tells_the_item_s_unit_whether_the_item_or_the_mapping_came_first(of_store):
    catalog = PoolConfig()
    catalog.apply_change(mapping("plu:1", "A", of_store))
    found = [catalog.meaning("s1", "plu:1")]
    for unit in ("kg", "each"):
        catalog.apply_item(item("A", unit=unit))
        found.append(catalog.meaning("s1", "plu:1"))
    assert found == [("A", None, None), ("A", "kg", None), ("A", "each", None)]


def test_the_unit_of_an_unknown_item_is_none():
    catalog = PoolConfig()
    catalog.apply_item(item("A", unit="kg"))
    assert (catalog.unit("A"), catalog.unit("B")) == ("kg", None)


@pytest.mark.parametrize(
    ("changes", "own", "expected"),
    [
        ({}, None, ("share", 1000, 0)),
        ({"safety_stock_milli": 500}, None, ("share", 1000, 500)),
        ({"open": False}, None, None),
        ({}, {"listed": False}, None),
        ({"safety_stock_milli": 500}, {}, ("share", 1000, 500)),
        ({"safety_stock_milli": 500}, {"safety_stock_milli": 0}, ("share", 1000, 0)),
        ({}, {"contribution": {"kind": "cap", "value": 7}}, ("cap", 7, 0)),
        ({"open": False}, {"contribution": {"kind": "cap", "value": 7}}, None),
    ],
)
def test_the_terms_of_an_item_are_its_own_or_else_the_store_s(changes, own, expected):
    catalog = PoolConfig()
    catalog.apply_item(item("A"))
    catalog.apply_change(("commonshelf.StoreSettings", store(**changes)))
    if own is not None:
        terms = {"store": "s1", "sku": "A", "listed": True, "contribution": None, "safety_stock_milli": None, **own}
        catalog.apply_change(("commonshelf.StoreItemSettings", terms))
    assert catalog.terms("s1", "A") == expected


def test_nothing_is_lent_of_unknown_items_or_by_unknown_stores():
    catalog = PoolConfig()
    catalog.apply_change(("commonshelf.StoreSettings", store()))
    catalog.apply_item(item("A"))
    assert (catalog.terms("s1", "B"), catalog.terms("s2", "A")) == (None, None)


def test_a_kind_of_change_that_this_release_does_not_know_is_an_error():
    with pytest.raises(ValueError, match=r"commonshelf\.Weather"):
        PoolConfig().apply_change(("commonshelf.Weather", {}))


def test_the_kits_of_a_part_are_those_that_name_it_now():
    def kit(sku, *parts):
        return {**item(sku), "parts": [{"sku": part, "quantity_milli": 1_000} for part in parts]}

    catalog = PoolConfig()
    found = []
    for told in (kit("Z", "milk", "oil"), kit("A", "milk"), kit("A", "oil"), item("Z"), kit("A", "oil"), item("A")):
        catalog.apply_item(told)
        found.append((catalog.kit_with("milk"), catalog.kit_with("oil")))
    assert found == [("Z", "Z"), ("A", "Z"), ("Z", "A"), (None, "A"), (None, "A"), (None, None)]
    assert catalog.kit_with("A") is None
