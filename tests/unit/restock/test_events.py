"""Local events in runs: they change what is expected, a proposal names them, and what they do is learned."""

from datetime import date, timedelta

import pytest
from pydantic import ValidationError

from commonshelf.desks.restock.calendars import holidays_around, kinds_learned, told
from commonshelf.desks.restock.state import PoolState
from schemas.models.config import StoreSettings
from schemas.models.local_calendar import LocalCalendar, LocalEvent
from schemas.topics import RESTOCK_PROPOSALS
from tests.support.pool import MILK, OTHER_STORE, STORE
from tests.support.restock_bench import EVERY_DAY, TODAY, RestockBench, pages, restock_pool, sell_days, stock_of

EPOCH = date(1970, 1, 1)
HERE = {"latitude_e6": 50_807_000, "longitude_e6": 8_770_000}


def day(ahead):
    """A day from the tests' today on."""
    return (EPOCH + timedelta(days=TODAY + ahead)).isoformat()


def fair(first=2, last=4, **parts):
    return LocalEvent(
        kind="street fair", name="Riverside fair", first_day=day(first), last_day=day(last), **parts
    )  # fmt: skip


def proposed(*events, days=2, changes=(), sold=3):
    """The bench after days of milk in two stores, with a calendar that was there from the start."""
    pool = restock_pool(move_max_distance_m=0)
    for change in (LocalCalendar(calendar="summer", events=events), *changes):
        pool.configure(change)
    for store in (STORE, OTHER_STORE):
        stock_of(pool, store, MILK, 8)
    sell_days(pool, days, {(STORE, MILK): sold, (OTHER_STORE, MILK): sold})
    bench = RestockBench()
    bench.follow(pages(pool))
    return bench


def mean(bench, store=STORE):
    return bench.proposals()[store, MILK]["mean_milli"]


def test_an_event_raises_what_is_expected_and_the_proposal_names_it():
    """A fair starts from 1.3 times as much; the window is of three days, and it is on each of them."""
    bench, plain = proposed(fair()), proposed()
    found = bench.proposals()[STORE, MILK]
    assert (found["event"], found["event_permille"]) == ("Riverside fair", 1_300)
    assert "(Riverside fair: 1.3 times as much on its days)" in found["why"]
    assert mean(bench) == pytest.approx(1.3 * mean(plain), abs=2)
    none = plain.proposals()[STORE, MILK]
    assert (none["event"], none["event_permille"]) == (None, None)


def test_an_event_reaches_the_stores_and_items_that_it_names_or_that_are_near():
    only_here = proposed(fair(stores=(STORE,)))
    assert only_here.proposals()[STORE, MILK]["event"] == "Riverside fair"
    assert only_here.proposals()[OTHER_STORE, MILK]["event"] is None
    near = StoreSettings(store=STORE, name=STORE, opening=EVERY_DAY, **HERE)
    by_place = proposed(fair(**HERE, radius_m=500), changes=[near])
    assert [by_place.proposals()[store, MILK]["event"] for store in (STORE, OTHER_STORE)] == ["Riverside fair", None]
    other_item = proposed(fair(skus=("BREAD",)))
    assert other_item.proposals()[STORE, MILK]["event"] is None


def test_an_event_that_is_over_or_changes_next_to_nothing_is_not_named():
    quiet = LocalEvent(kind="school holiday", name="Summer", first_day=day(2), last_day=day(4))
    for bench in (proposed(fair(first=0, last=1)), proposed(quiet), proposed(fair(first=5, last=9))):
        assert bench.proposals()[STORE, MILK]["event"] is None


def test_the_event_that_changes_most_is_named():
    roadworks = LocalEvent(kind="roadworks", name="Bridge", first_day=day(2), last_day=day(2))
    assert proposed(roadworks, fair()).proposals()[STORE, MILK]["event"] == "Riverside fair"
    assert proposed(roadworks).proposals()[STORE, MILK]["event_permille"] == 800


def test_a_calendar_that_is_told_again_is_as_it_is_told_and_one_without_events_is_gone():
    bench = proposed(fair(), changes=[LocalCalendar(calendar="summer")])
    assert bench.proposals()[STORE, MILK]["event"] is None
    assert mean(bench) == mean(proposed())


def test_what_an_event_does_is_learned_from_the_prior_on():
    """After a month of three a day, six days of a fair sell nine a day: more than the prior says."""
    pool = restock_pool(move_max_distance_m=0)
    calendar = LocalCalendar(calendar="summer", events=(fair(first=30, last=35),))
    pool.configure(calendar)
    for store in (STORE, OTHER_STORE):
        stock_of(pool, store, MILK, 900)
    for first, days, units in ((0, 30, 3), (30, 6, 9), (36, 3, 3)):
        sell_days(pool, days, {(STORE, MILK): units, (OTHER_STORE, MILK): units}, first)
    bench = RestockBench()
    bench.follow(pages(pool))
    known = bench.partition.pools["north"]
    (kind,) = kinds_learned([calendar], PoolState(known.history, known.learner))
    assert (kind.kind, kind.events, kind.prior_permille) == ("street fair", 1, 1_300)
    assert 1_800 < kind.uplift_permille < 3_000
    assert kinds_learned([calendar], None)[0].uplift_permille == 1_300


def test_a_day_on_which_the_store_is_closed_is_known_ahead():
    closed = StoreSettings(store=STORE, name=STORE, opening=EVERY_DAY, closed_days=(day(3),))
    bench = proposed(changes=[closed])
    assert mean(bench) == pytest.approx(mean(proposed()) * 2 / 3, rel=0.02)


def test_kinds_beyond_a_hundred_count_as_one():
    events = [
        LocalEvent(kind=f"kind {number:03}", name="event", first_day=day(9), last_day=day(9)) for number in range(120)
    ]
    bench = proposed(*events)
    kinds = bench.partition.pools["north"].history.row["kinds"]
    assert (len(kinds), kinds[0], kinds[-1]) == (100, "kind 000", "other")


def test_proposals_with_events_are_the_same_bytes_after_any_restart():
    pool = restock_pool()
    pool.configure(LocalCalendar(calendar="summer", events=(fair(first=1),)))
    stock_of(pool, STORE, MILK, 8)
    sell_days(pool, 5, {(STORE, MILK): 3, (OTHER_STORE, MILK): 1})
    whole, cut = RestockBench(), RestockBench()
    whole.follow(pages(pool))
    for page in pages(pool):
        cut.follow([page])
        cut.restart()
    assert whole.outputs == cut.outputs
    assert whole.rows == cut.rows
    assert any(one["event"] for one in whole.told(RESTOCK_PROPOSALS.name))


@pytest.mark.parametrize(
    "wrong",
    [
        {"first_day": "2026-02-30"},
        {"last_day": "2026-07-03"},
        {"last_day": "2028-07-04"},
        {"latitude_e6": 50_807_000},
    ],
)
def test_an_event_without_real_days_or_a_whole_place_is_refused(wrong):
    with pytest.raises(ValidationError):
        LocalEvent(**{"kind": "fair", "name": "fair", "first_day": "2026-07-04", "last_day": "2026-07-04"} | wrong)


def test_holidays_of_a_region_are_a_calendar_like_any_other():
    calendar = LocalCalendar(**told("holidays", holidays_around("DE", "HE", date(2026, 11, 30))))
    days = {event.first_day: event for event in calendar.events}
    assert days["2026-12-25"].kind == "public holiday"
    assert days["2026-12-24"].kind == "day before a holiday"
    assert min(days) >= "2025-01-01"
    assert max(days) <= "2028-12-31"
