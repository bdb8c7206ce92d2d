"""The learning of a pool: each day once and for good, when no more is told of it; the last ones for a look."""

import numpy as np

from schemas.types.restock import ShelfDay
from streams.restock.calendar.events import Occasions
from streams.restock.forecast.learn import DaySales, learn
from streams.restock.forecast.portable import Ints
from streams.restock.forecast.rates import Day
from streams.restock.forecast.rows import from_blocks, grown, to_blocks
from streams.restock.forecast.state import Layout, State, first_state
from streams.restock.history.days import demanded_milli, step_milli
from streams.restock.history.hours import close_ms, date_of, local_day, open_ms, spans
from streams.restock.history.pool import PoolHistory
from streams.restock.history.tables import BLOCKS, DAYS

LATE_DAYS = 2
"""Days that wait for late sales before they are learned for good: an offline till's, the next morning's file."""
SETTLED_PAST_MS = 10_000
"""So long after the last sale of the past all is learned anew."""
_SHELF_DAYS_AT_ONCE = 100_000
_DAYS_AT_ONCE = 32
"""Of one tick, so that none takes long."""


class Learner:
    """A pool's forecast, brought up to date by ticks."""

    def __init__(self, history: PoolHistory) -> None:
        self._history = history
        self.state = from_blocks(history.blocks, self.layout(), len(history.row["kinds"]))

    def layout(self) -> Layout:
        """The shelves as they are numbered now. Categories are departments, too."""
        history, row = self._history, self._history.row
        categories = [row["categories"].index(history.category_of(sku)) for sku in row["skus"]]
        stores = {name: number for number, name in enumerate(row["stores"])}
        items = {name: number for number, name in enumerate(row["skus"])}
        of_item = np.array(categories, np.int64)
        return Layout(
            store=np.array([stores[store] for store, _ in history.by_number], np.int64),
            item=np.array([items[sku] for _, sku in history.by_number], np.int64),
            category=of_item, department=of_item, stores=len(stores), categories=len(row["categories"]),
            departments=len(row["categories"]),
        )  # fmt: skip

    def advance(self, appended_at_ms: int) -> bool:
        """Learn days that nothing more is told of, some at a time. False while some are left."""
        history, row = self._history, self._history.row
        if row["past_at_ms"]:
            if appended_at_ms < row["past_at_ms"] + SETTLED_PAST_MS:
                return False
            row["past_at_ms"] = row["learned_day"] = 0
            self.state = first_state(self.layout(), len(history.row["kinds"]))
            self._keep()
            history.keep_row()
        last = local_day(history.zone(), row["clock_ms"]) - LATE_DAYS - 1
        day = max(row["learned_day"] + 1, row["first_day"])
        if not row["first_day"] or day > last:
            return True
        layout, kinds = self.layout(), history.kinds()
        occasions = history.occasions(layout)
        self.state = grown(self.state, layout, len(history.row["kinds"]))
        for _ in range(min(_DAYS_AT_ONCE, max(_SHELF_DAYS_AT_ONCE // max(len(layout.store), 1), 1), last - day + 1)):
            history.settle_day(day)
            self.state = learn(layout, kinds, self.state, self._sales(layout, occasions, day, None))
            row["learned_day"] = day
            day += 1
        history.keep_row()
        self._keep()
        return day > last

    def outlook(self) -> tuple[Layout, State]:
        """What is known now, with the days that are not learned yet: of stores that have closed on them."""
        history, row = self._history, self._history.row
        layout, kinds = self.layout(), history.kinds()
        occasions = history.occasions(layout)
        state = grown(self.state, layout, len(history.row["kinds"]))
        if row["first_day"]:
            first = max(row["learned_day"] + 1, row["first_day"])
            for day in range(first, local_day(history.zone(), row["clock_ms"]) + 1):
                state = learn(layout, kinds, state, self._sales(layout, occasions, day, row["clock_ms"]))
        return layout, state

    def _keep(self) -> None:
        history = self._history
        for name, numbers in to_blocks(self.state).items():
            if history.blocks.get(name) != numbers:
                history.blocks[name] = numbers
                history.tables[BLOCKS].put(
                    (history.pool, name), {"pool": history.pool, "name": name, "numbers": numbers}
                )

    def _sales(self, layout: Layout, occasions: Occasions, day: int, until_ms: int | None) -> DaySales:
        """A day's sales; until_ms: leave out stores that are open then."""
        history = self._history
        count = len(layout.store)
        sold_milli, out_ms = np.zeros(count, np.int64), np.zeros(count, np.int64)
        units, squares = np.zeros(layout.items, np.int64), np.zeros(layout.items, np.int64)

        def take(store: str, counted: ShelfDay) -> None:
            number = history.shelves[store, counted["sku"]]["number"]
            sold_milli[number] += demanded_milli(counted)
            out_ms[number] += counted["out_ms"]
            units[layout.item[number]] += max(counted["steps"], 0)
            squares[layout.item[number]] += max(counted["squares"], 0)

        opening_ms = self._opening_ms(day, until_ms)
        for store in history.row["stores"]:
            kept = history.tables[DAYS].get((history.pool, store, f"{day:06d}"))
            for counted in kept["items"] if kept is not None and opening_ms[store] is not None else ():
                take(store, counted)
        for store, sku in sorted(history.open_days.get(day, ())):
            if opening_ms[store] is not None:
                take(store, next(one for one in history.shelves[store, sku]["days"] if one["day"] == day))
        if until_ms is not None:
            self._count_running(day, until_ms, out_ms)
        steps = np.array([step_milli(history.config.unit(sku)) for sku in history.row["skus"]], np.int64)[layout.item]
        sold = (sold_milli + steps // 2) // steps
        known = np.array([history.shelves[key]["first_day"] <= day for key in history.by_number], np.bool_)
        of_store = np.array([opening_ms[store] or 0 for store in history.row["stores"]], np.int64)[layout.store]
        permille = _open_permille(np.where(known, of_store, 0), out_ms, sold)
        return DaySales(Day(date_of(day).weekday(), occasions.on(date_of(day)), permille), sold, squares, units)

    def _opening_ms(self, day: int, until_ms: int | None) -> dict[str, int | None]:
        """Store → its opening time that day, 0 when it was closed; None when the day goes on."""
        history, found = self._history, {}
        for store in history.row["stores"]:
            settings = history.config.stores[store]
            closes_ms = close_ms(settings, history.zone(), day)
            goes_on = until_ms is not None and closes_ms is not None and closes_ms > until_ms
            whole_ms = sum(closes - opens for opens, closes in spans(settings, history.zone(), day))
            found[store] = None if goes_on else whole_ms
        return found

    def _count_running(self, day: int, until_ms: int, out_ms: Ints) -> None:
        """The time without stock that no movement has ended yet."""
        history = self._history
        for store, sku in history.out:
            shelf = history.shelves[store, sku]
            since_ms = shelf["out_since_ms"]
            out_ms[shelf["number"]] += open_ms(history.config.stores[store], history.zone(), day, since_ms, until_ms)


def _open_permille(opening_ms: Ints, out_ms: Ints, sold: Ints) -> Ints:
    """Of each shelf the part of its day in which it could sell. One that sold all the same could, all day."""
    in_stock = np.maximum(opening_ms - out_ms, 0) * 1000 // np.maximum(opening_ms, 1)
    return np.where((in_stock == 0) & (sold > 0), 1000, in_stock)
