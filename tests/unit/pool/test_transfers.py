"""Transfers between stores: what is sent, what comes, what is missing, in any order."""

from itertools import permutations

import pytest

from schemas.models.config import PoolSettings
from tests.support.pool import BREAD, DAY_MS, HOUR_MS, MILK, NOON_MS, OTHER_STORE, STORE, line, wanted
from tests.support.transfers import (
    came,
    discrepancies,
    gone,
    in_transit,
    place,
    recounts,
    row,
    stocked,
    tell,
)


def test_goods_of_a_transfer_are_promised_to_nobody_else_until_they_arrive():
    bench = stocked()
    place(bench)
    assert (bench.on_hand(), bench.available()) == (10_000, 4_000)
    tell(bench, "shipped", came(6_000))
    assert (bench.on_hand(), bench.available(), in_transit(bench)) == (4_000, 4_000, 6_000)
    tell(bench, "received", came(6_000))
    assert (bench.available(), bench.available(store=OTHER_STORE), in_transit(bench)) == (4_000, 6_000, 0)
    assert row(bench)["outcome"] == "received"
    assert discrepancies(bench) == {}


def test_tasks_alone_carry_a_transfer_through():
    bench = stocked()
    place(bench)
    bench.fulfil("claimed", bench.task("transfer_out"))
    bench.fulfil("done", bench.task("transfer_out"))
    bench.fulfil("done", bench.task("transfer_in", OTHER_STORE), occurred_at_ms=NOON_MS + 1)
    assert (bench.on_hand(), bench.on_hand(store=OTHER_STORE)) == (4_000, 6_000)
    assert {one["status"] for one in bench.tasks().values()} == {"done"}
    kinds = [event["kind"] for event in bench.events()]
    assert kinds == ["transfer_placed", "transfer_shipped", "transfer_received"]


def test_what_came_before_it_was_sent_is_on_one_shelf_only():
    bench = stocked()
    place(bench)
    tell(bench, "received", came(6_000))
    assert (bench.on_hand(), bench.on_hand(store=OTHER_STORE)) == (4_000, 6_000)
    assert row(bench)["status"] == "open"
    bench.fulfil("done", bench.task("transfer_out"))
    assert (bench.on_hand(), bench.on_hand(store=OTHER_STORE), row(bench)["outcome"]) == (4_000, 6_000, "received")


def test_a_count_between_sending_and_receiving_is_right_even_when_the_word_of_sending_comes_last():
    bench = stocked()
    place(bench)
    tell(bench, "received", came(6_000), occurred_at_ms=NOON_MS + 3_000, recorded_at_ms=NOON_MS + 3_000)
    counted = {"occurred_at_ms": NOON_MS + 2_000}
    bench.report("counted", "c1", line(4_000), **counted)
    tell(bench, "shipped", came(6_000), occurred_at_ms=NOON_MS + 1_000)
    assert bench.on_hand() == 4_000


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_any_order_of_the_same_reports_gives_the_same_books_and_differences(order):
    bench = stocked()
    place(bench, wanted(6_000), wanted(2_000, BREAD))
    told = [
        lambda: tell(bench, "shipped", came(6_000), came(2_000, BREAD)),
        lambda: tell(bench, "received", came(5_000), came(1_000, reason="damaged"), report_id="box1"),
        lambda: tell(bench, "received", came(3_000, BREAD), report_id="box2"),
    ]
    for at in order:
        told[at]()
    assert (bench.on_hand(), bench.on_hand(store=OTHER_STORE)) == (4_000, 5_000)
    assert (bench.on_hand(BREAD), bench.on_hand(BREAD, OTHER_STORE)) == (2_000, 3_000)
    assert discrepancies(bench) == {(MILK, "damaged"): (1_000, 79), (BREAD, "over"): (1_000, 250)}
    assert row(bench)["outcome"] == "discrepancy"
    assert recounts(bench) == {(STORE, BREAD)}


def test_a_report_that_comes_twice_changes_nothing():
    bench = stocked()
    place(bench)
    place(bench)
    for _ in range(2):
        tell(bench, "shipped", came(6_000))
    for _ in range(2):
        tell(bench, "received", came(2_000))
    assert (bench.on_hand(), bench.on_hand(store=OTHER_STORE), in_transit(bench)) == (4_000, 2_000, 4_000)
    assert [entry.fact[1]["outcome"] for entry in bench.journal()[-6:]] == ["accepted", "duplicate"] * 3


def test_another_item_in_its_place_leaves_the_sender_s_shelf_and_the_right_one_stays_there():
    bench = stocked()
    place(bench)
    tell(bench, "shipped", came(6_000))
    tell(bench, "received", came(4_000), came(2_000, reason="wrong_item", sku=BREAD))
    assert (bench.on_hand(), bench.on_hand(store=OTHER_STORE), in_transit(bench)) == (6_000, 4_000, 0)
    assert (bench.on_hand(BREAD), bench.on_hand(BREAD, OTHER_STORE)) == (3_000, 2_000)
    assert discrepancies(bench) == {(MILK, "not_shipped"): (2_000, 158), (BREAD, "mis_shipped"): (2_000, 500)}
    assert recounts(bench) == {(STORE, MILK), (STORE, BREAD)}


def test_what_does_not_come_is_late_then_lost_then_may_still_be_found():
    bench = stocked()
    place(bench)
    tell(bench, "shipped", came(6_000))
    tell(bench, "received", came(4_000))
    bench.pass_time(NOON_MS + 2 * DAY_MS)
    assert bench.tasks()[bench.task("transfer_in", OTHER_STORE)]["priority"] == 1
    assert in_transit(bench) == 2_000
    bench.pass_time(NOON_MS + 7 * DAY_MS)
    assert (in_transit(bench), gone(bench), row(bench)["outcome"]) == (0, 2_000, "discrepancy")
    assert discrepancies(bench) == {(MILK, "lost"): (2_000, 158)}
    assert recounts(bench) == {(STORE, MILK)}
    found = {"report_id": "found", "occurred_at_ms": NOON_MS + 7 * DAY_MS, "recorded_at_ms": NOON_MS + 7 * DAY_MS}
    tell(bench, "received", came(2_000), raw=True, **found)
    assert bench.last_fact()["reason"] == "in_the_future"
    bench.pass_time(NOON_MS + 7 * DAY_MS)
    tell(bench, "received", came(2_000), report_id="found2")
    assert (bench.on_hand(store=OTHER_STORE), discrepancies(bench), row(bench)["outcome"]) == (6_000, {}, "received")


def test_a_transfer_that_nobody_ships_is_called_off_and_its_goods_are_free():
    bench = stocked()
    bench.configure(PoolSettings(name="North", ship_within_ms=HOUR_MS))
    place(bench)
    bench.pass_time(NOON_MS + HOUR_MS)
    assert (bench.available(), row(bench)["outcome"], row(bench)["reason"]) == (10_000, "not_shipped", "late")
    tell(bench, "shipped", came(6_000))
    assert (bench.on_hand(), in_transit(bench), row(bench)["status"]) == (4_000, 6_000, "in_transit")


def test_a_short_shipment_corrects_the_sender_by_its_reason():
    bench = stocked()
    place(bench, wanted(6_000), wanted(2_000, BREAD))
    missing = [came(1_000, reason="not_found"), came(2_000, BREAD, reason="damaged")]
    bench.fulfil("short", bench.task("transfer_out"), *missing)
    assert (bench.on_hand(), bench.on_hand(BREAD), in_transit(bench)) == (5_000, 3_000, 5_000)
    assert in_transit(bench, BREAD) == 0
    assert recounts(bench) == {(STORE, MILK)}


def test_goods_that_the_receiver_refuses_come_back():
    bench = stocked()
    place(bench)
    bench.fulfil("done", bench.task("transfer_out"))
    bench.fulfil("refused", bench.task("transfer_in", OTHER_STORE), reason="store_closed")
    assert in_transit(bench) == 6_000
    bench.fulfil("done", bench.task("transfer_in"))
    assert (bench.on_hand(), bench.on_hand(store=OTHER_STORE), row(bench)["outcome"]) == (10_000, 0, "returned")


def test_a_sale_breaks_what_is_kept_for_a_transfer_before_what_is_kept_for_an_order():
    bench = stocked()
    bench.request("placed", "o1", wanted(4_000))
    place(bench)
    bench.sell("s1", line(3_000))
    assert row(bench)["lines"][0]["held_milli"] == 3_000
    bench.sell("s2", line(3_000))
    assert (row(bench)["outcome"], row(bench)["reason"]) == ("not_shipped", "sold")
    assert [hold["quantity_milli"] for hold in bench.order()["holds"]] == [4_000]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"to_store": STORE}, "bad_terms"),
        ({"to_store": "nowhere"}, "unknown_store"),
        ({"order": "o1"}, "order_exists"),
        ({"kind": "amended"}, "bad_terms"),
        ({"order": ""}, "bad_name"),
        ({"recorded_at_ms": NOON_MS + DAY_MS}, "in_the_future"),
    ],
)
def test_a_transfer_that_cannot_be_is_refused_with_its_reason(change, reason):
    bench = stocked()
    bench.request("placed", "o1", wanted(1_000))
    place(bench, raw=True, **change)
    assert (bench.last_fact()["outcome"], bench.last_fact()["reason"]) == ("refused", reason)
    assert bench.events()[-1]["reason"] == reason


@pytest.mark.parametrize(
    ("asked", "reason"),
    [(wanted(11_000), "cannot_fill"), (wanted(0), "bad_quantity"), (wanted(1_000, "GHOST"), "unknown_sku")],
)
def test_lines_that_cannot_be_sent_are_refused(asked, reason):
    bench = stocked()
    place(bench, asked, raw=True)
    assert bench.last_fact()["reason"] == reason


def test_a_kit_is_neither_sent_nor_received():
    bench = stocked()
    bench.stock_item("BOX", parts=[{"sku": BREAD, "quantity_milli": 1_000}])
    place(bench, wanted(1_000, "BOX"), raw=True)
    assert bench.last_fact()["reason"] == "is_a_kit"
    place(bench, transfer="t2")
    tell(bench, "received", came(1_000, sku="BOX"), transfer="t2")
    assert bench.last_fact()["reason"] == "is_a_kit"


def test_an_order_under_a_transfer_s_id_is_refused():
    bench = stocked()
    place(bench)
    bench.request("placed", "t1", wanted(1_000), key="other")
    assert (bench.last_fact()["outcome"], bench.last_fact()["reason"]) == ("refused", "bad_terms")
    bench.request("confirmed", "t1")
    assert bench.last_fact()["outcome"] == "refused"


def test_a_transfer_is_cancelled_until_goods_have_left():
    bench = stocked()
    place(bench)
    bench.request("cancelled", "t1")
    assert (bench.available(), row(bench)["outcome"]) == (10_000, "cancelled")
    place(bench, transfer="t2")
    tell(bench, "received", came(1_000), transfer="t2")
    bench.request("cancelled", "t2")
    assert bench.last_fact()["reason"] == "already_shipped"


@pytest.mark.parametrize(
    ("kind", "lines", "fields", "reason"),
    [
        ("shipped", [came(1_000)], {"transfer": "t9"}, "unknown_transfer"),
        ("shipped", [came(1_000)], {"store": OTHER_STORE}, "not_your_transfer"),
        ("shipped", [], {}, "bad_lines"),
        ("shipped", [came(1_000), came(2_000)], {}, "bad_lines"),
        ("shipped", [came(1_500)], {}, "bad_quantity"),
        ("done", [came(1_000)], {}, "unknown_kind"),
        ("received", [came(1_000, "ham")], {}, "bad_lines"),
        ("received", [came(1_000, sku="GHOST")], {}, "unknown_sku"),
        ("received", [came(1_000, reason="sold")], {}, "bad_reason"),
        ("received", [came(1_000, reason="wrong_item")], {}, "bad_lines"),
    ],
)
def test_a_report_that_makes_no_sense_is_refused_and_told(kind, lines, fields, reason):
    bench = stocked()
    place(bench)
    before = row(bench)
    tell(bench, kind, *lines, **{"transfer": "t1", **fields})
    assert (bench.last_fact()["outcome"], bench.last_fact()["reason"]) == ("refused", reason)
    assert bench.events()[-1]["kind"] == "report_refused"
    assert row(bench) == before


def test_the_sender_speaks_once():
    bench = stocked()
    place(bench)
    tell(bench, "shipped", came(6_000))
    tell(bench, "shipped", came(5_000), report_id="again")
    assert bench.last_fact()["reason"] == "already_shipped"


def test_an_ended_transfer_leaves_the_state_once_all_that_was_told_of_it_is_too_late():
    bench = stocked()
    place(bench)
    bench.request("cancelled", "t1")
    bench.pass_time(NOON_MS + 8 * DAY_MS)
    bench.commit()
    assert [key for key in bench.committed.rows if key.startswith("transfer/")]
    bench.pass_time(NOON_MS + 8 * DAY_MS + 1)
    bench.commit()
    assert not [key for key in bench.committed.rows if key.startswith("transfer/")]


def test_reports_that_add_up_to_more_than_a_movement_holds_are_refused():
    bench = stocked()
    place(bench, wanted(4_000))
    for n in range(3):
        tell(bench, "received", *[came(10_000_000)] * 100, report_id=f"r{n}")
    tell(bench, "received", *[came(10_000_000, reason="damaged")] * 100, report_id="r3")
    tell(bench, "shipped", came(4_000))
    assert [event["reason"] for event in bench.events() if event["kind"] == "report_refused"] == ["bad_quantity"] * 3
    assert row(bench)["lines"][0]["received_milli"] == 1_000_000_000


def test_a_placed_request_told_again_after_its_retention_asks_for_nothing():
    bench = stocked()
    place(bench, wanted(4_000))
    request = bench.inputs[-1]
    tell(bench, "shipped", came(4_000))
    tell(bench, "received", came(4_000))
    for day in range(1, 12):
        bench.pass_time(NOON_MS + day * DAY_MS)
        bench.put(request.topic, request.value, NOON_MS + day * DAY_MS)
        assert bench.shelf(MILK, STORE)["held_milli"] == 0
    assert bench.last_fact()["reason"] == "too_late"
