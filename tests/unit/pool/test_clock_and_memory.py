"""Ticks move the pool's time; events are remembered for the late limit and a margin, and then forgotten."""

import pytest

from schemas.models.base import CLOCK_STEP_MAX_MS
from schemas.models.config import PoolSettings
from streams.pool.state.dedup import EVENTS_PER_PAGE
from streams.pool.state.horizon import MARGIN_MS
from tests.support.pool import DAY_MS, HOUR_MS, MINUTE_MS, NOON_MS, POOL, furnished, line, wanted

REMEMBERED_MS = 7 * DAY_MS + MARGIN_MS


def clock_ms(bench):
    bench.commit()
    return bench.partition.look_up({"pool": POOL})["clock_ms"]


def pages(bench):
    bench.commit()
    return sorted(key for key in bench.committed.rows if key.startswith("dedup/"))


def fill_a_page(bench, name, at_ms=NOON_MS):
    for n in range(EVENTS_PER_PAGE):
        bench.sell(f"{name}{n}", line(1_000), occurred_at_ms=at_ms, recorded_at_ms=at_ms, appended_at_ms=at_ms)


def test_a_tick_moves_the_clock_and_never_back():
    bench = furnished()
    for at_ms in (NOON_MS, NOON_MS + 5, NOON_MS + 1, -1):
        bench.tick(at_ms)
    assert clock_ms(bench) == NOON_MS + 5


def test_a_tick_from_beyond_the_skew_is_a_dead_letter_and_moves_nothing():
    """A worker whose clock says 2030 would otherwise make the pool forget every event at once."""
    bench = furnished()
    bench.tick(NOON_MS, appended_at_ms=NOON_MS)
    bench.tick(NOON_MS + 4 * 365 * DAY_MS, appended_at_ms=NOON_MS + HOUR_MS)
    bench.tick(2**63 - 1, appended_at_ms=NOON_MS + HOUR_MS)
    assert (clock_ms(bench), bench.reasons()) == (NOON_MS, ["in_the_future"] * 2)


def test_sales_do_not_move_the_clock():
    bench = furnished()
    bench.sell("s1", line(1_000))
    assert clock_ms(bench) == 0


def test_a_repeat_beyond_the_late_limit_is_too_late_though_it_is_remembered_a_day_more():
    bench = furnished()
    fill_a_page(bench, "s")
    bench.pass_time(NOON_MS + REMEMBERED_MS)
    assert pages(bench) == [f"dedup/{POOL}/000000000000"]
    bench.sell("s0", line(1_000), occurred_at_ms=NOON_MS)
    assert (bench.on_hand(), bench.reasons()) == (-64_000, ["too_late"])


def test_a_repeat_within_the_late_limit_is_absorbed():
    bench = furnished()
    fill_a_page(bench, "s")
    bench.pass_time(NOON_MS + REMEMBERED_MS - MARGIN_MS)
    bench.sell("s0", line(1_000), occurred_at_ms=NOON_MS)
    assert (bench.on_hand(), bench.counts()["duplicate"]) == (-64_000, 1)


@pytest.mark.parametrize("restarts", [False, True])
def test_full_pages_are_forgotten_after_the_late_limit_and_margin_with_their_index(restarts):
    bench = furnished()
    fill_a_page(bench, "s")
    bench.sell("open page", line(1_000))
    before = len(pages(bench)), len(bench.committed.index)
    if restarts:
        bench.restart()
    bench.pass_time(NOON_MS + REMEMBERED_MS + 1)
    assert before == (2, EVENTS_PER_PAGE + 1)
    assert (pages(bench), len(bench.committed.index)) == ([f"dedup/{POOL}/000000000001"], 1)


def test_the_pool_s_late_limit_says_how_long():
    bench = furnished()
    bench.configure(PoolSettings(name="North", late_limit_ms=HOUR_MS))
    fill_a_page(bench, "s")
    bench.pass_time(NOON_MS + HOUR_MS + MARGIN_MS)
    kept = len(pages(bench))
    bench.pass_time(NOON_MS + HOUR_MS + MARGIN_MS + 1)
    assert (kept, len(pages(bench))) == (1, 0)


def test_a_page_goes_only_after_the_pages_before_it():
    bench = furnished()
    fill_a_page(bench, "new", NOON_MS)
    fill_a_page(bench, "old", NOON_MS - 3 * DAY_MS)
    bench.pass_time(NOON_MS - 3 * DAY_MS + REMEMBERED_MS + 1)
    assert len(pages(bench)) == 2


def test_what_a_slow_pool_was_told_just_now_is_remembered_from_now_on():
    """A page is filled over months, at last by replays of old lines: they too must be known when they come again."""
    bench = furnished()
    old_ms, now_ms = NOON_MS, NOON_MS + 60 * DAY_MS
    bench.pass_time(old_ms)
    bench.sell("first of the page", line(1_000), appended_at_ms=old_ms)
    bench.pass_time(now_ms)
    for _ in range(2):
        for n in range(EVENTS_PER_PAGE):
            again = {"occurred_at_ms": old_ms, "told_at_ms": old_ms, "recorded_at_ms": now_ms}
            bench.sell(f"s{n}", line(1_000), **again, appended_at_ms=now_ms)
        bench.pass_time(now_ms + HOUR_MS)
    assert (bench.on_hand(), bench.counts()["duplicate"]) == (-65_000, EVENTS_PER_PAGE)


def test_a_revision_in_the_batch_that_forgets_the_original_is_remembered():
    bench = furnished()
    fill_a_page(bench, "s")
    bench.commit()
    later_ms = NOON_MS + REMEMBERED_MS + 1
    revised = {"version": 2, "occurred_at_ms": later_ms, "recorded_at_ms": later_ms, "appended_at_ms": later_ms}
    bench.sell("s0", line(5_000), **revised)
    bench.pass_time(later_ms)
    bench.commit()
    bench.restart()
    bench.sell("s0", line(5_000), **revised)
    assert (bench.on_hand(), bench.counts()["duplicate"]) == (-63_000 - 5_000, 1)


def test_pages_close_early_when_their_facts_are_large():
    bench = furnished()
    for n in range(6):
        bench.sell(f"s{n}", *(line(1, line_id=f"{at:0100}") for at in range(1_000)))
    bench.commit()
    sizes = [len(raw) for key, raw in bench.committed.rows.items() if key.startswith("dedup/")]
    assert (len(sizes) > 1, max(sizes) < 1_048_576) == (True, True)
    bench.restart()
    bench.sell("s5", *(line(1, line_id=f"{at:0100}") for at in range(1_000)))
    assert bench.counts()["duplicate"] == 1_000


def test_one_tick_that_leaps_with_its_broker_forgets_nothing_and_expires_no_hold():
    bench = furnished()
    bench.report("received", "r1", line(100_000))
    bench.request("placed", "o1", wanted(1_000))
    fill_a_page(bench, "s")
    for leap_ms in (9 * DAY_MS, HOUR_MS, -9 * DAY_MS):
        bench.tick(NOON_MS + leap_ms, appended_at_ms=max(NOON_MS + leap_ms, NOON_MS))
    bench.tick(NOON_MS + 1_000)
    assert clock_ms(bench) == NOON_MS + 2 * CLOCK_STEP_MAX_MS
    assert bench.order()["status"] == "tentative"
    bench.sell("s0", line(1_000))
    assert bench.counts()["duplicate"] == 1


def test_a_leap_that_events_bear_out_or_an_operator_confirms_is_taken_at_once():
    bench = furnished()
    bench.sell("s1", line(1_000))
    later_ms = NOON_MS + 9 * DAY_MS
    bench.sell("s2", line(1_000), occurred_at_ms=later_ms, recorded_at_ms=later_ms, appended_at_ms=later_ms)
    bench.tick(later_ms)
    assert clock_ms(bench) == later_ms
    bench.pass_time(later_ms + 9 * DAY_MS)
    assert clock_ms(bench) == later_ms + 9 * DAY_MS
    assert bench.journal()[-2].fact[0] == "commonshelf.ConfigChange"


def test_a_pool_on_its_data_s_clock_leaps_over_the_night():
    """A replay ticks before the sales of each step, years ago by the broker's time."""
    bench = furnished()
    years_ago_ms = NOON_MS - 3_000 * DAY_MS
    for hour in (8, 20, 32, 33):
        at_ms = years_ago_ms + hour * HOUR_MS
        bench.tick(at_ms, appended_at_ms=NOON_MS)
        bench.sell(f"s{hour}", line(1_000), occurred_at_ms=at_ms, recorded_at_ms=at_ms)
        bench.tick(at_ms, appended_at_ms=NOON_MS)
        assert clock_ms(bench) == at_ms
    assert bench.reasons() == []


def test_brokers_whose_clocks_differ_by_minutes_set_nothing_aside():
    bench = furnished()
    for n, off_ms in enumerate((-4 * MINUTE_MS, 4 * MINUTE_MS)):
        bench.sell(f"s{n}", line(1_000), appended_at_ms=NOON_MS + off_ms)
        bench.tick(NOON_MS + n, appended_at_ms=NOON_MS - off_ms)
    assert (bench.reasons(), bench.on_hand(), clock_ms(bench)) == ([], -2_000, NOON_MS + 1)


def test_a_late_limit_that_is_raised_lets_nothing_in_that_is_forgotten():
    bench = furnished()
    fill_a_page(bench, "s")
    bench.pass_time(NOON_MS + REMEMBERED_MS + 1)
    bench.configure(PoolSettings(name="North", late_limit_ms=30 * DAY_MS))
    bench.sell("s0", line(1_000))
    assert (pages(bench), bench.on_hand(), bench.reasons()) == ([], -64_000, ["too_late"])


def test_what_is_published_again_keeps_its_lateness_and_is_too_late_when_it_is_told_once_more():
    bench = furnished()
    later_ms = NOON_MS + 20 * DAY_MS
    bench.pass_time(later_ms)
    again = {"occurred_at_ms": NOON_MS, "told_at_ms": NOON_MS, "recorded_at_ms": later_ms, "appended_at_ms": later_ms}
    for _ in range(2):
        bench.sell("s1", line(1_000), **again)
    assert (bench.on_hand(), bench.counts()["duplicate"]) == (-1_000, 1)
    bench.pass_time(later_ms + 20 * DAY_MS)
    bench.sell("s1", line(1_000), **again)
    last_ms = later_ms + 20 * DAY_MS
    bench.report("counted", "c1", line(9_000), **again | {"recorded_at_ms": last_ms, "appended_at_ms": last_ms})
    assert (bench.on_hand(), bench.reasons()) == (-1_000, ["too_late", "too_late"])
