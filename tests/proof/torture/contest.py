"""Customers and stores that fight over a few items of pools of their own, on any Kafka with any ledger workers.

Each customer asks and waits for the answer; what they all asked and heard is a history for `check_history`. Use it
beside anything that is done to the workers and brokers: `with Contest(...) as contest`, then `contest.finish()`.
"""

import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from messaging.journal import read_page
from messaging.kafka_errors import passes
from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import AllocationSettings, ConfigChange, PoolSettings, StoreSettings
from schemas.models.pos import Sale, StockReport
from schemas.models.reports import FulfilmentReport
from schemas.models.requests import OrderRequest
from schemas.models.ticks import Tick
from schemas.partition import partition_of
from schemas.topics import (
    CATALOG_ITEMS,
    FULFILMENT_REPORTS,
    ORDERS_EVENTS,
    ORDERS_REQUESTS,
    POOL_AVAILABILITY,
    POOL_CONFIG,
    POOL_JOURNAL,
    POOL_TASKS,
    POOL_TICKS,
    POS_SALES,
    POS_STOCK,
)
from streams.pool.journal.facts import SALE_RECORDED, STOCK_REPORT_RECORDED
from tests.proof.faults.topic_log import log_ends, patiently, reader
from tests.proof.torture.history import Recorder
from tests.support.waiting import PATIENCE_S

SKUS, STORES = ("rye", "oat", "nut", "fig"), ("corner", "hill", "mill")
UNITS = 3
UNIT_MILLI = 1_000
TTL_MS = 6_000
_PATIENCE_MS = 20 * 24 * 3_600_000
_ASK_AGAIN_S = 3.0
_UNCOUNTED_MAX = 6
"""While nobody is served the till waits, too: what is under way at once is what makes a history hard to judge."""


class Contest:
    """Pools named `names`, `customers` customers, a till. Times are this machine's."""

    def __init__(
        self, bootstrap_servers: str, partitions: int, names: Sequence[str], folder: Path, *, customers: int, seed: int
    ) -> None:
        self.history = folder / "history.jsonl"
        self.in_flight = self.answered = 0
        self._servers, self._partitions, self._names = bootstrap_servers, partitions, tuple(names)
        self._chance = random.Random(seed)
        self._recorder = Recorder(self.history)
        self._producer = Producer({
            "bootstrap.servers": bootstrap_servers, "enable.idempotence": True, "linger.ms": 0, "log_level": 2,
            "message.timeout.ms": 600_000,
        })  # fmt: skip
        self._heard: dict[str, list[dict[str, Any]]] = {}
        self._tasks: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
        self._available: set[str] = set()
        self._uncounted: set[str] = set()
        self._is_paused = False
        self._news = threading.Condition()
        self._is_over, self._is_read = threading.Event(), threading.Event()
        self._failures: list[BaseException] = []
        self._threads = [self._thread(self._read), self._thread(self._till), self._thread(self._clock)]
        self._customers = [self._thread(self._customer, at, random.Random(f"{seed}/{at}")) for at in range(customers)]

    def _thread(self, what: Any, *arguments: Any) -> threading.Thread:
        def run() -> None:
            try:
                what(*arguments)
            except BaseException as error:  # told by `finish`
                self._failures.append(error)

        return threading.Thread(target=run, name=f"contest {what.__name__}", daemon=True)

    def __enter__(self) -> Self:
        read = [topic.name for topic in _READ]
        self._at = patiently(lambda: log_ends(self._servers, read, self._partitions))
        self._threads[0].start()
        try:
            self._furnish()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        for thread in (*self._threads[1:], *self._customers):
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._is_read.set()
        with self._news:
            self._news.notify_all()
        for thread in (*self._threads, *self._customers):
            if thread.ident is not None:
                thread.join()
        self._recorder.__exit__(kind, error, trace)

    def finish(self, deadline_s: float = PATIENCE_S) -> None:
        """Ask nothing more, and wait until everything is answered. Raises what a thread raised, or TimeoutError."""
        self._is_over.set()
        deadline = time.monotonic() + deadline_s
        for thread in self._customers:
            thread.join(max(0.0, deadline - time.monotonic()))
        if self._failures:
            raise self._failures[0]
        if any(thread.is_alive() for thread in self._customers):
            raise TimeoutError(f"{self.in_flight} requests have no answer after {deadline_s:.0f} s")
        self._threads[_TILL].join(max(0.0, deadline - time.monotonic()))
        ends = patiently(lambda: log_ends(self._servers, [ORDERS_EVENTS.name], self._partitions))
        while self._uncounted or any(self._at[at] < end for at, end in ends.items()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not all of orders.events was read, or {len(self._uncounted)} sales did not count")
            time.sleep(0.05)

    @contextmanager
    def paused(self, deadline_s: float = PATIENCE_S) -> Iterator[None]:
        """A time in which nobody asks anything; first, all that was asked is answered. Raises TimeoutError."""
        with self._news:
            self._is_paused = True
        try:
            deadline = time.monotonic() + deadline_s
            while self._is_waiting():
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{self.in_flight} requests have no answer after {deadline_s:.0f} s")
                time.sleep(0.05)
            yield
        finally:
            with self._news:
                self._is_paused = False
                self._news.notify_all()

    def _is_waiting(self) -> bool:
        with self._news:
            return self.in_flight > 0 or bool(self._uncounted)

    # --- the pools --------------------------------------------------------------------------------------

    def _furnish(self) -> None:
        """Publish the settings and the opening stock, and wait until it is there. Raises TimeoutError."""
        now_ms = _now_ms()
        for pool in self._names:
            many = {"orders_at_once_max": 9_999, "orders_per_day_max": 9_999}
            in_time = {"claim_within_ms": _PATIENCE_MS, "pick_within_ms": _PATIENCE_MS}  # no task is ever late
            terms = AllocationSettings(min_confidence_permille=0)
            changes: list[Any] = [PoolSettings(name=pool, allocation=terms, **in_time)]
            changes += [StoreSettings(store=store, name=store, **many) for store in STORES]
            for change in changes:
                event = ConfigChange(pool=pool, recorded_at_ms=now_ms, origin="contest", change=change)
                self._say(POOL_CONFIG.name, event, event.key)
            for sku in SKUS:
                money = {"cost_minor": 123, "tax_permille": 200, "price_minor": 245}
                item = CatalogItem(pool=pool, sku=sku, name=sku, recorded_at_ms=now_ms, **money)
                self._say(CATALOG_ITEMS.name, item, item.key)
        if self._producer.flush(PATIENCE_S):
            raise TimeoutError("the settings were not acknowledged")
        for pool in self._names:
            for store in STORES:
                self._say(POS_STOCK.name, _stock(pool, store, "opening", [(sku, UNITS) for sku in SKUS]))
            self._recorder.opens(pool, {(sku, store): UNITS * UNIT_MILLI for sku in SKUS for store in STORES})
        wanted = len(self._names) * len(SKUS) * len(STORES)
        with self._news:
            if not self._news.wait_for(lambda: len(self._available) == wanted, PATIENCE_S):
                raise TimeoutError(f"{len(self._available)} of {wanted} shelves are there")

    def _say(self, topic: str, event: Any, key: str | None = None) -> None:
        value = topic_codec(topic).encode(event.to_avro())
        self._producer.produce(topic, value, key or event.pool, partition_of(event.pool, self._partitions))
        self._producer.poll(0)

    def _clock(self) -> None:
        while not self._is_read.wait(0.5):
            for pool in self._names:
                self._say(POOL_TICKS.name, Tick(pool=pool, at_ms=_now_ms(), origin="contest"))

    def _till(self) -> None:
        """Sales that nobody ordered, and deliveries that keep the shelves from being empty for good."""
        chance, number = random.Random(self._chance.random()), 0
        while not self._is_over.wait(chance.uniform(0.1, 0.5)):
            pool, store, sku = chance.choice(self._names), chance.choice(STORES), chance.choice(SKUS)
            kind = "sold" if chance.random() < 0.4 else "received"
            name = f"{kind}-{number + 1}"
            with self._news:
                if self._is_paused or len(self._uncounted) >= _UNCOUNTED_MAX:
                    continue
                self._uncounted.add(f"{pool}/{name}")
            number += 1
            self._recorder.asks(pool, name, kind, store=store, lines=[("1", sku, UNIT_MILLI)])
            if kind == "sold":
                self._say(POS_SALES.name, _sale(pool, store, name, sku))
            else:
                self._say(POS_STOCK.name, _stock(pool, store, name, [(sku, 1)]))

    # --- customers and stores ---------------------------------------------------------------------------

    def _customer(self, number: int, chance: random.Random) -> None:
        at = 0
        while not self._is_over.is_set():
            at += 1
            pool, order = chance.choice(self._names), f"c{number}-{at}"
            told = self._place(pool, order, chance)
            if told["kind"] == "unfilled" or chance.random() < 0.15:
                continue  # what is left alone expires
            if chance.random() < 0.3:
                self._request(pool, order, "cancelled")
                continue
            if self._request(pool, order, "confirmed")["kind"] != "confirmed":
                continue
            if chance.random() < 0.15:
                self._request(pool, order, "cancelled")
            self._work(pool, order, chance)

    def _place(self, pool: str, order: str, chance: random.Random) -> dict[str, Any]:
        """One item, or two that hang together."""
        skus = chance.choice([("rye",), ("oat",), ("rye", "oat"), ("nut",), ("fig",)])
        lines = [(sku, sku, chance.randint(1, 2) * UNIT_MILLI) for sku in skus]
        is_all_or_nothing = chance.random() < 0.2
        terms = {
            "mode": "pickup", "preferred_store": chance.choice(STORES), "deadline_ms": _now_ms() + _PATIENCE_MS,
            "hold_ttl_ms": TTL_MS, "may_part_fill": not is_all_or_nothing,
            "lines": [{"line_id": line, "sku": sku, "quantity_milli": milli} for line, sku, milli in lines],
        }  # fmt: skip
        told = {"lines": lines, "is_all_or_nothing": is_all_or_nothing, "ttl_ms": TTL_MS}
        return self._request(pool, order, "placed", terms, **told)

    def _request(
        self, pool: str, order: str, kind: str, terms: dict[str, Any] | None = None, **told: Any
    ) -> dict[str, Any]:
        key = f"{order}/{kind}"
        request = OrderRequest.model_validate({
            "pool": pool, "order": order, "kind": kind, "key": key, "recorded_at_ms": _now_ms(), "origin": "contest",
            "terms": terms,
        })  # fmt: skip

        def ask() -> None:
            self._recorder.asks(pool, key, kind, order, **told)
            self._say(ORDERS_REQUESTS.name, request)

        return self._answer(f"{pool}/{key}", ask, asks_again=True)

    def _work(self, pool: str, order: str, chance: random.Random) -> None:
        """The stores pick and hand over, until the order asks for nothing more."""
        for number in range(20):
            with self._news:
                known = self._tasks.get((pool, order), {}).values()
                tasks = sorted(task["task"] for task in known if task["status"] == "open")
                if not tasks:
                    is_more_to_come = self._news.wait_for(
                        lambda: any(one["status"] == "open" for one in self._tasks.get((pool, order), {}).values()), 0.3
                    )
                    if not is_more_to_come:
                        return
                    continue
                task = self._tasks[pool, order][chance.choice(tasks)]
            self._report(pool, order, task, f"{task['task']}/{order}/{number}", chance)

    def _report(self, pool: str, order: str, task: dict[str, Any], name: str, chance: random.Random) -> None:
        is_short = task["kind"] == "pick" and chance.random() < 0.2
        kind = "short" if is_short else "picked" if task["kind"] == "pick" else "collected"
        first = task["lines"][0]
        reason = chance.choice(["damaged", "not_found", "sold"]) if is_short else ""
        missing = [(first["line_id"], first["sku"], UNIT_MILLI)] if is_short else []
        now_ms = _now_ms()
        report = FulfilmentReport.model_validate({
            "pool": pool, "store": task["store"], "report_id": name, "kind": "short" if is_short else "done",
            "task": task["task"], "occurred_at_ms": now_ms, "recorded_at_ms": now_ms, "origin": "contest",
            "lines": [{"line_id": line, "quantity_milli": milli, "reason": reason} for line, _, milli in missing],
        })  # fmt: skip

        def ask() -> None:
            self._recorder.asks(pool, name, kind, order, store=task["store"], reason=reason, lines=missing)
            self._say(FULFILMENT_REPORTS.name, report)

        self._answer(f"{pool}/{name}", ask, asks_again=False)

    def _answer(self, name: str, ask: Any, *, asks_again: bool) -> dict[str, Any]:
        """The first answer to it. Who waits long asks again under the same key, and then waits for both answers."""
        with self._news:
            self._news.wait_for(lambda: not self._is_paused or self._is_read.is_set())
            self.in_flight += 1
        try:
            for asked in (1, 2) if asks_again else (1,):
                ask()
                patience_s = _ASK_AGAIN_S if asks_again and asked == 1 else None
                if self._has_heard(name, asked, patience_s):
                    self.answered += 1
                    return self._heard.pop(name)[0]
            raise TimeoutError(f"{name} has no answer")
        finally:
            with self._news:
                self.in_flight -= 1

    def _has_heard(self, name: str, answers: int, patience_s: float | None) -> bool:
        """Waits for so many answers; without `patience_s` until the contest ends."""

        def is_there() -> bool:
            return len(self._heard.get(name, ())) >= answers or self._is_read.is_set()

        with self._news:
            self._news.wait_for(is_there, patience_s)
            return len(self._heard.get(name, ())) >= answers

    # --- the reader -------------------------------------------------------------------------------------

    def _read(self) -> None:
        consumer: Consumer = reader(self._servers, "read_committed", "contest")
        decode = {topic.name: topic_codec(topic.name).decode for topic in _READ}
        consumer.assign([TopicPartition(topic, n, offset) for (topic, n), offset in self._at.items()])
        try:
            while not self._is_read.is_set():
                for message in consumer.consume(500, 0.05):
                    error, at = message.error(), (message.topic(), message.partition())
                    if error is not None:
                        if error.code() != KafkaError._PARTITION_EOF and not passes(error):
                            raise KafkaException(error)
                        self._at[at] = max(self._at[at], message.offset() or 0)
                        continue
                    if at[0] == POOL_JOURNAL.name:
                        self._look_into_journal(message)
                    elif message.value() is not None:
                        self._hear(at[0], decode[at[0]](message.value()))
                    self._at[at] = message.offset() + 1
        finally:
            consumer.close()

    def _look_into_journal(self, message: Any) -> None:
        """Sales and deliveries that counted."""
        pool = message.key().decode()
        if pool not in self._names:
            return
        for entry in read_page(message.value()):
            kind, fields = entry.fact
            name = fields["event"]["source"]["id"] if kind in (SALE_RECORDED, STOCK_REPORT_RECORDED) else ""
            if name.startswith(_TOLD_BY_TILL):
                self._recorder.counts(pool, name)
                self._uncounted.discard(f"{pool}/{name}")

    def _hear(self, topic: str, event: dict[str, Any]) -> None:
        if event["pool"] not in self._names:
            return
        if topic == ORDERS_EVENTS.name:
            self._recorder.hears(event)
        with self._news:
            if topic == POOL_AVAILABILITY.name:
                if event["on_hand_milli"]:
                    self._available.add(f"{event['pool']}/{event['sku']}/{event['store']}")
            elif topic == POOL_TASKS.name:
                if event["kind"] == "put_back":  # no customer waits for it, and none is told
                    return
                self._tasks.setdefault((event["pool"], event["order"] or ""), {})[event["task"]] = event
            elif event["key"] is not None:
                self._heard.setdefault(f"{event['pool']}/{event['key']}", []).append(event)
            self._news.notify_all()


_READ = (ORDERS_EVENTS, POOL_TASKS, POOL_AVAILABILITY, POOL_JOURNAL)
_TILL = 1
_TOLD_BY_TILL = ("sold-", "received-")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _stock(pool: str, store: str, name: str, units: Sequence[tuple[str, int]]) -> StockReport:
    lines = [{"line_id": sku, "code": f"sku:{sku}", "quantity_milli": count * UNIT_MILLI} for sku, count in units]
    return StockReport.model_validate({**_head(pool, store, name), "kind": "received", "lines": lines})


def _sale(pool: str, store: str, name: str, sku: str) -> Sale:
    line = {"line_id": "1", "kind": "sale", "code": f"sku:{sku}", "quantity_milli": UNIT_MILLI}
    return Sale.model_validate({**_head(pool, store, name), "lines": [line]})


def _head(pool: str, store: str, name: str) -> dict[str, Any]:
    now_ms = _now_ms()
    source = {"system": "contest", "id": name}
    return {"source": source, "pool": pool, "store": store, "occurred_at_ms": now_ms, "recorded_at_ms": now_ms}
