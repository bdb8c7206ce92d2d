"""Answers that a person can work out: the terms, ties, reasons, limits."""

import pytest

from streams.allocation import Case, Line, Offer, Policy, Store, allocate
from streams.allocation.model import Costs

MILK = Line("1", "milk", 2000)
BREAD = Line("2", "bread", 1000)
FREE = Policy(
    distance_minor_per_km=0,
    handling_minor_per_store=0,
    handling_minor_per_share=0,
    split_minor_per_extra_store=0,
    line_split_minor_per_extra_store=0,
    last_slot_minor=0,
    short_pick_minor=0,
)


def store(name, distance_m=1000, capacity_left=10, **milli):
    return Store(name, distance_m, capacity_left, {sku: Offer(amount, 950) for sku, amount in milli.items()})


def order(*stores, lines=(MILK, BREAD), may_split=True, may_part_fill=True, preferred_store=None):
    return Case(lines, stores, may_split, may_part_fill, preferred_store)


def shares(answer):
    return [tuple(share) for share in answer.shares]


def reasons(answer):
    return {refusal.store: refusal.reason for refusal in answer.refused}


def test_each_term_of_the_formula_counts_as_the_page_says():
    anna = Store("anna", 1500, 4, {"milk": Offer(1000, 950, 1)}, above_fair_share=2)
    ben = Store("ben", 700, 3, {"milk": Offer(1000, 900)}, above_fair_share=-7, slot_minutes_away=15)
    lines = (Line("1", "milk", 2000, unit_value_minor=100), BREAD)
    expected = Costs(
        distance=1500 * 30 + 700 * 30,
        handling=2 * 150_000 + 2 * 20_000,
        split=200_000 + 100_000,
        reroute=100_000,
        capacity=25_000 + 33_333,
        short_pick=50 * 600 + 100 * 600,
        fairness=20_000,
        slot=15 * 3_000,
        spoilage=-33 * 1000,  # 100 x 500 x (3 - 1) / 3000, rounded down
        missing=10_000_000,
    )
    answer = allocate(order(anna, ben, lines=lines, preferred_store="anna"), Policy())
    assert expected == answer.costs
    assert shares(answer) == [("1", "anna", 1000), ("1", "ben", 1000)]
    assert [tuple(short) for short in answer.short] == [("2", 1000)]


def test_the_preferred_store_gets_what_it_has_when_nothing_speaks_against_it():
    answer = allocate(
        order(store("a", milk=9000, bread=9000), store("p", milk=2000, bread=1000), preferred_store="p"), Policy()
    )
    assert answer.stores() == ("p",)
    assert (("a",), answer.costs.total() + 100_000) == answer.runner_up


def test_a_store_nearer_to_the_wished_window_is_worth_a_way():
    near = store("near", distance_m=100, milk=2000, bread=1000)._replace(slot_minutes_away=60)
    far = store("far", distance_m=5000, milk=2000, bread=1000)
    assert allocate(order(near, far), Policy()).stores() == ("far",)
    assert allocate(order(near, far), Policy(slot_minor_per_minute=2)).stores() == ("near",)


def test_a_tie_goes_to_fewer_stores_then_to_the_smaller_id():
    both = {"milk": 2000, "bread": 1000}
    answer = allocate(
        order(store("a", milk=2000), store("b", bread=1000), store("d", **both), store("c", **both)), FREE
    )
    assert shares(answer) == [("1", "c", 2000), ("2", "c", 1000)]


def test_a_tie_on_a_line_goes_to_one_store_then_to_the_smaller_id():
    rice = Line("3", "rice", 3000)
    first, second = store("a", milk=2000, rice=3000), store("b", bread=1000, rice=3000)
    answer = allocate(
        order(second, first, lines=(MILK, BREAD, rice)), FREE._replace(line_split_minor_per_extra_store=1)
    )
    assert shares(answer) == [("1", "a", 2000), ("2", "b", 1000), ("3", "a", 3000)]


def test_an_excess_stays_with_the_larger_id_when_all_keep_as_long():
    answer = allocate(order(store("b", milk=2000), store("a", milk=2000), lines=(Line("1", "milk", 3000),)), Policy())
    assert shares(answer) == [("1", "a", 2000), ("1", "b", 1000)]


def test_goods_that_spoil_soon_go_first():
    keeps = Store("a", 1000, 9, {"milk": Offer(5000, 950, None)})
    spoils = Store("b", 1100, 9, {"milk": Offer(5000, 950, 0)})
    line = Line("1", "milk", 2000, unit_value_minor=120)
    assert allocate(order(keeps, spoils, lines=(line,)), Policy()).stores() == ("b",)
    assert allocate(order(keeps, spoils, lines=(line,)), Policy(spoilage_saved_permille=0)).stores() == ("a",)


def test_weighed_goods_are_given_to_the_gram_and_pieces_whole():
    ham = Line("1", "ham", 485, step_milli=1)
    answer = allocate(
        order(store("a", ham=300, bread=1999), lines=(ham, BREAD._replace(quantity_milli=2000))), Policy()
    )
    assert shares(answer) == [("1", "a", 300), ("2", "a", 1000)]


def test_a_small_quantity_of_weighed_goods_is_worth_a_way():
    ham = Line("1", "ham", 50, step_milli=1)
    assert shares(allocate(order(store("a", distance_m=9000, ham=50), lines=(ham,)), Policy())) == [("1", "a", 50)]


def test_without_splitting_one_store_fills_everything():
    case = order(store("a", milk=2000), store("b", milk=1000, bread=1000), may_split=False)
    answer = allocate(case, Policy())
    assert len(answer.stores()) == 1


def test_never_more_than_three_stores():
    lines = tuple(Line(str(number), f"sku-{number}", 1000) for number in range(4))
    stores = [store(f"store-{number}", **{f"sku-{number}": 1000}) for number in range(4)]
    answer = allocate(order(*stores, lines=lines), Policy())
    assert answer.stores() == ("store-0", "store-1", "store-2")
    assert reasons(answer)["store-3"] == "costs_more"
    nothing = allocate(order(*stores, lines=lines, may_part_fill=False), Policy())
    assert (nothing.shares, reasons(nothing)["store-0"]) == ((), "not_enough")


def test_a_store_that_failed_a_line_is_not_asked_for_it_again():
    failed = store("a", milk=2000, bread=1000)._replace(excluded_lines=frozenset("1"))
    answer = allocate(order(failed, store("b", distance_m=9000, milk=2000)), Policy())
    assert shares(answer) == [("1", "b", 2000), ("2", "a", 1000)]


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("closed", {"is_open": False, "meets_deadline": False}),
        ("past_deadline", {"meets_deadline": False, "capacity_left": 0}),
        ("no_capacity", {"capacity_left": 0, "distance_m": 10_001}),
        ("too_far", {"distance_m": 10_001, "slot_minutes_away": None}),
        ("no_slot", {"slot_minutes_away": None, "offers": {}}),
        ("no_slot", {"slot_minutes_away": 241}),
        ("excluded", {"excluded_lines": frozenset(["1", "2"])}),
        ("confidence_too_low", {"offers": {"milk": Offer(2000, 199)}}),
        (
            "no_stock",
            {"offers": {"milk": Offer(999, 100), "bread": Offer(-1000, 950)}, "excluded_lines": frozenset("1")},
        ),
        ("costs_more", {"distance_m": 9000}),
    ],
)
def test_a_store_that_is_not_used_has_the_first_reason_that_holds(reason, change):
    other = store("b", milk=2000, bread=1000)._replace(**change)
    assert {"b": reason} == reasons(allocate(order(store("a", milk=2000, bread=1000), other), Policy()))


def test_a_store_that_cannot_fill_the_order_alone_has_not_enough():
    case = order(store("a", milk=2000, bread=1000), store("b", milk=2000), may_split=False, may_part_fill=False)
    assert reasons(allocate(case, Policy())) == {"b": "not_enough"}


def test_nobody_to_ask_leaves_everything_short():
    answer = allocate(order(), Policy())
    assert (answer.shares, answer.runner_up, answer.refused) == ((), None, ())
    assert Costs(*[0] * 9, 30_000_000) == answer.costs
    assert [tuple(short) for short in answer.short] == [("1", 2000), ("2", 1000)]
