"""A shelf's business days: what they hold, and how they are added up."""

from bisect import bisect_left

from schemas.types.pos import Unit
from schemas.types.restock import RestockShelfRow, ShelfDay

_WEIGHED_STEP_MILLI = 100
"""Weighed goods are forecast in steps of 0.1 kg or l."""
_STEPS_MAX = 1_000_000
"""Of one sale line: more is somebody's slip of the finger."""
SUMS = ("sold_milli", "returned_milli", "wasted_milli", "ordered_milli", "unmet_milli", "out_ms", "steps", "squares")


def step_milli(unit: Unit | None) -> int:
    """The step in which an item is forecast, in thousandths of its unit."""
    return 1000 if unit in (None, "each") else _WEIGHED_STEP_MILLI


def steps_of(quantity_milli: int, unit: Unit | None) -> int:
    """A quantity in whole steps, half a step up."""
    step = step_milli(unit)
    return (quantity_milli + step // 2) // step


def new_day(sku: str, day: int, on_hand_milli: int = 0) -> ShelfDay:
    """A day on which nothing moved."""
    return {
        "sku": sku, "day": day, "sold_milli": 0, "returned_milli": 0, "wasted_milli": 0, "ordered_milli": 0,
        "unmet_milli": 0, "opening_milli": on_hand_milli, "closing_milli": on_hand_milli, "out_ms": 0, "steps": 0,
        "squares": 0,
    }  # fmt: skip


def day_of(shelf: RestockShelfRow, day: int) -> ShelfDay:
    """The shelf's day, made if it is not there yet."""
    days = shelf["days"]
    at = bisect_left(days, day, key=lambda one: one["day"])
    if at == len(days) or days[at]["day"] != day:
        days.insert(at, new_day(shelf["sku"], day, shelf["on_hand_milli"]))
    return days[at]


def count_line(day: ShelfDay, quantity_milli: int, unit: Unit | None, sign: int = 1) -> None:
    """A sale line of so much, above zero; sign -1 takes it back."""
    steps = min(max(steps_of(quantity_milli, unit), 1), _STEPS_MAX)
    day["steps"] += sign * steps
    day["squares"] += sign * steps * steps


def add_to(items: list[ShelfDay], day: ShelfDay, sign: int = 1) -> None:
    """Add a day to those of a store's items, which are sorted by item; sign -1 takes its sums off."""
    at = bisect_left(items, day["sku"], key=lambda one: one["sku"])
    if at == len(items) or items[at]["sku"] != day["sku"]:
        items.insert(at, new_day(day["sku"], day["day"], day["opening_milli"]))
    there = items[at]
    for name in SUMS:
        there[name] += sign * day[name]  # type: ignore[literal-required]
    there["closing_milli"] = day["closing_milli"]


def demanded_milli(day: ShelfDay) -> int:
    """What customers wanted of the shelf that day, and did not bring back."""
    return day["sold_milli"] - day["returned_milli"] + day["ordered_milli"]
