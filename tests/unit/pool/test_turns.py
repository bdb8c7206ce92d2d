"""Things that happen while others are under way: each unit stays promised once, and every order ends."""

from schemas.models.config import StoreSettings
from tests.support.orders import kept, kinds, short, stocked
from tests.support.pool import (
    BREAD,
    DAY_MS,
    HOUR_MS,
    MILK,
    NOON_MS,
    OTHER_STORE,
    STORE,
    line,
    wanted,
)


def test_an_order_amended_while_somebody_picks_it_takes_his_task_from_him_and_his_report_is_refused():
    bench = stocked()
    bench.request("placed", "o1", wanted(2_000))
    bench.request("confirmed", "o1")
    task = bench.task("pick")
    bench.fulfil("claimed", task, worker="anna")
    bench.request("amended", "o1", wanted(5_000, BREAD), preferred_store=OTHER_STORE)
    assert bench.tasks()[task]["status"] == "cancelled"
    bench.fulfil("done", task, worker="anna")
    assert (kinds(bench)[-1], bench.events()[-1]["reason"]) == ("report_refused", "task_ended")
    assert kept(bench) == [(BREAD, OTHER_STORE, 5, "confirmed")]
    assert bench.available(MILK) == 5_000


def test_a_pick_and_a_cancellation_that_race_leave_nothing_held_whichever_is_first():
    for is_picked_first in (True, False):
        bench = stocked()
        bench.request("placed", "o1", wanted(2_000))
        bench.request("confirmed", "o1")
        task = bench.task("pick")
        if is_picked_first:
            bench.fulfil("done", task)
        bench.request("cancelled", "o1")
        if not is_picked_first:
            bench.fulfil("done", task)
        assert (bench.order()["outcome"], bench.available(), bench.on_hand()) == ("cancelled", 5_000, 5_000)
        live = [row["kind"] for row in bench.tasks().values() if row["status"] in ("open", "claimed")]
        assert live == (["put_back"] if is_picked_first else [])


def test_a_store_that_closes_for_good_keeps_no_order():
    bench = stocked()
    bench.request("placed", "o1", wanted(2_000))
    bench.request("confirmed", "o1")
    bench.configure(StoreSettings(store=STORE, name=STORE, open=False, closed_days=[]))
    assert kept(bench) == [(MILK, STORE, 2, "confirmed")]
    bench.pass_time(NOON_MS + HOUR_MS)
    assert kept(bench) == [(MILK, OTHER_STORE, 2, "confirmed")]


def test_a_leap_of_a_week_that_an_operator_confirms_ends_everything_at_once():
    bench = stocked()
    for at, order in enumerate(("tentative", "confirmed", "picked")):
        bench.request("placed", order, wanted(1_000))
        if at:
            bench.request("confirmed", order)
    picks = {row["order"]: name for name, row in bench.tasks().items()}
    bench.fulfil("done", picks["picked"])
    bench.pass_time(NOON_MS + 7 * DAY_MS)
    assert bench.available() == 5_000
    ended = {event["order"]: event["outcome"] for event in bench.events() if event["outcome"]}
    assert ended == {"tentative": "expired", "confirmed": "unfilled", "picked": "not_collected"}
    for days in range(8, 80, 7):  # goods that nobody puts back are late first
        bench.pass_time(NOON_MS + days * DAY_MS)
    bench.commit()
    assert [key for key in bench.committed.rows if key.startswith(("order/", "task/"))] == []


def test_one_sale_that_eats_what_several_orders_hold_moves_each_of_them():
    bench = stocked()
    for order in ("o1", "o2", "o3", "o4"):
        bench.request("placed", order, wanted(1_000))
    bench.request("confirmed", "o4")
    bench.sell("s1", line(4_000))
    held_at = {order: kept(bench, order)[0][1] for order in ("o1", "o2", "o3", "o4")}
    assert held_at == {"o1": OTHER_STORE, "o2": OTHER_STORE, "o3": OTHER_STORE, "o4": STORE}
    assert (bench.available(), bench.available(store=OTHER_STORE)) == (0, 2_000)


def test_substitutes_that_name_each_other_in_a_circle_are_told_once_each():
    bench = stocked()
    names = ("A", "B", "C")
    for at, name in enumerate(names):
        others = (names[at - 1], name, names[at - 2], MILK)
        bench.stock_item(name, category="ring", substitutes=others)
    bench.request("placed", "o1", *(wanted(1_000, name) for name in names))
    told = bench.events()[0]["decision"]["substitutes"]
    assert [one["skus"] for one in told] == [[MILK]] * 3
    bench.report("received", "r1", line(1_000, "B"))
    bench.request("placed", "o2", wanted(1_000, "A"))
    assert bench.events()[-1]["decision"]["substitutes"] == [{"line_id": "a", "skus": ["B", MILK]}]


def test_a_store_without_capacity_is_asked_for_nothing_and_an_order_in_one_piece_goes_past_it():
    bench = stocked()
    bench.configure(StoreSettings(store=STORE, name=STORE, orders_at_once_max=0))
    bench.request("placed", "o1", wanted(7_000), may_split=False)
    assert kept(bench) == [(MILK, OTHER_STORE, 5, "tentative")]
    assert bench.events()[0]["decision"]["refused"] == [{"store": STORE, "reason": "no_capacity"}]


def test_a_short_pick_of_an_order_that_was_cancelled_meanwhile_still_corrects_nothing_twice():
    bench = stocked()
    bench.request("placed", "o1", wanted(2_000))
    bench.request("confirmed", "o1")
    task = bench.task("pick")
    bench.request("cancelled", "o1")
    bench.fulfil("short", task, short(2_000, "damaged"))
    assert (bench.events()[-1]["reason"], bench.on_hand(), bench.available()) == ("task_ended", 5_000, 5_000)
