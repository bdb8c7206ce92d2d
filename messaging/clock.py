"""The machine's clock: what edges and operators stamp on what they say. Decisions never read it."""

import time
from datetime import UTC, datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import NamedTuple

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def wall_clock_ms() -> int:
    """Now, in ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


def iso_time(at_ms: int, zone: tzinfo) -> str:
    """A time, ms since 1970 UTC, in ISO 8601 on a zone's wall clock, to the second."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(zone).isoformat()


class Uptime(NamedTuple):
    """A moment by a clock that nobody can set: which boot of the machine, and ms since then, sleep included."""

    boot: str
    ms: int


def uptime() -> Uptime:
    """Now. Raises OSError where the kernel does not say which boot this is; Linux does."""
    return Uptime(_boot(), time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000)


@cache
def _boot() -> str:
    return _BOOT_ID.read_text(encoding="ascii").strip()


def age_ms(since: Uptime) -> int | None:
    """How long ago that was; None when the machine was booted since: then no clock of its own can tell."""
    now = uptime()
    return now.ms - since.ms if now.boot == since.boot else None
