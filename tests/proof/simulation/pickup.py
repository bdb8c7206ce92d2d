"""Customers who collect by appointment, drawn from a seed of their own, and what must hold of appointments.

No quarter hour has more orders than its place has room for, every order that goes on has the appointments that its row
says, and every appointment ends. Windows hold their quarter hour and end later by a move alone, and stores are promised
to be ready no sooner than they were seen to be: what is learned of them is summed up anew.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from schemas.codec import topic_codec
from schemas.models.config import PickupPlace
from schemas.pickup_code import code_digest
from schemas.topics import PICKUP_APPOINTMENTS
from streams.pool.journal.facts import ORDER_REQUEST_DECIDED, Fact
from streams.runtime.contract import OutputRecord
from tests.proof.simulation.order_checks import KEPT, require
from tests.support.pool import DAY_MS, HOUR_MS, MINUTE_MS, POOL, decode_row, fulfilment_report
from tests.support.preparation import Preparation

Row = dict[str, Any]
QUARTER_MS = 15 * MINUTE_MS
PLACES = (
    PickupPlace(place="share", name="Counter", stores=("share",), hand_overs_per_slot=1),
    PickupPlace(place="hours", name="Counter", stores=("hours",), hand_overs_per_slot=2, shelf_orders_max=2),
    PickupPlace(
        place="lane", name="Public lane", stores=("share", "cap", "fixed"), hand_overs_per_slot=2, shelf_orders_max=2,
        no_show_after_ms=HOUR_MS,
    ),
)  # fmt: skip
_LIVE = ("booked", "ready")
_CLOSES_MS = 20 * HOUR_MS
"""When the one store closes that does."""


class Customers:
    """What customers wish, say of their way, and know."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"pickup of {seed}")
        self._codes: dict[str, str] = {}

    def wish(self, order: str, now_ms: int) -> Row | None:
        """A wish of some of the orders."""
        chance = self._chance
        if chance.random() > 0.5:
            return None
        from_ms = now_ms + chance.randrange(-1, 12) * QUARTER_MS
        digest = None
        if chance.random() < 0.4:
            self._codes[order] = f"code of {order}"
            digest = code_digest(POOL, order, self._codes[order])
        return {
            "from_ms": from_ms, "until_ms": from_ms + chance.choice((1, 30, 60, 180)) * MINUTE_MS,
            "place": chance.choice((None, None, None, "lane")), "code_digest": digest,
        }  # fmt: skip

    def code(self, order: str) -> str | None:
        """What the customer says at the counter."""
        known = self._codes.get(order)
        return known if known is None or self._chance.random() < 0.8 else "another"

    def comes(self, order: str, store: str, now_ms: int) -> list[tuple[int, Callable[[int], bytes]]]:
        """(after so many ms, the report of then) of a customer's way."""
        told: list[tuple[int, Callable[[int], bytes]]] = []
        for kind in ("on_the_way", "arrived"):
            if self._chance.random() < 0.6:
                eta_ms = now_ms + self._chance.randrange(-1, 5) * HOUR_MS if kind == "on_the_way" else None
                told.append((self._chance.randrange(2 * HOUR_MS), _report(kind, order, store, eta_ms)))
        return told

    def moves(self, order: str, now_ms: int) -> Row | None:
        """Another wish of some who have one."""
        return self.wish(order, now_ms) if self._chance.random() < 0.2 else None


def _report(kind: str, order: str, store: str, eta_ms: int | None) -> Callable[[int], bytes]:
    return lambda now_ms: fulfilment_report(
        kind, None, order=order, store=store, eta_ms=eta_ms, report_id=f"{order}/{store}/{kind}",
        occurred_at_ms=now_ms, recorded_at_ms=now_ms, raw=True,
    )  # fmt: skip


def can_be_met(terms: Row, now_ms: int) -> bool:
    """May an order with these terms be accepted, as far as its wish goes?"""
    wish = terms["pickup"]
    return wish is None or (wish["until_ms"] > now_ms and wish["from_ms"] <= terms["deadline_ms"])


def check_code(order: Row, event: Row) -> None:
    """Goods are handed over against the customer's code, if there is one. Raises ViolationError."""
    wish = order["terms"]["pickup"]
    digest = None if wish is None else wish["code_digest"]
    if digest is not None and event["kind"] in ("done", "short"):
        told = code_digest(POOL, order["order"], event["code"] or "")
        require(told == digest, "handed over without the code", order["order"], event)


class AppointmentChecks:
    """Follows the topic of appointments, and what the journal tells of them."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self._rows: dict[str, Row] = {}
        self._preparation = Preparation()

    def take(self, fact: Fact, now_ms: int) -> None:
        """The next fact, decided at a time. Raises ViolationError."""
        fields: Any = fact[1]
        if fact[0] == ORDER_REQUEST_DECIDED and fields["request"]["kind"] == "placed" and fields["order"] is not None:
            for slot in fields["order"]["slots"]:
                self._check_promise(fields["order"], slot, now_ms)
        self._preparation.take(fact)

    def _check_promise(self, order: Row, slot: Row, now_ms: int) -> None:
        """The store is in time for the slot as it usually is, and for the window even when it needs longer."""
        known, store = self._preparation, slot["store"]
        declared_ms = known.declared_ms(slot["place"], len(order["lines"]))
        usual, long = known.pace(store, now_ms)
        begins, ends = slot["slot_ms"], slot["until_ms"]
        left_ms = known.open_ms(store, now_ms, begins)
        require(1000 * left_ms >= usual * declared_ms, "promised sooner than it is usually ready", slot, usual)
        # A slot begins by the deadline, and has its whole quarter hour then.
        is_cut = ends == begins + HOUR_MS or order["terms"]["deadline_ms"] <= ends or ends % DAY_MS == _CLOSES_MS
        is_enough = 1000 * known.open_ms(store, now_ms, ends - QUARTER_MS) >= long * declared_ms
        require(is_enough or is_cut, "a window that is too narrow", slot, long)
        self.seen["window wide" if ends > begins + QUARTER_MS else "window of a quarter hour"] += 1

    def check(self, outputs: Iterable[OutputRecord], orders: dict[str, Row]) -> None:
        """After a batch: `orders` are those that go on. Raises ViolationError."""
        decode = topic_codec(PICKUP_APPOINTMENTS.name).decode
        for output in outputs:
            name = str(output.key).removeprefix(f"{POOL}/")
            if output.value is None:
                require(self._rows.pop(name)["status"] not in _LIVE, "forgotten while it goes on", name)
            else:
                before, self._rows[name] = self._rows.get(name), decode(output.value)
                _check_window(before, self._rows[name])
                self.seen[f"appointment {self._rows[name]['change']}"] += 1
        live = {name: row for name, row in self._rows.items() if row["status"] in _LIVE}
        _check_room(live.values())
        expected = {}
        for order in orders.values():
            working = {hold["store"] for hold in order["holds"] if hold["state"] in KEPT}
            slots = {slot["store"]: (slot["place"], slot["slot_ms"]) for slot in order["slots"]}
            if order["terms"]["pickup"] is not None:
                require(slots.keys() == working, "goods without a quarter hour, or one without goods", order)
            expected |= {f"{order['order']}/{store}": slot for store, slot in slots.items()}
        found = {name: (row["place"], row["slot_ms"]) for name, row in live.items()}
        require(found == expected, "appointments and slots of orders", found, expected)

    def check_end(self, rows: Mapping[str, bytes]) -> None:
        """`rows` are those of the changelog. Raises ViolationError for an appointment that never ends."""
        left = [row for row in self._rows.values() if row["status"] in _LIVE]
        require(not left, "an appointment that never ends", left[:1])
        prefix, learned = f"preparation/{POOL}/", self._preparation.rows()
        kept = {key.removeprefix(prefix): decode_row(raw) for key, raw in rows.items() if key.startswith(prefix)}
        told = {name: (row["picks"], row["weights"]) for name, row in kept.items()}
        require(told == learned, "what is learned of preparation", told, learned)
        self.seen["picks that taught"] += sum(picks for name, (picks, _) in learned.items() if name.endswith("/24"))


def _check_window(before: Row | None, row: Row) -> None:
    """A batch may have changed the row more than once."""
    begins, ends = row["slot_ms"], row["window_until_ms"]
    require(row["window_from_ms"] == begins, "a window that begins at another time", row)
    is_within = begins + QUARTER_MS <= ends <= row["booked_until_ms"] <= begins + HOUR_MS
    require(is_within, "a window without its quarter hour, or too wide", row)
    if row["status"] == "ready" and row["ready_at_ms"] <= begins and not row["customer"]:
        require(ends == begins + QUARTER_MS, "goods are ready, and the window is wide", row)
    if before is not None and before["status"] in _LIVE and ends > before["window_until_ms"]:
        is_moved = (before["slot_ms"], before["place"]) != (begins, row["place"])
        require(is_moved or row["booked_until_ms"] > before["booked_until_ms"], "a window that ends later", before, row)


def _check_room(rows: Iterable[Row]) -> None:
    taken: defaultdict[str, defaultdict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        taken[row["place"]][row["slot_ms"]].add(row["order"])
    for place in PLACES:
        slots = taken[place.place]
        for slot_ms in list(slots):
            require(slot_ms % QUARTER_MS == 0, "no quarter hour", slot_ms)
            require(
                len(slots[slot_ms]) <= place.hand_overs_per_slot, "overbooked", place.place, slot_ms, slots[slot_ms]
            )
            hour = sum(len(slots.get(slot_ms + n * QUARTER_MS, ())) for n in range(4))
            most = place.shelf_orders_max
            require(most is None or hour <= most, "more orders than the shelf has room for", place.place, slot_ms, hour)
