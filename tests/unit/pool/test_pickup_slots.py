"""Quarter hours: promised with the goods, never to more orders than a place has room for, near the customer's wish."""

from datetime import UTC, datetime

import pytest

from schemas.models.config import OpeningHours, StoreSettings
from tests.support.orders import stocked
from tests.support.pickup import ONE_MS, QUARTER_MS, open_place, order, refused, slots, states, wish, with_counters
from tests.support.pool import DAY_MS, HOUR_MS, MINUTE_MS, NOON_MS, OTHER_STORE, STORE, wanted


def test_goods_and_quarter_hour_are_promised_in_one_fact():
    bench = with_counters()
    order(bench)
    fact = bench.last_fact()
    assert fact["order"]["holds"]
    [slot] = fact["order"]["slots"]
    promised = {"store": STORE, "place": STORE, "slot_ms": ONE_MS, "until_ms": ONE_MS + QUARTER_MS}
    assert slot == {**promised, "is_late": False}
    assert slots(bench) == [(STORE, STORE, 0)]
    [(name, row)] = bench.appointments().items()
    assert (name, row["status"], row["window_until_ms"] - row["window_from_ms"]) == ("o1/corner", "booked", QUARTER_MS)


def test_an_order_without_a_wish_has_no_appointment_and_takes_no_quarter_hour():
    bench = with_counters(hand_overs_per_slot=0)
    bench.request("placed", "o1", wanted(1_000))
    assert (slots(bench), bench.appointments()) == ([], {})
    assert bench.events()[-1]["kind"] == "allocated"


def test_no_more_orders_are_taken_in_a_quarter_hour_than_the_staff_can_serve():
    bench = with_counters(hand_overs_per_slot=2)
    for n in range(5):
        order(bench, f"o{n}", only_there=True)
    assert [slots(bench, f"o{n}")[0][2] for n in range(5)] == [0, 0, 15, 15, 30]


def test_no_more_orders_are_taken_within_any_hour_than_find_room_on_the_shelf():
    bench = with_counters(shelf_orders_max=2)
    for n in range(4):
        order(bench, f"o{n}", only_there=True)
    taken = [slots(bench, f"o{n}")[0][2] for n in range(4)]
    assert taken == [0, 0, 60, 60]


def test_a_store_that_is_free_nearer_to_the_wish_is_used_and_the_answer_says_what_it_costs():
    bench = with_counters(hand_overs_per_slot=1)
    for n in range(2):
        order(bench, f"o{n}", pickup=wish(until_ms=ONE_MS + 1))
    assert [slots(bench, f"o{n}") for n in range(2)] == [[(STORE, STORE, 0)], [(STORE, STORE, -15)]]
    bench.configure_pool(allocation={"slot_minor_per_minute": 20})
    order(bench, "o2", pickup=wish(until_ms=ONE_MS + 1))
    assert slots(bench, "o2") == [(OTHER_STORE, OTHER_STORE, 0)]
    order(bench, "o3", pickup=wish(until_ms=ONE_MS + 1), only_there=True)
    costs = bench.last_fact()["decision"]["costs"]
    assert (slots(bench, "o3"), costs["slot_milli_minor"]) == ([(STORE, STORE, 15)], 15 * 20 * 1_000)


def test_a_store_without_a_quarter_hour_in_time_is_refused_and_says_so():
    bench = with_counters(hand_overs_per_slot=1)
    bench.configure_pool(allocation={"slot_minutes_max": 0})
    for n in range(5):
        order(bench, f"o{n}")
    assert [bool(slots(bench, f"o{n}")) for n in range(5)] == [True] * 4 + [False]
    assert refused(bench) == {STORE: "no_slot", OTHER_STORE: "no_slot"}
    assert bench.events()[-1]["kind"] == "unfilled"


def test_the_time_of_preparation_grows_with_the_lines_of_an_order():
    bench = with_counters(preparation_ms=30 * MINUTE_MS, preparation_per_line_ms=10 * MINUTE_MS)
    near = wish(NOON_MS, NOON_MS + 1_000)
    bench.request("placed", "o1", wanted(1_000), pickup=near)
    bench.request("placed", "o2", wanted(1_000), wanted(1_000, "BREAD"), pickup=near)
    first, second = (bench.order(name)["slots"][0]["slot_ms"] for name in ("o1", "o2"))
    assert NOON_MS + 40 * MINUTE_MS <= first < NOON_MS + 55 * MINUTE_MS
    assert NOON_MS + 50 * MINUTE_MS <= second < NOON_MS + 65 * MINUTE_MS


def test_quarter_hours_lie_within_the_opening_hours_and_on_days_on_which_the_place_is_open():
    bench = with_counters()
    weekdays = tuple(OpeningHours(weekday=day, opens_minute=480, closes_minute=1020) for day in range(1, 8))
    bench.configure(StoreSettings(store=STORE, name="Corner", opening=weekdays))
    midnight = NOON_MS - NOON_MS % DAY_MS + DAY_MS
    night = wish(midnight + 5 * HOUR_MS, midnight + 6 * HOUR_MS)
    order(bench, "o1", pickup=night, only_there=True, deadline_ms=NOON_MS + 3 * DAY_MS)
    assert bench.order("o1")["slots"][0]["slot_ms"] == midnight + 8 * HOUR_MS
    late = wish(midnight + 17 * HOUR_MS, midnight + 18 * HOUR_MS)
    order(bench, "o2", pickup=late, only_there=True, deadline_ms=NOON_MS + 3 * DAY_MS)
    assert bench.order("o2")["slots"][0]["slot_ms"] == midnight + 17 * HOUR_MS - QUARTER_MS
    open_place(bench, STORE, STORE, closed_days=(day_of(midnight),))
    order(bench, "o3", pickup=late, only_there=True, deadline_ms=NOON_MS + 3 * DAY_MS)
    assert refused(bench)[STORE] == "no_slot"


def day_of(at_ms):
    return datetime.fromtimestamp(at_ms / 1_000, UTC).date().isoformat()


def test_several_stores_bring_an_order_to_one_place_in_one_quarter_hour_that_counts_once():
    bench = with_counters()
    open_place(bench, "lane", STORE, OTHER_STORE, hand_overs_per_slot=1)
    order(bench, "o1", 8_000, pickup=wish(place="lane"))
    assert slots(bench) == [(STORE, "lane", 0), (OTHER_STORE, "lane", 0)]
    order(bench, "o2", pickup=wish(place="lane"))
    assert slots(bench, "o2") == [(OTHER_STORE, "lane", 15)]


def test_a_place_that_is_closed_makes_no_more_appointments_and_keeps_those_that_are_made():
    bench = with_counters()
    order(bench)
    for store in (STORE, OTHER_STORE):
        open_place(bench, store, store, open=False)
    order(bench, "o2")
    assert slots(bench) == [(STORE, STORE, 0)]
    assert refused(bench) == {STORE: "no_slot", OTHER_STORE: "no_slot"}


def test_what_is_cancelled_or_expires_gives_the_quarter_hour_back():
    bench = with_counters(hand_overs_per_slot=1)
    for name in ("o1", "o2"):
        order(bench, name, only_there=True)
    bench.request("cancelled", "o1")
    order(bench, "o3", only_there=True)
    bench.pass_time(NOON_MS + 20 * MINUTE_MS)
    at_ms = NOON_MS + 20 * MINUTE_MS
    order(bench, "o4", only_there=True, recorded_at_ms=at_ms, appended_at_ms=at_ms)
    assert slots(bench, "o4") == [(STORE, STORE, 0)]
    assert states(bench) == {
        "o1/corner": ("cancelled", "cancelled"), "o2/corner": ("cancelled", "cancelled"),
        "o3/corner": ("cancelled", "cancelled"), "o4/corner": ("booked", "booked"),
    }  # fmt: skip


def test_an_amended_wish_moves_the_appointment_and_its_own_quarter_hour_counts_as_free():
    bench = with_counters(hand_overs_per_slot=1)
    order(bench, only_there=True)
    bench.request("amended", "o1", wanted(2_000), pickup=wish(), only_there=True, key="more")
    assert (slots(bench), states(bench)) == ([(STORE, STORE, 0)], {"o1/corner": ("booked", "booked")})
    later = wish(ONE_MS + HOUR_MS)
    bench.request("amended", "o1", wanted(2_000), pickup=later, only_there=True, deadline_ms=NOON_MS + DAY_MS)
    assert (slots(bench), states(bench)) == ([(STORE, STORE, 60)], {"o1/corner": ("booked", "moved")})


def test_goods_that_go_to_another_store_take_a_quarter_hour_there():
    bench = with_counters()
    order(bench)
    bench.request("confirmed", "o1")
    bench.fulfil("refused", bench.task("pick"), reason="no_capacity")
    assert slots(bench) == [(OTHER_STORE, OTHER_STORE, 0)]
    assert states(bench) == {"o1/corner": ("cancelled", "cancelled"), "o1/mill": ("booked", "booked")}


def test_an_appointment_is_ready_when_all_is_picked_and_ends_with_the_hand_over():
    bench = with_counters()
    order(bench)
    bench.request("confirmed", "o1")
    assert states(bench) == {"o1/corner": ("booked", "booked")}
    bench.fulfil("done", bench.task("pick"))
    assert states(bench) == {"o1/corner": ("ready", "ready")}
    bench.fulfil("done", bench.task("hand_over"))
    assert states(bench) == {"o1/corner": ("handed_over", "handed_over")}


def test_a_customer_who_takes_a_part_or_never_comes_ends_the_appointment_so():
    bench = with_counters()
    for name, kind in (("o1", "short"), ("o2", "refused")):
        order(bench, name, 2_000, only_there=True)
        bench.request("confirmed", name)
        bench.fulfil("done", bench.task("pick"))
        missing = [{"line_id": "milk", "quantity_milli": 1_000}] if kind == "short" else []
        bench.fulfil(kind, bench.task("hand_over"), *missing, reason="not_collected")
    assert states(bench) == {
        "o1/corner": ("part_handed_over", "part_handed_over"), "o2/corner": ("no_show", "no_show")
    }  # fmt: skip
    assert bench.order("o2")["outcome"] == "not_collected"


def test_goods_that_a_till_rings_up_whole_are_handed_over():
    bench = with_counters()
    order(bench)
    bench.request("confirmed", "o1")
    bench.sell("s1", {"code": "sku:MILK", "quantity_milli": 1_000, "unit": "each"}, order_ref="o1")
    assert states(bench) == {"o1/corner": ("handed_over", "handed_over")}


def test_an_appointment_that_ended_is_forgotten_in_time():
    bench = with_counters()
    order(bench)
    bench.request("cancelled", "o1")
    bench.pass_time(NOON_MS + 4 * DAY_MS)
    assert bench.appointments() == {}


REFUSED = {
    "a window that ends before it begins": (wish(ONE_MS, ONE_MS - 1), "bad_terms"),
    "a window of more than a day": (wish(ONE_MS, ONE_MS + DAY_MS + 1), "bad_terms"),
    "a window that is over": (wish(NOON_MS - HOUR_MS, NOON_MS), "past_deadline"),
    "a window after the deadline": (wish(NOON_MS + 25 * HOUR_MS), "bad_terms"),
    "a place that is unknown": (wish(place="nowhere"), "unknown_place"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wish_that_cannot_be_met_is_refused_with_a_reason(case):
    bench = with_counters()
    pickup, reason = REFUSED[case]
    order(bench, pickup=pickup, raw=True)
    assert (bench.events()[-1]["kind"], bench.events()[-1]["reason"]) == ("refused", reason)


def test_a_wish_in_a_pool_without_places_and_one_of_a_delivery_are_refused():
    bench = stocked()
    order(bench)
    assert bench.events()[-1]["reason"] == "unknown_place"
    order(bench, "o2", mode="delivery", address_ref="vault-1", raw=True)
    assert bench.events()[-1]["reason"] == "bad_terms"
