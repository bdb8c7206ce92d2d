"""Shelves as a run looks at them: what is there, what is expected, and what each unit more is worth."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from schemas.types.catalog import CatalogItem
from schemas.types.restock import RestockShelfRow
from streams.restock.decision.newsvendor import MICRO, gains, order_up_to
from streams.restock.decision.stock import Lot, stock_position
from streams.restock.forecast.distribution import Demand, quantiles, survival
from streams.restock.forecast.portable import Floats, Ints
from streams.restock.forecast.predict import DemandAhead
from streams.restock.history.days import step_milli
from streams.restock.history.hours import date_of
from streams.restock.history.pool import PoolHistory
from streams.restock.planning.ahead import Ahead
from streams.restock.planning.terms import FINE, Calendar, Money, calendar_of, money_of

PERMILLE = (500, 800, 900, 950)
_FAR = 995
_WORTH_NAMING_PERMILLE = 20
"""An event that changes the expected demand by less is not named."""
_STEPS_MAX = 4_096
"""Steps of one shelf whose gain is asked for."""


@dataclass
class ShelfOutlook:
    """A shelf, in steps of its item; gains in billionths of a minor unit."""

    row: RestockShelfRow
    item: CatalogItem
    step: int
    calendar: Calendar
    money: Money
    incoming: int
    promised: int
    """On the shelf, and leaving it for a neighbour."""
    usable: int = 0
    """On hand, and counts against an order."""
    expiring: int = 0
    """On hand, and spoils within the window before it is sold."""
    mean_milli: int = 0
    """Expected demand over the window, thousandths of the unit."""
    lead_milli: int = 0
    """The same until new goods come."""
    quantiles: tuple[int, ...] = ()
    """Of the demand over the window, for PERMILLE."""
    gains: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    best: int = 0
    """Stock up to which each step gains something."""
    event: str | None = None
    """The local event that changes its demand most."""
    event_permille: int | None = None
    """A day's demand with it, permille of that without."""

    @property
    def store(self) -> str:
        """The store."""
        return self.row["store"]

    @property
    def sku(self) -> str:
        """The item."""
        return self.row["sku"]

    @property
    def position(self) -> int:
        """What counts: usable, on its way, and not promised away."""
        return self.usable + self.incoming - self.promised

    def gain(self, first: int, until: int) -> Ints:
        """The gains of the steps after so many; those that are not known are as the last one that is."""
        return self.gains.take(np.arange(first, until), mode="clip")

    def loss_minor(self, stock: int) -> int:
        """The expected loss with so much stock against the best, minor units."""
        total: int = sum(self.gain(*sorted((stock, self.best))).tolist())
        return abs(total) // (MICRO * FINE)


def shelves_of(
    history: PoolHistory, ahead: Ahead, keys: Sequence[tuple[str, str]], from_day: int,
    pledged: dict[tuple[str, str], int],
) -> list[ShelfOutlook]:  # fmt: skip
    """The shelves that can be planned, from a day on. pledged: (store, SKU) → thousandths proposed to neighbours."""
    terms = _Terms(history, ahead, from_day)
    found = [shelf for key in keys if (shelf := _shelf(history, terms, key, pledged)) is not None]
    if not found:
        return []
    numbers = np.array([one.row["number"] for one in found], np.int64)
    windows = np.array([one.calendar.window_days for one in found], np.int64)
    leads = np.array([min(one.calendar.lead_days, one.calendar.window_days) for one in found], np.int64)
    lives = leads + np.array([one.money.terms.life_days or 0 for one in found], np.int64)
    horizon = int(max(windows.max(), lives.max()))
    days = ahead.days(from_day, horizon)
    wanted = DemandAhead(ahead.layout, ahead.uplift, ahead.state, numbers, days)
    over = _with_spread(wanted.over(windows), found, windows)
    in_life = wanted.over(lives)
    lead_mean = wanted.over(leads).expected()
    mean = over.expected()
    chances = quantiles(over, (*PERMILLE, _FAR))
    steps = np.array([one.step for one in found], np.int64)
    for one, mean_milli, lead_milli, of_window in zip(
        found, _whole(mean * steps), _whole(lead_mean * steps), chances.tolist(), strict=True
    ):
        one.mean_milli, one.lead_milli = mean_milli, lead_milli
        one.quantiles = tuple(of_window[: len(PERMILLE)])
        _look_at_stock(one, from_day)
    _value(found, over, in_life, chances[:, -1])
    _name_events(found, ahead, wanted, from_day)
    return found


def _name_events(shelves: Sequence[ShelfOutlook], ahead: Ahead, wanted: DemandAhead, from_day: int) -> None:
    windows = np.array([one.calendar.window_days for one in shelves], np.int64)
    for one, kind, change, on_its_day in zip(shelves, *(of.tolist() for of in wanted.strongest(windows)), strict=True):
        if abs(change) >= _WORTH_NAMING_PERMILLE:
            last_day = from_day + one.calendar.window_days - 1
            event = ahead.occasions.named(kind, one.row["number"], date_of(from_day), date_of(last_day))
            if event is not None:
                one.event, one.event_permille = event.name, on_its_day


class _Terms:
    """The terms of items on a day, each worked out once."""

    def __init__(self, history: PoolHistory, ahead: Ahead, from_day: int) -> None:
        self._items, self._settings, self._from_day = history.config.items, ahead.settings, from_day
        self._calendars: dict[str | None, Calendar] = {}
        self._known: dict[str, tuple[CatalogItem, Calendar, Money] | None] = {}

    def of(self, sku: str) -> tuple[CatalogItem, Calendar, Money] | None:
        """None for an item that cannot be planned."""
        if sku not in self._known:
            self._known[sku] = self._of(sku)
        return self._known[sku]

    def _of(self, sku: str) -> tuple[CatalogItem, Calendar, Money] | None:
        item = self._items.get(sku)
        if item is None:
            return None
        supplier = item["supplier"]
        if supplier not in self._calendars:
            self._calendars[supplier] = calendar_of(self._settings, supplier, self._from_day)
        money = money_of(self._settings, item, self._calendars[supplier])
        return None if money is None else (item, self._calendars[supplier], money)


def _shelf(
    history: PoolHistory, terms: _Terms, key: tuple[str, str], pledged: dict[tuple[str, str], int]
) -> ShelfOutlook | None:
    known = terms.of(key[1])
    if known is None or history.config.terms(*key) is None or not history.is_open(key[0]):
        return None
    item, calendar, money = known
    row, step = history.shelves[key], step_milli(item["unit"])
    leaving = history.leaving.get(key, 0) + pledged.get(key, 0)
    return ShelfOutlook(row, item, step, calendar, money, history.incoming_milli(row) // step, -(-leaving // step))


def _whole(values: Floats) -> list[int]:
    whole: list[int] = np.rint(values).astype(np.int64).tolist()
    return whole


def _with_spread(demand: Demand, shelves: Sequence[ShelfOutlook], windows: Ints) -> Demand:
    """Goods that come some days earlier or later: as if so many days' demand came on top or fell away."""
    spread = np.array([one.calendar.spread_days for one in shelves], np.float64)
    of_days = demand.mean / windows * spread
    return Demand(demand.mean, demand.variance + of_days * of_days, demand.listed)


def _look_at_stock(shelf: ShelfOutlook, from_day: int) -> None:
    window = shelf.calendar.window_days
    milli_a_day = shelf.mean_milli * 1000 // (shelf.step * window)
    there = max(shelf.row["on_hand_milli"] // shelf.step, 0)
    shelf.usable = stock_position(_lots(shelf, there, from_day), milli_a_day, window)
    shelf.expiring = there - shelf.usable


def _lots(shelf: ShelfOutlook, there: int, from_day: int) -> list[Lot]:
    """What is there by age: the goods that came last are there last. Of unknown age is what came before."""
    life = shelf.money.terms.life_days
    if life is None:
        return [Lot(there, None)]
    lots, left = [], there
    for receipt in reversed(shelf.row["receipts"]):
        units = min(left, receipt["quantity_milli"] // shelf.step)
        left -= units
        lots.append(Lot(units, life - (from_day - receipt["day"])))
    return [*lots, Lot(left, life // 2)]


def _value(shelves: Sequence[ShelfOutlook], over: Demand, in_life: Demand, far: Ints) -> None:
    """The gain of each step, for shelves that need about as many steps at once."""
    wanted = [
        min(int(far[at]) + one.money.pack_steps + 1, _STEPS_MAX).bit_length() for at, one in enumerate(shelves)
    ]  # fmt: skip
    for bits in sorted(set(wanted)):
        chosen = np.array([at for at, one in enumerate(wanted) if one == bits], np.int64)
        steps = min(1 << bits, _STEPS_MAX)
        sold, lasting = survival(over.of(chosen), steps), survival(in_life.of(chosen), steps)
        worth = gains([shelves[at].money.terms for at in chosen.tolist()], sold, lasting)
        for at, of_shelf, best in zip(chosen.tolist(), worth, order_up_to(worth).tolist(), strict=True):
            shelves[at].gains, shelves[at].best = of_shelf, best
