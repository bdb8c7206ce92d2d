"""Lines of stores' tills that the pools have set aside and that wait, followed in Kafka to tell the store of them."""

import threading
from collections.abc import Collection, Iterator, Sequence

from confluent_kafka import Consumer, KafkaException, Message

from commonshelf.dead_letters.letters import INPUT_OF, Letter, Place, letter_of
from connectors.context import LineSetAside
from messaging.client_options import ClientOptions, quiet
from messaging.log_reader import log_consumer, until_end, what_has_come
from messaging.publisher import PublishFailed
from schemas.codec import BadMessage, topic_codec
from schemas.models.dead_letters import DeadLetterOutcome
from schemas.topics import DLQ_OUTCOMES, POS_SALES, POS_STOCK, dead_letter_topic

_TOPICS = [dead_letter_topic(POS_SALES.name), dead_letter_topic(POS_STOCK.name), DLQ_OUTCOMES.name]
_decode_outcome = topic_codec(DLQ_OUTCOMES.name).decode


class SetAsideLines:
    """Follows the dead letters of the stores that are named, (pool, store). Thread-safe."""

    def __init__(self, kafka_options: ClientOptions, stores: Collection[tuple[str, str]]) -> None:
        self._kafka_options = quiet(kafka_options)
        self._lock = threading.Lock()
        self._consumer: Consumer | None = None
        self._stores = stores
        self._waiting = WaitingLetters(stores)

    def of(self, pool: str, store: str) -> Sequence[LineSetAside]:
        """The lines of `store` that wait now, oldest first. Raises PublishFailed while Kafka does not answer."""
        with self._lock:
            try:
                self._catch_up()
            except (KafkaException, TimeoutError) as error:
                self._begin_anew()
                raise PublishFailed(f"Kafka does not say what was set aside: {error}") from error
            return self._waiting.of(pool, store)

    def close(self) -> None:
        """Close the connection to Kafka."""
        with self._lock:
            self._begin_anew()

    def _begin_anew(self) -> None:
        """Forget what was read: after an error part of a batch is lost, and a topic may be another one."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None
        self._waiting = WaitingLetters(self._stores)

    def _catch_up(self) -> None:
        """Take what has come since, from the beginning the first time."""
        if self._consumer is None:
            consumer = log_consumer(self._kafka_options, _TOPICS)
            try:
                for message in until_end(consumer):
                    self._waiting.take(message)
            except BaseException:
                consumer.close()
                raise
            self._consumer = consumer
        for message in what_has_come(self._consumer):
            self._waiting.take(message)


class WaitingLetters:
    """Dead letters of some stores that nothing was done with.

    Letters come in the order of their partitions, outcomes before or after them.
    """

    def __init__(self, stores: Collection[tuple[str, str]]) -> None:
        self._lines: dict[tuple[str, str], dict[Place, tuple[LineSetAside, ...]]] = {store: {} for store in stores}
        self._read: dict[tuple[str, int], int] = {}
        """(topic, partition) of letters → the offset of the last that was taken."""
        self._done: set[Place] = set()
        """Letters that are still to come, with the outcome known."""

    def take(self, message: Message) -> None:
        """A record of one of the topics, in its order there."""
        if message.topic() in INPUT_OF:
            letter = letter_of(message)
            self._read[letter.place.topic, letter.place.partition] = letter.place.offset
            of_store = self._lines.get((letter.pool or "", letter.store or ""))
            if letter.place in self._done:
                self._done.remove(letter.place)
            elif of_store is not None:
                of_store[letter.place] = tuple(_lines(letter))
            return
        try:
            outcome = DeadLetterOutcome.model_validate(_decode_outcome(message.value()))
        except (BadMessage, ValueError):
            return  # of a later release: the desks refuse to go on there, and the letter is shown as waiting
        place = Place.of(outcome.letter)
        if place.offset > self._read.get((place.topic, place.partition), -1):
            self._done.add(place)
        for of_store in self._lines.values():
            of_store.pop(place, None)

    def of(self, pool: str, store: str) -> Sequence[LineSetAside]:
        """The lines of the store's letters, oldest first. Of one that was set aside more than once, the last."""
        told = [(line.set_aside_at_ms, place, line) for place, of in self._lines[pool, store].items() for line in of]
        told.sort(key=lambda one: one[:2])
        newest = {(line.is_sale, line.source_id, line.line_id): line for _, _, line in told}
        return sorted(newest.values(), key=lambda line: line.set_aside_at_ms)


def _lines(letter: Letter) -> Iterator[LineSetAside]:
    event = letter.event
    if event is None:
        return
    for line in letter.lines:
        yield LineSetAside(
            is_sale=letter.input_topic == POS_SALES.name,
            source_id=event["source"]["id"],
            line_id=line["line_id"],
            code=line["code"],
            quantity_milli=line["quantity_milli"],
            unit=line["unit"],
            occurred_at_ms=event["occurred_at_ms"],
            recorded_at_ms=event["recorded_at_ms"],
            set_aside_at_ms=letter.appended_at_ms,
            reason=letter.reason,
        )
