"""The time that goods wait for the customer of an appointment."""

from schemas.types.pickup import AppointmentRow
from streams.pool.state.pool_state import PoolState


def waits_until_ms(state: PoolState, place: str, until_ms: int, eta_ms: int, deadline_ms: int, now_ms: int) -> int:
    """When nobody is expected any more: so long after the window as it was booked, which ends at `until_ms`, or after
    the time of arrival that was told.
    """
    latest_ms = max(now_ms, until_ms, eta_ms)
    wait_ms = state.config.places[place]["no_show_after_ms"]
    return min(latest_ms + wait_ms, max(now_ms, longest_ms(state, deadline_ms)))


def longest_ms(state: PoolState, deadline_ms: int) -> int:
    """Until when goods of an order wait at the longest."""
    return deadline_ms + state.config.pool["collect_grace_ms"]


def eta_of(row: AppointmentRow | None) -> int:
    """When the customer expects to arrive, ms since 1970 UTC; 0 when nobody has said."""
    return 0 if row is None else row["eta_ms"]
