"""The rule by which one of two settings stands, shared by the pool and by whoever reads the topic. Pure.

The one told last stands, by when it was recorded; of two of one moment the one that was published last. No record is
of later than the broker's time, so that a clock that is ahead bars nobody from changing the setting.
"""


def told_at_ms(recorded_at_ms: int, appended_at_ms: int) -> int:
    """When a setting was told, ms since 1970 UTC."""
    return min(recorded_at_ms, appended_at_ms)


def stands(told_ms: int, in_force_since_ms: int | None) -> bool:
    """Does a setting replace the one of its key that is in force, if any?"""
    return in_force_since_ms is None or told_ms >= in_force_since_ms
