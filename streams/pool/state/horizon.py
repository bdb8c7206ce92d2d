"""Horizons of a pool, by its own clock: what it still takes, and what it still remembers.

What happened, or was asked, before `late_before_ms` is too late; what was told within a margin before that is still
remembered. So whatever the pool has forgotten its own content refuses, however often it is told again. Both go forward
only: a late limit that is raised later lets nothing in that may be forgotten already.
"""

from schemas.types.state import PoolRow

MARGIN_MS = 86_400_000
"""At least as long as clocks may differ (`future_skew_ms`), and as goods of an order may wait to be rung up."""


def advance(row: PoolRow, late_limit_ms: int) -> None:
    """Move on with the pool's clock."""
    row["late_before_ms"] = max(row["late_before_ms"], row["clock_ms"] - late_limit_ms)


def remembered_since_ms(row: PoolRow) -> int:
    """What was told before this may be forgotten."""
    return row["late_before_ms"] - MARGIN_MS
