"""Slots: the quarter hours of a place in which orders are handed over, and which of them has room for one more. Pure.

A place has room for so many orders in a quarter hour as its staff serves, and for so many within any hour as find room
on its shelf. The order's own quarter hours count as free while it is allocated as a whole anew.

A store is in time for a quarter hour when it usually is ready by then. The window that is promised with it lasts longer
when the store may need longer: so that nearly always a quarter hour is left of it when the goods are there.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import takewhile
from typing import Final, NamedTuple

from schemas.types.config import PickupPlace
from schemas.types.orders import OrderRow
from schemas.types.pickup import BookedSlot, PickupWish
from streams.pool.pickup.index import APPOINTMENTS, SLOT_MS, Slot
from streams.pool.pickup.preparation import AS_DECLARED, Pace, pace_at, prepared_ms
from streams.pool.state.pool_state import PoolState
from streams.pool.tasks.opening_hours import Hours, opening_spans

WINDOW_MAX_MS: Final = 3_600_000
_MINUTE_MS = 60_000
_WINDOW_STEP_MS = 5 * _MINUTE_MS
"""Windows end at whole five minutes, as people say them."""
_SLOTS_OF_AN_HOUR = 4


class OfferedSlot(NamedTuple):
    """A quarter hour that a store can promise."""

    minutes_away: int
    """From the wished window; 0 within it."""
    slot_ms: int
    place: str


class SlotSearch:
    """The search for quarter hours of one order, in the order in which a customer likes them: the nearest to the wish.

    Of each place one quarter hour is offered, for all its stores: the nearest that has room, once the first of them
    can be ready.
    """

    def __init__(
        self, state: PoolState, order: OrderRow, wish: PickupWish, kept: list[BookedSlot], now_ms: int, *,
        is_anew: bool, ready: Collection[str] = (),
    ) -> None:  # fmt: skip
        """`kept` are the quarter hours that the order has and keeps; `is_anew`: all its others are given back; `ready`
        are stores that have picked its goods.
        """
        self._state = state
        self._order = order["order"]
        self._wish = wish
        self._kept = {slot["store"]: slot for slot in kept}
        self._lines = len(order["lines"])
        self._deadline_ms = order["terms"]["deadline_ms"]
        self._now_ms = now_ms
        self._is_anew = is_anew
        self._picked = ready
        self._offers: dict[str, OfferedSlot | None] = {}
        self._ready: dict[tuple[str, str], int] = {}
        self._paces: dict[str, Pace] = {}

    def of_store(self, store: str) -> OfferedSlot | None:
        """The store's nearest quarter hour, of all its places; None when it has none in time."""
        kept = self._kept.get(store)
        if kept is not None:
            return OfferedSlot(minutes_away(self._wish, kept["slot_ms"]), kept["slot_ms"], kept["place"])
        offers = [self._of_place(place) for place in self._places_of(store)]
        fit = [one for one in offers if one is not None and self._ready_ms(one.place, store) <= one.slot_ms]
        return min(fit, default=None)

    def book(self, stores: Iterable[str]) -> list[BookedSlot]:
        """The order's quarter hours, by store, when these stores give it goods besides those that keep some."""
        slots = dict(self._kept)
        for store in stores:
            offer = None if store in slots else self.of_store(store)
            if offer is not None:
                slots[store] = self.booked(store, offer)
        return [slots[store] for store in sorted(slots)]

    def booked(self, store: str, offer: OfferedSlot) -> BookedSlot:
        """The quarter hour that the store takes, with the window that is promised."""
        until_ms = self._until_ms(store, offer)
        return {"store": store, "place": offer.place, "slot_ms": offer.slot_ms, "until_ms": until_ms}

    def _places_of(self, store: str) -> list[str]:
        wished, places = self._wish["place"], self._state.config.places_of.get(store, ())
        return [name for name in places if wished in (None, name) and self._state.config.places[name]["open"]]

    def _of_place(self, name: str) -> OfferedSlot | None:
        if name not in self._offers:
            place = self._state.config.places[name]
            own = [store for store in place["stores"] if store in self._state.config.stores]
            ready_ms = min(self._ready_ms(name, store) for store in own)
            free = next((slot_ms for slot_ms in self._nearest(place, ready_ms) if self._has_room(place, slot_ms)), None)
            self._offers[name] = None if free is None else OfferedSlot(minutes_away(self._wish, free), free, name)
        return self._offers[name]

    def _ready_ms(self, name: str, store: str) -> int:
        """When the store usually has the goods ready there."""
        if store in self._picked:
            return self._now_ms
        known = self._ready.get((name, store))
        if known is None:
            known = self._ready[name, store] = self._prepared_ms(name, store, self._pace(store).usual_permille)
        return known

    def _prepared_ms(self, name: str, store: str, permille: int) -> int:
        """When so much has passed of the time that is declared for preparation there."""
        return prepared_ms(self._state, name, store, self._lines, self._now_ms, permille)

    def _pace(self, store: str) -> Pace:
        if store not in self._paces:
            self._paces[store] = pace_at(self._state, store, self._now_ms)
        return self._paces[store]

    def _until_ms(self, store: str, offer: OfferedSlot) -> int:
        """When the window of a quarter hour ends that the store takes."""
        end_ms, pace = offer.slot_ms + SLOT_MS, self._pace(store)
        if pace == AS_DECLARED or store in self._picked:
            return end_ms
        late_ms = self._prepared_ms(offer.place, store, pace.long_permille)
        until_ms = window_until_ms(late_ms)
        if until_ms <= end_ms:
            return end_ms
        config = self._state.config
        hours = opening_spans(self._hours(config.places[offer.place]), config.pool["time_zone"], offer.slot_ms)
        closes_ms = next(closes for _, closes in hours if closes > offer.slot_ms)
        return max(end_ms, min(until_ms, offer.slot_ms + WINDOW_MAX_MS, closes_ms, self._deadline_ms))

    def _nearest(self, place: PickupPlace, ready_ms: int) -> Iterator[int]:
        """When the place's quarter hours begin, the nearest to the wish first; of two alike the earlier one."""
        wish, config = self._wish, self._state.config
        most_ms = config.pool["allocation"]["slot_minutes_max"] * _MINUTE_MS
        first, last = max(ready_ms, wish["from_ms"] - most_ms), min(self._deadline_ms, wish["until_ms"] + most_ms)
        days = opening_spans(self._hours(place), config.pool["time_zone"], first)
        spans = list(takewhile(lambda span: span[0] <= last, days))
        yield from _begins(spans, max(first, wish["from_ms"]), min(last, wish["until_ms"] - 1))
        before = _begins(spans, first, min(last, wish["from_ms"] - 1))
        after = _begins(spans, max(first, wish["until_ms"]), last)
        yield from sorted((*before, *after), key=lambda slot_ms: (minutes_away(wish, slot_ms), slot_ms))

    def _hours(self, place: PickupPlace) -> Hours:
        own = self._state.config.stores.get(place["place"])
        if own is None:
            return {"opening": place["opening"], "closed_days": place["closed_days"]}
        closed_days = [*place["closed_days"], *own["closed_days"]]
        return {"opening": place["opening"] or own["opening"], "closed_days": closed_days}

    def _has_room(self, place: PickupPlace, slot_ms: int) -> bool:
        at = (place["place"], slot_ms)
        orders = self._orders_at(at)
        if self._order in orders:
            return True
        if len(orders) >= place["hand_overs_per_slot"]:
            return False
        most = place["shelf_orders_max"]
        return most is None or self._most_within_an_hour(at) < most

    def _orders_at(self, slot: Slot) -> set[str]:
        orders = self._state[APPOINTMENTS].orders_at(slot)
        return orders - {self._order} if self._is_anew else orders

    def _most_within_an_hour(self, slot: Slot) -> int:
        """Orders of the fullest hour that the quarter hour is in."""
        place, slot_ms = slot
        counts = [
            len(self._orders_at((place, slot_ms + n * SLOT_MS)))
            for n in range(1 - _SLOTS_OF_AN_HOUR, _SLOTS_OF_AN_HOUR)
        ]
        return max(sum(counts[n : n + _SLOTS_OF_AN_HOUR]) for n in range(_SLOTS_OF_AN_HOUR))


def window_until_ms(ready_ms: int) -> int:
    """When a window ends of which a quarter hour is left when the goods are there by then."""
    return -(-ready_ms // _WINDOW_STEP_MS) * _WINDOW_STEP_MS + SLOT_MS


def minutes_away(wish: PickupWish, slot_ms: int) -> int:
    """Minutes begun between the wished window and the begin of a quarter hour; 0 for one that begins within it."""
    before_ms, after_ms = wish["from_ms"] - slot_ms, slot_ms - wish["until_ms"] + 1
    return max(0, -(-before_ms // _MINUTE_MS), -(-after_ms // _MINUTE_MS))


def _begins(spans: Iterable[tuple[int, int]], first_ms: int, last_ms: int) -> Iterator[int]:
    """Begins of the quarter hours that lie within the spans, from `first_ms` to `last_ms`, both included."""
    for opens_ms, closes_ms in spans:
        at_ms = -(-max(first_ms, opens_ms) // SLOT_MS) * SLOT_MS
        yield from range(at_ms, min(last_ms, closes_ms - SLOT_MS) + 1, SLOT_MS)
