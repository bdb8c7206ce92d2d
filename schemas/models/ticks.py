"""The clock."""

from schemas.models.base import Name, Record, Text, TimeMs


class Tick(Record):
    """The clock (topic pool.ticks.v1)."""

    pool: Name
    at_ms: TimeMs
    origin: Text
