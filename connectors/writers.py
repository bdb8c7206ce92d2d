"""The right to write for a connector: of two hosts that run it for one store, the one that began last has it.

What a connector remembers (how far it has read, which call is under way) is written in Kafka transactions whose id
names the store and the connector. Kafka itself refuses those of the older host. A call is stored before it is made, so
a host that is refused makes none.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from messaging.client_options import producer_options, quiet
from messaging.errors import UserError
from messaging.publisher import PublishFailed
from schemas.codec import topic_codec
from schemas.models.connectors import ChannelReservation, ConnectorPosition, PartnerCall
from schemas.partition import partition_of
from schemas.topics import CONNECTOR_POSITIONS, CONNECTOR_WRITEBACKS, PARTNER_CALLS

Remembered = ConnectorPosition | ChannelReservation | PartnerCall
Party = tuple[str, ...]
"""Pool, store, connector; or pool and partner."""

_TIMEOUT_S = 10.0
_SUPERSEDED = (KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH)  # noqa: SLF001  no public name
_TOPIC_OF = {
    ConnectorPosition: CONNECTOR_POSITIONS.name,
    ChannelReservation: CONNECTOR_WRITEBACKS.name,
    PartnerCall: PARTNER_CALLS.name,
}


class Superseded(UserError):
    """Another host has begun to run this connector of this store; this one must leave it alone."""


class Writers:
    """A writer for each connector of a host. Thread-safe.

    kafka_options: librdkafka settings, at least bootstrap.servers. partitions: of every topic.
    """

    def __init__(self, kafka_options: Mapping[str, str], partitions: int) -> None:
        self._options = kafka_options
        self._partitions = partitions
        self._writers: dict[Party, _Writer] = {}
        self._lock = threading.Lock()

    def claim(self, parties: Iterable[Party]) -> None:
        """Be the one that writes for these from now on; what others have under way for them is ended.

        Raises PublishFailed while Kafka does not answer, Superseded for a party that was lost before.
        """
        for party in parties:
            self._of(party).claim()

    def publish_all(self, events: Sequence[Remembered]) -> None:
        """Return when Kafka has the records. Raises PublishFailed, and Superseded when another host has begun."""
        by_party: dict[Party, list[Remembered]] = {}
        for record in events:
            by_party.setdefault(record.party, []).append(record)
        for party, records in by_party.items():
            self._of(party).write([(record, _value(record)) for record in records])

    def forget(self, record: Remembered) -> None:
        """Return when Kafka has it that the record is gone. Raises as `publish_all`."""
        self._of(record.party).write([(record, None)])

    def _of(self, party: Party) -> "_Writer":
        with self._lock:
            if party not in self._writers:
                self._writers[party] = _Writer(self._options, self._partitions, party)
            return self._writers[party]


class _Writer:
    """One transactional producer, made when it is first needed, and made anew after any failure."""

    def __init__(self, kafka_options: Mapping[str, str], partitions: int, party: Party) -> None:
        self._options = producer_options(quiet(kafka_options)) | {
            "transactional.id": f"commonshelf-connectors-{'/'.join(party)}",
            "transaction.timeout.ms": 60_000,
            "delivery.timeout.ms": 10_000,
            "linger.ms": 0,
        }
        self._partitions = partitions
        self._party = party
        self._producer: Producer | None = None
        self._superseded = False
        self._lock = threading.Lock()

    def claim(self) -> None:
        with self._lock:
            self._claimed()

    def write(self, records: Sequence[tuple[Remembered, bytes | None]]) -> None:
        """Write records with their values in one transaction; no value takes a record away."""
        failures: list[KafkaError] = []

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                failures.append(error)

        with self._lock:
            producer = self._claimed()
            try:
                producer.begin_transaction()
                for record, value in records:
                    topic, partition = _TOPIC_OF[type(record)], partition_of(record.pool, self._partitions)
                    producer.produce(topic, value, record.key, partition, on_delivery=delivered)
                producer.commit_transaction(_TIMEOUT_S)
            except KafkaException as error:
                raise self._failed(failures[0] if failures else error.args[0]) from error

    def _claimed(self) -> Producer:
        if self._superseded:
            raise self._lost()
        if self._producer is None:
            producer = Producer(self._options)
            try:
                producer.init_transactions(_TIMEOUT_S)
            except KafkaException as error:
                raise PublishFailed(f"Kafka does not let us begin: {error.args[0].str()}") from error
            self._producer = producer
        return self._producer

    def _failed(self, error: KafkaError) -> UserError:
        """What a failed transaction means; a new producer ends it, unless another host's has done so."""
        self._producer = None
        if error.code() in _SUPERSEDED:
            self._superseded = True
            return self._lost()
        return PublishFailed(f"Kafka did not store what a connector remembers: {error.str()}")

    def _lost(self) -> Superseded:
        pool, *names = self._party
        whom = " of store ".join(reversed(names))
        return Superseded(
            f"another host has begun to run {whom} in pool {pool}, so this one left it alone; "
            "stop one of the two, then start the other again"
        )


def _value(record: Remembered) -> bytes:
    return topic_codec(_TOPIC_OF[type(record)]).encode(record.to_avro())
