"""The mutual fund is made even when a window closes: by what happened in it, not by what was told by then."""

from tests.support.pool import DAY_MS, HOUR_MS, NOON_MS, OTHER_STORE, STORE, line
from tests.support.settlement import agreement, assert_balanced, members, transactions

MIDNIGHT_MS = NOON_MS - NOON_MS % DAY_MS + DAY_MS


def count(bench, milli, at_ms):
    at = {"occurred_at_ms": at_ms, "recorded_at_ms": at_ms, "appended_at_ms": at_ms}
    bench.report("counted", f"c{at_ms}", line(milli), **at)


def test_what_happens_while_the_closing_delay_runs_counts_in_the_next_window():
    """Days that close at 18:00 of the day after. Two at 1.10 are missing on the first day, on which STORE alone sold.

    One more is missing on the second day, before the first has closed; that day OTHER sold twice as much as STORE: of
    1.10 it bears 0.73, and STORE 0.37.
    """
    window = {"every": "daily", "closing_delay_ms": 18 * HOUR_MS}
    bench = members(terms=agreement(window=window, shrink={"bearer": "fund", "covers": "all"}))
    bench.report("received", "r1", line(5_000), store=OTHER_STORE, occurred_at_ms=NOON_MS - 60_000)
    bench.tick(NOON_MS)
    bench.sell("s1", line(1_000))
    count(bench, 7_000, NOON_MS + 1_000)
    morning = {"occurred_at_ms": MIDNIGHT_MS + 1_000, "recorded_at_ms": MIDNIGHT_MS + 1_000,
               "appended_at_ms": MIDNIGHT_MS + 1_000}  # fmt: skip
    bench.sell("s2", line(1_000), **morning)
    bench.sell("s3", line(2_000), store=OTHER_STORE, **morning)
    count(bench, 5_000, MIDNIGHT_MS + 2_000)

    def shares():
        found = [one for one in transactions(bench) if one.about.kind == "fund_share"]
        assert_balanced(found)
        return [(one.about.store, one.window_ms, -one.postings[0].amount_minor) for one in found]

    first_ms = MIDNIGHT_MS - DAY_MS
    bench.pass_time(MIDNIGHT_MS + 17 * HOUR_MS)
    assert shares() == []
    bench.pass_time(MIDNIGHT_MS + 18 * HOUR_MS)
    assert shares() == [(STORE, first_ms, 220)]
    bench.pass_time(MIDNIGHT_MS + DAY_MS + 18 * HOUR_MS)
    assert shares()[1:] == [(STORE, MIDNIGHT_MS, 37), (OTHER_STORE, MIDNIGHT_MS, 73)]
