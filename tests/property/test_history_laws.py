"""Whatever a pool's journal holds, restock counts its days, forgets nothing at a restart, and goes on."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.pool import DAY_MS, HOUR_MS, MILK, STORE, line
from tests.support.restock_bench import EVERY_DAY, MIDNIGHT_MS, TODAY, RestockBench, pages, restock_pool

ZONE = ZoneInfo("Europe/Berlin")
CLOCK_CHANGE = (datetime(2026, 10, 25, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days - TODAY
"""Days from the tests' today to the Sunday on which Berlin's clocks go back."""
MINUTE_MS = 60_000
QUANTITIES = st.sampled_from([1_000, 2_000, 7_000, 40_000, 900_000_000])
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["sale", "return", "void", "received", "adjusted", "counted", "tick"]),
        st.integers(min_value=0, max_value=3 * 24 * 60),
        QUANTITIES,
    ),
    max_size=25,
)


def lived(acts):
    """A pool in which these happen around the change of clocks, in order of time, and a day passes after them."""
    pool = restock_pool(time_zone="Europe/Berlin")
    start_ms = MIDNIGHT_MS + (CLOCK_CHANGE - 1) * DAY_MS
    pool.pass_time(start_ms)
    for number, (kind, minute, milli) in enumerate(sorted(acts, key=lambda act: act[1])):
        at_ms = start_ms + minute * MINUTE_MS
        told = {"occurred_at_ms": at_ms, "recorded_at_ms": at_ms, "appended_at_ms": at_ms}
        if kind == "tick":
            pool.pass_time(at_ms)
        elif kind in ("sale", "return", "void"):
            pool.sell(f"s{number}", line(milli, kind=kind), **told)
        else:
            pool.report(kind, f"r{number}", line(-milli if kind == "adjusted" else milli), **told)
        if number % 5 == 4:
            pool.commit()
    pool.pass_time(start_ms + 3 * DAY_MS + 22 * HOUR_MS)
    return pool, start_ms


def local_day(at_ms):
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZONE)
    return local.date().toordinal() - datetime(1970, 1, 1, tzinfo=UTC).date().toordinal() - TODAY


def is_open(at_ms):
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZONE)
    minute = local.hour * 60 + local.minute
    return EVERY_DAY[0]["opens_minute"] <= minute < EVERY_DAY[0]["closes_minute"]


def by_the_minute(pool, start_ms):
    """Day → what was sold, returned, wasted, and how long there was none: of the journal, a minute at a time."""
    sums, changes = Counter(), []
    for entry in pool.journal():
        kind, fields = entry.fact
        if kind.endswith("SaleRecorded"):
            at_ms = fields["event"]["occurred_at_ms"]
            for applied in fields["applied"]:
                told = fields["event"]["lines"][applied["line"]]
                name = {"sale": "sold", "void": "sold", "return": "returned"}[told["kind"]]
                sums[local_day(at_ms), name] += told["quantity_milli"] * (-1 if told["kind"] == "void" else 1)
                changes.append((at_ms, applied["delta_milli"], told["kind"] == "sale"))
        elif kind.endswith("StockReportRecorded"):
            at_ms = fields["event"]["occurred_at_ms"]
            for applied in fields["applied"]:
                if fields["event"]["kind"] == "adjusted":
                    sums[local_day(at_ms), "wasted"] -= applied["delta_milli"]
                changes.append((at_ms, applied["delta_milli"], False))
            changes += [(at_ms, counted["drift_milli"], False) for counted in fields["counted"] if counted["applied"]]
    on_hand, out_since, outs = 0, None, []
    for at_ms, delta, is_sale in changes:
        before, on_hand = on_hand, on_hand + delta
        if out_since is None and before > 0 >= on_hand:
            out_since = at_ms
        elif out_since is not None and delta and (is_sale or on_hand > 0):
            outs += [] if is_sale else [(out_since, at_ms)]
            out_since = None
    for since_ms, until_ms in outs:
        for minute in range((since_ms - start_ms) // MINUTE_MS, (until_ms - start_ms) // MINUTE_MS):
            at_ms = start_ms + minute * MINUTE_MS
            if is_open(at_ms):
                sums[local_day(at_ms), "out"] += MINUTE_MS
    return sums


@settings(max_examples=20, deadline=timedelta(minutes=5))
@given(acts=ACTS)
def test_days_are_what_the_journal_says_a_minute_at_a_time(acts):
    pool, start_ms = lived(acts)
    bench = RestockBench()
    bench.follow(pages(pool))
    expected = by_the_minute(pool, start_ms)
    found = Counter()
    key = f"shelf/north/{STORE}/{MILK}"
    for day, counted in bench.days().items() if key in bench.rows else ():
        for name in ("sold", "returned", "wasted"):
            found[day, name] = counted[f"{name}_milli"]
        found[day, "out"] = counted["out_ms"]
    running = bench.row(key)["out_since_ms"] if key in bench.rows else 0
    for name in ("sold", "returned", "wasted"):
        assert {at: sum_ for at, sum_ in found.items() if at[1] == name and sum_} == {
            at: sum_ for at, sum_ in expected.items() if at[1] == name and sum_
        }
    if not running:
        assert {at: sum_ for at, sum_ in found.items() if at[1] == "out" and sum_} == {
            at: sum_ for at, sum_ in expected.items() if at[1] == "out" and sum_
        }


@settings(max_examples=10, deadline=timedelta(minutes=5))
@given(acts=ACTS)
def test_rows_and_proposals_are_the_same_bytes_however_the_journal_is_cut(acts):
    pool, _ = lived(acts)
    whole, cut = RestockBench(), RestockBench()
    whole.follow(pages(pool))
    for page in pages(pool):
        cut.follow([page])
        cut.restart()
    assert whole.rows == cut.rows
    assert whole.outputs == cut.outputs
