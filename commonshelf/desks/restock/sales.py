"""Sales as the desk reads them from the journal: what went to customers, and the demand that follows from it."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta, tzinfo

import numpy as np

from commonshelf.stack.connection import Connection
from messaging.journal import read_journal
from schemas.partition import partition_of
from streams.pool.journal.elsewhere import is_elsewhere
from streams.pool.journal.movements import Movement, Movements
from streams.restock.forecast.distribution import Demand
from streams.restock.forecast.learn import DaySales, learn
from streams.restock.forecast.predict import predict
from streams.restock.forecast.rates import Day
from streams.restock.forecast.state import Layout, first_state

_SOLD = ("sale", "return", "void", "collected")
"""Causes by which goods go to customers, or come back from them."""


def sales_of(connection: Connection, pool: str) -> Iterator[Movement]:
    """What went to customers of a pool, or came back from them, in the order of its journal."""
    movements = Movements()
    for entry in read_journal(connection.kafka_options, [partition_of(pool, connection.settings.partitions)]):
        if entry.pool == pool:
            for one in movements.of(entry.fact):
                if one.cause in _SOLD and not is_elsewhere(one.store):
                    yield one


def sold_milli(one: Movement) -> int:
    """What was sold, thousandths of the unit; below zero for what came back.

    A sale that names an order counts as far as it moved goods: what was handed over for the order counts itself.
    """
    return -(one.books_milli if one.order is not None and one.cause != "collected" else one.quantity_milli)


def demand_like(
    sales: Iterable[Movement], skus: Sequence[str], stores: Sequence[str], zone: tzinfo, days: Collection[date]
) -> Demand | None:
    """The demand in each store, over the days, for what sells as the items together do; None: they never sold.

    Forecast from daily sales in whole units, with nothing known of occasions; the items are taken for one.
    """
    place, wanted = {store: number for number, store in enumerate(stores)}, set(skus)
    sold, lines = Counter[tuple[int, int]](), Counter[int]()
    for one in sales:
        if one.sku in wanted and one.store in place:
            units = round(sold_milli(one) / 1000)
            day = datetime.fromtimestamp(one.occurred_at_ms / 1000, zone).date().toordinal()
            sold[day, place[one.store]] += units
            lines[day] += units * units if units > 0 else 0
    if not sold:
        return None
    numbers = np.arange(len(stores))
    none = np.zeros(1, np.int64)
    layout = Layout(numbers, np.zeros(len(stores), np.int64), none, none, len(stores), 1, 1)
    state = first_state(layout, 0)
    for day in range(min(sold)[0], max(sold)[0] + 1):
        of_day = np.array([sold[day, number] for number in numbers.tolist()], np.int64)
        bought = np.array([np.maximum(of_day, 0).sum()])
        state = learn(layout, [], state, DaySales(_day(day), of_day, np.array([lines[day]]), bought))
    return predict(layout, [], state, [Day(one.weekday()) for one in sorted(days)])


def days_between(from_ms: int, until_ms: int, zone: tzinfo) -> list[date]:
    """The calendar days that the window touches, its end left out."""
    first, last = (datetime.fromtimestamp(at_ms / 1000, zone).date() for at_ms in (from_ms, until_ms - 1))
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _day(ordinal: int) -> Day:
    return Day(date.fromordinal(ordinal).weekday())
