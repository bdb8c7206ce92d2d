"""Ticks alone, whatever they say, take a pool's clock no further than a bounded step each."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.models.base import CLOCK_STEP_MAX_MS
from schemas.models.config import PoolSettings
from tests.support.orders import stocked
from tests.support.pool import DAY_MS, HOUR_MS, MINUTE_MS, NOON_MS, POOL, PoolBench, line, wanted

TTL_MS = 20 * MINUTE_MS
leaps = st.sampled_from([0, 1, MINUTE_MS, TTL_MS, HOUR_MS, 9 * DAY_MS, 4_000 * DAY_MS, -HOUR_MS, -9 * DAY_MS])


def clock_ms(bench: PoolBench) -> int:
    bench.commit()
    return int(bench.partition.look_up({"pool": POOL})["clock_ms"])


def with_an_order() -> PoolBench:
    """At noon by its clock, with goods that are held for an order."""
    bench = stocked()
    bench.configure(PoolSettings(name="North", hold_ttl_ms=TTL_MS))
    bench.tick(NOON_MS)
    bench.request("placed", "o1", wanted(1_000))
    return bench


@given(st.lists(st.tuples(leaps, leaps), max_size=25))
def test_no_ticks_alone_end_a_hold_earlier_than_a_step_each_allows(told: list[tuple[int, int]]) -> None:
    """Tickers and brokers leap as they like, together or apart."""
    bench = with_an_order()
    for nth, (tick_ms, broker_ms) in enumerate(told, start=1):
        before_ms = clock_ms(bench)
        bench.tick(NOON_MS + tick_ms, appended_at_ms=max(NOON_MS + broker_ms, 0))
        assert before_ms <= clock_ms(bench) <= min(NOON_MS + nth * CLOCK_STEP_MAX_MS, before_ms + CLOCK_STEP_MAX_MS)
        is_expired = bench.order()["status"] == "ended"
        assert is_expired == (clock_ms(bench) >= NOON_MS + TTL_MS)


def test_requests_of_orders_are_no_evidence_of_the_time_but_sales_are() -> None:
    """A pool of orders alone lags after an outage; one customer whose clock is ahead must not end others' holds."""
    bench = with_an_order()
    later_ms = NOON_MS + HOUR_MS
    bench.request("placed", "o2", wanted(1_000), recorded_at_ms=later_ms, appended_at_ms=later_ms)
    bench.tick(later_ms)
    assert (clock_ms(bench), bench.order()["status"]) == (NOON_MS + CLOCK_STEP_MAX_MS, "tentative")
    bench.sell("s1", line(1_000), occurred_at_ms=later_ms, recorded_at_ms=later_ms, appended_at_ms=later_ms)
    bench.tick(later_ms)
    assert (clock_ms(bench), bench.order()["outcome"]) == (later_ms, "expired")
