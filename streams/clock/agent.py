"""The clock as a Faust agent: follows the config topic for pools and publishes a tick for each, every interval."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import faust
from faust.types import TP, StreamT
from mode.supervisors import CrashingSupervisor
from prometheus_client import CollectorRegistry

from messaging.clock import wall_clock_ms
from messaging.metrics import listed
from schemas.codec import BadMessage, LaterSchema, topic_codec
from schemas.models.ticks import Tick
from schemas.partition import partition_of
from schemas.topics import POOL_CONFIG, POOL_TICKS
from streams.clock.pools import Pools

ORIGIN = "agents"
TOPICS = (POOL_CONFIG.name, POOL_TICKS.name)
"""Topics that must exist before the clock starts."""

log = logging.getLogger(__name__)


class Clock:
    """Ticks the pools whose partition this worker holds; several workers share the pools out among them.

    A tick that cannot be sent is dropped and counted: the next one says the same and more.
    """

    def __init__(
        self,
        app: faust.App,
        metrics: CollectorRegistry,
        *,
        partitions: int,
        interval_ms: int,
        data_clock_pools: frozenset[str] = frozenset(),
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._app = app
        self._partitions = partitions
        self._interval_ms = interval_ms
        self._data_clock_pools = data_clock_pools
        self._now_ms = now_ms
        self._pools = Pools()
        self._config = topic_codec(POOL_CONFIG.name)
        self._ticks = topic_codec(POOL_TICKS.name)
        self._last_tick_s = time.monotonic()
        self._next_offset: dict[int, int] = {}
        self._caught_up = False
        self._measure(metrics)
        # Without acks Faust commits no offsets, so every start and every new assignment reads from the beginning.
        topic = app.topic(
            POOL_CONFIG.name,
            key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw",
            allow_empty=True, acks=False,
        )  # fmt: skip
        app.agent(topic, name="clock", supervisor_strategy=CrashingSupervisor)(self._follow)
        app.task(self._run)

    def _measure(self, metrics: CollectorRegistry) -> None:
        self._sent = listed.CLOCK_SENT.on(metrics)
        self._failed = listed.CLOCK_FAILED.on(metrics)
        self._bad_config = listed.CLOCK_BAD_CONFIG.on(metrics)
        self._ticked = listed.CLOCK_TICKED_POOLS.on(metrics)
        listed.CLOCK_LAST_TICK_AGE.on(metrics).set_function(lambda: time.monotonic() - self._last_tick_s)
        listed.CLOCK_POOLS.on(metrics).set_function(lambda: len(self._pools))

    def waiting_for(self) -> str | None:
        """What the clock waits for before it can be called ready; None when it ticks all it should."""
        if not self._caught_up:
            return f"{POOL_CONFIG.name} is being read"
        silent_s = time.monotonic() - self._last_tick_s
        if silent_s > max(5.0, 5 * self._interval_ms / 1000):
            return f"no tick reached {POOL_TICKS.name} for {silent_s:.0f} s"
        return None

    async def _follow(self, stream: StreamT[bytes]) -> None:
        async for event in stream.events():
            message = event.message
            self.apply(message.key, message.value)
            self._next_offset[message.partition] = message.offset + 1

    def apply(self, key: bytes | None, value: bytes | None) -> None:
        """Fold one record of the config topic; a bad one is passed over, for the pool's processor quarantines it."""
        try:
            self._pools.apply(key, None if value is None else self._config.decode(value))
        except LaterSchema:
            self._pools.apply_later(key)
        except (BadMessage, ValueError) as error:
            self._bad_config.inc()
            log.warning("a record of %s was passed over, key %r: %s", POOL_CONFIG.name, key, error)

    async def _run(self) -> None:
        interval_s = self._interval_ms / 1000
        next_s = time.monotonic()
        while not self._app.should_stop:
            assigned = self._assigned_partitions()
            self._caught_up = bool(assigned) and all(map(self._has_read, assigned))
            await self._tick_all(assigned)
            # After a slow round the missed ones are skipped, not caught up in a burst.
            next_s = max(next_s + interval_s, time.monotonic())
            await self._app.sleep(next_s - time.monotonic())

    def _assigned_partitions(self) -> set[int]:
        return {tp.partition for tp in self._app.consumer.assignment() if tp.topic == POOL_CONFIG.name}

    def _has_read(self, partition: int) -> bool:
        """Whether the config topic's partition was read to its end: only plain producers write it, so without holes."""
        try:
            end = self._app.consumer.highwater(TP(POOL_CONFIG.name, partition))
        except (AssertionError, AttributeError):
            return False  # aiokafka's way to say that it lost the partition, on its own thread, a moment ago
        return end is not None and self._next_offset.get(partition, 0) >= end

    async def _tick_all(self, assigned: set[int]) -> None:
        due = [
            pool for pool in self._pools
            if pool not in self._data_clock_pools and partition_of(pool, self._partitions) in assigned
        ]  # fmt: skip
        self._ticked.set(len(due))
        at_ms = self._now_ms()
        results = await asyncio.gather(*(self._tick(pool, at_ms) for pool in due), return_exceptions=True)
        failures = [result for result in results if isinstance(result, BaseException)]
        self._sent.inc(len(due) - len(failures))
        if assigned and (len(failures) < len(due) or not due):
            self._last_tick_s = time.monotonic()
        if failures:
            self._failed.inc(len(failures))
            log.warning("%d of %d ticks were dropped: %r", len(failures), len(due), failures[0])

    async def _tick(self, pool: str, at_ms: int) -> Any:
        value = self._ticks.encode(Tick(pool=pool, at_ms=at_ms, origin=ORIGIN).to_avro())
        partition = partition_of(pool, self._partitions)
        return await self._app.producer.send_and_wait(POOL_TICKS.name, pool.encode(), value, partition, None, None)
