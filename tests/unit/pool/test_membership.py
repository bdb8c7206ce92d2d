"""A store joins and leaves on days of its own: nothing is promised outside of them, and what was promised runs out."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.models.config import StoreSettings
from tests.proof.faults.replay import fold_again
from tests.support.lending import AWAY, HOME, SHOP, Pools
from tests.support.pool import DAY_MS, NOON_MS, OTHER_STORE, STORE, furnished, line, wanted

TODAY = date(2026, 9, 21)


def day(days: int) -> str:
    return (TODAY + timedelta(days=days)).isoformat()


def store(name: str = STORE, first: int | None = None, last: int | None = None, **fields) -> StoreSettings:
    days = {"first_day": None if first is None else day(first), "last_day": None if last is None else day(last)}
    return StoreSettings(store=name, name=name, **days, **fields)


@pytest.fixture
def bench():
    """Two stores with ten of milk each."""
    made = furnished()
    for name in (STORE, OTHER_STORE):
        made.report("opening", f"open-{name}", line(10_000), store=name)
    made.tick(NOON_MS)
    return made


def told(bench):
    return [entry.fact[1] for entry in bench.journal() if entry.fact[0] == "commonshelf.MembershipChanged"]


def test_a_store_that_joins_later_promises_nothing_before_its_first_day(bench):
    bench.configure(store(first=2))
    assert bench.available() == 0
    bench.pass_time(NOON_MS + DAY_MS)
    assert bench.available() == 0
    bench.pass_time(NOON_MS + 2 * DAY_MS)
    assert bench.available() == 10_000
    assert [one["kind"] for one in told(bench)] == ["left", "joined"]


def test_a_store_promises_to_the_end_of_its_last_day_and_nothing_after(bench):
    bench.configure(store(last=1))
    bench.pass_time(NOON_MS + DAY_MS)
    assert (bench.available(), told(bench)) == (10_000, [])
    bench.pass_time(NOON_MS + 2 * DAY_MS)
    assert (bench.available(), bench.available(store=OTHER_STORE)) == (0, 10_000)
    bench.restart()
    late_ms = NOON_MS + 2 * DAY_MS
    bench.request("placed", "o1", wanted(2_000), recorded_at_ms=late_ms, appended_at_ms=late_ms)
    assert [hold["store"] for hold in bench.order()["holds"]] == [OTHER_STORE]


def test_what_was_promised_before_a_store_left_runs_out(bench):
    bench.configure_pool(claim_within_ms=3 * DAY_MS, pick_within_ms=3 * DAY_MS)
    bench.request("placed", "o1", wanted(2_000), deadline_ms=NOON_MS + 3 * DAY_MS)
    bench.request("confirmed", "o1")
    bench.configure(store(last=0))
    bench.pass_time(NOON_MS + DAY_MS // 2)
    [left] = told(bench)
    assert (left["kind"], left["open_orders"], left["open_tasks"]) == ("left", 1, 1)
    late_ms = NOON_MS + DAY_MS // 2
    for kind in ("pick", "hand_over"):
        bench.fulfil("done", bench.task(kind), occurred_at_ms=late_ms, appended_at_ms=late_ms)
    assert bench.order()["outcome"] == "collected"
    assert (bench.on_hand(), bench.available()) == (8_000, 0)


def test_a_store_that_has_left_is_asked_for_no_recount(bench):
    bench.configure(store(last=0))
    bench.pass_time(NOON_MS + DAY_MS)
    late_ms = NOON_MS + DAY_MS
    bench.sell("s1", line(20_000), occurred_at_ms=late_ms, recorded_at_ms=late_ms, appended_at_ms=late_ms)
    assert (bench.on_hand(), bench.tasks()) == (-10_000, {})


def test_its_stock_in_other_pools_is_called_back():
    pools = Pools()
    pools.lend(6_000)
    pools.settle()
    pools.configure(HOME, store(SHOP, last=0))
    pools.tick(HOME, NOON_MS + 60_000)
    assert pools.lent(AWAY) == 6_000
    pools.tick(HOME, NOON_MS + DAY_MS // 2)
    pools.settle()
    assert (pools.lent(HOME), pools.lent(AWAY), pools.shelf(HOME)["available_milli"]) == (0, 0, 0)


def test_a_store_that_is_told_to_stay_joins_anew(bench):
    bench.configure(store(last=0))
    bench.pass_time(NOON_MS + DAY_MS)
    bench.configure(store(), recorded_at_ms=NOON_MS + DAY_MS)
    assert bench.available() == 10_000
    assert [one["kind"] for one in told(bench)] == ["left", "joined"]


def test_days_are_those_of_the_pool_s_calendar(bench):
    bench.configure(store(first=1))
    bench.configure_pool(time_zone="Pacific/Kiritimati")  # where the tests' noon is in the night after
    assert bench.available() == 10_000


@pytest.mark.parametrize("days", [{"first_day": "2026-02-30"}, {"first_day": "2026-03-02", "last_day": "2026-03-01"}])
def test_days_that_are_none_are_refused(days):
    with pytest.raises(ValidationError):
        StoreSettings(store=STORE, name="Corner", **days)


def members(rows):
    return {key: row for key, row in rows.items() if key.startswith("member/")}


DAYS = st.none() | st.integers(-2, 5)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("days"), DAYS, DAYS), st.tuples(st.just("tick"), st.integers(1, 40)),
        st.just(("restart",)), st.just(("commit",)),
    ),
    max_size=12,
)  # fmt: skip


@given(STEPS)
def test_a_store_may_be_promised_something_on_its_days_and_on_no_others(steps):
    """The oracle is a calendar; whatever was folded is found again from the changelog, and from the journal alone."""
    bench = furnished()
    bench.report("opening", "open", line(10_000))
    bench.tick(NOON_MS)
    now_ms, first, last = NOON_MS, None, None
    for name, *arguments in steps:
        if name == "days":
            first, last = arguments
            if first is not None and last is not None and first > last:
                first, last = last, first
            bench.configure(store(first=first, last=last), recorded_at_ms=now_ms)
        elif name == "tick":
            now_ms += arguments[0] * DAY_MS // 20
            bench.pass_time(now_ms)
        else:
            bench.commit()
            if name == "restart":
                bench.restart()
        today = (date(1970, 1, 1) + timedelta(days=now_ms // DAY_MS) - TODAY).days
        takes_part = (first is None or first <= today) and (last is None or today <= last)
        assert bench.available() == (10_000 if takes_part else 0)
    turns = [one["kind"] for one in told(bench)]
    assert turns == ["left", "joined"] * (len(turns) // 2) + ["left"] * (len(turns) % 2)
    assert members(fold_again(bench.journal())) == members(bench.committed.rows)
