"""Ticks move the pool's time; events are remembered for the late limit and a margin, and then forgotten."""

import pytest

from schemas.models.config import PoolSettings
from streams.pool.state.dedup import EVENTS_PER_PAGE, MARGIN_MS
from tests.support.pool import DAY_MS, HOUR_MS, NOON_MS, POOL, furnished, line

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


def test_a_repeat_within_the_late_limit_and_margin_is_absorbed():
    bench = furnished()
    fill_a_page(bench, "s")
    bench.tick(NOON_MS + REMEMBERED_MS)
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
    bench.tick(NOON_MS + REMEMBERED_MS + 1)
    assert before == (2, EVENTS_PER_PAGE + 1)
    assert (pages(bench), len(bench.committed.index)) == ([f"dedup/{POOL}/000000000001"], 1)


def test_the_pool_s_late_limit_says_how_long():
    bench = furnished()
    bench.configure(PoolSettings(name="North", late_limit_ms=HOUR_MS))
    fill_a_page(bench, "s")
    bench.tick(NOON_MS + HOUR_MS + MARGIN_MS)
    kept = len(pages(bench))
    bench.tick(NOON_MS + HOUR_MS + MARGIN_MS + 1)
    assert (kept, len(pages(bench))) == (1, 0)


def test_a_page_goes_only_after_the_pages_before_it():
    bench = furnished()
    fill_a_page(bench, "new", NOON_MS)
    fill_a_page(bench, "old", NOON_MS - 3 * DAY_MS)
    bench.tick(NOON_MS - 3 * DAY_MS + REMEMBERED_MS + 1)
    assert len(pages(bench)) == 2


def test_what_a_slow_pool_was_told_just_now_is_remembered_from_now_on():
    """A page is filled over months, at last by replays of old lines: they too must be known when they come again."""
    bench = furnished()
    old_ms, now_ms = NOON_MS, NOON_MS + 60 * DAY_MS
    bench.tick(old_ms)
    bench.sell("first of the page", line(1_000), appended_at_ms=old_ms)
    bench.tick(now_ms)
    for _ in range(2):
        for n in range(EVENTS_PER_PAGE):
            bench.sell(f"s{n}", line(1_000), occurred_at_ms=old_ms, recorded_at_ms=old_ms, appended_at_ms=now_ms)
        bench.tick(now_ms + HOUR_MS)
    assert (bench.on_hand(), bench.counts()["duplicate"]) == (-65_000, EVENTS_PER_PAGE)


def test_a_revision_in_the_batch_that_forgets_the_original_is_remembered():
    bench = furnished()
    fill_a_page(bench, "s")
    bench.commit()
    later_ms = NOON_MS + REMEMBERED_MS + 1
    revised = {"version": 2, "occurred_at_ms": later_ms, "recorded_at_ms": later_ms, "appended_at_ms": later_ms}
    bench.sell("s0", line(5_000), **revised)
    bench.tick(later_ms)
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
