"""A seeded region of village grocers: what their tills and back offices say, in the order in which they send it.

Pure: it knows only its own clock, and yields documents for as long as it is asked. The same seed and options give the
same documents. A driver paces them and puts them on another clock if it likes (`commonshelf.demo.clock`).

Beside plain sales it has what real tills do: returns, voids, receipts revised after the fact, deliveries told
twice, registers that are offline and send everything later and out of order, wrong clocks, items that no product
master knows. Shops keep their hours every day; none closes down.
"""

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from world.assortment import assortment, unknown_code
from world.baskets import HOURS_PER_WEEK, Demand, week_rhythm
from world.documents import DocumentKind, DocumentLine, StoreDocument
from world.grocers import GROCERS, grocers
from world.stockroom import Stockroom

MONDAY_MS = 1_767_571_200_000
"""When the region's clock starts: Monday 2026-01-05, midnight."""

_SECOND_MS = 1_000
_MINUTE_MS = 60 * _SECOND_MS
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS
_DELIVERY_HOUR = 5
_CLOSING_HOUR = 21


@dataclass(frozen=True, slots=True)
class Habits:
    """Chances of what is not a plain sale: per receipt unless the name says otherwise."""

    void_per_line: float = 0.008
    unknown_item_per_line: float = 0.002
    return_: float = 0.012
    revised: float = 0.008
    told_twice: float = 0.015
    overtaken_per_revision: float = 0.1
    """The first version is told once more after the second."""
    delayed: float = 0.01
    from_before: float = 0.003
    """A receipt of the days before the region began turns up."""
    wrong_clock: float = 0.001
    offline_per_day: float = 0.05
    """Per store: a register loses its line for a while."""


class Region:
    """The region's grocers. `opening` first, then `documents`."""

    def __init__(
        self,
        seed: int,
        *,
        stores: int = GROCERS,
        items: int = 480,
        demand_multiplier: float = 1.0,
        habits: Habits | None = None,
    ) -> None:
        self._rng = np.random.default_rng(seed)
        self._habits = habits or Habits()
        self.grocers = grocers(stores)
        self.items = assortment(self._rng, items)
        self.demand = Demand(self._rng, self.items, stores, demand_multiplier)
        self.stockroom = Stockroom(self._rng, self.items, self.demand)
        self._rhythm = week_rhythm()
        self._delivery_days = [_delivery_days(self._rng) for _ in self.grocers]
        self._offline_until_ms = [0] * stores
        self._recent_sales: list[deque[DocumentLine]] = [deque(maxlen=200) for _ in self.grocers]
        self._item_at = {item.code: at for at, item in enumerate(self.items)}
        self._numbers = [count(1) for _ in self.grocers]
        self._unknown = count(1)
        self._pending: list[tuple[int, int, StoreDocument]] = []  # by time sent, then in order of birth
        self._births = count()

    def opening(self) -> Iterator[StoreDocument]:
        """One document per store with all its stock, at the region's first moment."""
        for store in range(len(self.grocers)):
            yield self._document(store, "opening", MONDAY_MS, MONDAY_MS, self.stockroom.opening(store))

    def collect(self, store: str, sku: str, quantity_milli: int) -> None:
        """A customer takes ordered goods away, as far as they are there."""
        at = next(number for number, grocer in enumerate(self.grocers) if grocer.id == store)
        item = next(number for number, item in enumerate(self.items) if item.sku == sku)
        self.stockroom.take(at, item, quantity_milli)

    def documents(self) -> Iterator[StoreDocument]:
        """All that follows, without end, by `sent_at_ms`."""
        for hour in count():
            began_ms = MONDAY_MS + hour * _HOUR_MS
            self._live_through(hour, began_ms)
            while self._pending and self._pending[0][0] < began_ms + _HOUR_MS:
                yield heapq.heappop(self._pending)[2]

    def _live_through(self, hour: int, began_ms: int) -> None:
        day, hour_of_day = divmod(hour, 24)
        for store in range(len(self.grocers)):
            if hour_of_day == _DELIVERY_HOUR and day % 7 in self._delivery_days[store]:
                self._report(store, "received", began_ms, self.stockroom.deliver(store))
            if hour_of_day == _CLOSING_HOUR:
                self._close(store, day, began_ms)
            share = self._rhythm[hour % HOURS_PER_WEEK]
            if share:
                self._trade(store, began_ms, float(self.demand.baskets_per_week[store] * share), hour_of_day)

    def _trade(self, store: int, began_ms: int, expected_baskets: float, hour_of_day: int) -> None:
        # Not in the last two of the fourteen hours, or what is sent later would meet the evening's count.
        if hour_of_day < _CLOSING_HOUR - 2 and self._rng.random() < self._habits.offline_per_day / 12:
            minutes = int(self._rng.integers(20, 90))
            self._offline_until_ms[store] = began_ms + minutes * _MINUTE_MS
        baskets = int(self._rng.poisson(expected_baskets))
        for occurred_at_ms in sorted(self._rng.integers(began_ms, began_ms + _HOUR_MS, baskets).tolist()):
            lines = self._ring_up(store)
            if lines:
                self._send_receipt(store, occurred_at_ms, lines)

    def _ring_up(self, store: int) -> tuple[DocumentLine, ...]:
        """A customer's lines. What the shelf lacks is not sold."""
        habits, rng = self._habits, self._rng
        lines: list[DocumentLine] = []
        for at, wanted_milli in self.demand.basket(rng, store):
            item = self.items[at]
            taken_milli = self.stockroom.take(store, at, wanted_milli)
            if not taken_milli:
                continue
            line = DocumentLine(len(lines) + 1, item.code, taken_milli, item.unit, "sale", item.price_minor)
            lines.append(line)
            if rng.random() < habits.void_per_line:
                self.stockroom.put(store, at, taken_milli)
                lines.append(replace(line, line_no=len(lines) + 1, kind="void"))
            else:
                self._recent_sales[store].append(line)
            if rng.random() < habits.unknown_item_per_line:
                code = unknown_code(next(self._unknown))
                lines.append(DocumentLine(len(lines) + 1, code, 1_000, "each", "sale", 199))
        if rng.random() < habits.return_ and self._recent_sales[store]:
            lines.append(self._bring_back(store, len(lines) + 1))
        return tuple(lines)

    def _bring_back(self, store: int, line_no: int) -> DocumentLine:
        """A customer returns something sold before; what spoils is not put back."""
        sold = self._recent_sales[store].popleft()
        at = self._item_at[sold.code]
        fresh = self.items[at].shelf_life_days <= 10
        if not fresh:
            self.stockroom.put(store, at, sold.quantity_milli)
        return replace(sold, line_no=line_no, kind="return_not_restocked" if fresh else "return")

    def _send_receipt(self, store: int, occurred_at_ms: int, lines: tuple[DocumentLine, ...]) -> None:
        """Hand a receipt over to the line: now or later, once or more often, in one version or two."""
        habits, rng = self._habits, self._rng
        sent_at_ms = self._sent_at(store, occurred_at_ms)
        first = self._document(
            store, "sale", occurred_at_ms, sent_at_ms, lines, register=str(1 + int(rng.random() < 0.3))
        )
        odd = rng.random()
        if odd < habits.wrong_clock:
            days = int(rng.integers(8, 40)) * (1 if rng.random() < 0.5 else -1)
            first = first.at(occurred_at_ms + days * _DAY_MS, sent_at_ms)
        elif odd < habits.wrong_clock + habits.from_before:
            first = first.at(MONDAY_MS - int(rng.integers(_MINUTE_MS, 5 * _DAY_MS)), sent_at_ms)
        sends = [first]
        if rng.random() < habits.told_twice:
            sends += [self._again(first) for _ in range(int(min(rng.geometric(0.7), 4)))]
        if rng.random() < habits.revised:
            revised = self._revise(store, first)
            sends.append(revised)
            if rng.random() < habits.overtaken_per_revision:
                sends.append(replace(first, sent_at_ms=revised.sent_at_ms + _MINUTE_MS))
        self._schedule(sends)

    def _sent_at(self, store: int, occurred_at_ms: int) -> int:
        rng = self._rng
        offline_until_ms = self._offline_until_ms[store]
        if occurred_at_ms < offline_until_ms:
            return offline_until_ms + int(rng.integers(_SECOND_MS, 2 * _MINUTE_MS))
        if rng.random() < self._habits.delayed:
            return occurred_at_ms + int(rng.integers(2 * _SECOND_MS, 10 * _MINUTE_MS))
        return occurred_at_ms + int(rng.integers(50, 2 * _SECOND_MS))

    def _again(self, document: StoreDocument) -> StoreDocument:
        """The same document, word for word, later."""
        return replace(document, sent_at_ms=document.sent_at_ms + int(self._rng.integers(_SECOND_MS, 30 * _MINUTE_MS)))

    def _revise(self, store: int, document: StoreDocument) -> StoreDocument:
        """Version 2: one line had the wrong quantity or was not bought at all. The goods are where version 2 says."""
        sales = [line for line in document.lines if line.kind == "sale" and line.code in self._item_at]
        voided = {line.code for line in document.lines if line.kind == "void"}
        wrong = next((line for line in sales if line.code not in voided), None)
        lines = document.lines
        if wrong is not None and len(lines) > 1:
            kept_milli = 0 if wrong.unit == "kg" else wrong.quantity_milli // 2_000 * 1_000
            self.stockroom.put(store, self._item_at[wrong.code], wrong.quantity_milli - kept_milli)
            right = (replace(wrong, quantity_milli=kept_milli),) if kept_milli else ()
            lines = tuple(kept for line in lines for kept in ((line,) if line is not wrong else right))
        sent_at_ms = document.sent_at_ms + int(self._rng.integers(_MINUTE_MS, 20 * _MINUTE_MS))
        return replace(document, version=2, lines=lines, sent_at_ms=sent_at_ms)

    def _close(self, store: int, day: int, began_ms: int) -> None:
        """After closing: waste is written down, some things are gone, a section is counted."""
        # Half an hour later everything that the day's revisions changed is where it belongs.
        at_ms = began_ms + 30 * _MINUTE_MS + store * _MINUTE_MS // 2
        self._report(store, "adjusted", at_ms, self.stockroom.throw_out(store))
        self.stockroom.shrink(store)
        self._report(store, "counted", at_ms + 10 * _MINUTE_MS, self.stockroom.count(store, day))

    def _report(self, store: int, kind: DocumentKind, occurred_at_ms: int, lines: tuple[DocumentLine, ...]) -> None:
        if lines:
            sent_at_ms = occurred_at_ms + int(self._rng.integers(_SECOND_MS, _MINUTE_MS))
            self._schedule([self._document(store, kind, occurred_at_ms, sent_at_ms, lines)])

    def _document(
        self,
        store: int,
        kind: DocumentKind,
        occurred_at_ms: int,
        sent_at_ms: int,
        lines: tuple[DocumentLine, ...],
        register: str = "1",
    ) -> StoreDocument:
        number = f"{next(self._numbers[store]):06d}"
        return StoreDocument(self.grocers[store].id, kind, number, occurred_at_ms, sent_at_ms, lines, register)

    def _schedule(self, sends: list[StoreDocument]) -> None:
        sends.sort(key=lambda document: document.sent_at_ms)
        for at, document in enumerate(sends, start=1):
            is_last = at == len(sends)
            entry = document if is_last else replace(document, is_last=False)
            heapq.heappush(self._pending, (document.sent_at_ms, next(self._births), entry))


def _delivery_days(rng: np.random.Generator) -> frozenset[int]:
    """Three mornings a week, Monday to Saturday."""
    return frozenset(rng.choice(6, 3, replace=False).tolist())
