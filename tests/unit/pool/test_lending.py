"""A store lends to another pool: granted, promised there, used, called back, and never promised twice."""

from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import StoreSettings
from schemas.topics import CATALOG_ITEMS
from tests.support.lending import AWAY, HOME, LENT_SHOP, SHOP, Pools
from tests.support.pool import HOUR_MS, MILK, NOON_MS


def lending(milli=6_000, **options) -> Pools:
    pools = Pools(**options)
    pools.lend(milli)
    pools.settle()
    return pools


def test_what_is_granted_is_held_at_home_and_offered_in_the_other_pool():
    pools = lending()
    assert pools.shelf(HOME)["available_milli"] == 4_000
    assert pools.shelf(AWAY)["available_milli"] == 6_000
    assert pools.shelf(HOME)["on_hand_milli"] == 10_000
    assert [kind for kind, _ in pools.said(HOME)] == ["LoanAck"]


def test_no_more_is_granted_than_the_shelf_has():
    pools = lending(50_000)
    assert (pools.lent(HOME), pools.lent(AWAY)) == (10_000, 10_000)
    assert pools.shelf(HOME)["available_milli"] == 0
    pools.receive(3_000)
    pools.tick(HOME, NOON_MS + 60_000)
    pools.settle()
    assert (pools.lent(HOME), pools.lent(AWAY)) == (13_000, 13_000)


def test_an_order_of_the_other_pool_gets_its_goods_from_the_lent_shelf():
    pools = lending()
    pools.order(AWAY, "o1", 2_000)
    assert pools.holds(AWAY, "o1") == [(LENT_SHOP, 2_000, "tentative")]
    assert pools.lent(HOME) == 6_000
    pools.request(AWAY, "confirmed", "o1")
    assert pools.shelf(AWAY)["available_milli"] == 4_000
    pools.settle()
    assert (pools.lent(HOME), pools.lent(AWAY)) == (4_000, 4_000)
    assert pools.holds(HOME, "o1@south") == [(SHOP, 2_000, "confirmed")]
    pick = pools.task("pick")
    assert (pick["store"], pick["order"]) == (SHOP, "o1@south")
    pools.fulfil("done", pick["task"])
    pools.settle()
    assert pools.holds(AWAY, "o1") == [(LENT_SHOP, 2_000, "picked")]
    pools.fulfil("done", pools.task("hand_over")["task"])
    pools.settle()
    assert pools.holds(AWAY, "o1") == [(LENT_SHOP, 2_000, "collected")]
    assert pools.shelf(HOME)["on_hand_milli"] == 8_000
    assert pools.row(AWAY, f"draw/{AWAY}/borrower/{HOME}/o1") is None
    assert pools.row(HOME, f"draw/{HOME}/lender/{AWAY}/o1") is None
    kinds = [event["kind"] for event in pools.benches[AWAY].events()]
    assert kinds == ["allocated", "confirmed", "picked", "collected"]


def test_what_was_used_is_granted_anew_by_the_clock():
    pools = lending()
    pools.order(AWAY, "o1", 2_000)
    pools.request(AWAY, "confirmed", "o1")
    pools.settle()
    pools.tick(HOME, NOON_MS + 60_000)
    pools.settle()
    assert (pools.lent(HOME), pools.lent(AWAY)) == (6_000, 6_000)


def test_goods_called_back_leave_what_is_held_until_it_is_free():
    pools = lending()
    pools.order(AWAY, "o1", 2_000)
    pools.lend(0)
    pools.settle()
    assert (pools.lent(HOME), pools.lent(AWAY)) == (2_000, 2_000)
    pools.request(AWAY, "cancelled", "o1")
    pools.settle()
    assert (pools.lent(HOME), pools.lent(AWAY)) == (0, 0)
    assert pools.shelf(HOME)["available_milli"] == 10_000
    assert pools.shelf(AWAY)["available_milli"] == 0


def test_a_confirmation_that_crosses_a_call_back_keeps_its_goods():
    pools = lending(10_000)
    pools.order(AWAY, "o1", 4_000)
    pools.lend(0)
    pools.request(AWAY, "confirmed", "o1")
    pools.settle()
    assert pools.holds(HOME, "o1@south") == [(SHOP, 4_000, "confirmed")]
    assert (pools.lent(HOME), pools.lent(AWAY)) == (0, 0)
    assert pools.shelf(HOME)["available_milli"] == 6_000


def test_a_till_s_sale_takes_lent_goods_before_those_of_an_order():
    pools = lending(6_000)
    pools.order(HOME, "mine", 4_000)
    pools.order(AWAY, "o1", 5_000)
    pools.sell(3_000)
    assert pools.holds(HOME, "mine") == [(SHOP, 4_000, "tentative")]
    pools.settle()
    assert (pools.lent(HOME), pools.lent(AWAY)) == (3_000, 3_000)
    assert pools.holds(AWAY, "o1") == [(LENT_SHOP, 3_000, "tentative")]
    told = [(event["kind"], event["reason"]) for event in pools.benches[AWAY].events()]
    assert told[-2:] == [("broken", "called_back"), ("unfilled", "called_back")]
    assert pools.loan(HOME)["covered_milli"] is None


def test_goods_in_use_break_last_and_the_other_pool_hears_of_it():
    pools = lending(6_000)
    pools.order(AWAY, "o1", 6_000)
    pools.request(AWAY, "confirmed", "o1")
    pools.settle()
    pools.sell(7_000)
    pools.settle()
    assert pools.holds(HOME, "o1@south") == [(SHOP, 3_000, "confirmed")]
    assert pools.holds(AWAY, "o1") == [(LENT_SHOP, 3_000, "confirmed")]
    events = pools.benches[AWAY].events()
    assert [(event["kind"], event["reason"]) for event in events[-2:]] == [("short", "sold"), ("unfilled", "sold")]


def test_a_cancelled_order_frees_its_goods_at_home():
    pools = lending()
    pools.order(AWAY, "o1", 2_000)
    pools.request(AWAY, "confirmed", "o1")
    pools.settle()
    pools.request(AWAY, "cancelled", "o1")
    assert pools.shelf(AWAY)["available_milli"] == 4_000
    pools.settle()
    assert pools.shelf(HOME)["available_milli"] == 6_000
    order = pools.row(HOME, f"order/{HOME}/o1@south")
    assert (order["status"], order["outcome"]) == ("ended", "cancelled")
    assert pools.row(HOME, f"draw/{HOME}/lender/{AWAY}/o1") is None


def test_goods_not_found_are_wanted_elsewhere_in_the_other_pool():
    pools = lending()
    pools.order(AWAY, "o1", 2_000)
    pools.request(AWAY, "confirmed", "o1")
    pools.settle()
    pools.fulfil("refused", pools.task("pick")["task"], reason="not_found")
    pools.settle()
    order = pools.row(AWAY, f"order/{AWAY}/o1")
    assert (order["outcome"], order["lines"][0]["declined_by"]) == (
        "unfilled", [{"store": LENT_SHOP, "reason": "not_found"}],
    )  # fmt: skip
    assert pools.task("recount")["store"] == SHOP


def test_a_message_that_comes_again_changes_nothing():
    pools = lending()
    before = dict(pools.benches[AWAY].committed.rows)
    pools.again(AWAY, 0)
    after = pools.benches[AWAY].committed.rows
    assert {key for key in after if after[key] != before.get(key)} <= {f"pool/{AWAY}", "offsets"}
    assert pools.benches[AWAY].journal(AWAY)[-1].fact[1]["outcome"] == "repeated"
    assert len(pools.said(HOME)) == 1


def test_a_lost_message_is_told_again_by_the_clock_and_counted():
    pools = Pools()
    pools.lend(6_000)
    pools.delivered[AWAY] = 1
    pools.tick(HOME, NOON_MS + HOUR_MS)
    pools.settle()
    assert (pools.lent(HOME), pools.lent(AWAY)) == (6_000, 6_000)
    assert pools.row(AWAY, f"channel/{AWAY}/{HOME}")["gaps"] == 1
    told = len(pools.sent[AWAY])
    pools.tick(HOME, NOON_MS + 9 * HOUR_MS)
    assert len(pools.sent[AWAY]) == told


def test_an_item_that_the_other_pool_counts_in_another_unit_goes_back_until_the_quota_is_set_anew():
    pools = Pools()

    def item(unit):
        told = CatalogItem(pool=AWAY, sku=MILK, name=MILK, unit=unit, recorded_at_ms=NOON_MS)
        pools.put(AWAY, CATALOG_ITEMS.name, topic_codec(CATALOG_ITEMS.name).encode(told.to_avro()))

    item("kg")
    pools.lend(6_000)
    pools.settle()
    assert (pools.lent(HOME), pools.loan(HOME)["reason"]) == (0, "wrong_unit")
    pools.tick(HOME, NOON_MS + 60_000)
    pools.settle()
    assert pools.lent(HOME) == 0
    item("each")
    pools.lend(6_000)
    pools.settle()
    assert (pools.lent(HOME), pools.lent(AWAY)) == (6_000, 6_000)


def test_a_store_that_closes_makes_no_new_promise_in_the_other_pool_either():
    pools = lending()
    pools.configure(HOME, StoreSettings(store=SHOP, name=SHOP, open=False))
    pools.settle()
    assert pools.shelf(AWAY)["available_milli"] == 0
    pools.order(AWAY, "o1", 1_000)
    assert pools.row(AWAY, f"order/{AWAY}/o1")["outcome"] == "unfilled"


def test_goods_rung_up_at_the_lender_s_till_are_one_movement():
    pools = lending()
    pools.order(AWAY, "o1", 2_000)
    pools.request(AWAY, "confirmed", "o1")
    pools.settle()
    pools.fulfil("done", pools.task("pick")["task"])
    pools.sell(2_000, order_ref="o1@south")
    pools.settle()
    assert pools.shelf(HOME)["on_hand_milli"] == 8_000
    assert pools.holds(AWAY, "o1") == [(LENT_SHOP, 2_000, "collected")]
