"""A month of appointments at shops of which some are slower than they say: the windows that are kept, and their width.

A pool in this process decides all. What shops need is drawn from a seed, and the pool knows nothing of how: at half of
the shops it is what they declare, at the others up to 2.5 times that, another factor each hour; times spread around it
by a lognormal with a sigma of 0.2. Customers come at any moment of the window that they know when they set out.
"""

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, NamedTuple

from bench.allocate import Tell
from bench.figures import percentile
from bench.local_pool import POOL, LocalPool
from schemas.codec import topic_codec
from schemas.models.config import ClockConfirmation, OpeningHours, PickupPlace, PoolSettings, StoreSettings
from schemas.models.reports import FulfilmentReport
from schemas.models.requests import OrderRequest
from schemas.topics import FULFILMENT_REPORTS, ORDERS_REQUESTS, PICKUP_APPOINTMENTS, POOL_TASKS, POOL_TICKS
from schemas.types.reports import ReportKind

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
_START_MS = 1_790_000_000_000 - 1_790_000_000_000 % DAY_MS
_OPENS_H, _CLOSES_H, _LAST_ORDER_H = 8, 20, 18
_PREPARATION_MIN, _PREPARATION_PER_LINE_MIN = 10, 1
_LINES_MAX = 12
_SOON = 0.6
_BEGINS_AHEAD_MS = 90 * MINUTE_MS
_FACTOR_MAX, _SIGMA = 2.5, 0.2
_SPREAD_OVER_MS = 2 * HOUR_MS
Row = Mapping[str, Any]


class Arm(NamedTuple):
    """A way to promise. suffix: of its figures' names."""

    suffix: str
    learns: bool
    is_two_hours: bool = False
    """The customer is told two hours from the quarter hour that is booked, and nothing after that."""


ARMS: Final = (Arm("", learns=True), Arm("_without_learning", learns=False), Arm("_two_hours", False, True))


def measure_windows(seed: int, stores: int, days: int, orders_per_day: int, tell: Tell) -> dict[str, Any]:
    """Live the month once for each way to promise; the same orders, shops and customers each time."""
    figures: dict[str, Any] = {"windows_seed": seed}
    for arm in ARMS:
        kept = _Month(arm, seed, stores).live(days, orders_per_day)
        found = _figures(kept)
        figures |= {f"{name}{arm.suffix}": value for name, value in found.items()}
        how = "two hours" if arm.is_two_hours else "learned" if arm.learns else "as declared"
        tell(
            f"{days} days of {stores} shops, windows {how}: {found['windows_kept_percent']} % of "
            f"{found['hand_overs']} hand-overs inside, {found['window_mean_min']} minutes wide"
        )
    return figures


class _HandOver(NamedTuple):
    """Goods that a customer got."""

    at_ms: int
    known: tuple[int, int]
    """The window that the customer knew on setting out."""
    booked: tuple[int, int]
    """The window that was promised first."""
    is_moved: bool
    """The goods were not ready in time for it."""
    waited_ms: int
    soon_after_ms: int | None
    """From the order to the window that was promised first, when the customer wished it as soon as may be."""


@dataclass
class _Customer:
    """A customer with an order, and how it goes."""

    store: str
    lines: int
    is_soon: bool
    placed_ms: int
    confirms_after_ms: int
    travel_ms: int
    share: float
    """Of the window that has passed when the customer arrives."""
    noise: float
    """Of the shop's work on this order, around its factor."""
    booked: tuple[int, int] = (0, 0)
    window: tuple[int, int] = (0, 0)
    """As the customer knows it."""
    is_moved: bool = False
    leaves_ms: int = 0
    has_left: bool = False
    arrived_ms: int = 0
    task: str = ""
    """Of handing over."""
    is_served: bool = False
    tasks: set[str] = field(default_factory=set)
    """Those that the shop has seen."""


def _figures(done: list[_HandOver]) -> dict[str, Any]:
    soon = [one.soon_after_ms for one in done if one.soon_after_ms is not None]
    return {
        "hand_overs": len(done),
        "windows_kept_percent": _percent(sum(one.known[0] <= one.at_ms < one.known[1] for one in done), done),
        "window_mean_min": _mean_min([one.known[1] - one.known[0] for one in done]),
        "window_booked_mean_min": _mean_min([one.booked[1] - one.booked[0] for one in done]),
        "windows_moved_percent": _percent(sum(one.is_moved for one in done), done),
        "soon_after_mean_min": _mean_min(soon),
        "wait_p95_min": round(percentile([one.waited_ms for one in done], 95) / MINUTE_MS, 1),
    }


def _percent(part: int, of: list[_HandOver]) -> float:
    return round(100 * part / max(1, len(of)), 1)


def _mean_min(spans_ms: list[int]) -> float:
    return round(sum(spans_ms) / max(1, len(spans_ms)) / MINUTE_MS, 1)


class _Month:
    """The events by their time; the pool's rows are heard as subscribers hear them."""

    def __init__(self, arm: Arm, seed: int, stores: int) -> None:
        self._arm, self._seed = arm, seed
        self._pool = pool = LocalPool(_START_MS)
        self._stores = [f"shop-{number:02}" for number in range(stores)]
        self._customers: dict[str, _Customer] = {}
        self._done: list[_HandOver] = []
        self._steps: list[tuple[int, int, Callable[[], None]]] = []
        self._number = 0
        pool.configure(PoolSettings(name="Bench", learns_preparation=arm.learns, pick_within_ms=6 * HOUR_MS))
        week = tuple(
            OpeningHours(weekday=day, opens_minute=60 * _OPENS_H, closes_minute=60 * _CLOSES_H) for day in range(1, 8)
        )
        for store in self._stores:
            pool.configure(StoreSettings(store=store, name=store, opening=week, orders_per_day_max=1_000))
            place = PickupPlace(
                place=store, name=store, stores=(store,), preparation_ms=_PREPARATION_MIN * MINUTE_MS,
                preparation_per_line_ms=_PREPARATION_PER_LINE_MIN * MINUTE_MS, no_show_after_ms=6 * HOUR_MS,
            )  # fmt: skip
            pool.configure(place)
        self._skus = pool.stock(self._stores, _LINES_MAX)
        pool.commit()

    def live(self, days: int, orders_per_day: int) -> list[_HandOver]:
        """So many days, with so many orders a day at each shop, and a day on which the rest is collected."""
        for day in range(days + 1):
            opens_ms = _START_MS + day * DAY_MS + _OPENS_H * HOUR_MS
            self._at(opens_ms, self._begin_day)
            for minute in range(1, 60 * (_CLOSES_H - _OPENS_H) + 120):
                self._at(opens_ms + minute * MINUTE_MS, self._tick)
            for store in self._stores if day < days else ():
                for number in range(orders_per_day):
                    self._draw(f"{store}-{day}-{number}", store, opens_ms)
        while self._steps:
            self._pool.clock_ms, _, step = heapq.heappop(self._steps)
            step()
            self._hear()
        return self._done

    def _at(self, at_ms: int, step: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._steps, (at_ms, self._number, step))

    def _begin_day(self) -> None:
        self._pool.configure(ClockConfirmation(at_ms=self._pool.clock_ms))
        self._tick()

    def _tick(self) -> None:
        self._pool.put(POOL_TICKS.name, {"pool": POOL, "at_ms": self._pool.clock_ms, "origin": "bench"})

    def _draw(self, name: str, store: str, opens_ms: int) -> None:
        chance = Random(f"{self._seed} {name}")
        placed_ms = opens_ms + chance.randrange((_LAST_ORDER_H - _OPENS_H) * HOUR_MS)
        customer = _Customer(
            store, chance.randint(1, _LINES_MAX), chance.random() < _SOON, placed_ms,
            confirms_after_ms=chance.randint(10, 120) * 1_000, travel_ms=chance.randint(3, 12) * MINUTE_MS,
            share=chance.random(), noise=chance.lognormvariate(0, _SIGMA),
        )  # fmt: skip
        later_ms = chance.randrange(2 * HOUR_MS, 10 * HOUR_MS)
        self._at(placed_ms, lambda: self._place(name, customer, 0 if customer.is_soon else later_ms))

    def _place(self, name: str, customer: _Customer, later_ms: int) -> None:
        now_ms = self._pool.clock_ms
        wish_ms = now_ms + later_ms
        if wish_ms % DAY_MS > (_CLOSES_H - 1) * HOUR_MS:  # in the evening nobody hands over: on the next day, then
            wish_ms += 14 * HOUR_MS
        self._customers[name] = customer
        terms = {
            "mode": "pickup", "preferred_store": customer.store, "only_there": True,
            "deadline_ms": now_ms + 2 * DAY_MS, "pickup": {"from_ms": wish_ms, "until_ms": wish_ms + HOUR_MS},
            "lines": [{"line_id": sku, "sku": sku, "quantity_milli": 1_000} for sku in self._skus[: customer.lines]],
        }  # fmt: skip
        self._ask(name, "placed", terms)
        self._at(now_ms + customer.confirms_after_ms, lambda: self._ask(name, "confirmed", None))

    def _ask(self, name: str, kind: str, terms: dict[str, Any] | None) -> None:
        request = OrderRequest.model_validate({
            "pool": POOL, "order": name, "kind": kind, "key": f"{name}/{kind}", "origin": "bench",
            "recorded_at_ms": self._pool.clock_ms, "terms": terms,
        })  # fmt: skip
        self._pool.put(ORDERS_REQUESTS.name, request.to_avro())

    def _report(self, kind: ReportKind, store: str, name: str, **fields: Any) -> None:
        now_ms = self._pool.clock_ms
        report = FulfilmentReport(
            pool=POOL, store=store, report_id=f"{name}/{kind}", kind=kind, occurred_at_ms=now_ms,
            recorded_at_ms=now_ms, origin="bench", **fields,
        )  # fmt: skip
        self._pool.put(FULFILMENT_REPORTS.name, report.to_avro())

    def _hear(self) -> None:
        """What the pool told: customers hear of their appointments, shops of their tasks."""
        for output in self._pool.commit():
            if output.value is None:
                continue
            if output.topic == PICKUP_APPOINTMENTS.name:
                self._hear_appointment(topic_codec(output.topic).decode(output.value))
            elif output.topic == POOL_TASKS.name:
                self._hear_task(topic_codec(output.topic).decode(output.value))

    def _hear_task(self, task: Row) -> None:
        customer, name = self._customers[task["order"]], task["task"]
        if task["status"] != "open" or name in customer.tasks:
            return
        customer.tasks.add(name)
        if task["kind"] == "pick":
            begins_ms = max(self._pool.clock_ms, customer.booked[0] - _BEGINS_AHEAD_MS)
            declared_min = _PREPARATION_MIN + customer.lines * _PREPARATION_PER_LINE_MIN
            factor = self._factor(customer.store, begins_ms // HOUR_MS % 24)
            done_ms = begins_ms + round(declared_min * MINUTE_MS * factor * customer.noise)
            self._at(done_ms, lambda: self._report("done", customer.store, name, task=name))
        elif task["kind"] == "hand_over":
            customer.task = name
            self._hand_over(customer)

    def _factor(self, store: str, hour: int) -> float:
        """By how much a shop needs longer at an hour than it declares."""
        is_slow = self._stores.index(store) % 2 == 1
        return Random(f"{self._seed} {store} {hour}").uniform(1, _FACTOR_MAX) if is_slow else 1.0

    def _hear_appointment(self, row: Row) -> None:
        customer = self._customers[row["order"]]
        if row["ended_at_ms"]:
            return
        customer.is_moved |= row["is_late"]
        told = row["window_from_ms"], row["window_until_ms"]
        is_first = not customer.window[0]
        known = (told[0], told[0] + _SPREAD_OVER_MS) if self._arm.is_two_hours else told
        if is_first:
            customer.booked = known
        is_news = is_first or not self._arm.is_two_hours
        if customer.has_left or known == customer.window or not is_news:
            return
        customer.window = known
        arrives_ms = known[0] + int(customer.share * (known[1] - known[0]))
        leaves_ms = customer.leaves_ms = max(arrives_ms - customer.travel_ms, self._pool.clock_ms)
        self._at(leaves_ms, lambda: self._leave(row["order"], customer, leaves_ms))

    def _leave(self, name: str, customer: _Customer, leaves_ms: int) -> None:
        if customer.has_left or customer.leaves_ms != leaves_ms:
            return  # there was news
        customer.has_left = True
        eta_ms = leaves_ms + customer.travel_ms
        self._report("on_the_way", customer.store, name, order=name, eta_ms=eta_ms)
        self._at(eta_ms, lambda: self._arrive(customer))

    def _arrive(self, customer: _Customer) -> None:
        customer.arrived_ms = self._pool.clock_ms
        self._hand_over(customer)

    def _hand_over(self, customer: _Customer) -> None:
        if not customer.task or not customer.arrived_ms or customer.is_served:
            return
        now_ms, customer.is_served = self._pool.clock_ms, True
        soon_after_ms = customer.booked[0] - customer.placed_ms if customer.is_soon else None
        self._done.append(
            _HandOver(
                now_ms, customer.window, customer.booked, customer.is_moved, now_ms - customer.arrived_ms, soon_after_ms
            )
        )
        self._at(now_ms, lambda: self._report("done", customer.store, customer.task, task=customer.task))
