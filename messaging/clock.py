"""The machine's clock: what edges and operators stamp on what they say. Decisions never read it."""

import time


def wall_clock_ms() -> int:
    """Now, in ms since 1970 UTC."""
    return time.time_ns() // 1_000_000
