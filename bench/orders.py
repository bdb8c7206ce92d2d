"""Orders beside sales: how many a second are answered end to end, and how soon."""

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer

from bench.cluster import Cluster
from bench.errors import BenchError
from bench.figures import percentile
from bench.ledger import Ledger
from bench.steady import Steady
from bench.tills import Tills
from messaging.log_reader import is_record
from schemas.codec import topic_codec
from schemas.models.config import ConfigChange, StoreSettings
from schemas.models.pos import Source, StockLine, StockReport, StockReportKind
from schemas.models.requests import OrderLine, OrderRequest
from schemas.topics import ORDERS_EVENTS, ORDERS_REQUESTS, POOL_CONFIG, POS_SALES, POS_STOCK
from world.customers import pickup_order
from world.uniform import BASE_MS, POOL, Published, UniformPools, code, declarations, sku, store_id

Tell = Callable[[str], None]
_GROUP = "orders"
_DRAIN_S = 60.0
_LACKED_EACH = 3
"""Every so manieth item is missing in a store; another third in the next."""
_STOCK_UNITS = 100_000
_MANY = 1_000_000


def measure_orders(
    orders_per_second: int, order_lines: int, lines_per_second: int, seconds: int, tell: Tell
) -> dict[str, Any]:
    """Order and sell at steady rates; time each order from when it was due to when a reader has the pool's answer.

    Of an order's items the preferred store lacks a third. Raises BenchError when an order has no answer or is refused.
    """
    pools = UniformPools()
    with Cluster() as cluster, tempfile.TemporaryDirectory(prefix="shelf-bench-") as folder:
        cluster.publish(declarations(pools))
        cluster.publish(_places(pools))
        opening_records = cluster.publish(_opening_stock(pools))
        with Ledger(cluster, Path(folder), _GROUP) as ledger:
            ledger.wait_ready()
            cluster.wait_committed(_GROUP, POS_STOCK.name, opening_records, ledger.check)
            answers = _Answers(cluster.follow(ORDERS_EVENTS.name))
            tell(f"{orders_per_second} orders/s beside {lines_per_second} sale lines/s for {seconds} s")
            with Tills(cluster, pools, lines_per_second) as tills:
                with Shoppers(cluster, pools, orders_per_second, order_lines) as shoppers:
                    answers.read(shoppers, for_s=seconds, check=ledger.check)
                    shoppers.stop()
                    answers.drain(shoppers, ledger.check)
                tills.stop()
            began_s = time.monotonic()
            cluster.wait_committed(_GROUP, POS_SALES.name, tills.sent, ledger.check)
            backlog_s = time.monotonic() - began_s
    found = answers.latencies_ms
    return {
        "orders_s": round(len(found) / (answers.last_at_s - shoppers.began_s), 1),
        "orders_answered": len(found),
        "orders_per_second_offered": orders_per_second,
        "order_lines": order_lines,
        "sale_lines_per_second": lines_per_second,
        "sale_lines_sent": tills.sent,
        "sales_backlog_s": round(backlog_s, 2),
        "orders_split_or_rerouted": answers.kinds["elsewhere"],
        "latency_p50_ms": round(percentile(found, 50), 1),
        "latency_p99_ms": round(percentile(found, 99), 1),
        "latency_max_ms": round(max(found), 1),
        "measured_s": seconds,
    }


class Shoppers(Steady):
    """A thread that places orders at a steady rate."""

    def __init__(self, cluster: Cluster, pools: UniformPools, orders_per_second: int, order_lines: int) -> None:
        super().__init__(cluster, orders_per_second)
        self.waiting: dict[str, int] = {}
        """When each order without an answer was due, ms; the reader takes them out."""
        self.began_s = time.time()
        self._pools = pools
        self._order_lines = order_lines
        self._random = random.Random(7)
        self._encode = topic_codec(ORDERS_REQUESTS.name).encode

    def _run(self) -> None:
        self.began_s = due_s = time.time()
        number = 0
        while self._is_due(due_s):
            due_ms, number = int(due_s * 1000), number + 1
            order = f"order-{number}"
            self.waiting[order] = due_ms
            self._publish((ORDERS_REQUESTS.name, POOL, self._encode(self._request(order, due_ms).to_avro())))
            self._producer.poll(0)
            due_s += self._gap_s

    def _request(self, order: str, due_ms: int) -> OrderRequest:
        items = self._random.sample(range(self._pools.items), self._order_lines)
        store = store_id(self._random.randrange(self._pools.stores))
        lines = tuple(
            OrderLine(line_id=str(number), sku=sku(item), quantity_milli=1000 * self._random.randint(1, 3))
            for number, item in enumerate(items, start=1)
        )
        return pickup_order(POOL, order, store, lines, due_ms, key=order, origin="bench")


class _Answers:
    """The reader of what the pool tells the customers' side."""

    def __init__(self, reader: Consumer) -> None:
        self.latencies_ms: list[float] = []
        self.kinds: Counter[str] = Counter()
        self.last_at_s = 0.0
        self._reader = reader
        self._decode = topic_codec(ORDERS_EVENTS.name).decode

    def read(self, shoppers: Shoppers, for_s: float, check: Callable[[], None]) -> None:
        """Take answers for so long."""
        end_s = time.monotonic() + for_s
        while time.monotonic() < end_s:
            self._take(shoppers)
            check()

    def drain(self, shoppers: Shoppers, check: Callable[[], None]) -> None:
        """Take answers until every order has one."""
        deadline_s = time.monotonic() + _DRAIN_S
        while shoppers.waiting:
            self._take(shoppers)
            check()
            if time.monotonic() > deadline_s:
                raise BenchError(
                    f"{len(shoppers.waiting)} orders had no answer {_DRAIN_S:.0f} s after the last; this machine "
                    "cannot keep up: give fewer --orders-per-second or --lines-per-second"
                )
        self._reader.close()

    def _take(self, shoppers: Shoppers) -> None:
        for message in self._reader.consume(500, 0.02):
            if not is_record(message):
                continue
            event = self._decode(message.value())
            if event["kind"] != "allocated":
                raise BenchError(f"order {event['order']} was not allocated: {event['kind']} {event['detail']}")
            self.last_at_s = time.time()
            self.latencies_ms.append(self.last_at_s * 1000 - shoppers.waiting.pop(event["order"]))
            self.kinds["plain" if event["is_plain"] else "elsewhere"] += 1


def _places(pools: UniformPools) -> Iterator[Published]:
    """Each store again: where it is, on a grid of about a kilometre, and with hands for every order."""
    encode = topic_codec(POOL_CONFIG.name).encode
    for number in range(pools.stores):
        store = StoreSettings(
            store=store_id(number), name=f"Store {number}",
            latitude_e6=50_000_000 + 9_000 * (number // 6), longitude_e6=8_000_000 + 14_000 * (number % 6),
            orders_at_once_max=_MANY, orders_per_day_max=_MANY,
        )  # fmt: skip
        event = ConfigChange(pool=POOL, recorded_at_ms=BASE_MS, origin="bench", change=store)
        yield POOL_CONFIG.name, event.key, encode(event.to_avro())


def _opening_stock(pools: UniformPools) -> Iterator[Published]:
    encode = topic_codec(POS_STOCK.name).encode
    for number in range(pools.stores):
        report = StockReport(
            pool=POOL,
            store=store_id(number),
            source=Source(system="bench", id="opening"),
            occurred_at_ms=BASE_MS - 1,
            recorded_at_ms=BASE_MS,
            kind=StockReportKind.opening,
            lines=tuple(
                StockLine(line_id=str(item), code=code(item), quantity_milli=1000 * _STOCK_UNITS)
                for item in range(pools.items)
                if (item + number) % _LACKED_EACH
            ),
        )
        yield POS_STOCK.name, report.pool, encode(report.to_avro())
