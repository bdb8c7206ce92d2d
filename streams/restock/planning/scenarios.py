"""Scenarios: purchases, moves, losses and waste if things came otherwise than expected. docs/restock.md has the rules.

A scenario is planned by the same code as a night's run, for all stores at once, and writes nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from schemas.models.restock_terms import LEAD_MAX_DAYS
from schemas.types.restock import QueuedRun, RestockProposal
from schemas.types.restock_terms import RestockSettings, SupplierTerms
from streams.restock.calendar.events import Event, Occasions
from streams.restock.forecast.distribution import Demand, beyond
from streams.restock.forecast.portable import Floats, Ints
from streams.restock.forecast.predict import DemandAhead
from streams.restock.forecast.rates import UPLIFT_MAX, UPLIFT_MIN
from streams.restock.forecast.state import Kind, Layout, State
from streams.restock.history.pool import PoolHistory
from streams.restock.planning.ahead import Ahead, known_ahead
from streams.restock.planning.plan import SHELVES_AT_ONCE, first_day, next_slice, plan
from streams.restock.planning.shelves import ShelfOutlook
from streams.restock.planning.terms import FINE

Key = tuple[str, str]
"""Store and SKU."""


class WhatIf(NamedTuple):
    """A way in which things may come."""

    name: str
    demand_permille: int = 1_000
    """What comes of the demand that is expected."""
    cancelled: frozenset[str] = frozenset()
    """Names or kinds of events that do not take place."""
    doubled: frozenset[str] = frozenset()
    """The same of events that change demand twice as much."""
    late_days: Mapping[str, int] = MappingProxyType({})
    """Supplier → days by which its goods come later."""
    closed: frozenset[str] = frozenset()
    """Stores that sell and order nothing."""


class Figures(NamedTuple):
    """A scenario, summed over the shelves; pieces, kg and l count alike. A window is the shelf's own of the base."""

    name: str
    demand_milli: int
    """Expected in the window."""
    buy_milli: int
    moved_milli: int
    cash_minor: int
    """What is bought costs."""
    move_cost_minor: int
    """By the unit; what trips cost is left out."""
    stockouts_milli: int
    """Shelves that are expected to run out in the window, thousandths."""
    lost_milli: int
    """Demand that is expected to find nothing."""
    wasted_milli: int
    """Goods that are expected to spoil, of what is there and what comes in the window."""
    waste_minor: int
    """What that costs."""
    stockouts_as_base_milli: int
    """As above, if what is bought and moved is what the base says."""
    lost_as_base_milli: int
    wasted_as_base_milli: int


class _Standing(NamedTuple):
    """A shelf before anything is bought or moved, in steps of its item."""

    number: int
    step: int
    from_day: int
    there: int
    """Usable, on its way, and not leaving."""
    expiring: int
    lead_days: int
    window_days: int
    life_days: int
    """0: it does not spoil."""
    waste_minor: int
    """Of a step, in thousandths of the minor unit."""


class Outcome(NamedTuple):
    """The plan of all stores."""

    standing: dict[Key, _Standing]
    proposals: list[RestockProposal]
    moved_out: dict[Key, int]
    """Thousandths that leave a shelf."""


class _Sums(NamedTuple):
    """Expected over all shelves, in thousandths of the unit, and in minor units."""

    demand: float
    stockouts: float
    lost: float
    wasted: float
    waste_minor: float


def runs_now(history: PoolHistory, stores: Iterable[str]) -> list[QueuedRun]:
    """A run of each store that is open, for the days after its last night."""
    found: list[QueuedRun] = []
    for store in sorted(stores):
        if history.is_open(store) and store in history.row["stores"]:
            day = max(history.row["planned_days"].get(store, 0) + 1, history.today(store))
            found.append({"store": store, "day": day, "cause": "requested", "position": 0})
    return sorted(found, key=lambda run: (first_day(run), run["store"]))


def plan_all(history: PoolHistory, ahead: Ahead, runs: Sequence[QueuedRun]) -> Outcome:
    """Plan stores slice by slice, as if nothing were proposed yet."""
    standing: dict[Key, _Standing] = {}
    proposals: list[RestockProposal] = []
    pledged: defaultdict[Key, int] = defaultdict(int)
    while runs:
        part = next_slice(history, runs)
        runs = runs[len(part) :]
        planned = plan(history, ahead, part, dict(pledged))
        for shelf in planned.shelves:
            standing[shelf.store, shelf.sku] = _standing(history, shelf)
        for proposal in planned.proposals:
            for move in proposal["moves"]:
                pledged[move["from_store"], proposal["sku"]] += move["quantity_milli"]
        proposals += planned.proposals
    return Outcome(standing, proposals, dict(pledged))


def compare(
    history: PoolHistory, layout: Layout, state: State, stores: Sequence[str], what_ifs: Sequence[WhatIf]
) -> list[Figures]:
    """The base, and then each scenario."""
    found: list[Figures] = []
    base: Outcome | None = None
    for what_if in (WhatIf("base"), *what_ifs):
        ahead = world(history, layout, state, what_if)
        outcome = plan_all(history, ahead, runs_now(history, set(stores) - what_if.closed))
        if base is None:
            base = outcome
        standing = base.standing | outcome.standing
        windows = {key: one.window_days for key, one in base.standing.items()}
        own, as_base = (_expected(ahead, standing, windows, orders) for orders in (outcome, base))
        moves = [move for one in outcome.proposals for move in one["moves"]]
        found.append(Figures(
            what_if.name, round(own.demand), sum(one["buy_milli"] for one in outcome.proposals),
            sum(move["quantity_milli"] for move in moves), sum(one["buy_cost_minor"] for one in outcome.proposals),
            sum(move["cost_minor"] for move in moves), round(own.stockouts), round(own.lost), round(own.wasted),
            round(own.waste_minor), round(as_base.stockouts), round(as_base.lost), round(as_base.wasted),
        ))  # fmt: skip
    return found


# --- the world of a scenario --------------------------------------------------------------------------------


def world(history: PoolHistory, layout: Layout, state: State, what_if: WhatIf) -> Ahead:
    """The days to come as a scenario has them."""
    known = known_ahead(history, layout, state)
    kinds, uplift, events = history.kinds(), known.uplift, list[Event]()
    doubled: dict[str, str] = {}
    for event in history.events():
        names = {event.name, event.kind}
        if names & what_if.cancelled:
            continue
        if names & what_if.doubled and event.kind not in doubled:
            doubled[event.kind] = f"{event.kind}, doubled"
            number = next(number for number, kind in enumerate(kinds) if kind.name == event.kind)
            twice = np.minimum(np.maximum(2.0 * uplift[number] - 1.0, UPLIFT_MIN), UPLIFT_MAX)
            kinds, uplift = [*kinds, Kind(doubled[event.kind], 0)], np.vstack([uplift, twice])
        events.append(event._replace(kind=doubled[event.kind]) if names & what_if.doubled else event)
    of_store = {
        store: 0 if store in what_if.closed else what_if.demand_permille for store in history.row["stores"]
    }  # fmt: skip
    return replace(
        known,
        uplift=uplift,
        occasions=Occasions(events, kinds, history.named_shelves(layout)),
        settings=_late(known.settings, what_if.late_days),
        demand_permille=of_store,
    )


def _late(settings: RestockSettings, late_days: Mapping[str, int]) -> RestockSettings:
    """The terms with suppliers that deliver so many days later."""
    own = {one["supplier"]: one for one in settings["suppliers"]}
    for supplier, days in late_days.items():
        usual: SupplierTerms = own.get(supplier) or {
            "supplier": supplier, "lead_days": settings["lead_days"],
            "lead_spread_days": settings["lead_spread_days"], "order_weekdays": settings["order_weekdays"],
            "minimum_minor": settings["minimum_minor"],
        }  # fmt: skip
        own[supplier] = {**usual, "lead_days": min(usual["lead_days"] + days, LEAD_MAX_DAYS)}
    return {**settings, "suppliers": list(own.values())}


# --- what comes of it ---------------------------------------------------------------------------------------


def _standing(history: PoolHistory, shelf: ShelfOutlook) -> _Standing:
    leaving = -(-history.leaving[shelf.store, shelf.sku] // shelf.step)
    return _Standing(
        shelf.row["number"], shelf.step, shelf.calendar.from_day, max(shelf.usable + shelf.incoming - leaving, 0),
        shelf.expiring, shelf.calendar.lead_days, shelf.calendar.window_days, shelf.money.terms.life_days or 0,
        shelf.money.terms.waste_minor,
    )  # fmt: skip


def _expected(ahead: Ahead, standing: Mapping[Key, _Standing], windows: Mapping[Key, int], orders: Outcome) -> _Sums:
    """The sums that the orders of a plan make likely, each shelf in its window of the base."""
    bought = {(one["store"], one["sku"]): one["buy_milli"] for one in orders.proposals}
    moved = {(one["store"], one["sku"]): sum(m["quantity_milli"] for m in one["moves"]) for one in orders.proposals}
    for key, milli in orders.moved_out.items():
        moved[key] = moved.get(key, 0) - milli
    by_day: defaultdict[int, list[Key]] = defaultdict(list)
    for key in sorted(windows):
        by_day[standing[key].from_day].append(key)
    total = np.zeros(len(_Sums._fields))
    for from_day, keys in sorted(by_day.items()):
        for first in range(0, len(keys), SHELVES_AT_ONCE):
            part = keys[first : first + SHELVES_AT_ONCE]
            shelves = [standing[key] for key in part]
            total = total + _expected_of(
                ahead, from_day, shelves, np.array([windows[key] for key in part], np.int64),
                np.array([moved.get(key, 0) // one.step for key, one in zip(part, shelves, strict=True)], np.int64),
                np.array([bought.get(key, 0) // one.step for key, one in zip(part, shelves, strict=True)], np.int64),
            )  # fmt: skip
    return _Sums(*total.tolist())


def _expected_of(
    ahead: Ahead, from_day: int, shelves: Sequence[_Standing], windows: Ints, moved: Ints, bought: Ints
) -> Floats:
    """The same of some shelves, as the sums have it.

    What is lost until the goods come, and what is lost in all, if they were not late: the greater of both.
    """
    fields = (np.array(column, np.int64) for column in zip(*shelves, strict=True))
    numbers, step, _, there, expiring, leads, _, lives, waste_minor = fields
    before, lasting = np.minimum(leads, windows), leads + lives
    days = ahead.days(from_day, int(max(windows.max(), lasting.max())))
    wanted = DemandAhead(ahead.layout, ahead.uplift, ahead.state, numbers, days)
    stock = np.maximum(there + moved, 0)
    in_time = np.where(leads < windows, bought, 0)
    over, in_life = wanted.over(windows), wanted.over(lasting)
    lost_before, out_before = beyond(wanted.over(before), stock)
    lost_after, out_after = beyond(over, stock + in_time)
    spoiled = np.where(lives > 0, _unsold(in_life, stock + bought) * _part_of_life(windows, lives) + expiring, 0.0)
    return np.array([
        (over.expected() * step).sum(), np.maximum(out_before, out_after).sum() * 1000.0,
        (np.maximum(lost_before, lost_after) * step).sum(), (spoiled * step).sum(),
        (spoiled * waste_minor).sum() / FINE,
    ])  # fmt: skip


def _unsold(demand: Demand, stock: Ints) -> Floats:
    """The expected steps of a stock that nobody wants."""
    unmet, _ = beyond(demand, stock)
    left: Floats = np.maximum(stock - (demand.expected() - unmet), 0.0)
    return left


def _part_of_life(windows: Ints, lives: Ints) -> Floats:
    part: Floats = np.minimum(windows, lives) / np.maximum(lives, 1)
    return part
