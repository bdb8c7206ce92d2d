"""Events to Kafka: idempotent, on the pool's own partition, confirmed when every in-sync replica has them."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from messaging.client_options import ClientOptions, producer_options
from messaging.errors import UserError
from messaging.traces import TRACING
from schemas.codec import RECORD_MAX_BYTES, topic_codec
from schemas.models.access import AccessSetting
from schemas.models.catalog import CatalogItem
from schemas.models.config import ConfigChange
from schemas.models.connectors import ChannelReservation, ConnectorPosition, ConnectorRefusal
from schemas.models.pos import PastSale, Sale, StockReport
from schemas.models.reports import FulfilmentReport
from schemas.models.requests import OrderRequest
from schemas.models.restock import RestockAnswer
from schemas.models.ticks import Tick
from schemas.models.webhooks import WebhookProgress, WebhookSubscription
from schemas.partition import partition_of
from schemas.topics import (
    ACCESS_SETTINGS,
    CATALOG_ITEMS,
    CONNECTOR_POSITIONS,
    CONNECTOR_REFUSALS,
    CONNECTOR_WRITEBACKS,
    FULFILMENT_REPORTS,
    ORDERS_REQUESTS,
    POOL_CONFIG,
    POOL_TICKS,
    POS_HISTORY,
    POS_SALES,
    POS_STOCK,
    RESTOCK_ANSWERS,
    WEBHOOKS_PROGRESS,
    WEBHOOKS_SUBSCRIPTIONS,
)

Event = (
    Sale | StockReport | ConfigChange | CatalogItem | Tick | ConnectorPosition | PastSale
    | OrderRequest | FulfilmentReport | ChannelReservation | ConnectorRefusal | RestockAnswer
    | AccessSetting | WebhookSubscription | WebhookProgress
)  # fmt: skip

TOPIC_OF: Mapping[type[Event], str] = {
    Sale: POS_SALES.name,
    StockReport: POS_STOCK.name,
    ConfigChange: POOL_CONFIG.name,
    CatalogItem: CATALOG_ITEMS.name,
    Tick: POOL_TICKS.name,
    ConnectorPosition: CONNECTOR_POSITIONS.name,
    ChannelReservation: CONNECTOR_WRITEBACKS.name,
    ConnectorRefusal: CONNECTOR_REFUSALS.name,
    PastSale: POS_HISTORY.name,
    OrderRequest: ORDERS_REQUESTS.name,
    FulfilmentReport: FULFILMENT_REPORTS.name,
    RestockAnswer: RESTOCK_ANSWERS.name,
    AccessSetting: ACCESS_SETTINGS.name,
    WebhookSubscription: WEBHOOKS_SUBSCRIPTIONS.name,
    WebhookProgress: WEBHOOKS_PROGRESS.name,
}

_KEYED = (
    ConfigChange | CatalogItem | ConnectorPosition | PastSale | ChannelReservation | AccessSetting
    | WebhookSubscription | WebhookProgress
)  # fmt: skip

_USUAL: Mapping[str, str | int] = {
    "client.id": "commonshelf-connectors",
    "linger.ms": 5,
    "compression.type": "lz4",
    "delivery.timeout.ms": 30_000,
    "queue.buffering.max.messages": 100_000,
    "queue.buffering.max.kbytes": 65_536,
}
_RECORD_ROOM_BYTES = 65_536
"""For key and headers."""
_POLL_S = 0.2


class PublishError(UserError):
    """An event did not reach Kafka.

    PublishError
    ├── PublisherBusy    the local queue is full: wait and publish again
    ├── PublishFailed    Kafka did not confirm it: publish again, a repeat is absorbed
    ├── EventTooLarge    no reader takes a record of this size: never publish it again
    └── TopicMismatch    the topics are not what this process was started for: the operator must act
    """


class PublisherBusy(PublishError):
    pass


class PublishFailed(PublishError):
    pass


class EventTooLarge(PublishError):
    """`events` are too large for Kafka; all others that were published with them are confirmed."""

    def __init__(self, reason: str, events: Sequence["Event"] = ()) -> None:
        super().__init__(reason)
        self.events = tuple(events)


class TopicMismatch(PublishError):
    pass


class Publisher:
    """A producer of events, shared by all connectors of a process. Thread-safe.

    kafka_options: librdkafka settings, at least bootstrap.servers. What exactness needs (acks, idempotence) is
        fixed; linger, compression and limits may be set.
    partitions: of every topic, fixed for life. An event of a pool goes to the partition that `partition_of` says.
    """

    def __init__(self, kafka_options: ClientOptions, partitions: int) -> None:
        if partitions < 1:
            raise ValueError(f"partitions must be 1 or more, not {partitions}")
        self._partitions = partitions
        self._fatal: str | None = None
        self._unflushed_error: PublishError | None = None
        self._producer = Producer(
            producer_options({**_USUAL, **kafka_options})
            | {"message.max.bytes": RECORD_MAX_BYTES + _RECORD_ROOM_BYTES, "error_cb": self._on_error}
        )
        self._closed = threading.Event()
        self._poller = threading.Thread(target=self._poll, name="publisher-poll", daemon=True)
        self._poller.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def fatal(self) -> str | None:
        """Why this publisher can never publish again, or None. The process should end and be started anew."""
        return self._fatal

    def publish(self, event: Event, headers: Mapping[str, bytes] | None = None) -> Future[None]:
        """Hand `event` to Kafka; the future ends when it is confirmed, or with a PublishFailed or EventTooLarge.

        Raises PublisherBusy, EventTooLarge, PublishFailed.
        """
        acked: Future[None] = Future()
        acked.set_running_or_notify_cancel()  # what Kafka was handed cannot be taken back

        def delivered(error: PublishError | None) -> None:
            if error is None:
                acked.set_result(None)
            else:
                self._unflushed_error = error
                acked.set_exception(error)

        self._produce(event, headers, delivered)
        return acked

    def publish_all(self, events: Sequence[Event]) -> None:
        """Publish `events` and return when Kafka has confirmed all.

        Raises EventTooLarge when it has confirmed all but the events that this names, which it will never take.
        Raises PublisherBusy, PublishFailed; then some may be there.
        """
        too_large = self._produce_all(events).result()
        if len(events) > 1:  # one at a time: together they would be a batch again
            too_large = [event for event in too_large if self._produce_all([event]).result()]
        _check_none(too_large)

    async def publish_acked(self, events: Sequence[Event]) -> None:
        """`publish_all` for a coroutine. May be cancelled: what is already handed over is delivered all the same."""
        too_large = await asyncio.wrap_future(self._produce_all(events))
        if len(events) > 1:
            too_large = [event for event in too_large if await asyncio.wrap_future(self._produce_all([event]))]
        _check_none(too_large)

    def flush(self, timeout_s: float = 30) -> None:
        """Wait until all that was published is confirmed.

        Raises PublishFailed when that takes longer, and what befell the last event of `publish` that failed since.
        """
        left = self._producer.flush(timeout_s)
        failed, self._unflushed_error = self._unflushed_error, None
        if left:
            raise PublishFailed(f"{left} events are not confirmed by Kafka after {timeout_s:g} s; is it reachable?")
        if failed is not None:
            raise failed

    def check_topics(self, topics: Iterable[str], timeout_s: float = 5) -> None:
        """Raise PublishFailed when Kafka does not answer, TopicMismatch when a topic is missing or cut otherwise."""
        try:
            known = self._producer.list_topics(timeout=timeout_s).topics
        except KafkaException as error:
            raise PublishFailed(f"Kafka does not answer: {error.args[0].str()}") from error
        for name in topics:
            topic = known.get(name)
            if topic is None or topic.error is not None:
                raise TopicMismatch(f"Kafka has no topic {name}; create the topics before connectors start")
            if len(topic.partitions) != self._partitions:
                raise TopicMismatch(
                    f"topic {name} has {len(topic.partitions)} partitions, but the configuration says "
                    f"{self._partitions}; set the configuration to the topic's number, which is fixed for life"
                )

    def close(self, timeout_s: float = 10) -> None:
        """Wait up to `timeout_s` for confirmations, then stop. Raises as `flush`."""
        try:
            self.flush(timeout_s)
        finally:
            self._closed.set()
            self._poller.join()

    def _produce_all(self, events: Sequence[Event]) -> Future[list[Event]]:
        """The future ends when the last is confirmed, with those that were too large; or with a PublishFailed.

        Kafka refuses batches, so some of these may fit when they are sent alone. Raises PublisherBusy, PublishFailed.
        """
        delivered = _Countdown(len(events))
        for event in events:
            try:
                self._produce(event, None, partial(delivered.tell, event))
            except EventTooLarge as error:
                delivered.tell(event, error)
        return delivered.done

    def _produce(
        self, event: Event, headers: Mapping[str, bytes] | None, delivered: Callable[[PublishError | None], None]
    ) -> None:
        topic = TOPIC_OF[type(event)]
        value = topic_codec(topic).encode(event.to_avro())
        if len(value) > RECORD_MAX_BYTES:
            raise EventTooLarge(f"{name_of(event)} has {len(value)} bytes; readers take {RECORD_MAX_BYTES}", [event])
        key = event.key if isinstance(event, _KEYED) else event.pool

        def on_delivery(error: KafkaError | None, _message: Message) -> None:
            delivered(None if error is None else _publish_error(error))

        try:
            self._producer.produce(
                topic,
                value,
                key,
                partition_of(event.pool, self._partitions),
                on_delivery=on_delivery,
                headers=[*(headers or {}).items(), *TRACING.of_event(event).items()],
            )
        except BufferError as error:
            raise PublisherBusy("the queue to Kafka is full; try again in a moment") from error
        except KafkaException as error:
            raise _publish_error(error.args[0]) from error

    def _poll(self) -> None:
        try:
            while not self._closed.is_set():
                self._producer.poll(_POLL_S)
        except BaseException as error:
            self._fatal = f"the thread that hears of deliveries ended: {type(error).__name__}: {error}"
            raise

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = error.str()


class _Countdown:
    """Ends `done` when all of `count` deliveries are known: with the events that are too large, or the first error."""

    def __init__(self, count: int) -> None:
        self.done: Future[list[Event]] = Future()
        self.done.set_running_or_notify_cancel()  # what Kafka was handed cannot be taken back
        self._left = count
        self._too_large: list[Event] = []
        self._error: PublishError | None = None
        self._lock = threading.Lock()  # flush() in another thread delivers too
        if not count:
            self.done.set_result([])

    def tell(self, event: Event, error: PublishError | None) -> None:
        with self._lock:
            if isinstance(error, EventTooLarge):
                self._too_large.append(event)
            else:
                self._error = self._error or error
            self._left -= 1
            if self._left:
                return
        if self._error is not None:
            self.done.set_exception(self._error)
        else:
            self.done.set_result(self._too_large)


def name_of(event: Event) -> str:
    """An event as its sender knows it, for messages."""
    kind = type(event).__name__
    return f"{kind} {event.id}" if isinstance(event, Sale | StockReport) else f"{kind} of pool {event.pool}"


def _check_none(too_large: Sequence[Event]) -> None:
    if too_large:
        names = ", ".join(map(name_of, too_large))
        raise EventTooLarge(f"too large for Kafka, so never published: {names}", too_large)


def _publish_error(error: KafkaError) -> PublishError:
    if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
        return EventTooLarge(f"Kafka takes no record of this size: {error.str()}")
    return PublishFailed(f"Kafka did not confirm the event: {error.str()}")


def publish_and_flush(publisher: Publisher, events: Iterable[Event], timeout_s: float = 30) -> int:
    """Publish a stream of events, waiting while the queue is full, and flush. Returns how many. Raises as `flush`."""
    count = 0
    for event in events:
        while True:
            try:
                publisher.publish(event)
                break
            except PublisherBusy:
                publisher.flush(timeout_s)
        count += 1
    publisher.flush(timeout_s)
    return count
