"""Positions up to which settlement is published: as their topic says, or, of one made anew, as what is on it shows."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from messaging.client_options import ClientOptions
from messaging.log_reader import read_log, read_table
from schemas.codec import BadMessage, LaterSchema, topic_codec
from schemas.topics import SETTLEMENT_POSTINGS, SETTLEMENT_PUBLISHED, SETTLEMENT_STATEMENTS
from schemas.types.settlement import PublishedUntil
from streams.runtime.sink import SinkStopped

TOPICS = (SETTLEMENT_POSTINGS.name, SETTLEMENT_STATEMENTS.name, SETTLEMENT_PUBLISHED.name)


class Published:
    """Positions of the pools on the topics that there are now."""

    def __init__(self, kafka_options: ClientOptions, identities: Mapping[str, str]) -> None:
        """Reads it. identities: of all `TOPICS`, by name. Raises KafkaException, TimeoutError, SinkStopped."""
        self._identities = identities
        table = read_table(kafka_options, SETTLEMENT_PUBLISHED.name)
        self.until: dict[str, PublishedUntil] = {
            key.decode(): _decoded(SETTLEMENT_PUBLISHED.name, value) for key, value in table.items()
        }
        """By pool."""
        self._told = dict(self.until)
        self.counts: Counter[str] = Counter()
        """Pool → transactions on the topic of postings, of pools whose postings were looked through."""
        told = self.until.values()
        if not table or any(one["postings_topic"] != identities[SETTLEMENT_POSTINGS.name] for one in told):
            self._look_through_postings(kafka_options)
        if not table or any(one["statements_topic"] != identities[SETTLEMENT_STATEMENTS.name] for one in told):
            self._look_through_statements(kafka_options)

    def of(self, pool: str) -> PublishedUntil:
        """How far a pool is published."""
        return self.until.get(pool) or self._nothing(pool)

    def told(self, pool: str) -> PublishedUntil:
        """The same as its topic says."""
        return self._told.get(pool) or self._nothing(pool)

    def publish(self, until: PublishedUntil) -> None:
        """Take note of what was published, and told."""
        self.until[until["pool"]] = self._told[until["pool"]] = until

    def _nothing(self, pool: str) -> PublishedUntil:
        return {
            "pool": pool, "posted_position": 0, "sequence": -1, "windows_until_ms": 0,
            "postings_topic": self._identities[SETTLEMENT_POSTINGS.name],
            "statements_topic": self._identities[SETTLEMENT_STATEMENTS.name],
        }  # fmt: skip

    def _look_through_postings(self, kafka_options: ClientOptions) -> None:
        topic = SETTLEMENT_POSTINGS.name
        anew = {pool: self._nothing(pool) for pool in self.until}
        for message in read_log(kafka_options, [topic]):
            one = _decoded(topic, message.value())
            anew.setdefault(one["pool"], self._nothing(one["pool"]))
            anew[one["pool"]] |= {"posted_position": one["posted_position"], "sequence": one["sequence"]}
            self.counts[one["pool"]] += 1
        for pool, found in anew.items():
            self.until[pool] = found | {
                "windows_until_ms": self.of(pool)["windows_until_ms"],
                "statements_topic": self.of(pool)["statements_topic"],
            }

    def _look_through_statements(self, kafka_options: ClientOptions) -> None:
        topic, latest_ms = SETTLEMENT_STATEMENTS.name, dict.fromkeys(self.until, 0)
        for value in read_table(kafka_options, topic).values():
            one = _decoded(topic, value)
            latest_ms[one["pool"]] = max(one["end_ms"], latest_ms.get(one["pool"], 0))
        for pool, until_ms in latest_ms.items():
            self.until[pool] = self.of(pool) | {
                "windows_until_ms": until_ms, "statements_topic": self._identities[topic],
            }  # fmt: skip


def _decoded(topic: str, value: bytes | None) -> Any:
    try:
        return topic_codec(topic).decode(value or b"")
    except BadMessage as error:
        what_to_do = (
            "start the release that writes it"
            if isinstance(error, LaterSchema)
            else "restore the topic, which settlement alone writes"
        )
        raise SinkStopped(
            f"settlement: how far it is published cannot be read from {topic}: {error}; nothing was published; "
            f"{what_to_do}"
        ) from error
