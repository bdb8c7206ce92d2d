"""Ticks of a pool that lives on its data's clock."""

import asyncio
from collections.abc import Mapping

from confluent_kafka import KafkaError, Message, Producer

from messaging.client_options import producer_options
from schemas.codec import topic_codec
from schemas.models.ticks import Tick
from schemas.partition import partition_of
from schemas.topics import POOL_TICKS

_ORIGIN = "demo replay"
_POLL_S = 0.005


class TickError(RuntimeError):
    """Kafka did not take a tick."""


class Ticker:
    """Publishes the data's time to pool.ticks.v1."""

    def __init__(self, kafka_options: Mapping[str, str], pool: str, partitions: int) -> None:
        self._pool = pool
        self._partition = partition_of(pool, partitions)
        self._encode = topic_codec(POOL_TICKS.name).encode
        self._producer = Producer(producer_options(kafka_options) | {"log_level": 2})

    async def tick(self, at_ms: int) -> None:
        """Return when Kafka has the tick: what is published later comes after it. Raises TickError."""
        outcome: list[KafkaError | None] = []

        def delivered(error: KafkaError | None, _message: Message) -> None:
            outcome.append(error)

        tick = Tick(pool=self._pool, at_ms=at_ms, origin=_ORIGIN)
        self._producer.produce(
            POOL_TICKS.name, self._encode(tick.to_avro()), self._pool, self._partition, on_delivery=delivered
        )
        while not outcome:
            self._producer.poll(0)
            await asyncio.sleep(_POLL_S)
        if outcome[0] is not None:
            raise TickError(f"Kafka did not take a tick of the data's clock: {outcome[0].str()}")
