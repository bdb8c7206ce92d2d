"""The pool's clock: it moves on with ticks, and never back."""

from schemas.codec import BadMessage
from schemas.types.journal import Fact
from schemas.types.ticks import Tick
from streams.pool.aggregate import Entry
from streams.pool.journal import dead_letter_reasons as reasons
from streams.pool.journal.facts import TICK
from streams.pool.state.pool_state import PoolState


def decide_tick(state: PoolState, tick: Tick, appended_at_ms: int) -> Fact:
    """A tick is a fact as it comes. Raises BadMessage for a clock that runs ahead.

    It would make the pool forget its events too early: there is no way back.
    """
    if tick["at_ms"] > appended_at_ms + state.config.pool["future_skew_ms"]:
        ahead_ms = tick["at_ms"] - appended_at_ms
        raise BadMessage(reasons.IN_THE_FUTURE, f"tick {ahead_ms} ms ahead of the broker: set the clock of the ticker")
    return TICK, tick


def fold_tick(state: PoolState, tick: Tick, _: Entry) -> None:
    """Move the clock on, and forget events that nobody can repeat any more."""
    if tick["at_ms"] > state.row["clock_ms"]:
        state.row["clock_ms"] = tick["at_ms"]
        state.dedup.expire(state.config.pool["late_limit_ms"])
