"""Records as the auditor reads them, and what the oracle says of them."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

ShelfKey = tuple[str, str, str]
"""(pool, sku, store)"""
Cause = tuple[str, int, int]
"""(topic, partition, offset)"""


class Record(NamedTuple):
    """A record of any topic, as it lies in the log."""

    topic: str
    partition: int
    offset: int
    appended_at_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def cause(self) -> Cause:
        return self.topic, self.partition, self.offset


class Promise(NamedTuple):
    """What a shelf holds and may promise, in thousandths of `unit`."""

    on_hand_milli: int
    available_milli: int
    safety_stock_milli: int
    unit: str


@dataclass
class Expected:
    """What must be found once all inputs are worked off."""

    table: dict[ShelfKey, Promise] = field(default_factory=dict)
    journaled: set[Cause] = field(default_factory=set)
    refused_records: dict[Cause, str] = field(default_factory=dict)
    """Records that are dead letters whole, with the reason."""
    refused_lines: Counter[tuple[Cause, str, str]] = field(default_factory=Counter)
    """(cause, reason, line id) of lines set aside one by one."""
    lines: int = 0
    """Lines in all events that could be read."""
    repeated_lines: int = 0
    """Lines that changed nothing, being there already or of an older version."""
