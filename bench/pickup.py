"""The time that an order with a wish takes, slots and all, and that a tick takes with many appointments open."""

import time
from random import Random
from typing import Any, NamedTuple

from bench.allocate import LARGE, SMALL, Tell
from bench.figures import percentile
from bench.local_pool import POOL, LocalPool
from schemas.models.config import OpeningHours, PickupPlace, PoolSettings, StoreSettings
from schemas.models.requests import OrderRequest
from schemas.topics import ORDERS_REQUESTS, POOL_TICKS
from streams.pool.pickup.index import APPOINTMENTS

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
    figures["tick_ms"] = figures["tick_p99_ms"]
    tell(f"a tick with {open_appointments} appointments open: p99 {figures['tick_ms']} ms")
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
        self._pool = pool = LocalPool(_NOON_MS)
        self._random = Random(f"pickup {stores} {lines}")
        self._stores = [f"store-{number:02}" for number in range(stores)]
        self._orders = 0
        pool.configure(PoolSettings(name="Bench", hold_ttl_ms=7 * 24 * _HOUR_MS))
        for number, store in enumerate(self._stores):
            at = {"latitude_e6": 52_500_000 + 900 * number, "longitude_e6": 13_400_000}
            many = {"orders_at_once_max": 1_000_000, "orders_per_day_max": 1_000_000}
            pool.configure(StoreSettings(store=store, name=store, opening=_WEEK, **at, **many))
            pool.configure(PickupPlace(place=store, name=store, stores=(store,), hand_overs_per_slot=60))
        pool.stock(self._stores, lines)
        pool.commit()

    def place(self, lines: int) -> _Times:
        """The time that an order takes whose customer wishes a window of the next day."""
        self._orders += 1
        name = f"o{self._orders}"
        from_ms = _NOON_MS + 24 * _HOUR_MS + self._random.randrange(-16, 20) * _HOUR_MS // 4
        terms = {
            "mode": "pickup", "preferred_store": self._random.choice(self._stores),
            "deadline_ms": _NOON_MS + 72 * _HOUR_MS,
            "pickup": {"from_ms": from_ms, "until_ms": from_ms + _HOUR_MS},
            "lines": [{"line_id": str(line), "sku": f"sku-{line}", "quantity_milli": 1_000} for line in range(lines)],
        }  # fmt: skip
        request = OrderRequest.model_validate({
            "pool": POOL, "order": name, "kind": "placed", "key": name, "recorded_at_ms": self._pool.clock_ms,
            "origin": "bench", "terms": terms,
        })  # fmt: skip
        return self._timed(ORDERS_REQUESTS.name, request.to_avro())

    def tick(self) -> _Times:
        """The time that the next tick takes."""
        self._pool.clock_ms += 1_000
        return self._timed(POOL_TICKS.name, {"pool": POOL, "at_ms": self._pool.clock_ms, "origin": "bench"})

    def open_appointments(self) -> int:
        """Appointments that have not ended."""
        return len(self._pool.state[APPOINTMENTS].of_order)

    def _timed(self, topic: str, value: Any) -> _Times:
        record = self._pool.record(topic, value)
        began, cpu_began = time.perf_counter(), time.thread_time()
        self._pool.apply(record)
        cpu_ended, ended = time.thread_time(), time.perf_counter()
        self._pool.commit()
        return _Times(1_000 * (ended - began), 1_000 * (cpu_ended - cpu_began))
