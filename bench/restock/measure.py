"""Forecasts of eight weeks against the best single method of statsforecast: losses, calibration, the time it takes.

Everything that is learned comes from before the day of a forecast, and what is ranked or scaled from before the test.
All shelves of the rectangle count, also those that never sold. Quantiles are whole units; another method gets the
better of its raw and its rounded ones, and the best of them is chosen on the test itself.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from bench.errors import BenchError
from bench.restock import generated, journey
from bench.restock.baselines import empirical, heavy_methods, light_methods, model_quantiles
from bench.restock.decisions import compare
from bench.restock.history import Calendar, History
from bench.restock.scores import (
    HIGH,
    LOW,
    PERMILLE,
    calibration_worst,
    gain_interval,
    gain_percent,
    losses,
    masses,
    scale,
)
from streams.restock.forecast.distribution import Demand, quantiles
from streams.restock.forecast.learn import learn
from streams.restock.forecast.portable import Floats, Ints
from streams.restock.forecast.predict import predict
from streams.restock.forecast.state import first_state

Tell = Callable[[str], None]
STRATA = ((1, 60), (61, 200))
"""Ranks of items, first and last."""
HEADLINE_LEAD = 7
_ITEMS_MIN = 10
_TYPES = 40
"""Best-selling product types whose orders are compared."""


class Settings(NamedTuple):
    """The sales that are forecast, and how."""

    data: Literal["completejourney", "generated"]
    first_store: int
    """Rank of the busiest store that takes part; 1 is the busiest."""
    stores: int
    skus: int
    leads: Sequence[int]
    """Days."""
    weeks_end: int
    calendar: Calendar
    sample: int
    """Shelves for the methods that take long to fit; 0 leaves them out."""
    seed: int


def measure_restock(settings: Settings, tell: Tell) -> dict[str, Any]:
    """Forecast and compare. Raises BenchError for data that is not there."""
    if settings.skus < _ITEMS_MIN:
        raise BenchError(f"--skus {settings.skus} is too few for an interval; give at least {_ITEMS_MIN}")
    leads = sorted(set(settings.leads))
    history = _history(settings)
    tell(f"{len(history.sold):,} shelves, {history.sold.sum():,} units in {history.sold.shape[1]} days")
    ours, plan_s = _forecasts(history, leads, settings.calendar)
    tell(f"forecast from {len(history.origins(min(leads)))} days; a plan of all shelves takes {plan_s} s")
    others = _others(history, leads, settings.seed, tell)
    sampled = _sampled(history, leads, settings, tell) if settings.sample else {}
    strata = []
    for lead in leads:
        sold = history.sums(history.origins(lead), lead)
        for first, last in STRATA:
            if first <= settings.skus:
                chosen = np.flatnonzero(history.layout.item < last) if first == 1 else np.flatnonzero(
                    (history.layout.item >= first - 1) & (history.layout.item < last))  # fmt: skip
                found = _stratum(history, lead, chosen, sold, ours[lead], others[lead], settings.seed, plan_s)
                found |= _beside_sample(history, lead, chosen, sold, ours[lead], sampled)
                strata.append({"lead": lead, "ranks": f"{first}-{min(last, settings.skus)}", **found})
    top = next((one for one in strata if one["lead"] == HEADLINE_LEAD), strata[0])
    headline = {
        "gain_percent": top["gain_percent"], "gain_low_percent": top["low"], "best_single": top["best_single"],
        "calibration_worst": top["calibration_worst"],
        "calibration_worst_above_2": top["calibration_worst_above_2"], "plan_s": plan_s,
    }  # fmt: skip
    headline |= _orders(settings, history)
    tell("orders are compared with (s,S)")
    return {**headline, **settings._asdict(), "leads": leads, "strata": strata}


def _orders(settings: Settings, history: History) -> dict[str, float | None]:
    """Orders of generated items; of real ones by product type, since single items sell too rarely to spoil."""
    if history.truth is not None:
        return compare(history, settings.calendar)
    types = journey.load(settings.first_store, settings.stores, _TYPES, settings.weeks_end, by_type=True)
    return compare(types, "holidays" if settings.calendar in ("holidays", "all") else "none")


def _history(settings: Settings) -> History:
    if settings.data == "generated":
        return generated.generate(settings.stores, settings.skus, settings.seed)
    return journey.load(settings.first_store, settings.stores, settings.skus, settings.weeks_end)


def _forecasts(history: History, leads: Sequence[int], calendar: Calendar) -> tuple[dict[int, list[Demand]], float]:
    """Our demands by lead and origin; and the seconds that one forecast of all shelves took, at the median."""
    kinds = history.kinds(calendar)
    state = first_state(history.layout, len(kinds))
    found: dict[int, list[Demand]] = {lead: [] for lead in leads}
    took_s = []
    for number in range(history.sold.shape[1]):
        for lead in leads:
            if number in history.origins(lead):
                began_s = time.perf_counter()
                days = [history.day(number + ahead, calendar) for ahead in range(lead)]
                found[lead].append(predict(history.layout, kinds, state, days))
                quantiles(found[lead][-1], PERMILLE)
                took_s.append(time.perf_counter() - began_s)
        state = learn(history.layout, kinds, state, history.sales(number, calendar))
    return found, round(float(np.median(took_s)), 3)


def _others(history: History, leads: Sequence[int], seed: int, tell: Tell) -> dict[int, dict[str, Floats]]:
    """Lead → method → quantiles by origin, shelf and level."""
    by_lead: dict[int, dict[str, list[Floats]]] = {lead: {} for lead in leads}
    for origin in history.origins(min(leads)):
        before = history.sold[:, :origin]
        due = [lead for lead in leads if origin in history.origins(lead)]
        for lead in due:
            for name, found in empirical(before, lead):
                by_lead[lead].setdefault(name, []).append(found.astype(np.float64))
        for name, make in light_methods().items():
            for lead, drawn in model_quantiles(make, before, due, seed).items():
                by_lead[lead].setdefault(name, []).append(drawn)
        tell(f"other methods are fitted up to day {origin}")
    return {lead: {name: np.stack(found) for name, found in named.items()} for lead, named in by_lead.items()}


def _sampled(
    history: History, leads: Sequence[int], settings: Settings, tell: Tell
) -> dict[int, dict[str, tuple[Ints, Floats]]]:
    """Lead → slow method → the sampled shelves, and the method's quantiles of them."""
    draw = np.random.default_rng(settings.seed)
    count = min(settings.sample, len(history.sold))
    chosen = np.sort(draw.choice(len(history.sold), count, replace=False))
    by_lead: dict[int, dict[str, list[Floats]]] = {lead: {} for lead in leads}
    for origin in history.origins(min(leads)):
        due = [lead for lead in leads if origin in history.origins(lead)]
        for name, make in heavy_methods().items():
            found = model_quantiles(make, history.sold[chosen, :origin], due, settings.seed)
            for lead, drawn in found.items():
                by_lead[lead].setdefault(name, []).append(drawn)
        tell(f"slow methods are fitted to {count} shelves up to day {origin}")
    return {lead: {name: (chosen, np.stack(found)) for name, found in named.items()} for lead, named in by_lead.items()}


def _stratum(
    history: History,
    lead: int,
    chosen: Ints,
    sold: Ints,
    demands: list[Demand],
    others: dict[str, Floats],
    seed: int,
    plan_s: float,
) -> dict[str, Any]:
    """The figures of some shelves at a lead."""
    demand = Demand(*(np.concatenate([part[chosen] for part in parts]) for parts in zip(*demands, strict=True)))
    own, wanted = quantiles(demand, PERMILLE), sold[:, chosen]
    by_shelf = scale(history.sold[chosen, : history.test_starts], lead)
    own_loss = losses(own.reshape(*wanted.shape, len(PERMILLE)), wanted).mean(axis=0)
    loss = {name: _better(found[:, chosen], wanted, by_shelf) for name, found in others.items()}
    best = min(loss, key=lambda name: (float((loss[name] / by_shelf).mean()), name))
    low, high = gain_interval(own_loss / by_shelf, loss[best] / by_shelf, history.layout.item[chosen], seed)
    rows = list(masses(demand, own, wanted.reshape(-1)))
    figures: dict[str, Any] = {
        "pinball_ours": _rounded(own_loss / by_shelf), "pinball_best_single": _rounded(loss[best] / by_shelf),
        "best_single": best, "gain_percent": gain_percent(own_loss / by_shelf, loss[best] / by_shelf),
        "low": low, "high": high,
        "gain_unscaled_percent": min(gain_percent(own_loss, other) for other in loss.values()),
        "pinball": {name: _rounded(other / by_shelf) for name, other in sorted(loss.items())},
        "units_a_day": round(float(wanted.mean()) / lead, 3),
        "calibration_worst": calibration_worst(rows, *LOW), "calibration_worst_above_2": calibration_worst(rows, *HIGH),
        "plan_s": plan_s, "masses": rows,
    }  # fmt: skip
    if history.truth is not None:
        true = [quantiles(history.truth(origin, lead), PERMILLE)[chosen] for origin in history.origins(lead)]
        oracle = losses(np.stack(true), wanted).mean(axis=0) / by_shelf
        of_oracle = gain_percent(oracle, loss[best] / by_shelf)
        figures |= {
            "gain_oracle_percent": of_oracle,
            "share_of_oracle_percent": round(100 * figures["gain_percent"] / of_oracle, 1),
        }
    return figures


def _beside_sample(
    history: History, lead: int, chosen: Ints, sold: Ints, demands: list[Demand],
    sampled: dict[int, dict[str, tuple[Ints, Floats]]],
) -> dict[str, Any]:  # fmt: skip
    """The gain over the slow methods, on the sampled shelves of the stratum."""
    figures: dict[str, Any] = {}
    for name, (shelves, found) in sampled.get(lead, {}).items():
        inside = np.isin(shelves, chosen)
        if not inside.any():
            continue
        of, wanted = shelves[inside], sold[:, shelves[inside]]
        by_shelf = scale(history.sold[of, : history.test_starts], lead)
        own = np.stack([quantiles(demand.of(of), PERMILLE) for demand in demands])
        theirs = _better(found[:, inside], wanted, by_shelf)
        figures[f"gain_over_{name}_percent"] = gain_percent(
            losses(own, wanted).mean(axis=0) / by_shelf, theirs / by_shelf
        )
    return figures


def _better(found: Floats, sold: Ints, by_shelf: Floats) -> Floats:
    """The loss of each shelf with raw or with rounded quantiles, whichever is better for all of them together."""
    both = [losses(one, sold).mean(axis=0) for one in (found, np.rint(found))]
    return min(both, key=lambda loss: float((loss / by_shelf).mean()))


def _rounded(loss: Floats) -> float:
    return round(float(loss.mean()), 5)
