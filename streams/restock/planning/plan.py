"""A run: what some stores are proposed to take over from neighbours, and to buy. docs/restock.md has the rules."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from schemas.types.restock import ProposedMove, QueuedRun, RestockProposal
from streams.pool.orders.geo import distance_m
from streams.restock.decision.newsvendor import MICRO
from streams.restock.decision.packs import Need, choose_packs
from streams.restock.decision.transfers import Move, Side, without_poor_trips
from streams.restock.history.hours import date_of
from streams.restock.history.pool import PoolHistory
from streams.restock.planning.ahead import Ahead
from streams.restock.planning.sentence import why
from streams.restock.planning.shelves import ShelfOutlook, shelves_of
from streams.restock.planning.terms import FINE

SHELVES_AT_ONCE = 4_000
"""Shelves of the stores that one slice of a run plans; one store is always planned whole."""
_UNITS_MAX = 60
"""Steps of an item that one store gives or takes in a run."""


class Planned(NamedTuple):
    """The outcome of a run."""

    shelves: list[ShelfOutlook]
    """Those of its stores."""
    proposals: list[RestockProposal]
    """Without version: 0."""


def next_slice(history: PoolHistory, queue: Sequence[QueuedRun]) -> list[QueuedRun]:
    """The runs of a queue that are planned next: first come first, of one day, so many that it takes no long time."""
    sizes: defaultdict[str, int] = defaultdict(int)
    for store, _ in history.by_number:
        sizes[store] += 1
    chosen: list[QueuedRun] = []
    size = 0
    for run in queue:
        size += sizes[run["store"]]
        if chosen and (size > SHELVES_AT_ONCE or first_day(run) != first_day(chosen[0])):
            break
        chosen.append(run)
    return chosen


def first_day(run: QueuedRun) -> int:
    """The first day that the run plans for: after the store's close the next one."""
    return run["day"] + (run["cause"] == "nightly")


def plan(history: PoolHistory, ahead: Ahead, runs: Sequence[QueuedRun], pledged: dict[tuple[str, str], int]) -> Planned:
    """Plan stores. pledged: (store, SKU) → thousandths that open proposals of other stores count on."""
    by_store = {run["store"]: run for run in runs}
    wanted = sorted(key for key in history.shelves if key[0] in by_store)
    own = shelves_of(history, ahead, wanted, first_day(runs[0]), pledged)
    near = _trips(history, ahead, set(by_store))
    skus = sorted({one.sku for one in own if one.position < one.best})
    others = [
        (sender, sku)
        for sender in sorted({sender for sender, _ in near} - by_store.keys())
        for sku in skus
        if (sender, sku) in history.shelves and history.shelves[sender, sku]["on_hand_milli"] > 0
    ]
    found = [*own, *shelves_of(history, ahead, others, first_day(runs[0]), pledged)]
    moves = _moves(ahead, own, found, near)
    bought = _buy(ahead, own, moves)
    proposals = [
        _proposal(history, by_store[one.store], one, moves.get((one.store, one.sku), []), bought)
        for one in own
        if (one.store, one.sku) in moves or bought.get((one.store, one.sku))
    ]
    return Planned(own, proposals)


def _trips(history: PoolHistory, ahead: Ahead, receivers: set[str]) -> dict[tuple[str, str], int]:
    """(From, to) of stores that are near enough, without a cost by the unit: the senders' goods carry that."""
    stores, limit_m = history.config.stores, ahead.settings["move_max_distance_m"]
    places = {name: (one["latitude_e6"], one["longitude_e6"]) for name, one in stores.items() if history.is_open(name)}
    return {
        (sender, receiver): 0
        for receiver in sorted(receivers & places.keys())
        for sender in sorted(places)
        if sender != receiver and distance_m(places[sender], places[receiver]) <= limit_m
    }


def _moves(
    ahead: Ahead, own: Sequence[ShelfOutlook], found: Sequence[ShelfOutlook], trips: dict[tuple[str, str], int]
) -> dict[tuple[str, str], list[Move]]:
    """(Receiver, SKU) → moves to it."""
    items: dict[str, tuple[list[Side], list[Side]]] = defaultdict(lambda: ([], []))
    for one in own:
        if one.position < one.best:
            needed = one.gain(one.position, min(one.best, one.position + _UNITS_MAX)) // MICRO
            worth: list[int] = needed[needed > 0].tolist()
            if worth:
                items[one.sku][1].append(Side(one.store, worth))
    for one in found:
        spare = min(one.position - one.best, one.usable - one.promised, _UNITS_MAX)
        if spare > 0 and one.sku in items:
            given = one.gain(one.position - spare, one.position)[::-1] // MICRO + one.money.step_move
            items[one.sku][0].append(Side(one.store, given.tolist()))
    both = {sku: sides for sku, sides in items.items() if sides[0] and sides[1]}
    chosen = without_poor_trips(both, trips, ahead.settings["move_minor_per_trip"] * FINE)
    moves: defaultdict[tuple[str, str], list[Move]] = defaultdict(list)
    for sku, of_item in sorted(chosen.items()):
        for move in of_item:
            moves[move.to_store, sku].append(move)
    return dict(moves)


def _buy(
    ahead: Ahead, own: Sequence[ShelfOutlook], moves: dict[tuple[str, str], list[Move]]
) -> dict[tuple[str, str], int]:
    """(Store, SKU) → packs. Suppliers share the store's budget in the order of their names."""
    needs: defaultdict[tuple[str, str], list[ShelfOutlook]] = defaultdict(list)
    for one in own:
        needs[one.store, one.item["supplier"] or ""].append(one)
    left: defaultdict[str, int] = defaultdict(lambda: ahead.settings["budget_minor"])
    packs: dict[tuple[str, str], int] = {}
    for (store, _), shelves in sorted(needs.items()):
        order = choose_packs(
            [
                Need(
                    one.sku, one.gains, one.position + _moved(moves, one), one.money.pack_steps,
                    one.money.pack_cost_minor,
                )
                for one in shelves
            ],
            left[store],
            shelves[0].calendar.minimum_minor,
        )  # fmt: skip
        left[store] -= order.cost_minor
        packs |= {(store, sku): count for sku, count in order.packs.items()}
    return packs


def _moved(moves: dict[tuple[str, str], list[Move]], one: ShelfOutlook) -> int:
    return sum(move.units for move in moves.get((one.store, one.sku), []))


def _proposal(
    history: PoolHistory, run: QueuedRun, one: ShelfOutlook, moves: Sequence[Move], bought: dict[tuple[str, str], int]
) -> RestockProposal:
    step, calendar, money = one.step, one.calendar, one.money
    packs = bought.get((one.store, one.sku), 0)
    moved = sum(move.units for move in moves)
    needed = max(one.best - one.position, 0)
    all_packs = -(-needed // money.pack_steps)
    move_cost = moved * money.step_move // FINE
    usable_milli = (one.usable + one.incoming) * step
    proposal: RestockProposal = {
        "pool": history.pool, "store": one.store, "sku": one.sku, "version": 0, "status": "open",
        "name": one.item["name"], "unit": one.item["unit"], "run": date_of(run["day"]).isoformat(),
        "cause": run["cause"], "position": run["position"], "planned_at_ms": history.row["clock_ms"],
        "event": one.event, "event_permille": one.event_permille,
        "on_hand_milli": one.row["on_hand_milli"], "expiring_milli": one.expiring * step,
        "incoming_milli": one.incoming * step, "lead_days": calendar.lead_days,
        "review_days": max(calendar.window_days - calendar.lead_days, 0), "mean_milli": one.mean_milli,
        "p50_milli": one.quantiles[0] * step, "p80_milli": one.quantiles[1] * step,
        "p90_milli": one.quantiles[2] * step, "p95_milli": one.quantiles[3] * step,
        "cover_days": max(usable_milli, 0) * calendar.window_days // one.mean_milli if one.mean_milli else None,
        "order_up_to_milli": one.best * step, "buy_milli": packs * money.pack_steps * step, "packs": packs,
        "pack_milli": money.pack_steps * step, "pack_cost_minor": money.pack_cost_minor,
        "buy_cost_minor": packs * money.pack_cost_minor, "currency": history.config.pool["currency"],
        "supplier": one.item["supplier"], "order_on": date_of(calendar.order_on).isoformat(),
        "arrives_on": date_of(calendar.arrives_on).isoformat(),
        "moves": [_move(move, one) for move in moves], "cost_nothing_minor": one.loss_minor(one.position),
        "cost_buy_minor": one.loss_minor(one.position + all_packs * money.pack_steps) if all_packs else None,
        "cost_move_minor": one.loss_minor(one.position + moved) + move_cost if moves else None,
        "why": "", "agreed_milli": 0, "answered_by": None, "answered_at_ms": None,
    }  # fmt: skip
    return {**proposal, "why": why(proposal)}


def withdrawn(proposal: RestockProposal, at_ms: int) -> RestockProposal:
    """The version after an open proposal of an item that needs nothing any more."""
    nothing: RestockProposal = {
        **proposal, "version": proposal["version"] + 1, "status": "withdrawn", "planned_at_ms": at_ms, "buy_milli": 0,
        "packs": 0, "buy_cost_minor": 0, "moves": [], "why": "Nothing is needed any more.",
    }  # fmt: skip
    return nothing


def _move(move: Move, one: ShelfOutlook) -> ProposedMove:
    return {
        "from_store": move.from_store, "quantity_milli": move.units * one.step,
        "cost_minor": move.units * one.money.step_move // FINE, "transfer": None,
    }  # fmt: skip
