"""Codes of packs and of goods that a till sells by a unit of its own, and kits, of which the parts move."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import CodeMapping, PieceMeasure
from schemas.models.pos import Told
from schemas.topics import CATALOG_ITEMS
from streams.catalog.goods import scaled
from streams.pool.journal.facts import line_counts
from streams.pool.journal.movements import Movements
from tests.support.pool import BREAD, FLOUR, MILK, NOON_MS, POOL, furnished, headers_of, line, wanted

CASE, BOX = "item:CASE", "BOX"
POUND = PieceMeasure(unit="kg", numerator=45_359_237, denominator=100_000_000)


def with_mapping(code, sku, piece, bench=None):
    bench = bench or furnished()
    bench.configure(CodeMapping(code=code, sku=sku, piece=piece))
    return bench


def with_cases():
    return with_mapping(CASE, MILK, PieceMeasure(unit="each", numerator=12))


def with_kit(parts=((MILK, 2_000), (FLOUR, 500)), bench=None):
    bench = bench or furnished()
    bench.stock_item(BOX, parts=[{"sku": sku, "quantity_milli": milli} for sku, milli in parts])
    return bench


def of(code, quantity_milli=1_000, **fields):
    return {"code": code, "quantity_milli": quantity_milli, "unit": "each", **fields}


def moved(bench, fact=-1):
    entry = bench.journal()[fact]
    return [(each.sku, each.quantity_milli, each.books_milli) for each in Movements().of(entry.fact)]


# --- packs, pounds, units that are not told -------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "on_hand"), [("opening", 24_000), ("received", 24_000), ("adjusted", 24_000)])
def test_a_case_of_twelve_brings_twelve(kind, on_hand):
    bench = with_cases()
    bench.report(kind, "d1", of(CASE, 2_000))
    assert (bench.on_hand(), bench.last_fact()["event"]["lines"][0]["quantity_milli"]) == (on_hand, 2_000)


def test_cases_that_are_sold_returned_and_lost_move_their_pieces():
    bench = with_cases()
    bench.report("opening", "d1", of(CASE, 10_000))
    bench.sell("s1", of(CASE, 2_000), line(3_000))
    bench.sell("s2", of(CASE, kind="return"))
    bench.report("adjusted", "d2", of(CASE, -1_000, reason="damage"))
    assert bench.on_hand() == 120_000 - 24_000 - 3_000 + 12_000 - 12_000
    assert moved(bench) == [(MILK, -12_000, -12_000)]


def test_a_count_of_cases_and_single_pieces_is_their_sum():
    bench = with_cases()
    bench.report("opening", "d1", line(40_000))
    bench.report("counted", "c1", of(CASE, 2_000), line(5_000), occurred_at_ms=NOON_MS)
    assert bench.on_hand() == 29_000
    assert sum(each.books_milli for each in Movements().of(bench.journal()[-1].fact)) == 29_000 - 40_000


def test_one_code_counted_twice_in_a_report_is_a_contradiction_still():
    bench = with_cases()
    bench.report("counted", "c1", of(CASE, 2_000), of(CASE, 3_000))
    assert (bench.on_hand(), bench.reasons()) == (24_000, ["conflict"])


def test_a_pound_is_counted_to_the_nearest_gram():
    bench = with_mapping("item:FLOUR-LB", FLOUR, POUND)
    bench.sell("s1", of("item:FLOUR-LB", 1_250))
    bench.sell("s2", of("item:FLOUR-LB", 200_000))
    assert bench.on_hand(FLOUR) == -567 - 90_718


def test_a_till_that_names_no_unit_sells_kilograms_once_its_code_says_so():
    bench = furnished()
    bench.sell("s1", of(f"sku:{FLOUR}", 485))
    assert bench.reasons() == ["wrong_unit"]
    with_mapping(f"sku:{FLOUR}", FLOUR, PieceMeasure(unit="kg", numerator=1), bench)
    bench.replay_dead_letters()
    assert (bench.on_hand(FLOUR), bench.reasons()) == (-485, [])


def test_what_is_told_in_the_items_own_unit_is_taken_as_told():
    bench = with_mapping(f"sku:{FLOUR}", FLOUR, POUND)
    bench.sell("s1", line(1_000, FLOUR))
    assert bench.on_hand(FLOUR) == -1_000


def test_twelve_twelfths_are_one():
    bench = with_mapping("item:BOTTLE", MILK, PieceMeasure(unit="each", numerator=1, denominator=12))
    bench.sell("s1", of("item:BOTTLE", 12_000))
    assert bench.on_hand() == -1_000


@pytest.mark.parametrize(
    ("piece", "quantity_milli", "reason"),
    [
        (PieceMeasure(unit="kg", numerator=1), 1_000, "wrong_unit"),
        (PieceMeasure(unit="each", numerator=1, denominator=10_000), 1_000, "bad_quantity"),
        (PieceMeasure(unit="each", numerator=10**18), 1_000, "bad_quantity"),
    ],
)
def test_a_measure_that_does_not_fit_sets_the_line_aside(piece, quantity_milli, reason):
    bench = with_mapping(CASE, MILK, piece)
    bench.sell("s1", of(CASE, quantity_milli), line(1_000))
    assert (bench.on_hand(), bench.reasons()) == (-1_000, [reason])


def test_a_revision_takes_back_what_the_case_was_and_a_repeat_is_absorbed():
    bench = with_cases()
    bench.sell("s1", of(CASE, 2_000))
    bench.sell("s1", of(CASE, 2_000))
    assert (bench.on_hand(), bench.counts()["duplicate"]) == (-24_000, 1)
    with_mapping(CASE, MILK, PieceMeasure(unit="each", numerator=6), bench)
    bench.sell("s1", of(CASE, 1_000), version=2)
    assert bench.on_hand() == -6_000
    bench.sell("s1", line(1_000, BREAD), version=3, unread_lines=("1",))
    bench.sell("s1", line(1_000, BREAD), version=4)
    assert (bench.on_hand(), bench.on_hand(BREAD)) == (0, -1_000)


def test_the_journal_keeps_what_the_till_said():
    bench = furnished()
    bench.sell("s1", line(567, FLOUR, told=Told(quantity="1.25", unit="lb")))
    assert bench.last_fact()["event"]["lines"][0]["told"] == {"quantity": "1.25", "unit": "lb"}
    assert bench.on_hand(FLOUR) == -567


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**12), st.integers(1, 10**12))
def test_a_conversion_is_the_nearest_thousandth_half_away_from_zero(milli, numerator, denominator):
    exact = Fraction(milli * numerator, denominator)
    found = scaled(milli, numerator, denominator)
    assert abs(found - exact) <= Fraction(1, 2)
    assert abs(found - exact) < Fraction(1, 2) or abs(found) > abs(exact)
    assert scaled(-milli, numerator, denominator) == -found
    assert scaled(milli, numerator, 1) == milli * numerator


# --- kits -----------------------------------------------------------------------------------------------------


def test_of_a_kit_the_parts_move_and_the_kit_does_not():
    bench = with_kit()
    bench.sell("s1", of(f"sku:{BOX}", 3_000, price_minor=2_000), currency="EUR")
    assert (bench.on_hand(), bench.on_hand(FLOUR), bench.on_hand(BOX)) == (-6_000, -1_500, 0)
    assert moved(bench) == [(MILK, -6_000, -6_000), (FLOUR, -1_500, -1_500)]
    assert bench.counts()["applied"] == 1


@pytest.mark.parametrize(("kind", "back"), [("return", True), ("void", True), ("return_not_restocked", False)])
def test_parts_of_a_returned_kit_come_back_as_far_as_the_kit_does(kind, back):
    bench = with_kit()
    bench.sell("s1", of(f"sku:{BOX}", 3_000))
    bench.sell("r1", of(f"sku:{BOX}", 1_000, kind=kind))
    assert bench.on_hand() == (-4_000 if back else -6_000)


def test_one_part_that_is_returned_alone_comes_back_alone():
    bench = with_kit()
    bench.sell("s1", of(f"sku:{BOX}"))
    bench.sell("r1", line(1_000, kind="return"))
    assert (bench.on_hand(), bench.on_hand(FLOUR)) == (-1_000, -500)


def test_a_case_of_kits_is_so_many_kits():
    bench = with_mapping(CASE, BOX, PieceMeasure(unit="each", numerator=4), with_kit())
    bench.sell("s1", of(CASE))
    assert (bench.on_hand(), bench.on_hand(FLOUR)) == (-8_000, -2_000)


def test_a_revision_keeps_reverses_and_unites_the_parts_of_one_line():
    bench = with_kit()
    bench.sell("s1", of(f"sku:{BOX}", 2_000), line(1_000, BREAD))
    bench.sell("s1", line(5_000, BREAD, line_id="2"), version=2, unread_lines=("1",))
    assert (bench.on_hand(), bench.on_hand(FLOUR), bench.on_hand(BREAD)) == (-4_000, -1_000, -5_000)
    fact = bench.last_fact()
    assert (len(fact["event"]["lines"]), len(fact["applied"])) == (2, 3)
    bench.sell("s1", line(7_000, BREAD, line_id="3"), version=2)
    bench.sell("s1", of(f"sku:{BOX}", 1_000), version=2)
    assert (bench.on_hand(), bench.on_hand(FLOUR), bench.on_hand(BREAD)) == (-2_000, -500, -12_000)
    bench.restart()
    bench.sell("s1", line(1_000, BREAD, line_id="9"), version=3)
    assert (bench.on_hand(), bench.on_hand(FLOUR), bench.on_hand(BREAD)) == (0, 0, -1_000)


def test_a_kit_of_an_unknown_item_is_set_aside_whole_until_it_is_mended():
    bench = with_kit(((MILK, 1_000), ("NEW", 1_000)))
    bench.sell("s1", of(f"sku:{BOX}"), line(1_000, BREAD))
    assert (bench.on_hand(), bench.on_hand(BREAD), bench.reasons()) == (0, -1_000, ["bad_kit"])
    with_kit(bench=bench)
    bench.replay_dead_letters()
    assert (bench.on_hand(), bench.on_hand(FLOUR), bench.reasons()) == (-2_000, -500, [])


def with_inner(bench=None):
    bench = bench or furnished()
    bench.stock_item("INNER", parts=[{"sku": BREAD, "quantity_milli": 1_000}])
    return bench


def test_a_kit_in_a_kit_is_refused_whichever_of_them_comes_last():
    bench = with_kit(((MILK, 1_000), ("INNER", 1_000)), with_inner())
    assert bench.reasons() == ["bad_kit"]
    assert "INNER in it, which is a kit" in dead_letter_text(bench)
    bench = with_inner(with_kit(((MILK, 1_000), ("INNER", 1_000))))
    assert bench.reasons() == ["bad_kit"]
    assert "INNER is a part of BOX" in dead_letter_text(bench)
    bench.sell("s1", of(f"sku:{BOX}"), line(1_000, BREAD))  # its part is an item that the pool has not
    assert (bench.on_hand(), bench.on_hand(BREAD), bench.reasons()) == (0, -1_000, ["bad_kit", "bad_kit"])


def test_a_kit_of_itself_is_refused_and_moves_nothing_for_ever():
    bench = furnished()
    item = CatalogItem(pool=POOL, sku=BOX, name=BOX, unit="each", recorded_at_ms=NOON_MS).to_avro()
    item["parts"] = [{"sku": BOX, "quantity_milli": 2_000}]
    bench.put(CATALOG_ITEMS.name, topic_codec(CATALOG_ITEMS.name).encode(item), NOON_MS)
    bench.sell("s1", of(f"sku:{BOX}"), line(1_000))
    assert (bench.on_hand(), bench.reasons()) == (-1_000, ["invalid", "unmapped_code"])


def dead_letter_text(bench):
    return headers_of(bench.dead_letters()[-1])["__connect.errors.exception.message"]


def test_a_level_of_a_kit_says_nothing_however_often_the_till_tells_it():
    bench = with_kit()
    bench.report("opening", "d1", line(10_000))
    for day in range(3):
        bench.report("level", f"l{day}", of(f"sku:{BOX}", 4_000), line(9_000))
        assert bench.last_fact()["stale_lines"] == 1
    assert (bench.on_hand(), bench.on_hand(BOX), bench.reasons()) == (10_000, 0, [])
    assert line_counts(bench.journal()[-1].fact) == (1, 1, 0)


def test_an_order_of_a_kit_is_refused_with_the_parts_to_ask_for():
    bench = with_kit()
    bench.report("opening", "d1", line(10_000), line(10_000, FLOUR))
    bench.request("placed", "o1", wanted(1_000, BOX))
    [event] = bench.events()
    assert (event["kind"], event["reason"]) == ("refused", "is_a_kit")
    assert event["detail"] == "BOX is a kit; in one there are 2 each of MILK, 0.5 kg of FLOUR: ask for them"


def test_a_kit_is_not_counted_for_it_has_no_stock_of_its_own():
    bench = with_kit()
    bench.report("counted", "c1", of(f"sku:{BOX}", 5_000), line(3_000))
    assert (bench.on_hand(), bench.reasons()) == (3_000, ["bad_kit"])


def test_a_code_that_was_mapped_first_knows_the_kit_and_its_change():
    bench = furnished()
    bench.stock_item(BOX)
    with_mapping("plu:7", BOX, None, bench)
    with_kit(((MILK, 1_000),), bench)
    bench.sell("s1", of("plu:7"))
    with_kit(((BREAD, 3_000),), bench)
    bench.sell("s2", of("plu:7"))
    assert (bench.on_hand(), bench.on_hand(BREAD)) == (-1_000, -3_000)


def test_parts_that_an_order_held_are_rung_up_once():
    bench = with_kit()
    bench.report("opening", "d1", line(10_000), line(10_000, FLOUR))
    bench.request("placed", "o1", wanted(2_000), wanted(500, FLOUR))
    bench.request("confirmed", "o1")
    bench.sell("s1", of(f"sku:{BOX}"), order_ref="o1")
    assert (bench.on_hand(), bench.on_hand(FLOUR)) == (8_000, 9_500)
    assert [hold["sold_at_till_milli"] for hold in bench.order()["holds"]] == [2_000, 500]
    bench.sell("s1", line(1_000, BREAD), version=2)
    assert (bench.on_hand(), bench.on_hand(FLOUR)) == (10_000, 10_000)
