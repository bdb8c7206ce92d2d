"""Items that a pool gains most by sharing: a score of six parts, each with its evidence.

An item is worth pooling if it sells fast, all year, in many stores; if stores' ups and downs cancel each other out
(Eppen 1979, risk pooling); if it spoils; and if customers find nothing else in its place. docs/restock.md has the
formulas.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from streams.restock.forecast.portable import Floats, Ints

WEIGHTS = {"turns": 25, "pooling": 25, "spread": 20, "steadiness": 15, "perishability": 10, "substitution": 5}
"""Part → percent of the score."""
_MONTH_WEEKS = 4
_MONTHS_MIN = 3
"""Months of four weeks that are needed to see a season at all; before, an item is taken for half steady."""
_TURNS_FULL = 52
"""Turns a year that are as fast as counts."""
_LIFE_FULL_DAYS = 7
"""Shelf life that is as perishable as counts."""
_STORES_MIN = 2


class Item(NamedTuple):
    """An item as its stores sold it. Quantities are thousandths of its unit."""

    sku: str
    weekly_milli: Ints
    """Sold: a row for each store of the pool, a column for each whole week, the last one last. Weeks in which more came
    back than was sold count as nothing."""
    on_hand_milli: int
    """Of all stores, now."""
    shelf_life_days: int | None
    substitutes: int
    """Items that are named to stand in for it."""


class Part(NamedTuple):
    """A part of a score."""

    name: str
    permille: int
    """From 0 to 1,000."""
    evidence: str


class Candidate(NamedTuple):
    """An item and how much a pool gains by sharing it."""

    sku: str
    permille: int
    """The parts by their weights: from 0 to 1,000."""
    parts: list[Part]


def candidates(items: Sequence[Item]) -> list[Candidate]:
    """The items that at least two stores sell, best first, ties by SKU."""
    sold = [one._replace(weekly_milli=np.maximum(one.weekly_milli, 0)) for one in items]
    found = [_candidate(one) for one in sold if np.count_nonzero(one.weekly_milli.sum(axis=1)) >= _STORES_MIN]
    return sorted(found, key=lambda one: (-one.permille, one.sku))


def _candidate(item: Item) -> Candidate:
    parts = [_turns(item), _pooling(item), _spread(item), _steadiness(item), _perishability(item), _substitution(item)]
    return Candidate(item.sku, sum(part.permille * WEIGHTS[part.name] for part in parts) // 100, parts)


def _turns(item: Item) -> Part:
    weekly = item.weekly_milli.sum() / item.weekly_milli.shape[1]
    if item.on_hand_milli <= 0:
        return Part("turns", 1000, f"sells {_units(weekly)} a week and none is left")
    turns = 52 * weekly / item.on_hand_milli
    evidence = f"sells {_units(weekly)} a week, of {_units(item.on_hand_milli)} on hand: {turns:.0f} turns a year"
    return Part("turns", _permille(turns / _TURNS_FULL), evidence)


def _pooling(item: Item) -> Part:
    """The spread of the stores together against the sum of their own, by the most that so many alike could gain."""
    alone = float(_deviations(item.weekly_milli).sum())
    together = float(_deviations(item.weekly_milli.sum(axis=0)[None, :])[0])
    if alone == 0:
        return Part("pooling", 0, "sells the same every week, so there is nothing to even out")
    saved = 1.0 - together / alone
    stores = int(np.count_nonzero(item.weekly_milli.sum(axis=1)))
    return Part(
        "pooling", _permille(saved / (1.0 - stores**-0.5)),
        f"week by week the stores together vary {100 * saved:.0f} % less than each for itself",
    )  # fmt: skip


def _spread(item: Item) -> Part:
    """The number of equal stores that would be as spread out: 1 ÷ Σ share² (Herfindahl)."""
    by_store = item.weekly_milli.sum(axis=1)
    shares = by_store / by_store.sum()
    alike, stores = 1.0 / float((shares * shares).sum()), len(by_store)
    selling = int(np.count_nonzero(by_store))
    return Part(
        "spread", _permille((alike - 1) / max(stores - 1, 1)),
        f"{selling} of {stores} stores sell it, as evenly as {alike:.1f} equal ones",
    )  # fmt: skip


def _steadiness(item: Item) -> Part:
    """Months that differ by more than the weeks inside them make likely."""
    weekly = item.weekly_milli.sum(axis=0)
    months = len(weekly) // _MONTH_WEEKS
    if months < _MONTHS_MIN:
        return Part("steadiness", 500, f"{len(weekly)} weeks are too few to see a season")
    by_month = weekly[len(weekly) - months * _MONTH_WEEKS :].reshape(months, _MONTH_WEEKS)
    mean = by_month.mean(axis=1)
    if not mean.any():
        return Part("steadiness", 0, f"sold nothing in the last {len(by_month) * _MONTH_WEEKS} weeks")
    by_chance = by_month.var(axis=1, ddof=1).mean() / _MONTH_WEEKS
    seasonal = max(float(mean.var(ddof=1) - by_chance), 0.0) ** 0.5 / float(mean.mean())
    evidence = f"months differ by {100 * seasonal:.0f} % beyond chance, over {months} of them"
    return Part("steadiness", 1000 - _permille(seasonal), evidence)


def _perishability(item: Item) -> Part:
    if item.shelf_life_days is None:
        return Part("perishability", 0, "does not spoil")
    permille = _permille(_LIFE_FULL_DAYS / max(item.shelf_life_days, 1))
    return Part("perishability", permille, f"keeps {item.shelf_life_days} days")


def _substitution(item: Item) -> Part:
    stand_ins = f"{item.substitutes} other items stand" if item.substitutes != 1 else "1 other item stands"
    evidence = f"{stand_ins} in for it" if item.substitutes else "no other item stands in for it"
    return Part("substitution", 1000 // (1 + item.substitutes), evidence)


def _deviations(weekly: Ints) -> Floats:
    """The standard deviation of each row."""
    found: Floats = weekly.std(axis=1)
    return found


def _permille(share: float) -> int:
    return round(1000 * min(max(share, 0.0), 1.0))


def _units(milli: float) -> str:
    return f"{milli / 1000:.1f}".removesuffix(".0")
