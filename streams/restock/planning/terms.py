"""The terms on which a store buys an item: when it can order, when goods come, and what a unit earns and costs."""

from typing import NamedTuple

from schemas.types.catalog import CatalogItem
from schemas.types.restock_terms import RestockSettings, SupplierTerms
from streams.restock.decision.newsvendor import Terms
from streams.restock.history.days import step_milli
from streams.restock.history.hours import date_of

LIFE_MAX_DAYS = 90
"""What keeps longer is taken not to spoil."""
WINDOW_MAX_DAYS = 70
_PPM = 1_000_000
FINE = 1_000
"""Money of a step is in thousandths of the minor unit: what a unit costs that lies for a day is less than one."""
_MINOR_MAX = 10_000_000
"""A unit's price, or cost, beyond counts as this."""


class Calendar(NamedTuple):
    """A supplier's next deliveries, in days since 1970."""

    from_day: int
    """The first day on which the store can order."""
    order_on: int
    arrives_on: int
    next_arrives_on: int
    spread_days: int
    minimum_minor: int
    lead_days: int
    """Days until the goods are there."""
    window_days: int
    """Days until those of the order after are there, one at least."""


def calendar_of(settings: RestockSettings, supplier: str | None, from_day: int) -> Calendar:
    """The calendar of a supplier, by its own terms or else by the pool's."""
    own: SupplierTerms | None = next((one for one in settings["suppliers"] if one["supplier"] == supplier), None)
    terms: RestockSettings | SupplierTerms = own or settings
    weekdays = terms["order_weekdays"]
    order_on = _order_day(weekdays, from_day)
    lead = terms["lead_days"]
    next_arrives_on = _order_day(weekdays, order_on + 1) + lead
    return Calendar(
        from_day, order_on, order_on + lead, next_arrives_on, terms["lead_spread_days"], terms["minimum_minor"],
        order_on + lead - from_day, max(min(next_arrives_on - from_day, WINDOW_MAX_DAYS), 1),
    )  # fmt: skip


def _order_day(weekdays: list[int], from_day: int) -> int:
    return next(
        day for day in range(from_day, from_day + 7) if not weekdays or date_of(day).isoweekday() in weekdays
    )  # fmt: skip


class Money(NamedTuple):
    """The money of an item."""

    terms: Terms
    """Of a step, in thousandths of the minor unit."""
    pack_steps: int
    pack_cost_minor: int
    step_move: int
    """Cost of a step that a neighbour sends, in thousandths of the minor unit."""


def money_of(settings: RestockSettings, item: CatalogItem, calendar: Calendar) -> Money | None:
    """None for an item that cannot be planned: a kit, or one without a cost and a price above it."""
    cost, price = item["cost_minor"], item["price_minor"]
    if item.get("parts") or cost is None or price is None or cost <= 0:
        return None
    step = step_milli(item["unit"])
    net = min(price, _MINOR_MAX) * 1000 // (1000 + (item["tax_permille"] or 0))
    cost = min(cost, _MINOR_MAX)
    window = calendar.window_days
    life = item["shelf_life_days"]
    return Money(
        Terms(
            margin_minor=max(_of_step(net - cost, step), 0),
            waste_minor=_of_step(cost + settings["waste_minor_per_unit"], step),
            holding_minor=cost * settings["holding_ppm_per_day"] * window * step // _PPM,
            window_days=window,
            life_days=None if life is None or life > LIFE_MAX_DAYS else max(life, 1),
        ),
        pack_steps=max(item["pack_milli"] // step, 1),
        pack_cost_minor=max(cost * max(item["pack_milli"] // step, 1) * step // 1000, 1),
        step_move=_of_step(settings["move_minor_per_unit"], step),
    )


def _of_step(minor: int, step: int) -> int:
    """Of a unit, minor → of a step of so many thousandths of it, in thousandths of the minor unit."""
    return min(minor, _MINOR_MAX) * FINE * step // 1000
