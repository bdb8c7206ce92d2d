"""Windows follow one another without a gap, whenever agreements begin, and each posting counts in one of them."""

import pytest

from streams.settlement.ledger.books import Books
from streams.settlement.ledger.entries import About, Posting
from streams.settlement.ledger.windows import window_of
from tests.support.pool import DAY_MS, NOON_MS, OTHER_STORE, POOL, STORE, wanted
from tests.support.settlement import WEEK_MS, agreement, fold, members

MONDAY_MS = NOON_MS - NOON_MS % DAY_MS
THURSDAY_MS = MONDAY_MS + 3 * DAY_MS
YEAR_MS = 365 * DAY_MS
DAILY = {"every": "daily"}


def closed(bench):
    return [(one.start_ms, one.end_ms) for step in fold(bench.journal())[1] for one in step.closed]


def days(count):
    return [(MONDAY_MS + day * DAY_MS, MONDAY_MS + (day + 1) * DAY_MS) for day in range(count)]


def test_an_agreement_that_begins_in_some_days_closes_the_windows_before_it_by_its_own_terms():
    bench = members(terms=agreement(window=DAILY, effective_from_ms=THURSDAY_MS))
    for day in range(5):
        bench.pass_time(NOON_MS + day * DAY_MS)
    assert closed(bench) == days(4)


def test_an_agreement_that_is_dated_back_to_after_the_first_ticks_closes_the_windows_before_it_by_its_own_terms():
    bench = members()
    for day in range(4):
        bench.pass_time(NOON_MS + day * DAY_MS)
    bench.request("placed", "o1", wanted(2_000), preferred_store=OTHER_STORE, deadline_ms=NOON_MS + 20 * DAY_MS)
    bench.request("confirmed", "o1")
    bench.fulfil("done", bench.task("pick"), report_id="picked")
    now = NOON_MS + 3 * DAY_MS
    at = {"occurred_at_ms": now, "recorded_at_ms": now, "appended_at_ms": now}
    bench.fulfil("done", bench.task("hand_over"), report_id="handed", **at)
    bench.configure(agreement(window=DAILY, effective_from_ms=MONDAY_MS + 2 * DAY_MS), recorded_at_ms=now)
    for day in range(4, 6):
        bench.pass_time(NOON_MS + day * DAY_MS)
    ledger, steps = fold(bench.journal())
    assert ledger.net_positions() == {(STORE, "EUR"): 220, (OTHER_STORE, "EUR"): -220}
    assert [(one.start_ms, one.end_ms) for step in steps for one in step.closed] == days(5)[3:]


def opened(*terms):
    """A pool's books whose first window, that of Monday, is open; versions as (since when, terms of windows)."""
    books = Books(POOL)
    for version, (since_ms, window) in enumerate(terms, 1):
        row = agreement(version=version, effective_from_ms=since_ms, window=window).model_dump(mode="json")
        books.agreements[str(version)] = row
    books.open_window(MONDAY_MS)
    return books


def posted(books, at_ms):
    """The window in which a fact of that time is posted, and the one to which it belongs."""
    books.post(About("dispute", at_ms), 0, [Posting(STORE, "goods", OTHER_STORE, 1, "EUR")], "")
    one = books.step.transactions[-1]
    return one.window_ms, one.belongs_to_ms


@pytest.mark.parametrize(
    "after",
    [
        {"every": "weekly", "starts_on": 1},
        {"every": "daily", "cut_off_minute": 18 * 60},
        {"every": "monthly", "starts_on": 1},
        {"every": "daily", "time_zone": "Pacific/Auckland"},
        {"every": "minutes", "minutes": 11 * 60},
    ],
)
@pytest.mark.parametrize("before", [DAILY, {"every": "weekly", "starts_on": 2}])
@pytest.mark.parametrize("since_ms", [THURSDAY_MS, THURSDAY_MS + 5_000_000])
def test_a_fact_behind_the_open_window_counts_in_the_one_that_will_hold_it(before, after, since_ms):
    """Terms change in the week, from then on, and change back two weeks later."""
    books = opened((0, before), (since_ms, after), (since_ms + 2 * WEEK_MS, before))
    told = {at_ms: posted(books, at_ms) for at_ms in range(NOON_MS, NOON_MS + 5 * WEEK_MS, DAY_MS // 2 + 7)}
    windows = []
    while not windows or windows[-1][1] <= max(told):
        windows.append(books.open_window(MONDAY_MS))
        books.close_window(1)
    for at_ms, found in told.items():
        [holds_it] = [start for start, end in windows if start <= at_ms < end]
        assert found == (holds_it, holds_it)


def test_a_fact_years_ahead_is_found_its_window_at_once():
    terms = {"every": "minutes", "minutes": 7}
    books = opened((0, {"every": "minutes", "minutes": 1}), (MONDAY_MS + 20 * YEAR_MS, terms))
    at_ms = MONDAY_MS + 40 * YEAR_MS
    start_ms = window_of(at_ms, terms)[0]
    assert posted(books, at_ms) == (start_ms, start_ms)
