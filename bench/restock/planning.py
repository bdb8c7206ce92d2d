"""A night's run of a whole pool: how long it takes, transfers included, and how much memory the process has needed."""

import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from schemas.codec import Codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import PoolSettings, StoreSettings
from schemas.models.restock_terms import RestockSettings
from schemas.topics import RESTOCK_CHANGELOG
from streams.pool.state.tables import Tables
from streams.restock.forecast.learn import DaySales, learn
from streams.restock.forecast.portable import Floats
from streams.restock.forecast.rates import Day
from streams.restock.forecast.state import Layout, State, first_state
from streams.restock.history.learning import Learner
from streams.restock.history.pool import PoolHistory
from streams.restock.history.tables import CACHED_ROWS_MAX, TABLES
from streams.restock.planning.ahead import known_ahead
from streams.restock.planning.scenarios import plan_all, runs_now

_TODAY = 20_000
_DAY_MS = 86_400_000
_LEARNED_DAYS = 56
_SUPPLIERS = 12
_ITEMS_OF_A_CATEGORY = 40
_KIB = 1_024


def measure_planning(stores: int, skus: int, seed: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Plan a made-up pool of so many stores and items, all of them in all stores."""
    history, rate = _pool(stores, skus, np.random.default_rng(seed))
    layout = Learner(history).layout()
    state = _learned(layout, rate, np.random.default_rng(seed + 1))
    tell(f"{len(history.by_number):,} shelves have sold for {_LEARNED_DAYS} days")
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    outcome = plan_all(history, known_ahead(history, layout, state), runs_now(history, history.config.stores))
    plan_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    return {
        "stores": stores, "skus": skus, "seed": seed, "shelves": len(history.by_number), "plan_s": round(plan_s, 3),
        "cpu_s": round(cpu_s, 3), "peak_mib": _peak_kib() // _KIB, "proposals": len(outcome.proposals),
        "moves": sum(len(one["moves"]) for one in outcome.proposals),
    }  # fmt: skip


def _peak_kib() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // _KIB if sys.platform == "darwin" else peak


def _pool(stores: int, skus: int, draw: np.random.Generator) -> tuple[PoolHistory, Floats]:
    """A pool on the morning of its run, and what each shelf sells a day; a third of the items spoils in a week."""
    tables = Tables(TABLES, Codec(RESTOCK_CHANGELOG.name), lambda _: None, CACHED_ROWS_MAX)
    history = PoolHistory("bench", tables)
    settings = PoolSettings(name="Bench", restock=RestockSettings(move_max_distance_m=5_000))
    history.config.apply_change(("commonshelf.PoolSettings", settings.to_avro()))  # type: ignore[arg-type]
    names = [f"store-{number:03}" for number in range(stores)]
    for name, (north, east) in zip(names, draw.integers(-40_000, 40_000, (stores, 2)).tolist(), strict=True):
        store = StoreSettings(store=name, name=name, latitude_e6=50_800_000 + north, longitude_e6=8_770_000 + east)
        history.config.apply_change(("commonshelf.StoreSettings", store.to_avro()))  # type: ignore[arg-type]
    items = [_item(number) for number in range(skus)]
    for item in items:
        history.config.apply_item(item.to_avro())  # type: ignore[arg-type]
    of_item = np.sort(draw.gamma(0.8, 0.15, skus))[::-1] + 0.005
    rate: Floats = (draw.gamma(4.0, 0.25, stores)[:, None] * of_item[None, :]).reshape(-1)
    on_hand = draw.poisson(7.0 * rate)
    for shelf, (name, item) in enumerate((name, item) for name in names for item in items):
        row = history.shelf(name, item.sku, _TODAY - _LEARNED_DAYS)
        row["on_hand_milli"] = 1000 * int(on_hand[shelf])
        row["receipts"].append({"day": _TODAY - shelf % 5, "quantity_milli": row["on_hand_milli"]})
    history.row["clock_ms"] = _TODAY * _DAY_MS
    return history, rate


def _item(number: int) -> CatalogItem:
    cost = 50 + number * 37 % 400
    return CatalogItem(
        pool="bench", sku=f"item-{number:05}", name=f"Item {number}", category=f"c{number // _ITEMS_OF_A_CATEGORY}",
        unit="each", cost_minor=cost, price_minor=cost * 3 // 2, pack_milli=6_000,
        shelf_life_days=7 if number % 3 == 0 else None, supplier=f"supplier-{number % _SUPPLIERS}", recorded_at_ms=0,
    )  # fmt: skip


def _learned(layout: Layout, rate: Floats, draw: np.random.Generator) -> State:
    """The state after some weeks of Poisson sales."""
    state = first_state(layout, 0)
    for day in range(_LEARNED_DAYS):
        sold = draw.poisson(rate)
        units = np.bincount(layout.item, sold, layout.items).astype(np.int64)
        state = learn(layout, (), state, DaySales(Day(day % 7), sold, units, units))
    return state
