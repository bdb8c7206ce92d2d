"""Publishes dead letters again, each at most once, or gives them up; what was done is written in the same transaction.

A partition's letters are one desk's at a time: the transactional id fences another one, and outcomes are read after
that. The pool remembers events for its late limit only; for older letters the journal tells what was taken meanwhile.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from commonshelf.config.pool_config import PoolConfigs
from commonshelf.dead_letters.letters import Letter, Place, read_outcomes
from commonshelf.dead_letters.pool_progress import EventName, Taken, taken_since
from messaging.client_options import producer_options, quiet
from messaging.errors import UserError
from schemas.codec import topic_codec
from schemas.models.base import DAY_MS
from schemas.models.catalog import CatalogItem
from schemas.models.config import ConfigChange
from schemas.models.dead_letters import DeadLetterOutcome, DeadLetterOutcomeKind
from schemas.partition import partition_of
from schemas.topics import CATALOG_ITEMS, DLQ_OUTCOMES, MESSAGE_MAX_BYTES, POOL_CONFIG
from streams.pool.journal import dead_letter_reasons as reasons

ORIGIN = "operator"
REPLAY_HEADER = "commonshelf.replay_of"
"""Of a record that was published for a dead letter: that letter's place."""

_TRANSACTION_LETTERS = 200
_TRANSACTION_BYTES = 4 * 1024 * 1024
_CALL_TIMEOUT_S = 20.0
_REASON_MAX = 200
_CLOCKS_DIFFER_MS = 60_000
_OPTIONS = {
    "client.id": "commonshelf-dead-letter-desk",
    # The pool's workers read no further than an open transaction: one that a killed desk left must end soon.
    "transaction.timeout.ms": 5_000,
    "compression.type": "none",  # settings among them are read by the agents' client, which lacks lz4
    "message.max.bytes": MESSAGE_MAX_BYTES,
}
_FENCED = (
    KafkaError._FENCED,  # noqa: SLF001  the client has no public name for it
    KafkaError.PRODUCER_FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
)


class DeskTakenError(UserError):
    """Another desk has begun on the same letters."""


@dataclass(frozen=True)
class Done:
    """The end of a letter: its outcome, and when its replay was appended by the broker's clock."""

    letter: Letter
    outcome: DeadLetterOutcome
    appended_at_ms: int = 0


class Desk:
    """The desk of one operator's command. `now_ms` is the operator's clock, ms since 1970 UTC."""

    def __init__(self, kafka_options: Mapping[str, str], partitions: int, config: PoolConfigs, now_ms: int) -> None:
        self._kafka_options = kafka_options
        self._partitions = partitions
        self._config = config
        self._now_ms = now_ms

    def replay(self, letters: Iterable[Letter], reason: str) -> list[Done]:
        """Publish letters again that were not yet. A discarded one may be replayed after all.

        The letters are values of their topics. Lines that were taken since are left out.
        Raises DeskTakenError, KafkaException.
        """
        done: list[Done] = []
        for producer, due in self._due(letters, {DeadLetterOutcomeKind.replayed, DeadLetterOutcomeKind.superseded}):
            taken = self._taken(due)
            for batch in _batches(due):
                with _transaction(producer):
                    made = self._publish(producer, batch, taken, reason)
                    _tell(producer, made)
                done += made
        return done

    def discard(self, letters: Iterable[Letter], reason: str) -> list[Done]:
        """Give up letters with which nothing was done yet. Raises DeskTakenError, KafkaException."""
        done: list[Done] = []
        for producer, due in self._due(letters, set(DeadLetterOutcomeKind)):
            for batch in _batches(due):
                made = [
                    Done(letter, self._outcome(letter, DeadLetterOutcomeKind.discarded, reason)) for letter in batch
                ]
                with _transaction(producer):
                    _tell(producer, made)
                done += made
        return done

    def _due(
        self, letters: Iterable[Letter], final: set[DeadLetterOutcomeKind]
    ) -> Iterator[tuple[Producer, list[Letter]]]:
        """By partition: a producer that no other desk shares, and the letters without a final outcome."""
        in_order = sorted(letters, key=lambda letter: (letter.place.partition, letter.appended_at_ms, letter.place))
        for partition, group in groupby(in_order, lambda letter: letter.place.partition):
            name = f"commonshelf-dead-letter-desk-{partition}"
            producer = Producer(producer_options(quiet(self._kafka_options)) | _OPTIONS | {"transactional.id": name})
            with _fenced_is_told():
                producer.init_transactions(_CALL_TIMEOUT_S)
            # Read only now: whatever an earlier desk had open is decided, and it can begin nothing more.
            outcomes = {Place.of(o.letter): o.outcome for o in read_outcomes(self._kafka_options, [partition])}
            yield producer, [letter for letter in group if outcomes.get(letter.place) not in final]

    def _taken(self, letters: Sequence[Letter]) -> dict[tuple[str, EventName], Taken]:
        """The part that the journal shows as taken of those letters' events that the pool may have forgotten."""
        old: dict[str, list[Letter]] = {}
        for letter in letters:
            if letter.lines and letter.pool is not None and self._may_be_forgotten(letter):
                old.setdefault(letter.pool, []).append(letter)
        found: dict[tuple[str, EventName], Taken] = {}
        for pool, group in old.items():
            names = {_name(letter) for letter in group}
            since_ms = min(self._first_taken_ms(letter) for letter in group)
            home = partition_of(pool, self._partitions)
            taken = taken_since(self._kafka_options, home, since_ms, pool, names)
            found |= {(pool, name): what for name, what in taken.items()}
        return found

    def _may_be_forgotten(self, letter: Letter) -> bool:
        """A pool remembers an event for more than a day, by whatever late limit it had; what is too late, maybe not."""
        return letter.reason == reasons.TOO_LATE or bool(_event(letter)["recorded_at_ms"] < self._now_ms - DAY_MS)

    def _first_taken_ms(self, letter: Letter) -> int:
        """The earliest time at which the event may have been taken: as it happened, by any clock that was believed."""
        skew_ms = self._config.catalogs[str(letter.pool)].pool["future_skew_ms"]
        occurred_ms: int = _event(letter)["occurred_at_ms"]
        return max(min(letter.appended_at_ms, occurred_ms) - 2 * skew_ms - _CLOCKS_DIFFER_MS, 0)

    def _publish(
        self, producer: Producer, letters: Sequence[Letter], taken: Mapping[tuple[str, EventName], Taken], reason: str
    ) -> list[Done]:
        """Produce what is due of each letter, and wait until Kafka has it."""
        appended: dict[Place, Message] = {}
        failed: list[KafkaError] = []
        superseded: dict[Place, str] = {}

        def publish(letter: Letter, value: bytes) -> None:
            def on_delivery(error: KafkaError | None, message: Message) -> None:
                if error is None:
                    appended[letter.place] = message
                else:
                    failed.append(error)

            producer.produce(
                letter.input_topic,
                value,
                _key(letter),
                partition_of(str(letter.pool), self._partitions),
                on_delivery=on_delivery,
                headers=[(REPLAY_HEADER, str(letter.place).encode())],
            )

        for letter in letters:
            known = taken.get((str(letter.pool), _name(letter))) if letter.lines else None
            value, why = _still_due(letter, known, self._now_ms)
            if value is None:
                superseded[letter.place] = why
            else:
                publish(letter, value)
        producer.flush(_CALL_TIMEOUT_S)
        if failed or len(appended) + len(superseded) < len(letters):
            raise KafkaException(failed[0] if failed else KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001
        return [
            Done(letter, self._outcome(letter, DeadLetterOutcomeKind.superseded, superseded[letter.place]))
            if letter.place in superseded
            else self._replayed(letter, appended[letter.place], reason)
            for letter in letters
        ]

    def _replayed(self, letter: Letter, message: Message, reason: str) -> Done:
        place = Place(str(message.topic()), message.partition() or 0, message.offset() or 0)
        outcome = self._outcome(letter, DeadLetterOutcomeKind.replayed, reason, place)
        return Done(letter, outcome, message.timestamp()[1])

    def _outcome(
        self, letter: Letter, kind: DeadLetterOutcomeKind, reason: str, replayed_to: Place | None = None
    ) -> DeadLetterOutcome:
        return DeadLetterOutcome(
            letter=letter.place.to_model(),
            outcome=kind,
            at_ms=self._now_ms,
            origin=ORIGIN,
            reason=reason[:_REASON_MAX],
            replayed_to=None if replayed_to is None else replayed_to.to_model(),
        )


def _still_due(letter: Letter, known: Taken | None, now_ms: int) -> tuple[bytes | None, str]:
    """The part of a letter to publish when the journal shows `known` of its event; None, and why, for nothing."""
    if not letter.lines:
        return letter.value, ""
    event = _event(letter)
    version, due = event["source"]["version"], list(letter.lines)
    if known is not None and known.version > version:
        return None, f"version {known.version} of the event was taken meanwhile"
    if known is not None and known.version == version:
        due = [line for line in due if line["line_id"] not in known.line_ids]
    if not due:
        return None, "its lines were taken meanwhile"
    return topic_codec(letter.input_topic).encode(_told_again({**event, "lines": due}, now_ms)), ""


def _told_again(event: dict[str, Any], now_ms: int) -> dict[str, Any]:
    """The event as it is published again: it keeps its lateness, and its publishing has a time of its own."""
    told_ms = event["recorded_at_ms"] if event["told_at_ms"] is None else event["told_at_ms"]
    return {**event, "recorded_at_ms": now_ms, "told_at_ms": min(told_ms, now_ms)}


def _event(letter: Letter) -> dict[str, Any]:
    if letter.event is None:
        raise ValueError(f"{letter.place} cannot be replayed: its bytes are no value of {letter.input_topic}")
    return letter.event


def _name(letter: Letter) -> EventName:
    return EventName.of(letter.input_topic, _event(letter))


def _key(letter: Letter) -> str:
    """The key that the input topic asks for: a compacted one keeps the newest of each."""
    event = _event(letter)
    if letter.input_topic == POOL_CONFIG.name:
        return ConfigChange.from_avro(event).key
    if letter.input_topic == CATALOG_ITEMS.name:
        return CatalogItem.model_validate(event).key
    return str(event["pool"])


def _batches(letters: Sequence[Letter]) -> Iterator[list[Letter]]:
    """Runs of letters that fit into one transaction."""
    batch: list[Letter] = []
    size = 0
    for letter in letters:
        weight = len(letter.value or b"")
        if batch and (len(batch) == _TRANSACTION_LETTERS or size + weight > _TRANSACTION_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(letter)
        size += weight
    if batch:
        yield batch


def _tell(producer: Producer, made: Sequence[Done]) -> None:
    codec = topic_codec(DLQ_OUTCOMES.name)
    for one in made:
        value = codec.encode(one.outcome.to_avro())
        producer.produce(DLQ_OUTCOMES.name, value, one.outcome.key, one.letter.place.partition)


@contextmanager
def _transaction(producer: Producer) -> Iterator[None]:
    """All that is produced within, or nothing of it."""
    with _fenced_is_told():
        producer.begin_transaction()
        try:
            yield
        except BaseException as error:
            if not (isinstance(error, KafkaException) and error.args[0].code() in _FENCED):
                producer.abort_transaction(_CALL_TIMEOUT_S)
            raise
        producer.commit_transaction(_CALL_TIMEOUT_S)


@contextmanager
def _fenced_is_told() -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        if error.args[0].code() in _FENCED:
            raise DeskTakenError(
                "another operator's command has begun on the dead letters of this pool; what this one had finished "
                "stands, nothing was done twice: run it again for the rest"
            ) from error
        raise
