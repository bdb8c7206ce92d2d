"""The days to come as a run knows them: what was learned, the local calendar, closed days, and the terms of trade."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from schemas.types.config import StoreSettings
from schemas.types.restock_terms import RestockSettings
from streams.restock.calendar.events import Occasions
from streams.restock.forecast.portable import Floats
from streams.restock.forecast.rates import Day, uplifts
from streams.restock.forecast.state import Layout, State
from streams.restock.history.hours import date_of, spans
from streams.restock.history.pool import PoolHistory

_USUAL = 1_000


@dataclass(frozen=True)
class Ahead:
    """A pool's days to come."""

    layout: Layout
    state: State
    uplift: Floats
    """Of each kind of occasion (a row) for each item (a column)."""
    occasions: Occasions
    settings: RestockSettings
    stores: tuple[tuple[str, StoreSettings], ...]
    """In the order of their numbers in the forecast."""
    zone: str
    demand_permille: Mapping[str, int] = field(default_factory=dict)
    """Store → what comes of its usual demand; all of it in the others."""

    def days(self, first: int, count: int) -> list[Day]:
        """So many days from one on, in days since 1970."""
        return [self._day(first + ahead) for ahead in range(count)]

    def _day(self, day: int) -> Day:
        of_store = [
            self.demand_permille.get(name, _USUAL) if spans(store, self.zone, day) else 0 for name, store in self.stores
        ]
        is_usual = all(permille == _USUAL for permille in of_store)
        permille = None if is_usual else np.array(of_store, np.int64)[self.layout.store]
        return Day(date_of(day).weekday(), self.occasions.on(date_of(day)), permille)


def known_ahead(history: PoolHistory, layout: Layout, state: State) -> Ahead:
    """The days to come by what a pool's journal says."""
    stores = tuple((name, history.config.stores[name]) for name in history.row["stores"])
    return Ahead(
        layout, state, uplifts(layout, history.kinds(), state), history.occasions(layout),
        history.config.pool["restock"], stores, history.zone(),
    )  # fmt: skip
