"""The progress of the pool's workers, and their verdict on records: from their offsets and the journal."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException
from confluent_kafka.admin import AdminClient

from commonshelf.stack.roles import LEDGER_GROUP
from messaging.client_options import quiet
from messaging.journal import read_journal
from messaging.kafka_errors import passes
from schemas.topics import POS_SALES, POS_STOCK
from streams.pool.journal.facts import line_counts

_POLL_S = 0.05
_NEEDLES_MAX = 100


class EventName(NamedTuple):
    """The name of a till's event, apart from its version."""

    topic: str
    store: str
    system: str
    id: str

    @classmethod
    def of(cls, topic: str, event: Mapping[str, Any]) -> "EventName":
        return cls(topic, event["store"], event["source"]["system"], event["source"]["id"])


@dataclass
class Taken:
    """The newest version of an event that the journal shows as taken, and which of its lines."""

    version: int
    line_ids: set[str] = field(default_factory=set)


def wait_until_taken(
    kafka_options: Mapping[str, str], next_offsets: Mapping[tuple[str, int], int], timeout_s: float
) -> bool:
    """Return True once the workers have committed these offsets, False when they have not in `timeout_s`."""
    admin = AdminClient(quiet(kafka_options))
    deadline = time.monotonic() + timeout_s
    while True:
        committed = _committed(admin)
        if all(committed.get(place, 0) >= offset for place, offset in next_offsets.items()):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)


def _committed(admin: AdminClient) -> dict[tuple[str, int], int]:
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(LEDGER_GROUP)])
    try:
        parts = asked[LEDGER_GROUP].result().topic_partitions
    except KafkaException as error:
        if passes(error.args[0]):
            return {}
        raise
    return {(part.topic, part.partition): part.offset for part in parts if part.offset >= 0}


def _mentions(needles: Collection[str]) -> Callable[[bytes], bool] | None:
    """Whether a page holds one of the texts: most need not be decoded then. None when there are too many."""
    wanted = [needle.encode() for needle in needles]
    if len(wanted) > _NEEDLES_MAX:
        return None
    return lambda page: any(needle in page for needle in wanted)


def taken_since(
    kafka_options: Mapping[str, str], partition: int, since_ms: int, pool: str, names: Collection[EventName]
) -> dict[EventName, Taken]:
    """The lines of a pool's events that its journal shows as applied at `since_ms` or later."""
    found: dict[EventName, Taken] = {}
    for entry in read_journal(kafka_options, [partition], since_ms, _mentions({name.id for name in names})):
        fact = entry.fact
        if entry.pool != pool:
            continue
        if fact[0] == "commonshelf.SaleRecorded":
            name = EventName.of(POS_SALES.name, fact[1]["event"])
            lines = [line["line_id"] for line in fact[1]["event"]["lines"]]
            applied = [lines[line["line"]] for line in fact[1]["applied"] if not line.get("kept")]
        elif fact[0] == "commonshelf.StockReportRecorded":
            name = EventName.of(POS_STOCK.name, fact[1]["event"])
            lines = [line["line_id"] for line in fact[1]["event"]["lines"]]
            moved = [line for line in fact[1]["applied"] if not line.get("kept")]
            applied = [lines[line["line"]] for line in (*moved, *fact[1]["counted"])]
        else:
            continue
        version = fact[1]["event"]["source"]["version"]
        if name not in names or fact[1]["stale_lines"]:
            continue
        if name not in found or version > found[name].version:
            found[name] = Taken(version)
        found[name].line_ids.update(applied)
    return found


@dataclass(frozen=True)
class Verdict:
    """The pool's verdict on replayed lines."""

    applied: int
    absorbed: int
    """Known already."""
    set_aside: int


def verdict_on(kafka_options: Mapping[str, str], records: Collection[tuple[str, int, int]], since_ms: int) -> Verdict:
    """The journal's verdict on input records (topic, partition, offset) appended at `since_ms` or later."""
    wanted = set(records)
    counts = [0, 0, 0]
    for partition in {partition for _, partition, _ in records}:
        for entry in read_journal(kafka_options, [partition], since_ms):
            if entry.cause in wanted:
                fact: Any = entry.fact
                counts = [sum(pair) for pair in zip(counts, line_counts(fact), strict=True)]
    return Verdict(*counts)
