"""A history of the pool's own decisions, without Kafka: clients overlap, and nobody tells who came first."""

import random
from pathlib import Path
from typing import Any

from schemas.models.config import AllocationSettings, StoreSettings
from tests.proof.torture.history import Recorder
from tests.proof.torture.settled import agreements
from tests.support.pool import MINUTE_MS, NOON_MS, POOL, PoolBench, line, wanted

SKUS, STORES = ("rye", "oat", "nut"), ("corner", "hill", "mill")
TTL_MS = 30 * MINUTE_MS
STEP_NS = 1_000_000_000
"""Time of the history from one step to the next."""


class Play:
    """Each step has its effect at its own time; it was asked up to `overlap` steps before and heard as much after."""

    def __init__(self, path: Path, seed: int, overlap: int) -> None:
        self.chance, self.overlap = random.Random(seed), overlap
        self.bench = PoolBench()
        self._at_ns = 0
        self._step = 0
        self._told = 0
        self._now_ms = NOON_MS
        self.recorder = Recorder(path, lambda: self._at_ns)
        self.live: dict[str, str] = {}
        self._furnish()

    def _furnish(self) -> None:
        self.bench.configure_pool(allocation=AllocationSettings(min_confidence_permille=0))
        for store in STORES:
            settings = {"orders_at_once_max": 9_999, "orders_per_day_max": 9_999}
            self.bench.configure(StoreSettings(store=store, name=store, **settings))
        for sku in SKUS:
            self.bench.stock_item(sku, cost_minor=123, tax_permille=200, price_minor=245)
        for agreed in agreements((), [POOL], NOON_MS):
            self.bench.configure(agreed.change)
        shelves = {(sku, store): self.chance.randint(0, 3) * 1_000 for sku in SKUS for store in STORES}
        for (sku, store), milli in shelves.items():
            self.bench.report("received", f"{sku}-{store}", line(milli, sku), store=store) if milli else None
        self.recorder.opens(POOL, shelves)
        self._told = len(self.bench.events())

    def asked(self, key: str, kind: str, order: str = "", **fields: Any) -> None:
        self._step += 1
        self._at_ns = (2 * self._step - self.chance.randint(0, 2 * self.overlap)) * STEP_NS
        self.recorder.asks(POOL, key, kind, order, **fields)

    def heard(self, counted: str = "") -> None:
        """What came of the last step; `counted` is a sale or delivery that the journal tells of."""
        events = self.bench.events()
        new, self._told = events[self._told :], len(events)
        self._at_ns = (2 * self._step + 1 + self.chance.randint(0, 2 * self.overlap)) * STEP_NS
        for event in new:
            self._at_ns += 1
            self.recorder.hears(event)
        if counted:
            self.recorder.counts(POOL, counted)

    def place(self, order: str, *lines: tuple[str, int], all_or_nothing: bool = False) -> None:
        told = [(sku, sku, 1_000 * units) for sku, units in lines]
        self.asked(f"{order}/placed", "placed", order, lines=told, is_all_or_nothing=all_or_nothing, ttl_ms=TTL_MS)
        self.bench.request(
            "placed", order, *(wanted(1_000 * units, sku, line_id=sku) for sku, units in lines), preferred_store="mill",
            may_part_fill=not all_or_nothing, hold_ttl_ms=TTL_MS, deadline_ms=NOON_MS + 1_000 * MINUTE_MS,
        )  # fmt: skip
        self.heard()

    def ask(self, kind: str, order: str) -> None:
        self.asked(f"{order}/{kind}", kind, order)
        self.bench.request(kind, order)
        self.heard()

    def sell(self, sku: str, store: str, units: int = 1) -> None:
        self.asked(f"sale-{self._step + 1}", "sold", store=store, lines=[("1", sku, 1_000 * units)])
        self.bench.sell(f"sale-{self._step}", line(1_000 * units, sku, kind="sale"), store=store)
        self.heard(f"sale-{self._step}")

    def receive(self, sku: str, store: str, units: int = 1) -> None:
        self.asked(f"delivery-{self._step + 1}", "received", store=store, lines=[("1", sku, 1_000 * units)])
        self.bench.report("received", f"delivery-{self._step}", line(1_000 * units, sku), store=store)
        self.heard(f"delivery-{self._step}")

    def work(self, *, reason: str = "", again: bool = False) -> None:
        """A store does one of its tasks, the first line short if `reason` says why, or `again` what has ended."""
        tasks = [task for task in self.bench.tasks().values()
                 if (task["status"] != "open") == again and task["kind"] in ("pick", "hand_over")]  # fmt: skip
        if not tasks:
            return
        task = self.chance.choice(tasks)
        is_pick = task["kind"] == "pick"
        first = task["lines"][0]
        missing = [(first["line_id"], first["sku"], 1_000)] if reason and is_pick else []
        kind = "short" if missing else "picked" if is_pick else "collected"
        key = f"{task['task']}/{self._step}"
        self.asked(key, kind, task["order"], store=task["store"], lines=missing, reason=reason if missing else "")
        lines = [{"line_id": name, "quantity_milli": milli, "reason": reason} for name, _, milli in missing]
        self.bench.fulfil("short" if missing else "done", task["task"], *lines, report_id=key)
        self.heard()

    def wait(self, minutes: int) -> None:
        self._now_ms += minutes * MINUTE_MS
        self._step += minutes * 60
        self.bench.pass_time(self._now_ms)
        self.heard()


def play(path: Path, seed: int, steps: int = 120, overlap: int = 6) -> PoolBench:
    """A few items fought over, every kind of step. Returns the bench, all committed."""
    one = Play(path, seed, overlap)
    chance, orders = one.chance, []
    for step in range(steps):
        deed = chance.choices(
            ["place", "confirm", "cancel", "sell", "receive", "work", "again", "short", "wait"],
            [30, 18, 12, 10, 6, 20, 4, 8, 1],
        )[0]
        if deed == "place":
            orders.append(f"o{step}")
            wants = chance.sample(SKUS[:2], chance.choice([1, 1, 2])) if chance.random() < 0.7 else [SKUS[2]]
            one.place(orders[-1], *((sku, chance.randint(1, 3)) for sku in wants), all_or_nothing=chance.random() < 0.2)
        elif deed in ("confirm", "cancel") and orders:
            order = chance.choice(orders[-8:])
            one.ask(f"{deed}ed" if deed == "confirm" else "cancelled", order)
        elif deed == "sell":
            one.sell(chance.choice(SKUS), chance.choice(STORES))
        elif deed == "receive":
            one.receive(chance.choice(SKUS), chance.choice(STORES))
        elif deed == "wait":
            one.wait(chance.choice([1, 20]))
        elif deed in ("work", "again", "short"):
            reason = chance.choice(["damaged", "not_found", "sold"]) if deed == "short" else ""
            one.work(reason=reason, again=deed == "again")
    one.bench.commit()
    return one.bench
