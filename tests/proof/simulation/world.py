"""The world of the simulation: shops, customers and a bad network, drawn from a seed.

What people do becomes records, and the network carries them: late, twice, in another order, damaged, or lost; what
matters to somebody is sent again. Stores answer the tasks that the pool publishes, most of the time.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import (
    Change,
    ClockConfirmation,
    ConfigChange,
    Contribution,
    ContributionKind,
    OpeningHours,
    PoolSettings,
    StoreItemSettings,
    StoreSettings,
)
from schemas.models.requests import OrderRequest
from schemas.topics import (
    CATALOG_ITEMS,
    FULFILMENT_REPORTS,
    ORDERS_REQUESTS,
    POOL_CONFIG,
    POOL_TICKS,
    POS_SALES,
    POS_STOCK,
)
from tests.proof.simulation.membership import drawn_days
from tests.proof.simulation.pickup import PLACES, Customers
from tests.proof.simulation.restock import restock_terms, town_calendar
from tests.proof.simulation.settlement import SettlementTerms
from tests.support.pool import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    NOON_MS,
    POOL,
    fulfilment_report,
    line,
    order_request,
    sale,
    stock,
    wanted,
)

Row = dict[str, Any]
START_MS = NOON_MS - NOON_MS % DAY_MS
TICK_MS = 20 * MINUTE_MS
QUIET_DAYS = 24
"""After the last day only the clock goes on: whatever people left undone must end by itself."""
STORES = ("share", "cap", "fixed", "levels", "hours")
SKUS = tuple(f"sku-{n}" for n in range(10))
WEIGHED = SKUS[8:]
_REASONS = ("waste", "damage", "theft", "expiry", "own_use", "other")


def unit(sku: str) -> str:
    return "kg" if sku in WEIGHED else "each"


class Arrival(NamedTuple):
    """A record as the broker gets it."""

    at_ms: int
    topic: str
    value: bytes | None


class PoolWorld:
    """Draws what happens; the same seed draws the same, as long as the pool answers the same."""

    def __init__(self, seed: int, days: int) -> None:
        self._chance = random.Random(seed)
        self._chance_of_days = random.Random(f"days {seed}")
        self._terms = SettlementTerms(seed)
        self._restock_terms = restock_terms(seed)
        self._customers = Customers(seed)
        self._end_ms = START_MS + days * DAY_MS
        self._number = 0
        self._heap: list[tuple[int, int, Callable[[], None] | Arrival]] = []
        self._known_tasks: set[str] = set()
        self._settings: dict[str, StoreSettings] = {}
        self.now_ms = START_MS
        self.faults: Counter[str] = Counter()
        self._open_pool()
        for day in range(days):
            self._at(START_MS + day * DAY_MS, self._begin_day)
        for n in range(days * DAY_MS // TICK_MS):
            self._at(START_MS + n * TICK_MS, self._tick)
        for n in range(QUIET_DAYS * 6):
            self._at(self._end_ms + DAY_MS + n * DAY_MS // 6, self._confirm_and_tick)

    def next(self) -> Arrival | None:
        """The next record that arrives; None when nothing is under way."""
        while self._heap:
            at_ms, _, what = heapq.heappop(self._heap)
            self.now_ms = at_ms
            if isinstance(what, Arrival):
                return what
            what()
        return None

    def hear(self, tasks: list[Row]) -> None:
        """Stores see tasks on their lists."""
        for task in tasks:
            if task["task"] not in self._known_tasks and task["status"] == "open" and self.now_ms < self._end_ms:
                self._known_tasks.add(task["task"])
                self._answer(task)

    def ask(self, request: bytes) -> None:
        """Restock asks for a transfer."""
        self._send(ORDERS_REQUESTS.name, request, patience_ms=HOUR_MS)

    # --- the network ------------------------------------------------------------------------------------

    def _at(self, at_ms: int, what: Callable[[], None] | Arrival) -> None:
        self._number += 1
        heapq.heappush(self._heap, (at_ms, self._number, what))

    def _later(self, most_ms: int, what: Callable[[], None], least_ms: int = MINUTE_MS) -> None:
        self._at(self.now_ms + self._chance.randrange(least_ms, most_ms), what)

    def _arrive(self, topic: str, value: bytes | None, delay_ms: int = 0) -> None:
        self._at(self.now_ms + delay_ms, Arrival(self.now_ms + delay_ms, topic, value))

    def _send(self, topic: str, value: bytes, *, matters: bool = True, patience_ms: int = 4 * HOUR_MS) -> None:
        chance, draw = self._chance, self._chance.random()
        delay_ms = chance.randrange(2_000)
        if draw < 0.05:
            self.faults["delayed"] += 1
            delay_ms += chance.randrange(patience_ms)
        elif draw < 0.08:
            self.faults["dropped"] += 1
            if not matters:
                return
            delay_ms += 10 * MINUTE_MS
        elif draw < 0.15:
            self.faults["duplicated"] += 1
            self._arrive(topic, value, chance.randrange(patience_ms))
        elif draw < 0.16:
            self.faults["corrupted"] += 1
            cut = chance.randrange(len(value))
            self._arrive(topic, chance.choice((None, b"", value[:cut], value + b"!", b"\1" + value[1:])), delay_ms)
            delay_ms += MINUTE_MS
        self._arrive(topic, value, delay_ms)

    # --- settings and the clock -------------------------------------------------------------------------

    def _open_pool(self) -> None:
        def lends(kind: str, value: int) -> Contribution:
            return Contribution(kind=ContributionKind(kind), value=value)

        late_limit_ms = self._chance.choice((DAY_MS, 3 * DAY_MS, 7 * DAY_MS))
        kept_ms, restock = 12 * DAY_MS, self._restock_terms
        self._configure(
            PoolSettings(name="Simulated", late_limit_ms=late_limit_ms, ended_retention_ms=kept_ms, restock=restock)
        )
        hours = tuple(OpeningHours(weekday=day, opens_minute=480, closes_minute=1200) for day in range(1, 8))
        for one in (
            StoreSettings(store="share", name="Lends a share", contribution=lends("share", 800)),
            StoreSettings(store="cap", name="Lends so much", contribution=lends("cap", 6_000), orders_at_once_max=4),
            StoreSettings(store="fixed", name="Lends a number", contribution=lends("fixed", 40_000)),
            StoreSettings(store="levels", name="Reports levels", reports_sales=False),
            StoreSettings(store="hours", name="Closes", opening=hours, safety_stock_milli=1_000),
        ):
            self._settings[one.store] = one
            self._configure(one)
        for place in PLACES:
            self._configure(place)
        self._configure(town_calendar(START_MS))
        late = SKUS[::3] if self._terms.is_price_late else ()
        for sku in SKUS:
            self._name_item(sku, is_priced=sku not in late)
        for sku in late:
            self._at(START_MS + 3 * DAY_MS, lambda sku=sku: self._name_item(sku, is_priced=True))
        self._at(START_MS + self._terms.told_on_day * DAY_MS, lambda: self._configure(self._terms.agreement))
        self._configure(StoreItemSettings(store="share", sku=SKUS[1], listed=False))

    def _name_item(self, sku: str, *, is_priced: bool) -> None:
        item = CatalogItem(pool=POOL, sku=sku, name=sku, unit=unit(sku), recorded_at_ms=self.now_ms)
        priced = self._terms.item(item, is_priced=is_priced)
        self._arrive(CATALOG_ITEMS.name, topic_codec(CATALOG_ITEMS.name).encode(priced.to_avro()))

    def _configure(self, change: Change) -> None:
        event = ConfigChange(pool=POOL, recorded_at_ms=self.now_ms, origin="simulation", change=change)
        self._arrive(POOL_CONFIG.name, topic_codec(POOL_CONFIG.name).encode(event.to_avro()))

    def _change_terms(self) -> None:
        chance = self._chance
        before = self._settings[chance.choice(("share", "cap", "hours"))]
        kind, values = before.contribution.kind, {"share": (0, 500, 800, 1_000)}
        value = chance.choice(values.get(kind.value, (2_000, 6_000)))
        changed = before.model_copy(
            update={
                "open": chance.random() < 0.7, "safety_stock_milli": chance.choice((0, 1_000, 2_000)),
                "contribution": Contribution(kind=kind, value=value),
            } | drawn_days(self._chance_of_days, self.now_ms)
        )  # fmt: skip
        self._configure(changed)
        if self._chance.random() < 0.8:
            self._later(8 * HOUR_MS, lambda: self._configure(before))

    def _confirm_and_tick(self) -> None:
        """When nobody sells any more, only an operator's word lets the clock leap."""
        self._configure(ClockConfirmation(at_ms=self.now_ms))
        self._tick()

    def _tick(self) -> None:
        ahead_ms = 2 * HOUR_MS if self._chance.random() < 0.005 else 0
        tick = {"pool": POOL, "at_ms": self.now_ms + ahead_ms, "origin": "simulation"}
        self._send(POOL_TICKS.name, topic_codec(POOL_TICKS.name).encode(tick), matters=False)

    # --- a day ------------------------------------------------------------------------------------------

    def _begin_day(self) -> None:
        chance = self._chance
        for store in STORES:
            self._later(8 * HOUR_MS, lambda store=store: self._receive(store), 5 * HOUR_MS)
            for _ in range(chance.randint(4, 9)):
                self._later(20 * HOUR_MS, lambda store=store: self._sell(store), 7 * HOUR_MS)
            for what in (self._count, self._adjust):
                if chance.random() < 0.6:
                    self._later(23 * HOUR_MS, lambda what=what, store=store: what(store))
        for _ in range(chance.randint(8, 16)):
            self._later(22 * HOUR_MS, self._order)
        for _ in range(chance.randint(0, 6)):
            self._later(20 * HOUR_MS, self._transfer)
        if chance.random() < 0.5:
            self._later(20 * HOUR_MS, self._change_terms)

    def _name(self, what: str) -> str:
        self._number += 1
        return f"{what}{self._number}"

    def _quantity(self, sku: str, most: int) -> int:
        return self._chance.randrange(1, most * 1_000) if sku in WEIGHED else self._chance.randint(1, most) * 1_000

    def _skus(self, most: int) -> list[str]:
        return self._chance.sample(SKUS, self._chance.randint(1, most))

    def _times(self) -> Row:
        """Told now; it happened now, a little ago, or before a till was offline."""
        ago_ms = self._chance.choice((0, 0, 0, 1_000, 5 * MINUTE_MS, 3 * HOUR_MS, 30 * HOUR_MS))
        return {"occurred_at_ms": (self.now_ms - ago_ms) // 1_000 * 1_000, "recorded_at_ms": self.now_ms}

    def _report_stock(self, kind: str, store: str, skus: list[str], most: int, sign: int = 1, **told: str) -> None:
        lines = [line(sign * self._quantity(sku, most), sku, unit=unit(sku), **told) for sku in skus]
        value = stock(kind, self._name("r"), *lines, store=store, **self._times())
        self._send(POS_STOCK.name, value)

    def _receive(self, store: str) -> None:
        self._report_stock("received", store, self._skus(8), 12)

    def _count(self, store: str) -> None:
        kind = "level" if store == "levels" or self._chance.random() < 0.2 else "counted"
        self._report_stock(kind, store, self._skus(3), 20)

    def _adjust(self, store: str) -> None:
        self._report_stock("adjusted", store, self._skus(2), 2, -1, reason=_REASONS[self._number % len(_REASONS)])

    def _sell(self, store: str, order: str | None = None, lines: list[Row] | None = None) -> None:
        chance = self._chance
        kinds = ("sale",) * 12 + ("return", "void", "return_not_restocked")
        told = lines or [
            line(self._quantity(sku, 3), sku, unit=unit(sku), kind=chance.choice(kinds)) for sku in self._skus(3)
        ]
        if chance.random() < 0.01:
            told[0] = {**told[0], "code": "sku:nobody"}
        fields = {"store": store, "order_ref": order, **self._times()}
        name = self._name("s")
        self._send(POS_SALES.name, sale(name, *told, **fields), patience_ms=12 * HOUR_MS)
        if chance.random() < 0.06:
            revised = [{**one, "quantity_milli": one["quantity_milli"] + 1_000} for one in told[:2]]
            fields["recorded_at_ms"] += MINUTE_MS
            value = sale(name, *revised, version=2, **fields)
            self._later(3 * HOUR_MS, lambda: self._send(POS_SALES.name, value), 2 * MINUTE_MS)
        elif chance.random() < 0.02:  # the same name and version says something else
            self._send(POS_SALES.name, sale(name, {**told[0], "quantity_milli": 9_000}, **fields))

    # --- orders and transfers ---------------------------------------------------------------------------

    def _ask(self, kind: str, order: str, lines: list[Row], **fields: Any) -> None:
        if fields.get("deadline_ms", self.now_ms + 1) > self.now_ms:
            value = order_request(kind, order, *lines, recorded_at_ms=self.now_ms, **fields)
            self._send(ORDERS_REQUESTS.name, value, patience_ms=HOUR_MS)

    def _order(self) -> None:
        chance = self._chance
        order = self._name("o")
        lines = [wanted(self._quantity(sku, 4), sku) for sku in self._skus(3)]
        terms = {
            "preferred_store": chance.choice(STORES), "may_split": chance.random() < 0.7,
            "may_part_fill": chance.random() < 0.7,
            "deadline_ms": self.now_ms + chance.choice((1, 3, 8, 30)) * HOUR_MS,
            "pickup": self._customers.wish(order, self.now_ms),
        }  # fmt: skip
        self._ask("placed", order, lines, **terms)
        if chance.random() < 0.8:
            self._later(18 * MINUTE_MS, lambda: self._ask("confirmed", order, []), 1_000)
        if chance.random() < 0.12:
            self._later(3 * HOUR_MS, lambda: self._ask("cancelled", order, []))
        if chance.random() < 0.1:
            changed = [{**one, "quantity_milli": one["quantity_milli"] + 1_000} for one in lines[:2]]
            self._later(40 * MINUTE_MS, lambda: self._ask("amended", order, changed, **terms), 1_000)
        self._at(self.now_ms + HOUR_MS, lambda: self._move(order))
        if chance.random() < 0.03:  # the same key asks for something else
            self._later(HOUR_MS, lambda: self._ask("placed", order, lines, **terms, hold_ttl_ms=77_000))

    def _move(self, order: str) -> None:
        wish = self._customers.moves(order, self.now_ms)
        if wish is not None:
            value = order_request("moved", order, pickup=wish, recorded_at_ms=self.now_ms)
            self._send(ORDERS_REQUESTS.name, value, patience_ms=HOUR_MS)

    def _come(self, order: str, store: str) -> None:
        for after_ms, report in self._customers.comes(order, store, self.now_ms):
            self._at(
                self.now_ms + after_ms, lambda report=report: self._send(FULFILMENT_REPORTS.name, report(self.now_ms))
            )

    def _transfer(self) -> None:
        chance = self._chance
        name, ends = self._name("t"), chance.sample(STORES, 2)
        lines = [wanted(self._quantity(sku, 4), sku) for sku in self._skus(2)]
        request = OrderRequest.model_validate({
            "pool": POOL, "order": name, "kind": "placed", "key": name, "recorded_at_ms": self.now_ms,
            "origin": "simulation", "terms": None,
            "transfer": {"from_store": ends[0], "to_store": ends[1], "lines": lines},
        })  # fmt: skip
        self._send(ORDERS_REQUESTS.name, topic_codec(ORDERS_REQUESTS.name).encode(request.to_avro()))
        if chance.random() < 0.1:
            self._later(2 * HOUR_MS, lambda: self._ask("cancelled", name, []))
        if chance.random() < 0.3:  # told by the transfer's name, before or after the tasks
            lines = [{"line_id": one["line_id"], "quantity_milli": one["quantity_milli"]} for one in lines]
            for kind, store in (("shipped", ends[0]), ("received", ends[1])):
                value = fulfilment_report(
                    kind, None, *lines, transfer=name, store=store, report_id=f"{name}/{kind}", **self._times()
                )
                self._later(9 * HOUR_MS, lambda value=value: self._send(FULFILMENT_REPORTS.name, value))

    # --- stores at work ---------------------------------------------------------------------------------

    def _answer(self, task: Row) -> None:
        chance = self._chance
        if task["kind"] == "pick":
            self._come(task["order"], task["store"])
        if chance.random() < 0.12:
            return  # nobody looks at the list
        if task["kind"] == "recount":
            sku = task["lines"][0]["sku"]
            self._later(9 * HOUR_MS, lambda: self._report_stock("counted", task["store"], [sku], 20))
            return
        if chance.random() < 0.5:
            self._later(15 * MINUTE_MS, lambda: self._report(task, "claimed", [], None))
        worked_ms = 50 * MINUTE_MS if task["kind"] == "pick" else 8 * HOUR_MS
        if chance.random() < {"hand_over": 0.4, "pick": 0.03}.get(task["kind"], 0):
            self._later(worked_ms, lambda: self._ring_up(task))
        draw = chance.random()
        reason = chance.choice(("not_found", "damaged", "wrong_item", "store_closed", "no_capacity"))
        if task["kind"] in ("pick", "hand_over") and reason == "store_closed":
            reason = "sold" if task["kind"] == "pick" else "not_collected"
        kind = "done" if draw < 0.75 else "short" if draw < 0.9 else "refused"
        one = task["lines"][0]
        most = one["quantity_milli"]
        missing = most if one["sku"] in WEIGHED else chance.randrange(1_000, most + 1, 1_000)
        lines = [{"line_id": one["line_id"], "quantity_milli": missing}] if kind == "short" else []
        self._later(worked_ms, lambda: self._report(task, kind, lines, None if kind == "done" else reason))

    def _report(self, task: Row, kind: str, lines: list[Row], reason: str | None) -> None:
        times = {"occurred_at_ms": self.now_ms, "recorded_at_ms": self.now_ms}
        code = self._customers.code(task["order"]) if task["kind"] == "hand_over" else None
        value = fulfilment_report(kind, task["task"], *lines, store=task["store"], reason=reason, code=code, **times)
        self._send(FULFILMENT_REPORTS.name, value, matters=self._chance.random() < 0.9, patience_ms=2 * HOUR_MS)

    def _ring_up(self, task: Row) -> None:
        kinds = ("sale",) * 8 + ("void",)
        lines = [
            line(one["quantity_milli"], one["sku"], unit=unit(one["sku"]), kind=self._chance.choice(kinds))
            for one in task["lines"]
        ]
        self._sell(task["store"], task["order"], lines)
