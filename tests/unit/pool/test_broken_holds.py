"""A till's sale always wins: holds break, newest tentative first and confirmed last, and the order goes elsewhere."""

from tests.support.orders import kept, kinds, short, stocked
from tests.support.pool import BREAD, FLOUR, MILK, NOON_MS, OTHER_STORE, STORE, line, wanted


def test_a_sale_of_what_nobody_holds_breaks_nothing():
    bench = stocked()
    bench.request("placed", "o1", wanted(2_000))
    bench.sell("s1", line(3_000))
    assert kinds(bench) == ["allocated"]
    assert (bench.available(), bench.on_hand()) == (0, 2_000)


def test_a_sale_that_eats_held_goods_breaks_the_hold_and_the_order_goes_to_a_neighbour_at_once():
    bench = stocked()
    bench.request("placed", "o1", wanted(2_000))
    bench.sell("s1", line(4_000))
    assert kinds(bench) == ["allocated", "broken", "rerouted"]
    assert [event["reason"] for event in bench.events()[1:]] == ["sold", "sold"]
    assert kept(bench) == [(MILK, STORE, 1, "tentative"), (MILK, OTHER_STORE, 1, "tentative")]
    assert [entry.cause.offset for entry in bench.journal()[-3:]] == [0, 0, 0]
    assert bench.order()["lines"][0]["declined_by"] == [{"store": STORE, "reason": "sold"}]


def test_the_newest_tentative_hold_breaks_first_and_confirmed_ones_last():
    bench = stocked()
    for order in ("o1", "o2", "o3"):
        bench.request("placed", order, wanted(1_000))
    bench.request("confirmed", "o3")
    states = []
    for n in range(3):
        bench.sell(f"s{n}", line(3_000 if n == 0 else 1_000))
        states.append([kept(bench, order)[0][1] for order in ("o1", "o2", "o3")])
    assert states == [
        [STORE, OTHER_STORE, STORE], [OTHER_STORE, OTHER_STORE, STORE], [OTHER_STORE, OTHER_STORE, OTHER_STORE],
    ]  # fmt: skip


def test_a_confirmed_hold_that_breaks_takes_its_task_with_it():
    bench = stocked()
    bench.request("placed", "o1", wanted(5_000))
    bench.request("confirmed", "o1")
    task = bench.task("pick")
    bench.sell("s1", line(5_000))
    assert bench.tasks()[task]["status"] == "cancelled"
    assert bench.tasks()[bench.task("pick", OTHER_STORE)]["lines"][0]["quantity_milli"] == 5_000


def test_an_order_of_which_the_till_broke_a_part_is_amended_to_what_its_store_still_holds():
    bench = stocked(milk_milli=9_000)
    bench.report("counted", "c1", line(0), store=OTHER_STORE, occurred_at_ms=NOON_MS)
    bench.request("placed", "o1", wanted(9_000))
    bench.request("confirmed", "o1")
    bench.sell("s1", line(2_000))
    assert kept(bench) == [(MILK, STORE, 7, "confirmed")]
    bench.request("amended", "o1", wanted(3_000))
    assert (kinds(bench)[-1], kept(bench)) == ("amended", [(MILK, STORE, 3, "confirmed")])
    assert bench.order()["lines"][0]["declined_by"] == []
    assert bench.available() == 4_000


def test_an_amended_order_does_not_go_back_to_a_store_that_keeps_nothing_of_the_line():
    bench = stocked()
    bench.request("placed", "o1", wanted(2_000))
    bench.request("confirmed", "o1")
    bench.fulfil("refused", bench.task("pick"), reason="store_closed")
    bench.request("amended", "o1", wanted(1_000))
    assert kept(bench) == [(MILK, OTHER_STORE, 1, "confirmed")]


def test_picked_goods_are_not_broken():
    bench = stocked()
    bench.request("placed", "o1", wanted(2_000))
    bench.request("confirmed", "o1")
    bench.fulfil("done", bench.task("pick"))
    bench.sell("s1", line(5_000))
    assert kept(bench) == [(MILK, STORE, 2, "picked")]
    assert bench.available() == 0


def test_a_count_that_finds_less_than_is_held_breaks_holds_too():
    bench = stocked()
    bench.request("placed", "o1", wanted(3_000))
    bench.report("counted", "c1", line(1_000), occurred_at_ms=NOON_MS + 1)
    assert kinds(bench)[1:] == ["broken", "rerouted"]
    assert bench.events()[1]["reason"] == "stock_corrected"
    assert kept(bench) == [(MILK, STORE, 1, "tentative"), (MILK, OTHER_STORE, 2, "tentative")]


def test_half_a_loaf_sold_breaks_a_whole_one():
    bench = stocked()
    bench.request("placed", "o1", wanted(5_000, BREAD))
    bench.sell("s1", line(500, BREAD))
    assert kept(bench) == [(BREAD, STORE, 4, "tentative"), (BREAD, OTHER_STORE, 1, "tentative")]


def test_weighed_goods_break_by_the_gram():
    bench = stocked()
    bench.report("received", "f1", line(1_000, FLOUR))
    bench.request("placed", "o1", wanted(900, FLOUR))
    bench.sell("s1", line(300, FLOUR))
    assert [hold["quantity_milli"] for hold in bench.order()["holds"]] == [700]
    assert bench.order()["lines"][0]["unfilled_milli"] == 200


def test_an_order_that_may_not_be_split_moves_as_a_whole():
    bench = stocked()
    bench.request("placed", "o1", wanted(2_000), wanted(2_000, BREAD), may_split=False)
    bench.sell("s1", line(5_000))
    assert kept(bench) == [(MILK, OTHER_STORE, 2, "tentative"), (BREAD, OTHER_STORE, 2, "tentative")]
    assert bench.available(BREAD) == 5_000


def test_reroutes_are_bounded():
    bench = stocked()
    bench.request("placed", "o1", wanted(1_000))
    for store in (STORE, OTHER_STORE):
        bench.sell(f"s-{store}", line(5_000), store=store)
    assert kinds(bench) == ["allocated", "broken", "rerouted", "broken", "unfilled"]
    assert bench.order()["outcome"] == "unfilled"
    assert bench.order()["lines"][0]["reason"] == "no_store_can"


def test_an_order_that_is_broken_too_often_is_given_up():
    bench = stocked()
    bench.configure_pool(reroutes_max=0)
    bench.request("placed", "o1", wanted(1_000))
    bench.sell("s1", line(5_000))
    assert bench.order()["lines"][0]["reason"] == "reroutes_used_up"
    assert kinds(bench) == ["allocated", "broken", "unfilled"]


def test_all_or_nothing_gives_back_the_rest_when_one_line_breaks_for_good():
    bench = stocked()
    bench.request("placed", "o1", wanted(5_000), wanted(1_000, BREAD), may_part_fill=False)
    bench.sell("s0", line(5_000), store=OTHER_STORE)
    bench.sell("s1", line(1_000))
    assert (bench.order()["outcome"], bench.order()["holds"]) == ("unfilled", [])
    assert bench.available(BREAD) == 5_000


def test_goods_damaged_at_one_pick_break_the_hold_of_another():
    bench = stocked()
    bench.request("placed", "o1", wanted(3_000))
    bench.request("placed", "o2", wanted(2_000))
    bench.request("confirmed", "o1")
    bench.fulfil("short", bench.task("pick"), short(3_000, "damaged"))
    assert bench.on_hand() == 2_000
    assert kept(bench, "o2") == [(MILK, STORE, 2, "tentative")]
    assert kept(bench, "o1") == [(MILK, OTHER_STORE, 3, "confirmed")]


def test_an_order_collected_at_one_store_goes_to_no_other_neither_first_nor_when_its_goods_are_sold():
    bench = stocked()
    bench.request("placed", "o1", wanted(7_000), only_there=True)
    assert kept(bench) == [(MILK, STORE, 5, "tentative")]
    bench.request("confirmed", "o1")
    bench.sell("s1", line(2_000))
    assert kept(bench) == [(MILK, STORE, 3, "confirmed")]
    assert bench.order()["lines"][0]["unfilled_milli"] == 4_000
    bench.request("placed", "o2", wanted(1_000, BREAD), only_there=True, preferred_store=OTHER_STORE)
    assert {store for _, store, *_ in kept(bench, "o2")} <= {OTHER_STORE}
