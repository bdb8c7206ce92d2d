"""Plans of seeded towns and valleys against the page's rules, written once more by themselves in the bench."""

import pytest

from bench.routing_cases import make_case
from bench.routing_rules import breaches, cost_of
from streams.routing.left import EarlierPlanUnusable
from streams.routing.model import Effort
from streams.routing.plan import plan

SHORT = Effort(seed=1, iterations=10)
CASES = [("town", 1), ("town", 2), ("valley", 1), ("valley", 4)]


def named(found):
    return {name for route in found.routes for stop in route.stops for name in stop.hands_over}


def without_times(stops):
    return [(stop.place, stop.loads, stop.hands_over, stop.returns, stop.arrives_s, stop.leaves_s) for stop in stops]


@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_each_consignment_is_served_once_or_named_and_every_route_keeps_the_rules(kind, seed):
    case = make_case(kind, seed, 10)
    found = plan(case, SHORT)
    assert breaches(case, found) == []
    assert cost_of(case, found) == found.totals().cost_milli_minor
    assert named(found) | {one.consignment for one in found.unserved} == {one.consignment for one in case.consignments}
    assert named(found)


def test_the_same_seed_gives_the_same_plan():
    case = make_case("town", 3, 10)
    assert plan(case, SHORT) == plan(case, SHORT)


def test_bundling_takes_fewer_metres_than_one_trip_each_in_a_town():
    found = plan(make_case("town", 1, 12), SHORT)
    assert found.totals().distance_m < found.single_trips.distance_m


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda route: route._replace(distance_m=route.distance_m - 1), "drives"),
        (lambda route: route._replace(ends_s=route.stops[-1].leaves_s), "is home before it can be"),
        (lambda route: route._replace(starts_s=0), "outside the shift"),
        (lambda route: route._replace(stops=route.stops[1:]), "to hand over"),
        (lambda route: route._replace(stops=tuple(stop._replace(aboard_milli=1) for stop in route.stops)), "aboard"),
        (lambda route: route._replace(stops=tuple(s._replace(leaves_s=s.arrives_s) for s in route.stops)), "of work"),
    ],
)
def test_the_rules_of_the_bench_find_a_plan_that_breaks_them(change, told):
    case = make_case("town", 1, 10)
    found = plan(case, SHORT)
    broken = found._replace(routes=(change(found.routes[0]), *found.routes[1:]))
    assert any(told in one for one in breaches(case, broken))


def test_a_consignment_that_no_vehicle_can_take_is_named_with_the_reason():
    case = make_case("town", 1, 4)
    first, second, third, fourth = case.consignments
    goods = first.goods[0]._replace(quantity_milli=10**8)
    case = case._replace(
        consignments=(
            first._replace(goods=(goods,)),
            second._replace(from_s=0, until_s=1),
            third._replace(to_place=(53_000_000, 8_678_000), from_s=0, until_s=10**9),
            fourth,
        ),
        vehicles=tuple(one._replace(ends_s=10**9) for one in case.vehicles),
    )
    found = plan(case, SHORT)
    assert {one.consignment: one.reason for one in found.unserved} == {
        first.consignment: "too_large", second.consignment: "out_of_time", third.consignment: "too_far",
    }  # fmt: skip
    assert breaches(case, found) == []


def test_nobody_may_carry_what_only_other_shops_couriers_have_room_for():
    case = make_case("town", 1, 1)
    sender = case.consignments[0].from_store
    others = tuple(one for one in case.vehicles if one.only_store not in {None, sender})
    found = plan(case._replace(vehicles=others), SHORT)
    assert [one.reason for one in found.unserved] == ["no_vehicle"]


def test_what_fits_alone_and_not_beside_the_others_is_left_out_for_want_of_room():
    case = make_case("town", 1, 8)
    until_s = min(one.until_s for one in case.consignments)
    van = next(one for one in case.vehicles if one.vehicle == "van-1")
    ready_s = until_s - 1500
    tight = tuple(one._replace(ready_s=ready_s, from_s=ready_s, until_s=until_s) for one in case.consignments)
    case = case._replace(consignments=tight, vehicles=(van,))
    found = plan(case, SHORT)
    assert "no_room" in {one.reason for one in found.unserved}
    assert breaches(case, found) == []


@pytest.mark.parametrize("seed", range(4))
def test_a_search_that_ends_at_once_keeps_the_rules_too(seed):
    case = make_case("valley", seed, 12)
    until_s = min(one.until_s for one in case.consignments)
    early = tuple(one._replace(ready_s=until_s - 3600, from_s=0, until_s=until_s) for one in case.consignments)
    case = case._replace(consignments=early, vehicles=tuple(one for one in case.vehicles if one.only_store is None))
    found = plan(case, Effort(seed, 0))
    assert breaches(case, found) == []
    assert found.unserved


def test_a_plan_made_anew_keeps_what_has_left_and_takes_on_what_was_added():
    whole = make_case("town", 2, 12)
    case = whole._replace(consignments=whole.consignments[:-2])
    before = plan(case, SHORT)
    now_s = sorted(stop.leaves_s for route in before.routes for stop in route.stops)[6]
    later = whole._replace(now_s=now_s)
    after = plan(later, SHORT, before)
    left = {route.vehicle for route in before.routes if route.starts_s <= now_s}
    assert left
    assert breaches(later, after, left=frozenset(left)) == []
    now = {route.vehicle: route for route in after.routes}
    for route in before.routes:
        if route.vehicle in left:
            done = [stop for stop in route.stops if stop.arrives_s <= now_s]
            assert without_times(now[route.vehicle].stops[: len(done)]) == without_times(done)
            assert now[route.vehicle].starts_s == route.starts_s
            loaded = {name for stop in done for name in stop.loads}
            ended = {name for stop in now[route.vehicle].stops for name in (*stop.hands_over, *stop.returns)}
            assert loaded <= ended
    assert {one.consignment for one in whole.consignments[-2:]} <= named(after)


def test_what_fails_on_the_way_comes_back_to_its_store_and_what_has_not_left_is_dropped():
    case = make_case("town", 2, 12)
    before = plan(case, SHORT)
    route = max(before.routes, key=lambda one: len(one.stops))
    aboard = route.stops[0].loads[0]
    waiting = next(name for one in before.routes for stop in one.stops[1:] for name in stop.loads if name != aboard)
    now_s = route.stops[0].leaves_s
    loads_s = next(s.arrives_s for one in before.routes for s in one.stops if waiting in s.loads)
    failed = {aboard, waiting} if loads_s > now_s else {aboard}
    later = case._replace(
        now_s=now_s,
        consignments=tuple(one._replace(is_failed=one.consignment in failed) for one in case.consignments),
    )
    after = plan(later, SHORT, before)
    left = frozenset(one.vehicle for one in before.routes if one.starts_s <= now_s)
    assert breaches(later, after, left=left) == []
    assert not failed & named(after)
    back = {name: stop.at for one in after.routes for stop in one.stops for name in stop.returns}
    store = next(one.from_store for one in case.consignments if one.consignment == aboard)
    assert back == {aboard: next(one.at for one in case.stores if one.store == store)}


def test_a_route_that_has_come_home_stays_as_it_was():
    case = make_case("town", 2, 6)
    before = plan(case, SHORT)
    after = plan(case._replace(now_s=max(route.ends_s for route in before.routes) + 1), SHORT, before)
    assert after == before


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda case, _: case._replace(now_s=None), "say in now_s what time it is"),
        (
            lambda case, route: case._replace(
                vehicles=tuple(one for one in case.vehicles if one.vehicle != route.vehicle)
            ),
            "the case has no such vehicle; add it",
        ),
        (lambda case, _: case._replace(consignments=()), "has left, and the case lacks it"),
        (
            lambda case, _: case._replace(vehicles=tuple(one._replace(ends_s=case.now_s) for one in case.vehicles)),
            "do not allow even that it comes home",
        ),
    ],
)
def test_an_earlier_plan_that_does_not_fit_is_told_with_what_to_do(change, told):
    case = make_case("town", 2, 6)
    before = plan(case, SHORT)
    route = before.routes[0]
    later = change(case._replace(now_s=route.stops[0].leaves_s), route)
    with pytest.raises(EarlierPlanUnusable, match=told):
        plan(later, SHORT, before)
