"""The pool's clock: it moves on with ticks, and never back.

Nothing that it has ended or forgotten comes back, so one clock that leaps must not take it along: beyond what the
pool's own events say, and an operator, each tick moves it by a bounded step. A clock that lags is a delay and no more.
"""

from schemas.codec import BadMessage
from schemas.models.base import CLOCK_STEP_MAX_MS
from schemas.types.journal import Fact
from schemas.types.ticks import Tick
from streams.pool.aggregate import Entry
from streams.pool.journal import dead_letter_reasons as reasons
from streams.pool.journal.facts import TICK
from streams.pool.state.horizon import advance
from streams.pool.state.pool_state import PoolState


def decide_tick(state: PoolState, tick: Tick, appended_at_ms: int) -> Fact:
    """The tick, no later than there is evidence for. Raises BadMessage for one that is ahead of the broker."""
    if tick["at_ms"] > appended_at_ms + state.config.pool["future_skew_ms"]:
        ahead_ms = tick["at_ms"] - appended_at_ms
        raise BadMessage(reasons.IN_THE_FUTURE, f"tick {ahead_ms} ms ahead of the broker: set the clock of the ticker")
    known_ms = max(state.row["clock_ms"], state.dedup.latest_recorded_ms(), state.config.confirmed_clock_ms)
    if known_ms and tick["at_ms"] > known_ms + CLOCK_STEP_MAX_MS:
        tick = {**tick, "at_ms": known_ms + CLOCK_STEP_MAX_MS}
    return TICK, tick


def fold_tick(state: PoolState, tick: Tick, _: Entry) -> None:
    """Move the clock on, and forget events that nobody can repeat any more."""
    if tick["at_ms"] > state.row["clock_ms"]:
        state.row["clock_ms"] = tick["at_ms"]
        advance(state.row, state.config.pool["late_limit_ms"])
        state.dedup.expire()
