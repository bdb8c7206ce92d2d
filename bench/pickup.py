"""The time that an order with a wish takes, slots and all, and that a tick takes with many appointments open."""

import time
from collections.abc import Iterator
from itertools import count
from random import Random
from typing import Any, NamedTuple

from bench.allocate import LARGE, SMALL, Tell
from bench.figures import percentile
from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import Change, ConfigChange, OpeningHours, PickupPlace, PoolSettings, StoreSettings
from schemas.models.pos import Source, StockLine, StockReport
from schemas.models.requests import OrderRequest
from schemas.topics import CATALOG_ITEMS, ORDERS_REQUESTS, POOL_CONFIG, POOL_TICKS, POS_STOCK
from streams.pool.pickup.index import APPOINTMENTS
from streams.pool.processor import PoolProcessor
from streams.runtime.contract import InputRecord, Rows

_POOL = "bench"
_NOON_MS = 1_790_000_000_000 - 1_790_000_000_000 % 86_400_000 + 43_200_000
_HOUR_MS = 3_600_000
_WEEK = tuple(OpeningHours(weekday=day, opens_minute=480, closes_minute=1200) for day in range(1, 8))


def measure_pickup(orders: int, open_appointments: int, ticks: int, tell: Tell) -> dict[str, Any]:
    """Time orders of both sizes from bytes to facts, and ticks with so many appointments open."""
    figures: dict[str, Any] = {"orders_timed": 2 * orders}
    for name, (stores, lines) in {"small": SMALL, "large": LARGE}.items():
        pool = _Pool(stores, lines)
        figures |= _figures(f"allocate_{name}", [pool.place(lines) for _ in range(orders)])
        tell(f"{stores} stores x {lines} lines, with slots: p99 {figures[f'allocate_{name}_p99_ms']} ms")
    pool = _Pool(SMALL[0], 1)
    while pool.open_appointments() < open_appointments:
        pool.place(1)
    figures |= {"open_appointments": pool.open_appointments(), **_figures("tick", [pool.tick() for _ in range(ticks)])}
    tell(f"a tick with {open_appointments} appointments open: p99 {figures['tick_p99_ms']} ms")
    return figures


class _Times(NamedTuple):
    wall_ms: float
    cpu_ms: float
    """Time that it takes on a machine that does nothing else."""


def _figures(name: str, times: list[_Times]) -> dict[str, float]:
    wall, cpu = [one.wall_ms for one in times], [one.cpu_ms for one in times]
    return {
        f"{name}_p50_ms": round(percentile(wall, 50), 3), f"{name}_p99_ms": round(percentile(wall, 99), 3),
        f"{name}_p50_cpu_ms": round(percentile(cpu, 50), 3), f"{name}_p99_cpu_ms": round(percentile(cpu, 99), 3),
    }  # fmt: skip


class _Pool:
    """A pool of stores with opening hours and a counter each, and goods without end."""

    def __init__(self, stores: int, lines: int) -> None:
        self._stored: dict[str, bytes] = {}
        self._index: dict[bytes, bytes] = {}
        self._processor = PoolProcessor()
        self._partition = self._processor.open(0, 1, Rows(self._stored.get, self._scan, self._index.get))
        self._offsets = count()
        self._random = Random(f"pickup {stores} {lines}")
        self._stores = [f"store-{number:02}" for number in range(stores)]
        self._clock_ms = _NOON_MS
        self._configure(PoolSettings(name="Bench", hold_ttl_ms=7 * 24 * _HOUR_MS))
        for number, store in enumerate(self._stores):
            at = {"latitude_e6": 52_500_000 + 900 * number, "longitude_e6": 13_400_000}
            many = {"orders_at_once_max": 1_000_000, "orders_per_day_max": 1_000_000}
            self._configure(StoreSettings(store=store, name=store, opening=_WEEK, **at, **many))
            self._configure(PickupPlace(place=store, name=store, stores=(store,), hand_overs_per_slot=60))
        for line in range(lines):
            item = CatalogItem(pool=_POOL, sku=f"sku-{line}", name="An item", recorded_at_ms=_NOON_MS)
            self._put(CATALOG_ITEMS.name, item.to_avro())
        for store in self._stores:
            goods = tuple(
                StockLine(line_id=str(line), code=f"sku:sku-{line}", quantity_milli=900_000_000)
                for line in range(lines)
            )
            report = StockReport(
                pool=_POOL, store=store, kind="received", source=Source(system="bench", id=store, version=1),
                occurred_at_ms=_NOON_MS, recorded_at_ms=_NOON_MS, lines=goods,
            )  # fmt: skip
            self._put(POS_STOCK.name, report.to_avro())
        self._store()

    def place(self, lines: int) -> _Times:
        """The time that an order takes whose customer wishes a window of the next day."""
        number = next(self._offsets)
        from_ms = _NOON_MS + 24 * _HOUR_MS + self._random.randrange(-16, 20) * _HOUR_MS // 4
        terms = {
            "mode": "pickup", "preferred_store": self._random.choice(self._stores),
            "deadline_ms": _NOON_MS + 72 * _HOUR_MS,
            "pickup": {"from_ms": from_ms, "until_ms": from_ms + _HOUR_MS},
            "lines": [{"line_id": str(line), "sku": f"sku-{line}", "quantity_milli": 1_000} for line in range(lines)],
        }  # fmt: skip
        request = OrderRequest.model_validate({
            "pool": _POOL, "order": f"o{number}", "kind": "placed", "key": f"o{number}",
            "recorded_at_ms": self._clock_ms, "origin": "bench", "terms": terms,
        })  # fmt: skip
        return self._timed(ORDERS_REQUESTS.name, request.to_avro())

    def tick(self) -> _Times:
        """The time that the next tick takes."""
        self._clock_ms += 1_000
        return self._timed(POOL_TICKS.name, {"pool": _POOL, "at_ms": self._clock_ms, "origin": "bench"})

    def open_appointments(self) -> int:
        """Appointments that have not ended."""
        return len(self._partition.pools[_POOL][APPOINTMENTS].of_order)

    def _timed(self, topic: str, value: Any) -> _Times:
        record = self._record(topic, value)
        began, cpu_began = time.perf_counter(), time.thread_time()
        self._partition.apply(record)
        cpu_ended, ended = time.thread_time(), time.perf_counter()
        self._store()
        return _Times(1_000 * (ended - began), 1_000 * (cpu_ended - cpu_began))

    def _configure(self, change: Change) -> None:
        event = ConfigChange(pool=_POOL, recorded_at_ms=_NOON_MS, origin="bench", change=change)
        self._put(POOL_CONFIG.name, event.to_avro())

    def _put(self, topic: str, value: Any) -> None:
        self._partition.apply(self._record(topic, value))

    def _record(self, topic: str, value: Any) -> InputRecord:
        raw = topic_codec(topic).encode(value)
        return InputRecord(topic, 0, next(self._offsets), self._clock_ms, b"", raw)

    def _store(self) -> None:
        for key, row in self._partition.close_batch().rows:
            if row is None:
                self._stored.pop(key, None)
            else:
                self._stored[key] = row
                self._index.update(self._processor.index_entries(key, row))
        self._partition.committed()

    def _scan(self, prefix: str, after: str = "") -> Iterator[tuple[str, bytes]]:
        return iter(sorted(item for item in self._stored.items() if item[0].startswith(prefix) and item[0] > after))
