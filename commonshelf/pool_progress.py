"""How far the pool's workers have come, and what they made of records: from their offsets and the journal."""

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException
from confluent_kafka.admin import AdminClient

from commonshelf.config.settings import LEDGER_GROUP
from messaging.log_reader import read_log
from schemas.codec import topic_codec
from schemas.topics import POOL_JOURNAL, POS_SALES, POS_STOCK
from streams.pool.facts import line_counts

_POLL_S = 0.05
_NEEDLES_MAX = 100
_EVENT_TOPICS = {"commonshelf.SaleRecorded": POS_SALES.name, "commonshelf.StockReportRecorded": POS_STOCK.name}


class Entry(NamedTuple):
    """A journal entry: its pool, its cause, and the fact by its Avro name."""

    pool: str
    topic: str
    offset: int
    kind: str
    fields: dict[str, Any]


class EventName(NamedTuple):
    """What names a till's event apart from its version."""

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
    admin = AdminClient({**kafka_options, "log_level": 0})
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
        if error.args[0].retriable():
            return {}
        raise
    return {(part.topic, part.partition): part.offset for part in parts if part.offset >= 0}


def journal_since(
    kafka_options: Mapping[str, str], partition: int, since_ms: int, needles: Collection[str] = ()
) -> Iterator[Entry]:
    """The entries of a partition's pools that were written at `since_ms` or later, by the broker's clock.

    Of pages that hold none of the texts in `needles` nothing is told: most pages need not be decoded then.
    """
    wanted = [needle.encode() for needle in needles] if len(needles) <= _NEEDLES_MAX else []
    decode = topic_codec(POOL_JOURNAL.name).decode
    for message in read_log(kafka_options, [POOL_JOURNAL.name], [partition], since_ms):
        value = message.value() or b""
        if wanted and not any(needle in value for needle in wanted):
            continue
        page = decode(value)
        for entry in page["entries"]:
            yield Entry(page["pool"], entry["topic"], entry["offset"], *entry["fact"])


def taken_since(
    kafka_options: Mapping[str, str], partition: int, since_ms: int, pool: str, names: Collection[EventName]
) -> dict[EventName, Taken]:
    """Which lines of a pool's events its journal shows as applied at `since_ms` or later."""
    found: dict[EventName, Taken] = {}
    for entry in journal_since(kafka_options, partition, since_ms, {name.id for name in names}):
        topic = _EVENT_TOPICS.get(entry.kind)
        if topic is None or entry.pool != pool:
            continue
        event = entry.fields["event"]
        name, version = EventName.of(topic, event), event["source"]["version"]
        if name not in names or entry.fields["stale_lines"]:
            continue
        if name not in found or version > found[name].version:
            found[name] = Taken(version)
        applied = (*entry.fields["applied"], *entry.fields.get("counted", ()))
        found[name].line_ids.update(event["lines"][line["line"]]["line_id"] for line in applied)
    return found


@dataclass(frozen=True)
class Verdict:
    """What the pool made of replayed lines."""

    applied: int
    absorbed: int
    """Known already."""
    set_aside: int


def verdict_on(kafka_options: Mapping[str, str], records: Collection[tuple[str, int, int]], since_ms: int) -> Verdict:
    """What the journal says of input records (topic, partition, offset) appended at `since_ms` or later."""
    counts = [0, 0, 0]
    for partition in {partition for _, partition, _ in records}:
        offsets = {(topic, offset) for topic, home, offset in records if home == partition}
        for entry in journal_since(kafka_options, partition, since_ms):
            if (entry.topic, entry.offset) in offsets:
                counts = [sum(pair) for pair in zip(counts, line_counts((entry.kind, entry.fields)), strict=True)]
    return Verdict(*counts)
