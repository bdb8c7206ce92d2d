"""The records that a subscription follows, from where it goes on."""

from collections.abc import Iterator, Mapping, Sequence

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition
from confluent_kafka import Message as Record

from commonshelf.web.webhooks.messages import TOPIC_OF_KIND, Found
from messaging.client_options import ClientOptions, quiet, reader_options
from messaging.decoding import LaterRecords, decoder
from messaging.log_reader import is_record
from messaging.publisher import PublishFailed
from schemas.models.webhooks import WebhookKind
from schemas.partition import partition_of

_BATCH = 500
_ASK_TIMEOUT_S = 10.0
_KIND_OF_TOPIC = {topic: kind for kind, topic in TOPIC_OF_KIND.items()}


class Feed:
    """Reads the topics of `kinds` of one pool. For one thread.

    Of bands it reads the whole topic: what is another now is known only by what was before.
    """

    def __init__(self, kafka_options: ClientOptions, pool: str, kinds: Sequence[WebhookKind], partitions: int) -> None:
        self._partition = partition_of(pool, partitions)
        self._prefix = f"{pool}/".encode()
        self._kinds = kinds
        self._decode = {kind: decoder(TOPIC_OF_KIND[kind]) for kind in kinds}
        self._consumer = Consumer(
            reader_options(quiet(kafka_options), "commonshelf-webhooks") | {"fetch.wait.max.ms": 50}
        )

    def offsets_at(self, since_ms: int, kinds: Sequence[WebhookKind]) -> dict[WebhookKind, int]:
        """Kind → the offset of the first record that Kafka got at `since_ms` or later. Raises PublishFailed."""
        asked = [TopicPartition(TOPIC_OF_KIND[kind], self._partition, since_ms) for kind in kinds]
        try:
            found = self._consumer.offsets_for_times(asked, _ASK_TIMEOUT_S)
            return {
                _KIND_OF_TOPIC[part.topic]: part.offset if part.offset >= 0 else self._bounds(part.topic)[1]
                for part in found
            }
        except KafkaException as error:
            raise PublishFailed(f"Kafka does not say what it got when: {error}") from error

    def begin(self, places: Mapping[WebhookKind, int]) -> dict[WebhookKind, int]:
        """Read from these places on; returns those that there are no more, with where it begins instead.

        Raises PublishFailed.
        """
        try:
            gone, parts = {}, []
            for kind in self._kinds:
                topic = TOPIC_OF_KIND[kind]
                first, end = self._bounds(topic)
                start = min(max(places[kind], first), end)
                if places[kind] < first:
                    gone[kind] = first
                offset = OFFSET_BEGINNING if kind == "band" else start
                parts.append(TopicPartition(topic, self._partition, offset))
            self._consumer.assign(parts)
        except KafkaException as error:
            raise PublishFailed(f"Kafka does not say what is in the topics: {error}") from error
        return gone

    def next(self, wait_s: float) -> Iterator[Found]:
        """The records that have come; waits so long for the first. Raises PublishFailed.

        Records of other pools, and rows that were forgotten, are left out. After a failure: close, and begin anew.
        """
        try:
            first = self._consumer.poll(wait_s)
            records = [] if first is None else [first, *self._consumer.consume(_BATCH, 0)]
            for record in records:
                if is_record(record) and (record.key() or b"").startswith(self._prefix):
                    found = self._read(record)
                    if found is not None:
                        yield found
        except (KafkaException, LaterRecords) as error:
            raise PublishFailed(f"the topics cannot be read now: {error}") from error

    def close(self) -> None:
        self._consumer.close()

    def _read(self, record: Record) -> Found | None:
        kind = _KIND_OF_TOPIC[str(record.topic())]
        row = self._decode[kind](record.value()) if record.value() is not None else None
        if row is None:
            return None
        name = (record.key() or b"")[len(self._prefix) :].decode(errors="replace")
        return Found(kind, int(record.offset() or 0), int(record.timestamp()[1]), name, row)

    def _bounds(self, topic: str) -> tuple[int, int]:
        first, end = self._consumer.get_watermark_offsets(TopicPartition(topic, self._partition), _ASK_TIMEOUT_S)
        return int(first), int(end)
