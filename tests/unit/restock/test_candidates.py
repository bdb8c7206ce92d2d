"""Items that are worth pooling: each part of the score says what it rests on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.restock.decision.candidates import WEIGHTS, Item, candidates


def item(weekly, sku="MILK", on_hand=10, life=None, substitutes=0):
    return Item(sku, 1000 * np.array(weekly), 1000 * on_hand, life, substitutes)


def parts_of(one):
    (found,) = candidates([one])
    return {part.name: (part.permille, part.evidence) for part in found.parts}


STEADY = [[4, 6] * 8, [6, 4] * 8]
"""Two stores whose ups and downs cancel each other out, over four months."""


def test_stores_that_cancel_each_other_out_gain_most_by_pooling():
    assert parts_of(item(STEADY))["pooling"] == (
        1000, "week by week the stores together vary 100 % less than each for itself"
    )  # fmt: skip
    assert parts_of(item([[4, 6] * 8, [4, 6] * 8]))["pooling"][0] == 0
    assert parts_of(item([[5] * 16, [5] * 16]))["pooling"][0] == 0


def test_independent_stores_gain_what_the_root_of_their_number_says():
    weekly = np.random.default_rng(1).poisson(8, (9, 4_000))
    assert parts_of(item(weekly))["pooling"][0] == pytest.approx(1000, abs=15)


def test_turns_are_a_years_sales_by_what_is_on_hand():
    assert parts_of(item(STEADY, on_hand=20))["turns"] == (
        500, "sells 10 a week, of 20 on hand: 26 turns a year"
    )  # fmt: skip
    assert parts_of(item(STEADY, on_hand=0))["turns"] == (1000, "sells 10 a week and none is left")


def test_an_item_of_one_big_store_is_hardly_spread_out():
    assert parts_of(item([[5] * 16, [5] * 16, [5] * 16]))["spread"] == (
        1000, "3 of 3 stores sell it, as evenly as 3.0 equal ones"
    )  # fmt: skip
    permille, evidence = parts_of(item([[98] * 16, [1] * 16, [1] * 16]))["spread"]
    assert permille < 25
    assert evidence == "3 of 3 stores sell it, as evenly as 1.0 equal ones"


def test_a_season_is_seen_beyond_chance_and_needs_three_months():
    assert parts_of(item(STEADY))["steadiness"] == (1000, "months differ by 0 % beyond chance, over 4 of them")
    winter = parts_of(item([[0] * 12 + [10] * 4, [0] * 12 + [10] * 4]))["steadiness"]
    assert winter == (0, "months differ by 200 % beyond chance, over 4 of them")
    assert parts_of(item([[5] * 11, [5] * 11]))["steadiness"] == (500, "11 weeks are too few to see a season")
    gone = parts_of(item([[5] + [0] * 16, [5] + [0] * 16]))["steadiness"]
    assert gone == (0, "sold nothing in the last 16 weeks")


def test_what_spoils_and_what_nothing_stands_in_for_counts_more():
    fresh = parts_of(item(STEADY, life=14, substitutes=1))
    assert fresh["perishability"] == (500, "keeps 14 days")
    assert fresh["substitution"] == (500, "1 other item stands in for it")
    assert parts_of(item(STEADY))["substitution"] == (1000, "no other item stands in for it")


def test_candidates_are_sorted_by_score_and_need_two_stores():
    found = candidates([
        item(STEADY, "SALT"), item(STEADY, "MILK", life=7), item([[9] * 16, [0] * 16], "BELL"), item(STEADY, "RICE"),
    ])  # fmt: skip
    assert [one.sku for one in found] == ["MILK", "RICE", "SALT"]
    assert found[0].permille == found[1].permille + 1000 * WEIGHTS["perishability"] // 100
    assert sum(WEIGHTS.values()) == 100


@given(
    weekly=st.lists(st.lists(st.integers(-(10**6), 10**9), min_size=17, max_size=17), min_size=2, max_size=4),
    on_hand=st.integers(-5, 10**6),
)
def test_whatever_was_sold_gives_a_score_between_nothing_and_all(weekly, on_hand):
    for one in candidates([item(weekly, on_hand=on_hand, life=0)]):
        assert 0 <= one.permille <= 1000
        assert all(0 <= part.permille <= 1000 for part in one.parts)
