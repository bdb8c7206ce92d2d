"""Deliveries: goods that a carrier hands to the customer are out until it says what became of them."""

import pytest

from tests.support.orders import kept, stocked
from tests.support.pool import DAY_MS, HOUR_MS, MILK, NOON_MS, STORE, wanted

REFERENCE = "adr-0f3c59d1c2a84be29d7e6f5a4b3c2d1e"
DEADLINE_MS = NOON_MS + 4 * HOUR_MS


def picked(**fields):
    bench = stocked()
    told = {"mode": "delivery", "address_ref": REFERENCE, "geohash": "u33db", "deadline_ms": DEADLINE_MS, **fields}
    bench.request("placed", "o1", wanted(2_000), **told)
    bench.request("confirmed", "o1")
    bench.fulfil("done", bench.task("pick"))
    return bench


def hand_over(bench):
    (task,) = [task for task in bench.tasks().values() if task["kind"] == "hand_over"]
    return task


def test_the_hand_over_of_a_delivery_says_where_by_reference_and_until_when():
    task = hand_over(picked())
    assert task["delivery"] == {"address_ref": REFERENCE, "geohash": "u33db", "deadline_ms": DEADLINE_MS}
    assert hand_over(picked(mode="pickup", address_ref=None)).get("delivery") is None


def test_what_is_out_stays_out_until_the_delivery_is_due_without_renewing_the_claim():
    bench = picked()
    name = hand_over(bench)["task"]
    bench.fulfil("claimed", name, worker="city-bikes")
    bench.pass_time(DEADLINE_MS)
    assert (hand_over(bench)["status"], hand_over(bench)["worker"]) == ("claimed", "city-bikes")
    bench.fulfil("renewed", name, worker="city-bikes", report_id="failed")
    assert hand_over(bench)["lease_until_ms"] == hand_over(bench)["due_ms"]


def test_what_is_delivered_leaves_the_books_once():
    bench = picked()
    name = hand_over(bench)["task"]
    bench.fulfil("claimed", name, worker="city-bikes")
    bench.fulfil("done", name, worker="city-bikes", report_id="delivered")
    bench.fulfil("done", name, worker="city-bikes", report_id="delivered")
    assert (bench.on_hand(), bench.order()["outcome"]) == (3_000, "collected")


@pytest.mark.parametrize(("reason", "on_hand", "put_back"), [("not_collected", 5_000, True), ("damaged", 3_000, False)])
def test_what_comes_back_is_put_back_or_written_off(reason, on_hand, put_back):
    bench = picked()
    name = hand_over(bench)["task"]
    bench.fulfil("claimed", name, worker="city-bikes")
    bench.fulfil("refused", name, worker="city-bikes", reason=reason, report_id="returned")
    assert bench.on_hand() == on_hand
    assert any(task["kind"] == "put_back" for task in bench.tasks().values()) == put_back
    assert (MILK, STORE, 2, "picked") not in kept(bench)


def test_a_delivery_that_nobody_reports_ends_a_day_after_its_deadline():
    bench = picked()
    bench.fulfil("claimed", hand_over(bench)["task"], worker="city-bikes")
    bench.pass_time(DEADLINE_MS + DAY_MS + 1)
    assert (hand_over(bench)["status"], bench.order()["outcome"]) == ("late", "not_collected")
