"""Losses of integer quantiles, their scale, the interval of a gain, and calibration."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streams.restock.forecast.distribution import Demand, survival
from streams.restock.forecast.portable import Floats, Ints

PERMILLE = (500, 800, 900, 950)
_LEVELS = np.array(PERMILLE) / 1000.0
_SCALE_MIN = 0.05
_DRAWS = 1_000
LOW, HIGH = (0.0, 2.0), (2.0, float("inf"))
"""Strata of the predicted mean that the worst calibration is of, from and to."""
_STRATA = (LOW, HIGH, (0.0, 0.3), (0.3, 1.0), (1.0, 2.0))
_COUNTED_MAX = 400
"""Quantiles beyond are left out of the calibration: none in what is sold here."""


def losses(found: Floats | Ints, sold: Ints) -> Floats:
    """Pinball losses, the mean of the quantiles: a row for each origin, a column for each shelf.

    found: quantiles by origin, shelf and level; sold: by origin and shelf.
    """
    over = sold[:, :, None] - found
    loss: Floats = np.maximum(_LEVELS * over, (_LEVELS - 1.0) * over).mean(axis=2)
    return loss


def scale(sold: Ints, lead: int) -> Floats:
    """The mean difference between consecutive sums of so many days before the test, for each shelf; at least 0.05."""
    sums = sold.shape[1] // lead
    of = sold[:, sold.shape[1] - sums * lead :].reshape(len(sold), sums, lead).sum(axis=2)
    found: Floats = np.maximum(np.abs(np.diff(of, axis=1)).mean(axis=1), _SCALE_MIN)
    return found


def gain_percent(ours: Floats, theirs: Floats) -> float:
    """How much lower our loss is."""
    return round(100.0 * (1.0 - float(ours.sum() / theirs.sum())), 2)


def gain_interval(ours: Floats, theirs: Floats, item: Ints, seed: int) -> tuple[float, float]:
    """The gain's 95 % interval by bootstrap over items. Losses are those of shelves."""
    numbers, place = np.unique(item, return_inverse=True)
    own, other = np.bincount(place, ours, len(numbers)), np.bincount(place, theirs, len(numbers))
    drawn = np.random.default_rng(seed).integers(0, len(numbers), (_DRAWS, len(numbers)))
    gains = 100.0 * (1.0 - own[drawn].sum(axis=1) / other[drawn].sum(axis=1))
    low, high = np.quantile(gains, (0.025, 0.975))
    return round(float(low), 2), round(float(high), 2)


def masses(demand: Demand, found: Ints, sold: Ints) -> Iterator[dict[str, Any]]:
    """Predicted and observed shares below, and at or below, each quantile, by predicted mean. One row for a forecast.

    demand, found and sold are of all origins and shelves in one list.
    """
    expected = demand.expected()
    for low, high in _STRATA:
        chosen = np.flatnonzero((expected >= low) & (expected < high) & (found.max(axis=1) < _COUNTED_MAX))
        if not len(chosen):
            continue
        at_least = survival(demand.of(chosen), int(found[chosen].max()) + 1)
        rows = np.arange(len(chosen))
        for level, permille in enumerate(PERMILLE):
            quantile = found[chosen, level]
            row = {
                "mean_from": low, "mean_to": high if np.isfinite(high) else None, "forecasts": len(chosen),
                "quantile": permille / 1000,
                "predicted_below": _mean(1.0 - at_least[rows, quantile]),
                "observed_below": _mean(sold[chosen] < quantile),
                "predicted_up_to": _mean(1.0 - at_least[rows, quantile + 1]),
                "observed_up_to": _mean(sold[chosen] <= quantile),
            }  # fmt: skip
            yield row


def calibration_worst(rows: list[dict[str, Any]], mean_from: float, mean_to: float) -> float | None:
    """The greatest distance between predicted and observed in a stratum of the mean; None where it has no forecast."""
    distances = [
        abs(row[f"predicted_{side}"] - row[f"observed_{side}"])
        for row in rows
        for side in ("below", "up_to")
        if (row["mean_from"], row["mean_to"] or float("inf")) == (mean_from, mean_to)
    ]
    return round(max(distances), 4) if distances else None


def _mean(values: Floats | NDArray[np.bool_]) -> float:
    return round(float(values.mean()), 4)
