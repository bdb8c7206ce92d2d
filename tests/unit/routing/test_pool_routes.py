"""A pool's orders and transfers as a case for routing."""

import pytest

from commonshelf.desks.routes import OWN_COURIERS, NoPlaceError, Standing, make_case
from schemas.models.config import OpeningHours, StoreSettings
from streams.pool.orders.geo import geohash_centre
from streams.routing.case_file import read_fleet
from streams.routing.model import Effort
from streams.routing.plan import plan

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
TEN_MS = 20_100 * DAY_MS + 9 * HOUR_MS
"""Ten o'clock in Berlin's winter: it is 1 h ahead of UTC."""
OPEN = tuple(OpeningHours(weekday=day, opens_minute=480, closes_minute=1080) for day in range(1, 8))
ANNA = StoreSettings(store="anna", name="Anna", latitude_e6=50_584_000, longitude_e6=8_678_000, opening=OPEN)
BEN = StoreSettings(store="ben", name="Ben", latitude_e6=50_588_000, longitude_e6=8_690_000)


def hold(store, state, milli=2000):
    return {"store": store, "sku": "MILK-1L", "state": state, "quantity_milli": milli}


def order(name, *holds, mode="delivery", status="confirmed", geohash="u0ypv", outcome=""):
    terms = {"mode": mode, "geohash": geohash, "deadline_ms": TEN_MS + 2 * HOUR_MS}
    return {"order": name, "status": status, "outcome": outcome, "terms": terms, "holds": list(holds)}


def transfer(name, status="open", milli=6000, outcome=""):
    lines = [{"sku": "HAM", "held_milli": milli}, {"sku": "BREAD", "held_milli": 0}]
    return {
        "transfer": name, "status": status, "outcome": outcome, "from_store": "anna", "to_store": "ben", "lines": lines,
    }  # fmt: skip


def hand_over(order, store, status="claimed"):
    return {"kind": "hand_over", "order": order, "store": store, "status": status, "delivery": {"geohash": "u0ypv"}}


def made(orders=(), transfers=(), stores=(ANNA, BEN), fleet=OWN_COURIERS, tasks=()):
    rows = Standing(list(orders), list(transfers), list(tasks))
    return make_case(list(stores), rows, read_fleet(fleet), "Europe/Berlin", TEN_MS, 7200)


def test_a_delivery_is_a_consignment_of_each_store_that_still_has_goods_of_it():
    case = made([order("R-1", hold("anna", "picked"), hold("ben", "confirmed"), hold("ben", "picked", 500))]).case
    anna, ben = case.consignments
    now_s, deadline_s = TEN_MS // 1000, TEN_MS // 1000 + 7200
    assert (anna.consignment, anna.order, anna.to_place) == ("R-1/anna", "R-1", geohash_centre("u0ypv"))
    assert (anna.ready_s, anna.from_s, anna.until_s) == (now_s, now_s, deadline_s + 7200)
    assert (ben.ready_s, ben.until_s, ben.load_milli()) == (deadline_s, deadline_s + 7200, 2500)


def test_only_what_is_confirmed_to_be_delivered_and_has_not_left_is_planned():
    orders = [
        order("R-1", hold("anna", "confirmed"), mode="pickup"),
        order("R-2", hold("anna", "tentative"), status="tentative"),
        order("R-3", hold("anna", "collected")),
        order("R-4", hold("anna", "collected"), status="ended", outcome="collected"),
    ]
    assert made(orders, [transfer("T-1", status="in_transit", milli=0)]).case.consignments == ()


def test_what_a_carrier_has_scanned_out_is_planned_no_more():
    both = order("R-1", hold("anna", "picked"), hold("ben", "picked"))
    tasks = [hand_over("R-1", "anna"), hand_over("R-1", "ben", "open")]
    assert [one.consignment for one in made([both], tasks=tasks).case.consignments] == ["R-1/ben"]


def test_an_open_transfer_goes_to_its_store_with_what_is_held_for_it():
    (one,) = made(transfers=[transfer("T-1")]).case.consignments
    assert (one.from_store, one.to_store, one.to_place) == ("anna", "ben", (50_588_000, 8_690_000))
    assert [tuple(goods) for goods in one.goods] == [("HAM", 6000)]


def test_the_fleets_hours_are_of_the_day_in_the_pools_zone_and_stores_keep_theirs():
    case = made(transfers=[transfer("T-1")]).case
    midnight_s = (TEN_MS - 10 * HOUR_MS) // 1000
    assert {(one.vehicle, one.starts_s, one.ends_s) for one in case.vehicles} == {
        ("own-anna", midnight_s + 8 * 3600, midnight_s + 20 * 3600),
        ("own-ben", midnight_s + 8 * 3600, midnight_s + 20 * 3600),
    }
    assert (case.stores[0].opens_s, case.stores[0].closes_s) == (midnight_s + 8 * 3600, midnight_s + 18 * 3600)
    assert case.now_s == TEN_MS // 1000


def test_the_shops_deliver_themselves_and_nothing_leaves_before_now():
    found = plan(made([order("R-1", hold("anna", "picked"))], [transfer("T-1")]).case, Effort(1, 5))
    assert [route.vehicle for route in found.routes] == ["own-anna"]
    assert found.routes[0].starts_s >= TEN_MS // 1000
    assert (found.orders, found.unserved) == (2, ())


def test_an_order_without_a_geohash_and_what_was_given_up_are_named():
    known = made(
        [order("R-1", hold("anna", "picked"), geohash=None), order("R-2", status="ended", outcome="cancelled")],
        [transfer("T-1", status="ended", milli=0, outcome="cancelled")],
    )
    assert (known.unplaced, known.given_up) == (("R-1",), {"R-2", "T-1"})


def test_a_store_without_a_place_is_told_when_it_takes_part():
    nowhere = BEN.model_copy(update={"latitude_e6": 0, "longitude_e6": 0})
    with pytest.raises(NoPlaceError, match="store ben has no place on the map; set its latitude and longitude"):
        made(transfers=[transfer("T-1")], stores=(ANNA, nowhere))
    assert [one.store for one in made([order("R-1", hold("anna", "picked"))], stores=(ANNA, nowhere)).case.stores] == [
        "anna"
    ]


def test_a_pool_whose_stores_have_no_place_and_nothing_to_send_has_an_empty_plan():
    nowhere = BEN.model_copy(update={"latitude_e6": 0, "longitude_e6": 0})
    assert plan(made(stores=(nowhere,)).case, Effort(1, 5)).routes == ()
