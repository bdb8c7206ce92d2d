"""Where each pool's clock stood when it decided a record, and whether each step of it had its evidence.

How topics interleave is for the workers to find, once: when the leader of the sales is away, ticks and stock reports
overtake them, and a sale that waited is late by the pool's clock. The journal keeps the order that was found, so the
judges read the clock there, and work out for themselves how far each tick may have moved it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from messaging.journal import JournalEntry
from schemas.codec import topic_codec
from schemas.models.base import CLOCK_STEP_MAX_MS
from schemas.topics import POOL_TICKS
from streams.pool.journal.facts import CONFIG_CHANGE, SALE_RECORDED, STOCK_REPORT_RECORDED, TICK
from tests.proof.faults.records import Cause, Record


@dataclass
class PoolClocks:
    """What the journal says of the pools' clocks."""

    at_ms: dict[Cause, int] = field(default_factory=dict)
    """The pool's clock before each record that is in its journal."""
    unfounded: list[tuple[Cause, int]] = field(default_factory=list)
    """Ticks that moved a clock back, further than there was evidence for, or less far: (cause, where to)."""


def read_clocks(inputs: Iterable[Record], entries: Iterable[JournalEntry]) -> PoolClocks:
    """The clocks of the pools whose entries these are, each pool's in the journal's order."""
    asked = {record.cause: record for record in inputs if record.topic == POOL_TICKS.name}
    decode = topic_codec(POOL_TICKS.name).decode
    clocks = PoolClocks()
    now_ms: defaultdict[str, int] = defaultdict(int)
    evidence_ms: defaultdict[str, int] = defaultdict(int)
    """Until when the pool's events, and operators, have said that it is."""
    for entry in entries:
        pool, fact = entry.pool, entry.fact
        clocks.at_ms.setdefault(entry.cause, now_ms[pool])
        if fact[0] == SALE_RECORDED or fact[0] == STOCK_REPORT_RECORDED:
            evidence_ms[pool] = max(evidence_ms[pool], fact[1]["event"]["recorded_at_ms"])
        elif fact[0] == CONFIG_CHANGE and fact[1]["change"][0] == "commonshelf.ClockConfirmation":
            evidence_ms[pool] = max(evidence_ms[pool], fact[1]["change"][1]["at_ms"])
        elif fact[0] == TICK:
            told_ms, moved_ms = decode(asked[entry.cause].value)["at_ms"], fact[1]["at_ms"]
            if not _is_founded(told_ms, moved_ms, now_ms[pool], evidence_ms[pool]):
                clocks.unfounded.append((entry.cause, moved_ms))
            now_ms[pool] = max(now_ms[pool], moved_ms)
    return clocks


def _is_founded(told_ms: int, moved_ms: int, now_ms: int, evidence_ms: int) -> bool:
    """Whether a tick that told one time may move a clock to another.

    The pool asks its newest events alone, so that where a tick is cut short lies between the clock and all evidence.
    """
    known_ms = max(now_ms, evidence_ms)
    if moved_ms == told_ms:
        return not known_ms or told_ms <= known_ms + CLOCK_STEP_MAX_MS
    return now_ms + CLOCK_STEP_MAX_MS <= moved_ms <= min(told_ms, known_ms + CLOCK_STEP_MAX_MS)
