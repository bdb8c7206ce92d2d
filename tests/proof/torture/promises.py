"""What a pool promises, as one client at a time would see it: shelves, orders, holds, short picks, sales.

It is written from docs/orders.md and shares no code with the state. It does not know which store an order gets; it
judges whether the answer may be given: what is held is on the shelf and nobody else's, nothing is refused that the
shelves could give, and what follows from an event comes before anything else. Goods come whole, shelves are given to
the pool as a whole, stores take any number of orders, orders may be split, and tasks are worked in time.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import product

from tests.proof.torture.promise_state import (
    REROUTES_MAX,
    UNIT_MILLI,
    Act,
    Amounts,
    Order,
    Place,
    Shelf,
    State,
    amounts,
)


class Promises:
    """The model. `on_hand` says what lies on the shelves at first, those that are empty too; `steps` how many acts
    there are of each order, so that one which has ended is forgotten with its last."""

    def __init__(self, on_hand: Mapping[Shelf, int], steps: Mapping[str, int] | None = None) -> None:
        self._first = State(on_hand)
        self._steps = steps or {}

    def first(self) -> State:
        return self._first

    def after(self, state: State, act: Act) -> Iterable[State]:
        """The states that the act may leave behind; none when what was told cannot be told here."""
        for after in self._after(state, act):
            yield after.with_step(act.order, self._steps.get(act.order, 0)) if act.order else after

    def _after(self, state: State, act: Act) -> Iterator[State]:
        if state.is_strained() and act.kind != "broken":
            return
        if not state.is_strained() and state.waiting and act.kind not in ("rerouted", "unfilled"):
            return
        order = state.orders.get(act.order)
        if act.kind in FOLLOW_UPS and (order is None or order.status == "ended"):
            return
        if act.key and order is not None and act.key in order.taken:
            if act.told is None or act.told.kind == "repeated":
                yield state
        elif act.told is not None and act.told.kind in _REFUSALS:
            if _may_refuse(order, act):
                yield state
        else:
            yield from _MOVES[act.kind](state, order, act)


def _place(state: State, order: Order | None, act: Act) -> Iterator[State]:
    if order is not None:
        return
    new = Order("tentative", act.lines, is_all_or_nothing=act.is_all_or_nothing, taken=frozenset([act.key]))
    if act.told is None:
        for added in _every_allocation(state, new):
            yield state.with_order(act.order, _with_rest_given_up(new, added))
        return
    yield from _allocated(state, new, act, "allocated")


def _allocated(state: State, order: Order, act: Act, kind: str) -> Iterator[State]:
    """`order` with what was told to be held for it now, when the shelves have it and could not give more."""
    told = act.told
    assert told is not None
    if told.kind not in (kind, "unfilled"):
        return
    open_milli = order.open()
    added = Counter(dict(told.holds))
    added.subtract(dict(order.holds))
    if told.kind == "unfilled":
        if +added or not _may_give_up(state, order):
            return
        after = _with_rest_given_up(order, {})
    else:
        gained: Counter[str] = Counter()
        for (line, sku, store, how), milli in added.items():
            if milli < 0 or (milli and (how != order.status or (line, store) in order.barred)):
                return
            if milli > state.free((sku, store)) or milli % UNIT_MILLI:
                return
            gained[line] += milli
        total = sum(gained.values())
        if not total or any(milli > open_milli.get(line, 0) for line, milli in gained.items()):
            return
        if total < state.best(order) or (order.is_all_or_nothing and total < sum(open_milli.values())):
            return
        after = _with_rest_given_up(order, added)
    yield from _told(state.with_order(act.order, after), act)


def _may_give_up(state: State, order: Order) -> bool:
    best = state.best(order)
    is_short = best < sum(order.open().values()) if order.is_all_or_nothing else best == 0
    return is_short or order.reroutes > REROUTES_MAX


def _with_rest_given_up(order: Order, added: Mapping[Place, int]) -> Order:
    holds = Counter(dict(order.holds))
    holds.update(added)
    after = order._replace(holds=amounts(holds))
    missing = after.open()
    if missing and after.is_all_or_nothing:
        after = after._replace(holds=_handed_over(after))
        missing = after.open()
    given_up = Counter(dict(after.given_up))
    given_up.update(missing)
    return after._replace(given_up=tuple(sorted(given_up.items())))


def _every_allocation(state: State, order: Order) -> Iterator[dict[Place, int]]:
    """All ways to give the most: what an order may have got that nobody answered."""
    offers, skus = state.offers(order), {line: sku for line, sku, _ in order.lines}
    places = [(line, store) for store, lines in sorted(offers.items()) for line, milli in lines.items() if milli]
    wanted, best = order.open(), state.best(order)
    for shares in product(*(range(0, offers[store][line] + 1, UNIT_MILLI) for line, store in places)):
        gained: Counter[str] = Counter()
        for (line, _), milli in zip(places, shares, strict=True):
            gained[line] += milli
        if sum(shares) == best and all(milli <= wanted[line] for line, milli in gained.items()):
            yield {
                (line, skus[line], store, order.status): milli
                for (line, store), milli in zip(places, shares, strict=True)
                if milli
            }


def _handed_over(order: Order) -> Amounts:
    return tuple((place, milli) for place, milli in order.holds if place[3] == "collected")


def _told(state: State, act: Act) -> Iterator[State]:
    """The pool, when what was told of the order is what stands there."""
    order, told = state.orders[act.order], act.told
    if told is not None and told.kind not in _TOLD_AS.get(act.kind, (act.kind,)):
        return
    if told is None or (order.status, order.holds, order.given_up) == (told.status, told.holds, told.given_up):
        yield state


def _confirm(state: State, order: Order | None, act: Act) -> Iterator[State]:
    if order is not None and order.status == "tentative":
        holds = amounts({(*place[:3], "confirmed"): milli for place, milli in order.holds})
        yield from _told(state.with_order(act.order, _taken(order, act)._replace(status="confirmed", holds=holds)), act)


def _cancel(state: State, order: Order | None, act: Act) -> Iterator[State]:
    if order is not None and order.status != "ended":
        after = _taken(order, act)._replace(status="ended", holds=_handed_over(order))
        yield from _told(state.with_order(act.order, after), act)


def _taken(order: Order, act: Act) -> Order:
    return order._replace(taken=order.taken | {act.key})


def _expire(state: State, order: Order | None, act: Act) -> Iterator[State]:
    if order is not None and order.status == "tentative":
        after = order._replace(status="ended", holds=_handed_over(order), is_expired=True)
        yield from _told(state.with_order(act.order, after), act)


def _report(state: State, order: Order | None, act: Act) -> Iterator[State]:
    """A store has picked, or handed over, what it keeps; what was missing goes elsewhere."""
    if order is None or not _has_task(order, act):
        return
    before, after = _TASKS[act.kind]
    missing = {line: milli for line, _, milli in act.lines}
    holds, moved = Counter(dict(order.holds)), Counter[Shelf]()
    for place, milli in order.at(act.store, before).items():
        short = min(missing.get(place[0], 0), milli)
        holds[place] -= milli
        holds[(*place[:3], after)] += milli - short
        shelf = (place[1], act.store)
        if act.kind == "collected":
            moved[shelf] -= milli
        elif act.reason == "damaged":
            moved[shelf] -= short
        elif act.reason in _DOUBTFUL:
            state = state.missed(shelf, short)
    barred = order.barred | {(line, act.store) for line in missing}
    yield from _told(state.with_order(act.order, order._replace(holds=amounts(holds), barred=barred), moved), act)


def _has_task(order: Order, act: Act) -> bool:
    """The store still has what the task is about, and as much of each line as is said to be missing."""
    before, _ = _TASKS[act.kind]
    kept: Counter[str] = Counter()
    for place, milli in order.at(act.store, before).items():
        kept[place[0]] += milli
    if before == "picked" and order.at(act.store, "confirmed"):
        return False
    return bool(kept) and all(milli <= kept[line] for line, _, milli in act.lines)


def _break(state: State, order: Order | None, act: Act) -> Iterator[State]:
    """One hold on a shelf that has less than is held: a tentative one while there are any, never more than is missing.

    What is picked lies apart.
    """
    assert order is not None
    assert act.told is not None
    lost = Counter(dict(order.holds))
    lost.subtract(Counter(dict(act.told.holds)))
    lost = Counter({place: milli for place, milli in lost.items() if milli})
    if len(lost) != 1:
        return
    [((line, sku, store, how), milli)] = lost.items()
    tentative_there = any(
        place[1:] == (sku, store, "tentative") for other in state.orders.values() for place, _ in other.holds
    )
    if not 0 < milli <= state.over((sku, store)) or how == "picked" or (how == "confirmed" and tentative_there):
        return
    after = order._replace(holds=act.told.holds, barred=order.barred | {(line, store)})
    yield from _told(state.with_order(act.order, after), act)


def _reroute(state: State, order: Order | None, act: Act) -> Iterator[State]:
    assert order is not None
    if order.open() and (act.kind == "unfilled" or order.reroutes < REROUTES_MAX):
        yield from _allocated(state, order._replace(reroutes=order.reroutes + 1), act, "rerouted")


def _ring_up(state: State, _: Order | None, act: Act) -> Iterator[State]:
    sign = -1 if act.kind == "sold" else 1
    yield state.moved({(sku, act.store): sign * milli for _, sku, milli in act.lines})


def _may_refuse(order: Order | None, act: Act) -> bool:
    """Is the reason of the refusal true here?"""
    assert act.told is not None
    reason = act.told.reason
    if reason in ("past_deadline", "in_the_future", "too_late"):  # of the sender's clock, and changes nothing
        return True
    if act.kind in _TASKS:
        if reason not in ("task_ended", "bad_quantity", "bad_lines") or order is None:
            return False
        came_back = any(store == act.store for _, store in order.barred)  # then a younger task may be open there
        return order.status == "ended" or came_back or not _has_task(order, act)
    if order is None:
        return reason == "unknown_order" and act.kind != "placed"
    if act.kind == "placed":
        return reason == "order_exists"
    if order.status == "ended":
        return reason == ("holds_expired" if order.is_expired else "order_ended")
    return reason == "already_confirmed" and (act.kind, order.status) == ("confirmed", "confirmed")


_REFUSALS = ("refused", "report_refused")
_DOUBTFUL = ("not_found", "wrong_item")
_TOLD_AS = {"placed": ("allocated", "unfilled")}
FOLLOW_UPS = ("broken", "rerouted", "unfilled", "expired")
_TASKS = {"picked": ("confirmed", "picked"), "short": ("confirmed", "picked"), "collected": ("picked", "collected")}
_MOVES = {
    "placed": _place, "confirmed": _confirm, "cancelled": _cancel, "picked": _report, "short": _report,
    "collected": _report, "sold": _ring_up, "received": _ring_up, "broken": _break, "rerouted": _reroute,
    "unfilled": _reroute, "expired": _expire,
}  # fmt: skip
