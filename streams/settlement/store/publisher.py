"""Tells other services what the settlement database has: each transaction once, each closed window's statements.

The database is the outbox. What is published of a pool stands on a compacted topic of its own, written in the Kafka
transaction that publishes it: a process that dies anywhere leaves both or neither, and one that was thought dead is
fenced by its transactional id. So nothing is missing and nothing comes twice, whatever becomes of the database. A topic
that was made anew is noticed before the next transaction, or within a minute, and gets all that it has not.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from messaging.client_options import ClientOptions, producer_options, quiet
from messaging.cluster import TopicIdentities, UnreachableError
from schemas.codec import topic_codec
from schemas.partition import partition_of
from schemas.topics import MESSAGE_MAX_BYTES, SETTLEMENT_POSTINGS, SETTLEMENT_PUBLISHED, SETTLEMENT_STATEMENTS
from schemas.types.settlement import LedgerTransaction, PublishedUntil, SettlementStatement
from streams.runtime.failpoints import failpoint
from streams.runtime.sink import SinkFenced, SinkStopped
from streams.settlement.netting import net
from streams.settlement.store.database import reading
from streams.settlement.store.messages import statement_key, statement_messages, transaction_message
from streams.settlement.store.published import TOPICS, Published
from streams.settlement.store.queries import (
    Head,
    closed_windows_of,
    count_transactions,
    heads_of,
    owed_between,
    transactions_of,
    window_sums_of,
)

log = logging.getLogger(__name__)
TRANSACTIONAL_ID = "commonshelf-settlement"
_AT_ONCE = 1_000
"""Transactions of the ledger that one of Kafka's takes at most."""
_PAUSE_S = 0.2
_AFTER_FAILURE_S = 1.0
_LOOK_EVERY_S = 60.0
"""How often the topics are looked at while nothing is published."""
_CALL_TIMEOUT_S = 10.0
_OPTIONS = {
    "transactional.id": TRANSACTIONAL_ID,
    "transaction.timeout.ms": 60_000,
    "linger.ms": 5,
    "message.max.bytes": MESSAGE_MAX_BYTES,
}
_FENCED = (
    KafkaError._FENCED,  # noqa: SLF001  the client has no public name for it
    KafkaError.PRODUCER_FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
)
_WITHOUT_REASON = (KafkaError._STATE, KafkaError._FATAL)  # noqa: SLF001  no public names
"""What a call is refused with after an earlier one failed; who ends the transaction is told why."""


class Publisher:
    """Publishes what the database has and Kafka has not."""

    def __init__(self, kafka_options: ClientOptions, partitions: int, engine: Engine) -> None:
        """Fences whoever published before. Raises KafkaException, UnreachableError, TimeoutError, SinkStopped."""
        self._partitions = partitions
        self._engine = engine
        self._failed: list[KafkaError] = []
        self._encoders = {
            topic.name: topic_codec(topic.name).encode
            for topic in (SETTLEMENT_POSTINGS, SETTLEMENT_STATEMENTS, SETTLEMENT_PUBLISHED)
        }
        self._producer = Producer(producer_options(quiet(kafka_options)) | _OPTIONS)
        self._producer.init_transactions(_CALL_TIMEOUT_S)
        # Read only now: what another had open is decided, and it can begin nothing more.
        self._topics = TopicIdentities(kafka_options, TOPICS)
        self._identities = self._identities_now()
        self._look_at_s = time.monotonic() + _LOOK_EVERY_S
        self._published = Published(kafka_options, self._identities)
        self._looked_at: dict[str, int] = {}
        """Pool → journal position up to which nothing is left to publish."""

    @property
    def until(self) -> Mapping[str, PublishedUntil]:
        """Pool → how far it is published; it goes on as this publishes."""
        return self._published.until

    def publish(self) -> bool:
        """One step of each pool; whether there may be more at once.

        Raises KafkaException, SQLAlchemyError, SinkStopped; TopicMadeAnewError, after which another publisher is made.
        """
        is_more = False
        if time.monotonic() >= self._look_at_s:
            self._look_at_topics()
        with reading(self._engine) as connection:
            for head in heads_of(connection):
                if self._looked_at.get(head.pool, 0) < head.position:
                    self._check_prefix(connection, head)
                    is_whole = self._publish_pool(connection, head.pool)
                    if is_whole:
                        self._looked_at[head.pool] = head.position
                    is_more |= not is_whole
        return is_more

    def _publish_pool(self, connection: Connection, pool: str) -> bool:
        until = self._published.of(pool)
        after = (until["posted_position"], until["sequence"])
        found = transactions_of(connection, pool, after=after, limit=_AT_ONCE)
        is_whole = len(found) < _AT_ONCE
        statements: list[SettlementStatement] = []
        if found:
            until = until | {"posted_position": found[-1].posted_position, "sequence": found[-1].sequence}
        if is_whole:  # statements stand behind all that they sum up
            closed = [one for one in closed_windows_of(connection, pool) if one.end_ms > until["windows_until_ms"]]
            for window in closed[:1]:  # one at a time, so that a commit ends in time however many there are
                until = until | {"windows_until_ms": window.end_ms}
                netted = net(owed_between(connection, pool, window.start_ms))
                statements = list(statement_messages(window, window_sums_of(connection, pool, window), netted))
            is_whole = len(closed) <= 1
        if until != self._published.told(pool):
            self._store([transaction_message(one) for one in found], statements, until)
        return is_whole

    def _store(
        self, transactions: list[LedgerTransaction], statements: list[SettlementStatement], until: PublishedUntil
    ) -> None:
        """All of it in one Kafka transaction. Raises KafkaException, TopicMadeAnewError."""
        self._look_at_topics()
        pool, self._failed = until["pool"], []
        try:
            self._producer.begin_transaction()
            for transaction in transactions:
                self._produce(SETTLEMENT_POSTINGS.name, pool, pool, transaction)
            for statement in statements:
                self._produce(SETTLEMENT_STATEMENTS.name, statement_key(statement), pool, statement)
            failpoint("after_produce", len(transactions))
            self._produce(SETTLEMENT_PUBLISHED.name, pool, pool, until)
            self._producer.commit_transaction(_CALL_TIMEOUT_S)
        except KafkaException as error:
            if error.args[0].code() in _WITHOUT_REASON:
                self._producer.abort_transaction(_CALL_TIMEOUT_S)
            raise
        if self._failed:
            raise KafkaException(self._failed[0])
        self._published.publish(until)

    def _identities_now(self) -> dict[str, str]:
        return {topic: identity.name for topic, identity in self._topics.now().items()}

    def _look_at_topics(self) -> None:
        now = self._identities_now()
        anew = [topic for topic, identity in now.items() if identity != self._identities[topic]]
        if anew:
            raise TopicMadeAnewError(f"{' and '.join(sorted(anew))} was deleted and made anew")
        self._look_at_s = time.monotonic() + _LOOK_EVERY_S

    def _check_prefix(self, connection: Connection, head: Head) -> None:
        """A topic that was made anew while it was written may have got a part alone. Raises SinkStopped."""
        until = self._published.of(head.pool)
        at = (until["posted_position"], until["sequence"])
        if head.pool not in self._published.counts or head.position < at[0]:
            return
        told, known = self._published.counts.pop(head.pool), count_transactions(connection, head.pool, at)
        if told != known:
            raise SinkStopped(
                f"settlement: {SETTLEMENT_POSTINGS.name} was made anew, and up to entry {at[0]}.{at[1]} has {told} "
                f"transactions of pool {head.pool}, the database {known}; nothing was published. Delete that topic, "
                "and start ./shelf up, which makes it: all of them are published then"
            )

    def _produce(
        self, topic: str, key: str, pool: str, value: LedgerTransaction | SettlementStatement | PublishedUntil
    ) -> None:
        encoded, partition = self._encoders[topic](value), partition_of(pool, self._partitions)
        while True:
            try:
                self._producer.produce(topic, encoded, key, partition, on_delivery=self._delivered)
            except BufferError:
                self._producer.poll(_PAUSE_S)
            else:
                self._producer.poll(0)
                return

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._failed.append(error)


class TopicMadeAnewError(RuntimeError):
    """A topic is not the one that the publisher began with."""


def keep_published(make: Callable[[], Publisher], stop: threading.Event) -> None:
    """Publish until `stop` is set. After a failure another publisher begins with what Kafka has.

    Raises SinkFenced when another process has begun to publish, and SinkStopped when how far that is cannot be read.
    """
    publisher: Publisher | None = None
    while not stop.is_set():
        try:
            publisher = publisher or make()
            if not publisher.publish():
                stop.wait(_PAUSE_S)
        except TopicMadeAnewError as error:
            publisher = None
            log.warning("%s; what is not on it is published", error)
        except (KafkaException, SQLAlchemyError, TimeoutError, UnreachableError) as error:
            if isinstance(error, KafkaException) and error.args[0].code() in _FENCED:
                raise SinkFenced(
                    "settlement: another process has begun to publish, so this one has ended; run one `worker "
                    "settlement` of a cluster, and start this one again if the other was stopped"
                ) from error
            publisher = None
            log.warning("postings are not published: %s; it is tried again", error)
            stop.wait(_AFTER_FAILURE_S)
