"""Placing, confirming, amending, cancelling; what is held, for how long, and what the customer's side is told."""

import pytest

from schemas.models.config import Contribution, PoolSettings, StoreItemSettings, StoreSettings
from schemas.topics import FULFILMENT_REPORTS
from tests.support.orders import kept, kinds, stocked
from tests.support.pool import (
    BREAD,
    DAY_MS,
    FLOUR,
    HOUR_MS,
    MILK,
    MINUTE_MS,
    NOON_MS,
    OTHER_STORE,
    STORE,
    fulfilment_report,
    line,
    wanted,
)


def test_an_order_is_held_where_the_customer_wants_it_and_is_no_longer_available():
    bench = stocked()
    bench.request("placed", "o1", wanted(2_000), wanted(1_000, BREAD))
    assert kept(bench) == [(MILK, STORE, 2, "tentative"), (BREAD, STORE, 1, "tentative")]
    assert (bench.available(MILK), bench.available(BREAD), bench.on_hand(MILK)) == (3_000, 4_000, 5_000)
    [event] = bench.events()
    assert (event["kind"], event["is_plain"], event["decision"]["demand"]) == ("allocated", True, [])


def test_what_the_preferred_store_lacks_comes_from_a_neighbour_and_is_recorded_as_demand_where_it_was_wanted():
    bench = stocked()
    bench.request("placed", "o1", wanted(7_000))
    assert kept(bench) == [(MILK, STORE, 5, "tentative"), (MILK, OTHER_STORE, 2, "tentative")]
    [event] = bench.events()
    assert not event["is_plain"]
    [demand] = event["decision"]["demand"]
    assert (demand["wanted_store"], demand["given_store"], demand["quantity_milli"]) == (STORE, OTHER_STORE, 2_000)


def test_what_nobody_has_is_unmet_demand_and_the_order_says_so():
    bench = stocked()
    bench.request("placed", "o1", wanted(12_000))
    order = bench.order()
    assert (order["lines"][0]["unfilled_milli"], order["lines"][0]["reason"]) == (2_000, "no_store_can")
    assert bench.events()[0]["decision"]["demand"][-1]["given_store"] is None


def test_an_order_that_wants_all_or_nothing_gets_nothing_and_ends_unfilled():
    bench = stocked()
    bench.request("placed", "o1", wanted(12_000), may_part_fill=False)
    order = bench.order()
    assert (order["status"], order["outcome"], order["holds"]) == ("ended", "unfilled", [])
    assert kinds(bench) == ["unfilled"]
    assert bench.available() == 5_000


def test_substitutes_are_what_the_item_names_and_then_its_category_when_the_pool_has_them():
    bench = stocked()
    bench.stock_item("TOFU")
    bench.request("placed", "o1", wanted(1_000, "TOFU"))
    assert bench.events()[0]["decision"]["substitutes"] == [{"line_id": "tofu", "skus": []}]
    bench.stock_item("TOFU", category="fresh", substitutes=("TOFU", "GHOST", BREAD), recorded_at_ms=NOON_MS + 1)
    bench.stock_item(MILK, category="fresh", recorded_at_ms=NOON_MS + 1)
    bench.request("placed", "o2", wanted(1_000, "TOFU"))
    assert bench.events()[1]["decision"]["substitutes"] == [{"line_id": "tofu", "skus": [BREAD, MILK]}]
    bench.configure(PoolSettings(name="North", offers_substitutes=False))
    bench.request("placed", "o3", wanted(1_000, "TOFU"))
    assert bench.events()[2]["decision"]["substitutes"] == []


def test_a_confirmed_order_never_expires_and_its_stores_get_tasks_to_pick():
    bench = stocked()
    bench.request("placed", "o1", wanted(7_000))
    assert bench.tasks() == {}
    bench.request("confirmed", "o1")
    assert {state for _, _, _, state in kept(bench)} == {"confirmed"}
    assert [(row["store"], row["lines"][0]["quantity_milli"]) for row in bench.tasks().values()] == [
        (STORE, 5_000), (OTHER_STORE, 2_000),
    ]  # fmt: skip
    bench.pass_time(NOON_MS + 16 * MINUTE_MS)
    assert bench.order()["status"] == "confirmed"


def test_a_hold_that_nobody_confirms_expires_at_a_tick_and_the_goods_are_available_again():
    bench = stocked()
    bench.request("placed", "o1", wanted(2_000))
    bench.pass_time(NOON_MS + 15 * MINUTE_MS - 1)
    assert bench.order()["status"] == "tentative"
    bench.pass_time(NOON_MS + 15 * MINUTE_MS)
    assert (bench.order()["outcome"], bench.available()) == ("expired", 5_000)
    assert kinds(bench) == ["allocated", "expired"]
    bench.request("confirmed", "o1")
    assert bench.events()[-1]["reason"] == "holds_expired"


def test_a_hold_lasts_as_long_as_the_order_or_the_pool_says_and_never_beyond_the_deadline():
    bench = stocked()
    bench.configure(PoolSettings(name="North", hold_ttl_ms=HOUR_MS))
    bench.request("placed", "o1", wanted(1_000))
    bench.request("placed", "o2", wanted(1_000), hold_ttl_ms=MINUTE_MS)
    bench.request("placed", "o3", wanted(1_000), deadline_ms=NOON_MS + 30 * MINUTE_MS)
    assert [bench.order(o)["expires_at_ms"] - NOON_MS for o in ("o1", "o2", "o3")] == [
        HOUR_MS, MINUTE_MS, 30 * MINUTE_MS,
    ]  # fmt: skip


def test_an_order_is_held_from_when_it_was_asked_for_when_the_pool_s_ticks_lag_behind():
    bench = stocked()
    bench.pass_time(NOON_MS - DAY_MS)
    bench.request("placed", "o1", wanted(1_000))
    bench.pass_time(NOON_MS)
    assert bench.order()["status"] == "tentative"


def test_a_cancelled_order_gives_everything_back_and_calls_its_tasks_off():
    bench = stocked()
    bench.request("placed", "o1", wanted(2_000))
    bench.request("confirmed", "o1")
    bench.request("cancelled", "o1")
    assert (bench.order()["outcome"], bench.available()) == ("cancelled", 5_000)
    assert [(row["status"], row["reason"]) for row in bench.tasks().values()] == [("cancelled", "cancelled")]


def test_an_amended_order_is_allocated_as_a_whole_with_what_it_held_itself():
    bench = stocked()
    bench.request("placed", "o1", wanted(4_000))
    bench.request("amended", "o1", wanted(5_000), wanted(1_000, BREAD))
    assert kept(bench) == [(MILK, STORE, 5, "tentative"), (BREAD, STORE, 1, "tentative")]
    assert bench.available() == 0


def test_an_amended_order_that_was_confirmed_stays_so_and_its_task_follows():
    bench = stocked()
    bench.request("placed", "o1", wanted(4_000))
    bench.request("confirmed", "o1")
    task = bench.task("pick")
    bench.request("amended", "o1", wanted(1_000, BREAD))
    assert bench.task("pick") == task
    assert bench.tasks()[task]["lines"] == [{"line_id": "bread", "sku": BREAD, "quantity_milli": 1_000}]


def test_an_amendment_that_cannot_be_met_leaves_the_order_as_it_was():
    bench = stocked()
    bench.request("placed", "o1", wanted(4_000))
    before = bench.order()
    bench.request("amended", "o1", wanted(1_000, FLOUR))
    assert bench.events()[-1]["reason"] == "cannot_fill"
    assert bench.order() == before


def test_the_same_request_again_changes_nothing_and_is_answered_again():
    bench = stocked()
    for _ in range(2):
        bench.request("placed", "o1", wanted(2_000))
    assert kinds(bench) == ["allocated", "repeated"]
    assert bench.available() == 3_000


def test_the_same_key_with_other_content_is_refused():
    bench = stocked()
    bench.request("placed", "o1", wanted(2_000))
    bench.request("placed", "o1", wanted(3_000))
    assert (kinds(bench)[-1], bench.events()[-1]["reason"]) == ("refused", "conflict")
    assert bench.available() == 3_000


def test_an_ended_order_leaves_the_state_once_its_deadline_and_the_retention_have_passed():
    bench = stocked()
    bench.configure(PoolSettings(name="North", late_limit_ms=DAY_MS))
    bench.request("placed", "o1", wanted(2_000))
    bench.request("confirmed", "o1")
    bench.request("cancelled", "o1")
    deadline_ms = NOON_MS + 2 * HOUR_MS
    bench.pass_time(deadline_ms + 3 * DAY_MS - 1)
    assert bench.order()["outcome"] == "cancelled"
    bench.pass_time(deadline_ms + 3 * DAY_MS)
    bench.commit()
    assert not [key for key in bench.committed.rows if key.startswith(("order/", "task/"))]
    assert bench.tasks() == {}


@pytest.mark.parametrize(("value", "available"), [(0, 0), (1_000, 0), (4_000, 2_000)])
def test_a_cap_limits_what_is_out_at_once(value, available):
    bench = stocked()
    bench.configure(StoreSettings(store=OTHER_STORE, name="closed", open=False))
    bench.configure(StoreItemSettings(store=STORE, sku=MILK, contribution=Contribution(kind="cap", value=value)))
    bench.request("placed", "o1", wanted(2_000))
    assert bench.available() == available


def test_a_store_that_can_take_no_more_orders_gets_none():
    bench = stocked()
    bench.configure(StoreSettings(store=STORE, name=STORE, orders_at_once_max=1))
    bench.request("placed", "o1", wanted(1_000))
    bench.request("placed", "o2", wanted(1_000))
    assert [kept(bench, order)[0][1] for order in ("o1", "o2")] == [STORE, OTHER_STORE]
    bench.request("cancelled", "o1")
    bench.request("placed", "o3", wanted(1_000))
    assert kept(bench, "o3")[0][1] == STORE


def test_a_store_gets_so_many_orders_a_day_and_more_on_the_next():
    bench = stocked()
    bench.configure(StoreSettings(store=STORE, name=STORE, orders_per_day_max=1))
    bench.request("placed", "o1", wanted(1_000))
    bench.request("cancelled", "o1")
    bench.request("placed", "o2", wanted(1_000))
    tomorrow = {"recorded_at_ms": NOON_MS + DAY_MS, "appended_at_ms": NOON_MS + DAY_MS}
    bench.request("placed", "o3", wanted(1_000), **tomorrow)
    assert [kept(bench, order)[0][1] for order in ("o2", "o3")] == [OTHER_STORE, STORE]


def test_only_stores_within_reach_are_asked():
    bench = stocked()
    bench.configure(StoreSettings(store=STORE, name=STORE, latitude_e6=52_520_000, longitude_e6=13_405_000))
    bench.configure(StoreSettings(store=OTHER_STORE, name=OTHER_STORE, latitude_e6=53_550_000, longitude_e6=9_993_000))
    bench.request("placed", "o1", wanted(7_000))
    assert kept(bench) == [(MILK, STORE, 5, "tentative")]
    assert bench.events()[0]["decision"]["refused"] == [{"store": OTHER_STORE, "reason": "too_far"}]
    bench.request("placed", "o2", wanted(1_000), preferred_store=None, geohash="u1x0e")
    assert kept(bench, "o2") == [(MILK, OTHER_STORE, 1, "tentative")]


REFUSED = {
    "an unknown order cancelled": (("cancelled", "o9"), {}, "unknown_order"),
    "an unknown order confirmed": (("confirmed", "o9"), {}, "unknown_order"),
    "a zero quantity": (("placed", "o9", wanted(0)), {}, "bad_quantity"),
    "a negative quantity": (("placed", "o9", wanted(-1_000)), {}, "bad_quantity"),
    "half a bottle": (("placed", "o9", wanted(500)), {}, "bad_quantity"),
    "too much": (("placed", "o9", wanted(10_001_000)), {}, "bad_quantity"),
    "an unknown item": (("placed", "o9", wanted(1_000, "GHOST")), {}, "unknown_sku"),
    "one item twice": (("placed", "o9", wanted(1_000), wanted(1_000, line_id="b")), {}, "bad_lines"),
    "one line id twice": (("placed", "o9", wanted(1_000), wanted(1_000, BREAD, line_id="milk")), {}, "bad_lines"),
    "31 lines": (("placed", "o9", *(wanted(1_000, f"S{n}") for n in range(31))), {}, "bad_lines"),
    "no lines": (("placed", "o9"), {"mode": "pickup"}, "bad_lines"),
    "a deadline that is over": (("placed", "o9", wanted(1_000)), {"deadline_ms": NOON_MS}, "past_deadline"),
    "a late deadline": (("placed", "o9", wanted(1_000)), {"deadline_ms": NOON_MS + 61 * DAY_MS}, "deadline_too_far"),
    "an unknown store": (("placed", "o9", wanted(1_000)), {"preferred_store": "nowhere"}, "unknown_store"),
    "no place": (("placed", "o9", wanted(1_000)), {"preferred_store": None}, "bad_terms"),
    "one store, not named": (
        ("placed", "o9", wanted(1_000)),
        {"preferred_store": None, "geohash": "u33db", "only_there": True},
        "bad_terms",
    ),
    "a precise place": (("placed", "o9", wanted(1_000)), {"geohash": "u33dbc"}, "bad_terms"),
    "a delivery to nowhere": (("placed", "o9", wanted(1_000)), {"mode": "delivery"}, "bad_terms"),
    "a hold of no time": (("placed", "o9", wanted(1_000)), {"hold_ttl_ms": 0}, "bad_terms"),
    "no terms": (("placed", "o9"), {}, "bad_terms"),
    "terms of a confirmation": (("confirmed", "o9", wanted(1_000)), {}, "bad_terms"),
    "a name with a slash": (("placed", "a/b", wanted(1_000)), {}, "bad_name"),
    "a name with a line end": (("placed", "ab\n", wanted(1_000)), {}, "bad_name"),
    "an empty key": (("placed", "o9", wanted(1_000)), {"key": ""}, "bad_name"),
    "asked for tomorrow": (("placed", "o9", wanted(1_000)), {"recorded_at_ms": NOON_MS + DAY_MS}, "in_the_future"),
}


@pytest.mark.parametrize(("request_", "fields", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_bad_request_is_an_event_with_a_reason_and_changes_nothing(request_, fields, reason):
    bench = stocked()
    before = dict(bench.committed.rows)
    bench.request(*request_, raw=True, **fields)
    [event] = bench.events()
    assert (event["kind"], event["reason"], event["order"]) == ("refused", reason, request_[1])
    assert event["detail"]
    changed = {key for key, row in bench.committed.rows.items() if before.get(key) != row}
    assert changed == {"pool/north"}
    assert bench.dead_letters() == []


def test_a_request_for_an_unknown_pool_is_a_dead_letter_and_answered():
    bench = stocked()
    bench.request("placed", "o1", wanted(1_000), pool="south")
    assert bench.reasons() == ["unknown_pool"]
    [event] = bench.events()
    assert (event["pool"], event["order"], event["key"]) == ("south", "o1", "o1/placed")
    assert (event["kind"], event["reason"], event["position"]) == ("set_aside", "unknown_pool", 0)
    assert "no pool 'south' is configured" in event["detail"]


def test_a_report_to_an_unknown_pool_is_a_dead_letter_and_answered():
    bench = stocked()
    bench.put(FULFILMENT_REPORTS.name, fulfilment_report("done", "pick-1-1", pool="south"))
    assert bench.reasons() == ["unknown_pool"]
    [event] = bench.events()
    assert (event["kind"], event["key"], event["store"], event["task"]) == (
        "set_aside", "pick-1-1/done", STORE, "pick-1-1",
    )  # fmt: skip


@pytest.mark.parametrize(("kind", "reason"), [("placed", "order_exists"), ("confirmed", "already_confirmed")])
def test_what_was_done_before_under_another_key_is_refused(kind, reason):
    bench = stocked()
    bench.request("placed", "o1", wanted(1_000))
    bench.request("confirmed", "o1")
    bench.request(kind, "o1", *([wanted(1_000)] if kind == "placed" else []), key="another")
    assert bench.events()[-1]["reason"] == reason


def test_after_so_many_requests_an_order_takes_no_more():
    bench = stocked()
    bench.request("placed", "o1", wanted(1_000))
    for n in range(100):
        bench.request("amended", "o1", wanted(1_000 * (1 + n % 2)), key=f"k{n}")
    assert bench.events()[-1]["reason"] == "too_many_requests"


def test_stock_that_came_after_an_unfilled_order_is_for_the_next():
    bench = stocked(milk_milli=0)
    bench.request("placed", "o1", wanted(1_000))
    bench.report("received", "r", line(1_000))
    bench.request("placed", "o2", wanted(1_000))
    assert bench.order("o1")["outcome"] == "unfilled"
    assert kept(bench, "o2") == [(MILK, STORE, 1, "tentative")]


@pytest.mark.parametrize("name", ["address_ref", "customer_ref"])
@pytest.mark.parametrize(
    "canary", ["Canary Street 12, Marburg", "canary@example.org", "+49canary", "canary ", "canary" * 20]
)
def test_an_address_where_a_reference_belongs_is_refused_and_is_told_and_kept_nowhere(name, canary):
    bench = stocked()
    refs = {"address_ref": "adr-1", name: canary}
    bench.request("placed", "o1", wanted(1_000), mode="delivery", raw=True, **refs)
    bench.request("placed", "a/b", wanted(1_000), raw=True, **{name: canary})
    assert [event["reason"] for event in bench.events()] == ["bad_terms", "bad_name"]
    assert name in bench.events()[0]["detail"]
    published = b"".join(output.value or b"" for output in bench.outputs)
    assert b"canary" not in published.lower()
    assert b"canary" not in b"".join(bench.committed.rows.values()).lower()
