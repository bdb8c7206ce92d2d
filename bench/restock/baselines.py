"""The methods that ours is compared with, by statsforecast itself: a daily mean, and its residuals drawn anew.

The quantiles of a sum of days are those of 400 draws from the last 182 in-sample residuals around the mean.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bench.restock.scores import PERMILLE
from streams.restock.forecast.portable import Floats, Ints

_DRAWS = 400
_RESIDUALS = 182
_SHELVES_AT_ONCE = 400
_MONTH_DAYS = 28


def light_methods() -> dict[str, Callable[[], Any]]:
    """Methods that are fitted to every shelf. statsforecast's Croston SBA smooths by 0.1 and by nothing else."""
    from statsforecast.models import ADIDA, TSB, CrostonSBA, SeasonalNaive

    return {
        "seasonal_naive": lambda: SeasonalNaive(season_length=7),
        "croston_sba": CrostonSBA,
        "tsb_0.02": lambda: TSB(alpha_d=0.02, alpha_p=0.02),
        "tsb_0.1": lambda: TSB(alpha_d=0.1, alpha_p=0.1),
        "adida": ADIDA,
    }


def heavy_methods() -> dict[str, Callable[[], Any]]:
    """Methods that are fitted to a sample of shelves, since a fit takes tens of milliseconds."""
    from statsforecast.models import IMAPA, AutoETS

    return {"imapa": IMAPA, "auto_ets": lambda: AutoETS(season_length=7)}


def model_quantiles(make: Callable[[], Any], sold: Ints, leads: list[int], seed: int) -> dict[int, Floats]:
    """Lead → quantiles of a model, fitted to each row of `sold`: a row for each shelf, a column for each level."""
    longest = max(leads)
    means, residuals = np.zeros((len(sold), longest)), np.zeros((len(sold), _RESIDUALS))
    for shelf, series in enumerate(sold.astype(np.float64)):
        fitted = make().forecast(y=series, h=longest, fitted=True)
        means[shelf] = fitted["mean"]
        residuals[shelf] = np.nan_to_num(series - fitted["fitted"])[-_RESIDUALS:]
    draw = np.random.default_rng(seed)
    return {lead: _sums(means[:, :lead], residuals, draw.integers(0, _RESIDUALS, (_DRAWS, lead))) for lead in leads}


def empirical(sold: Ints, lead: int) -> Iterator[tuple[str, Ints]]:
    """The quantiles of all sums of so many days, and of those of the last 28 days."""
    total = np.concatenate([np.zeros((len(sold), 1), np.int64), sold.cumsum(axis=1)], axis=1)
    sums = total[:, lead:] - total[:, :-lead]
    for name, of in (("all_history", sums), ("28_days", sums[:, -(_MONTH_DAYS - lead + 1) :])):
        found = np.quantile(of, [permille / 1000 for permille in PERMILLE], axis=1, method="inverted_cdf")
        yield name, found.T.astype(np.int64)


def _sums(means: Floats, residuals: Floats, drawn: Ints) -> Floats:
    levels = [permille / 1000 for permille in PERMILLE]
    found = np.zeros((len(means), len(levels)))
    for first in range(0, len(means), _SHELVES_AT_ONCE):
        part = slice(first, first + _SHELVES_AT_ONCE)
        sums = means[part].sum(axis=1)[:, None] + residuals[part][:, drawn].sum(axis=2)
        found[part] = np.quantile(np.maximum(sums, 0.0), levels, axis=1).T
    return found
