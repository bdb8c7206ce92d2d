"""What is proposed to stores, when, and what becomes of their answers."""

import pytest

from schemas.topics import ORDERS_REQUESTS, RESTOCK_ANSWERS, RESTOCK_PROPOSALS, RESTOCK_PURCHASES, dead_letter_topic
from streams.restock.planning.plan import next_slice
from tests.support.pool import (
    BREAD,
    DAY_MS,
    HOUR_MS,
    MILK,
    NOON_MS,
    OTHER_STORE,
    STORE,
    headers_of,
    line,
)
from tests.support.restock_bench import MIDNIGHT_MS, RestockBench, pages, restock_pool, sell_days, stock_of


def at(hour, day=0):
    at_ms = MIDNIGHT_MS + day * DAY_MS + hour * HOUR_MS
    return {"occurred_at_ms": at_ms, "recorded_at_ms": at_ms, "appended_at_ms": at_ms}


def after_days(days=6, corner=14, mill=90, **terms):
    """Milk sells 3 a day in the corner shop and 1 in the mill; so much of it was there at first."""
    pool = restock_pool(**terms)
    pool.report("opening", "r1", line(corner * 1000), **at(8))
    pool.report("opening", "r2", line(mill * 1000), store=OTHER_STORE, **at(8))
    sell_days(pool, days, {(STORE, MILK): 3, (OTHER_STORE, MILK): 1})
    bench = RestockBench()
    bench.follow(pages(pool))
    return pool, bench


def test_the_night_proposes_whole_packs_with_the_numbers_behind_them():
    _, bench = after_days(corner=28)
    (found,) = [one for key, one in bench.proposals().items() if key == (STORE, MILK)]
    assert found["status"] == "open"
    assert found["cause"] == "nightly"
    assert found["run"] == "2026-09-26"
    assert found["on_hand_milli"] == 10_000
    assert found["buy_milli"] == found["packs"] * 6_000 > 0
    assert found["buy_cost_minor"] == found["packs"] * 480
    assert found["p50_milli"] <= found["p80_milli"] <= found["p90_milli"] <= found["p95_milli"]
    assert (found["lead_days"], found["review_days"]) == (2, 1)
    assert found["order_on"] == "2026-09-27"
    assert found["arrives_on"] == "2026-09-29"
    assert found["cover_days"] == 10_000 * 3 // found["mean_milli"]
    assert found["cost_buy_minor"] < found["cost_nothing_minor"]
    assert "10 to sell" in found["why"]
    assert f"buy {found['packs']} pack" in found["why"]


def test_a_store_is_planned_at_once_when_what_is_there_no_longer_covers_the_lead_time():
    pool, bench = after_days(corner=28, mill=0)
    before = bench.proposals()[STORE, MILK]
    told = len(pages(pool))
    pool.pass_time(at(8, day=6)["recorded_at_ms"])
    pool.sell("rush", line(8_000), **at(9, day=6))
    pool.tick(at(9, day=6)["recorded_at_ms"] + 1_000)
    bench.follow(pages(pool)[told:])
    found = bench.proposals()[STORE, MILK]
    assert found["cause"] == "low_cover"
    assert found["version"] == before["version"] + 1
    assert found["order_on"] == "2026-09-27", "today: the shop is still open"
    assert found["packs"] > before["packs"]


def test_a_neighbour_s_surplus_comes_before_what_is_bought():
    _, bench = after_days(move_minor_per_trip=10)
    found = bench.proposals()[STORE, MILK]
    (move,) = found["moves"]
    assert move["from_store"] == OTHER_STORE
    assert move["cost_minor"] == move["quantity_milli"] // 1000 * 5
    assert found["cost_move_minor"] < found["cost_nothing_minor"]
    assert "that mill can spare" in found["why"]
    _, dear = after_days(move_minor_per_trip=100_000)
    assert dear.proposals()[STORE, MILK]["moves"] == []
    assert dear.proposals()[STORE, MILK]["packs"] > found["packs"]


def test_a_slow_item_that_outlasts_the_window_is_not_ordered_again_and_again():
    pool = restock_pool()
    pool.stock_item(
        "CHEESE", category="Cheese", cost_minor=100, price_minor=1_500, shelf_life_days=20, supplier="dairy"
    )  # fmt: skip
    stock_of(pool, STORE, "CHEESE", 2)
    sell_days(pool, 4, {(STORE, MILK): 3})
    bench = RestockBench()
    bench.follow(pages(pool))
    assert (STORE, "CHEESE") not in bench.proposals()


def test_the_budget_and_the_least_order_hold():
    _, bench = after_days(mill=0, budget_minor=1_000)
    assert bench.proposals()[STORE, MILK]["buy_cost_minor"] == 960
    _, bench = after_days(mill=0, minimum_minor=500_000, budget_minor=600_000)
    assert (STORE, MILK) not in bench.proposals(), "the least order is more than all that could be sold"


def test_what_needs_nothing_any_more_is_withdrawn():
    pool, bench = after_days(mill=0)
    before, told = bench.proposals()[STORE, MILK], len(pages(pool))
    pool.report("received", "r9", line(60_000), **at(8, day=6))
    pool.pass_time(at(21, day=6)["recorded_at_ms"])
    bench.follow(pages(pool)[told:])
    found = bench.proposals()[STORE, MILK]
    assert (found["status"], found["buy_milli"], found["version"]) == ("withdrawn", 0, before["version"] + 1)


def test_what_is_approved_is_ordered_and_asked_of_the_neighbour_once():
    pool, bench = after_days(days=2, move_minor_per_trip=10)
    version = bench.proposals()[STORE, MILK]["version"]
    bench.answer("approved", version)
    bench.answer("approved", version)
    found = bench.proposals()[STORE, MILK]
    assert (found["status"], found["agreed_milli"]) == ("approved", found["buy_milli"])
    (purchase,) = bench.told(RESTOCK_PURCHASES.name)
    assert (purchase["packs"], purchase["supplier"], purchase["agreed_by"]) == (found["packs"], "dairy", "Anna")
    (request,) = bench.requests()
    assert request["order"] == found["moves"][0]["transfer"]
    told = len(pages(pool))
    pool.put(ORDERS_REQUESTS.name, next(o.value for o in bench.outputs if o.topic == ORDERS_REQUESTS.name))
    assert pool.last_fact()["transfer"]["from_store"] == OTHER_STORE
    bench.follow(pages(pool)[told:])
    history = bench.partition.pools["north"].history
    on_its_way = history.incoming_milli(history.shelves[STORE, MILK])
    assert on_its_way == found["buy_milli"] + found["moves"][0]["quantity_milli"]


def test_a_changed_quantity_is_ordered_instead_and_a_refusal_orders_nothing():
    _, bench = after_days(mill=0)
    version = bench.proposals()[STORE, MILK]["version"]
    bench.answer("changed", version, buy_milli=12_000)
    assert [one["quantity_milli"] for one in bench.told(RESTOCK_PURCHASES.name)] == [12_000]
    _, bench = after_days(move_minor_per_trip=10)
    bench.answer("refused", version)
    assert bench.told(RESTOCK_PURCHASES.name) == bench.requests() == []
    assert bench.proposals()[STORE, MILK]["status"] == "refused"


@pytest.mark.parametrize(
    ("kind", "ahead", "fields", "reason"),
    [
        ("approved", -1, {}, "superseded"),
        ("approved", 1, {}, "unknown_proposal"),
        ("approved", 0, {"sku": BREAD}, "unknown_proposal"),
        ("changed", 0, {"buy_milli": 5_000}, "bad_quantity"),
        ("changed", 0, {}, "invalid"),
    ],
)
def test_an_answer_that_is_no_good_is_set_aside_with_its_reason(kind, ahead, fields, reason):
    _, bench = after_days(mill=0)
    bench.answer(kind, bench.proposals()[STORE, MILK]["version"] + ahead, **fields)
    (letter,) = [one for one in bench.outputs if one.topic == dead_letter_topic(RESTOCK_ANSWERS.name)]
    assert headers_of(letter)["commonshelf.reason"] == reason
    assert bench.told(RESTOCK_PURCHASES.name) == []


@pytest.mark.parametrize(
    ("first", "second", "is_told"),
    [
        (("refused", True), ("approved", True), True),
        (("approved", True), ("approved", False), True),
        (("approved", True), ("approved", True), False),
        (("refused", True), ("refused", False), False),
    ],
    ids=["another kind", "without the moves", "the same again", "refused again, which asks for no moves"],
)
def test_the_second_of_two_different_answers_is_set_aside(first, second, is_told):
    _, bench = after_days(move_minor_per_trip=10)
    version = bench.proposals()[STORE, MILK]["version"]
    for kind, with_moves in (first, second):
        bench.answer(kind, version, with_moves=with_moves)
    letters = [one for one in bench.outputs if one.topic == dead_letter_topic(RESTOCK_ANSWERS.name)]
    assert [headers_of(one)["commonshelf.reason"] for one in letters] == ["answered"] * is_told


def test_a_long_queue_is_planned_slice_by_slice_at_the_ticks_that_follow(monkeypatch):
    monkeypatch.setattr("streams.restock.planning.plan.SHELVES_AT_ONCE", 1)
    pool, bench = after_days(days=4, corner=6, mill=2)
    history = bench.partition.pools["north"].history
    assert [run["store"] for run in next_slice(history, history.row["queue"])] == [STORE], (
        "the tick of the night planned the mill"
    )
    told = len(pages(pool))
    pool.tick(NOON_MS + 5 * DAY_MS)
    bench.follow(pages(pool)[told:])
    assert history.row["queue"] == []
    assert set(bench.proposals()) == {(STORE, MILK), (OTHER_STORE, MILK)}


def test_proposals_and_answers_are_the_same_bytes_after_any_restart():
    pool, whole = after_days(move_minor_per_trip=10)
    cut = RestockBench()
    for page in pages(pool):
        cut.follow([page])
        cut.restart()
    for bench in (whole, cut):
        bench.answer("approved", bench.proposals()[STORE, MILK]["version"])
        bench.restart()
    assert whole.outputs == cut.outputs
    assert whole.rows == cut.rows
    assert whole.told(RESTOCK_PROPOSALS.name)
