"""Dead letters as an operator sees them: where each stood, why it was set aside, what it holds, what became of it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from confluent_kafka import Message

from messaging.errors import UserError
from messaging.log_reader import read_log
from schemas.codec import BadMessage, topic_codec
from schemas.models.dead_letters import DeadLetterOutcome, DeadLetterOutcomeKind, RecordPlace
from schemas.topics import DLQ_OUTCOMES, POS_SALES, POS_STOCK, TOPICS, dead_letter_topic
from streams.pool.journal.dead_letters import CUT_HEADER, REASON_HEADER

INPUT_OF: Mapping[str, str] = {
    dead_letter_topic(name): name for name, topic in TOPICS.items() if topic.has_dead_letters
}
"""Dead-letter topic → the input topic whose records it holds."""

_ERRORS = "__connect.errors."
_PLACE = re.compile(r"(.+)/(\d{1,9})/(\d{1,18})")


class OutcomeUnreadableError(UserError):
    """A record of what was done with a dead letter is no value of its topic."""


class Place(NamedTuple):
    """The place of a record, written topic/partition/offset; it names a dead letter."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Raises ValueError for what is not written topic/partition/offset."""
        found = _PLACE.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} names no dead letter; write it as `dlq list` does, pos.sales.dlq.v1/3/17")
        return cls(found[1], int(found[2]), int(found[3]))

    @classmethod
    def of(cls, record: RecordPlace) -> "Place":
        return cls(record.topic, record.partition, record.offset)

    def to_model(self) -> RecordPlace:
        return RecordPlace(topic=self.topic, partition=self.partition, offset=self.offset)


@dataclass(frozen=True)
class Letter:
    """A dead letter. `event` is its value decoded, None when the bytes are no value of the input topic."""

    place: Place
    appended_at_ms: int
    cause: Place | None
    """The input record that it was made of."""
    reason: str
    message: str
    cut: str | None
    """Why the value here is not the whole one, and where that is."""
    key: bytes | None
    value: bytes | None
    event: dict[str, Any] | None
    outcome: DeadLetterOutcome | None = None
    replay_of: Place | None = None
    """The letter whose replay was set aside as this one."""
    again: tuple[Place, ...] = ()
    """The letters as which its own replay was set aside."""

    @property
    def input_topic(self) -> str:
        return INPUT_OF[self.place.topic]

    @property
    def pool(self) -> str | None:
        return None if self.event is None else str(self.event["pool"])

    @property
    def store(self) -> str | None:
        return None if self.event is None else self.event.get("store")

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines of a sale or a stock report."""
        is_pos = self.event is not None and self.input_topic in (POS_SALES.name, POS_STOCK.name)
        return list(self.event["lines"]) if self.event is not None and is_pos else []

    @property
    def state(self) -> str:
        """The state for people: waiting, replayed, set aside again, discarded or superseded."""
        if self.outcome is None:
            return "waiting"
        if self.outcome.outcome is DeadLetterOutcomeKind.replayed and self.again:
            return "set aside again"
        return self.outcome.outcome.value

    @property
    def is_waiting(self) -> bool:
        return self.outcome is None


@dataclass(frozen=True)
class Filter:
    """A choice of letters; what is None takes all."""

    pool: str | None = None
    topic: str | None = None
    """Of the letters or of the input."""
    store: str | None = None
    reason: str | None = None
    code: str | None = None
    since_ms: int | None = None

    def takes(self, letter: Letter) -> bool:
        return (
            self.pool in (None, letter.pool)
            and self.topic in (None, letter.place.topic, letter.input_topic)
            and self.store in (None, letter.store)
            and self.reason in (None, letter.reason)
            and (self.code is None or any(line["code"] == self.code for line in letter.lines))
            and (self.since_ms is None or letter.appended_at_ms >= self.since_ms)
        )


def read_letters(kafka_options: Mapping[str, str]) -> list[Letter]:
    """All dead letters that Kafka still has, oldest first. Raises KafkaException, TimeoutError."""
    told = read_outcomes(kafka_options)
    return joined([letter_of(message) for message in read_log(kafka_options, list(INPUT_OF))], told)


def read_outcomes(kafka_options: Mapping[str, str], partitions: list[int] | None = None) -> list[DeadLetterOutcome]:
    """The outcomes of dead letters, in their order within a partition.

    Raises OutcomeUnreadableError: whoever skipped a record could replay a letter twice.
    """
    found = []
    for message in read_log(kafka_options, [DLQ_OUTCOMES.name], partitions):
        try:
            found.append(DeadLetterOutcome.model_validate(topic_codec(DLQ_OUTCOMES.name).decode(message.value())))
        except ValueError as error:
            raise OutcomeUnreadableError(
                f"{DLQ_OUTCOMES.name}[{message.partition()}] offset {message.offset()} cannot be read ({error}), so it "
                "is not known which letters are done with; was it written by a newer release? Then use that one"
            ) from None
    return found


def joined(letters: Iterable[Letter], outcomes: Sequence[DeadLetterOutcome]) -> list[Letter]:
    """The letters with what became of them, oldest first. Of several outcomes the last one counts."""
    by_letter = {Place.of(outcome.letter): outcome for outcome in outcomes}
    by_replay = {Place.of(o.replayed_to): Place.of(o.letter) for o in outcomes if o.replayed_to is not None}
    found = sorted(letters, key=lambda letter: (letter.appended_at_ms, letter.place))
    again: dict[Place, list[Place]] = {}
    for letter in found:
        if letter.cause in by_replay:
            again.setdefault(by_replay[letter.cause], []).append(letter.place)
    return [
        Letter(
            **{
                **vars(letter),
                "outcome": by_letter.get(letter.place),
                "replay_of": by_replay.get(letter.cause) if letter.cause else None,
                "again": tuple(again.get(letter.place, ())),
            }
        )
        for letter in found
    ]


def letter_of(message: Message) -> Letter:
    """The letter that a record of a dead-letter topic is."""
    topic, value = str(message.topic()), message.value()
    headers = _headers(message)
    cut = headers.get(CUT_HEADER)
    return Letter(
        place=Place(topic, message.partition() or 0, message.offset() or 0),
        appended_at_ms=message.timestamp()[1],
        cause=_cause(headers),
        reason=headers.get(REASON_HEADER, "unknown"),
        message=headers.get(f"{_ERRORS}exception.message", ""),
        cut=cut,
        key=message.key(),
        value=value,
        event=None if cut else _decoded(INPUT_OF[topic], value),
    )


def _headers(message: Message) -> dict[str, str]:
    raw: Any = message.headers() or ()
    return {name: (text or b"").decode(errors="replace") for name, text in raw}


def _cause(headers: Mapping[str, str]) -> Place | None:
    try:
        return Place.parse("/".join(headers.get(_ERRORS + part, "") for part in ("topic", "partition", "offset")))
    except ValueError:
        return None


def _decoded(topic: str, value: bytes | None) -> dict[str, Any] | None:
    try:
        event: dict[str, Any] = topic_codec(topic).decode(value)
    except BadMessage:
        return None
    return event
