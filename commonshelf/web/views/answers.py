"""Waits for what a pool, or restock, makes of what was published: told as soon as the views have read it."""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import cast

from confluent_kafka import Message

from messaging.log_reader import is_record
from schemas.codec import BadMessage, topic_codec
from schemas.topics import ORDERS_EVENTS, PICKUP_APPOINTMENTS, POOL_TASKS, RESTOCK_PROPOSALS
from schemas.types.orders import OrderEvent
from schemas.types.pickup import AppointmentRow
from schemas.types.restock import RestockProposal
from schemas.types.tasks import TaskRow

Answer = OrderEvent | None
"""The event that answers; None where a row alone shows that it was taken."""
_Waiter = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Answer]"]


class Answers:
    """Waits for answers to requests and reports. `heard` is called by the views' threads, all else in an event loop."""

    def __init__(self) -> None:
        self._waiting: defaultdict[tuple[str, str], list[_Waiter]] = defaultdict(list)
        self._lock = threading.Lock()

    @contextmanager
    def expected(self, pool: str, key: str) -> Iterator["asyncio.Future[Answer]"]:
        """What will be told of the request or the report called `key`. Enter before it is published."""
        loop = asyncio.get_running_loop()
        told: asyncio.Future[Answer] = loop.create_future()
        waiter = loop, told
        with self._lock:
            self._waiting[pool, key].append(waiter)
        try:
            yield told
        finally:
            with self._lock:
                self._waiting[pool, key].remove(waiter)
                if not self._waiting[pool, key]:
                    del self._waiting[pool, key]

    def heard(self, topic: str, messages: Sequence[Message]) -> None:
        """Records that are in the views since now."""
        if not self._waiting:
            return
        decode = topic_codec(topic).decode
        for message in filter(is_record, messages):
            try:
                row = decode(message.value())
            except BadMessage:
                continue
            for key, answer in _answers(topic, row):
                self._tell(row["pool"], key, answer)

    def _tell(self, pool: str, key: str, answer: Answer) -> None:
        with self._lock:
            waiters = list(self._waiting.get((pool, key), ()))
        for loop, told in waiters:
            loop.call_soon_threadsafe(partial(_settle, told, answer))


def proposal_key(store: str, sku: str, version: int) -> str:
    """The key by which an answer to a proposal is waited for."""
    return f"proposal/{store}/{sku}/{version}"


def _settle(told: "asyncio.Future[Answer]", answer: Answer) -> None:
    if not told.done():
        told.set_result(answer)


def _answers(topic: str, row: object) -> Iterator[tuple[str, Answer]]:
    if topic == ORDERS_EVENTS.name:
        event = cast("OrderEvent", row)
        if event["key"] is not None:
            yield event["key"], event
    elif topic in (POOL_TASKS.name, PICKUP_APPOINTMENTS.name):
        for report in cast("TaskRow | AppointmentRow", row)["reports"]:
            yield report["report_id"], None
    elif topic == RESTOCK_PROPOSALS.name:
        proposal = cast("RestockProposal", row)
        for version in {proposal["version"], proposal["version"] - 1}:
            if version < proposal["version"] or proposal["status"] != "open":
                yield proposal_key(proposal["store"], proposal["sku"], version), None
