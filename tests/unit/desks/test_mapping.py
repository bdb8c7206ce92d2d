"""Which codes wait, what a mapping would contradict, and the operator's lists."""

import json

import pytest

from commonshelf.config.catalog_files import UnusableFileError, parse_code
from commonshelf.dead_letters.letters import Letter, Place
from commonshelf.mapping.codes import codes_waiting, objections
from commonshelf.mapping.files import read_mappings, read_till_items
from commonshelf.mapping.suggestions import TillItem
from connectors.contract import Refused
from connectors.parsing.codes import check_digit
from schemas.models.config import CodeMapping
from schemas.models.dead_letters import DeadLetterOutcome
from streams.catalog import PoolConfig


@pytest.fixture
def catalog():
    made = PoolConfig()
    for sku, gtin in (("MILK", "04006381333931"), ("BREAD", None)):
        made.apply_item({"sku": sku, "name": sku.title(), "unit": "each", "gtin": gtin, "recorded_at_ms": 1})
    for store in ("anna", "bert"):
        made.apply_change(("commonshelf.StoreSettings", {"store": store}))
    made.apply_change(("commonshelf.CodeMapping", {"store": None, "code": "plu:4011", "sku": "BREAD"}))
    return made


def letter(offset, store="anna", reason="unmapped_code", pool="north", done=False, document=None, **codes):
    lines = [
        {"line_id": str(n), "code": code.replace("_", ":"), "quantity_milli": q, "unit": "each"}
        for n, (code, q) in enumerate(codes.items())
    ]
    source = {"system": "square", "id": str(offset) if document is None else document}
    event = {"pool": pool, "store": store, "source": source, "occurred_at_ms": 1_000 + offset, "lines": lines}
    place = Place("pos.sales.dlq.v1", 0, offset)
    outcome = DeadLetterOutcome(letter=place.to_model(), outcome="discarded", at_ms=1, origin="t", reason="t")
    return Letter(place, 1, None, reason, "", None, None, None, event, outcome if done else None)


def test_waiting_lines_are_summed_by_code_and_of_codes_that_shops_make_up_by_store(catalog):
    found = codes_waiting(catalog, "north", [
        letter(0, plu_1=2_000, item_2=-500), letter(7, plu_1=1_000), letter(8, store="bert", plu_1=1_000, item_2=1),
        letter(9, plu_1=1, done=True), letter(10, plu_1=1, pool="south"), letter(11, plu_1=1, reason="too_late"),
    ])  # fmt: skip
    told = [(one.store, one.code, one.stores, one.lines, one.milli["each"], one.first_ms, one.last_ms) for one in found]
    assert told == [
        (None, "plu:1", ["anna", "bert"], 3, 4_000, 1_000, 1_008),
        ("anna", "item:2", ["anna"], 1, 500, 1_000, 1_000),
        ("bert", "item:2", ["bert"], 1, 1, 1_008, 1_008),
    ]  # fmt: skip


def test_a_code_that_is_mapped_by_now_is_told_with_its_meaning(catalog):
    (one,) = codes_waiting(catalog, "north", [letter(0, plu_4011=1_000)])
    assert one.sku == "BREAD"


@pytest.mark.parametrize(
    ("mapping", "replaces", "expected"),
    [
        (CodeMapping(code="plu:1", sku="MILK"), False, []),
        (CodeMapping(code="plu:4011", sku="BREAD"), False, []),
        (CodeMapping(code="plu:4011", sku="MILK"), False, ["means BREAD (Bread) in the whole pool already, not MILK"]),
        (CodeMapping(store="anna", code="plu:4011", sku="MILK"), False, ["means BREAD (Bread) in store anna already"]),
        (CodeMapping(code="plu:4011", sku="MILK"), True, []),
        (CodeMapping(code="gtin:04006381333931", sku="BREAD"), False, ["means MILK (Milk)"]),
        (CodeMapping(code="plu:1", sku="GHOST"), False, ["the pool has no item 'GHOST'"]),
        (CodeMapping(store="carl", code="plu:1", sku="MILK"), False, ["has no store 'carl'; its stores: anna, bert"]),
    ],
)
def test_what_stands_against_a_mapping_is_said(catalog, mapping, replaces, expected):
    found = objections(catalog, [mapping], replaces=replaces)
    assert len(found) == len(expected)
    assert all(part in sentence for part, sentence in zip(expected, found, strict=True))


def test_one_code_for_two_items_is_refused_even_when_it_may_replace(catalog):
    wanted = [CodeMapping(code="plu:1", sku="MILK"), CodeMapping(code="plu:1", sku="BREAD")]
    assert objections(catalog, wanted, replaces=True) == [
        "plu:1 is to mean both MILK and BREAD in the whole pool: which one?"
    ]
    apart = [CodeMapping(store="anna", code="plu:1", sku="MILK"), CodeMapping(store="bert", code="plu:1", sku="BREAD")]
    assert objections(catalog, apart, replaces=False) == []


def test_a_list_of_mappings_is_read_and_every_bad_row_is_told(catalog, tmp_path):
    file = tmp_path / "fixes.csv"
    file.write_text(
        "code,store,sku,note\nplu:1,anna,MILK,\n4006381333931,,4006381333931,by barcode\nitem:W62X,,,undecided\n"
        "4006381333932,,MILK,\nplu:2,,GHOST,\nfruit:1,,MILK,\n"
    )
    found, problems = read_mappings(file, "bert", catalog)
    assert found == [
        CodeMapping(store="anna", code="plu:1", sku="MILK"),
        CodeMapping(store="bert", code="gtin:04006381333931", sku="MILK"),
    ]
    assert [problem.removeprefix(str(file))[:3] for problem in problems] == [":5:", ":6:", ":7:"]
    assert "wrong check digit" in problems[0]


def test_an_item_list_that_names_a_code_twice_is_refused(tmp_path):
    file = tmp_path / "items.csv"
    file.write_text("code,name,barcode\nitem:1,Milk,4006381333931\nitem:1,Bread,\n")
    with pytest.raises(UnusableFileError, match=r":3: item:1 is named before, as 'Milk'"):
        read_till_items(file)


@pytest.mark.parametrize(("text", "code"), [("plu:4011", "plu:4011"), ("4006381333931", "gtin:04006381333931")])
def test_a_code_is_read_as_a_person_writes_it(text, code):
    assert parse_code(text) == code


@pytest.mark.parametrize("text", ["4011", "milk", "gtin:4006381333932", "4006381333932", "plu:"])
def test_what_is_no_code_is_refused(text):
    with pytest.raises(Refused):
        parse_code(text)


def test_labels_of_a_scale_are_one_code_however_much_they_weigh(catalog):
    catalog.pool = {"weighed_codes_region": "de"}
    codes = [f"gtin:0{payload}{check_digit(payload)}" for payload in ("281234000500", "281234001250")]
    told = {code.replace(":", "_"): 1_000 for code in codes}
    (one,) = codes_waiting(catalog, "north", [letter(0, **told)])
    assert (one.store, one.lines) == ("anna", 2)
    catalog.apply_change(("commonshelf.CodeMapping", {"store": "anna", "code": one.code, "sku": "MILK"}))
    assert [catalog.meaning("anna", code) for code in codes] == [("MILK", "each", None)] * 2


def test_what_connect_discover_prints_is_an_item_list(tmp_path):
    file = tmp_path / "items.json"
    file.write_text(json.dumps([
        {"connector": "square", "kind": "location", "id": "L1", "name": "Main street"},
        {"connector": "square", "kind": "item", "id": "W62X", "name": "Milk 1 l"},
        {"connector": "shopify", "kind": "sku", "id": "RYE", "name": "Rye", "barcode": "4006381333931", "sku": "RYE"},
    ]))  # fmt: skip
    assert read_till_items(file) == {
        "item:W62X": TillItem("Milk 1 l"),
        "sku:RYE": TillItem("Rye", "4006381333931", "RYE"),
    }
    file.write_text("{}[")
    with pytest.raises(UnusableFileError, match="cannot be read as what `connect discover --json` prints"):
        read_till_items(file)
