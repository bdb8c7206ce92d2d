"""Folds facts about orders into the appointments of a pool: they follow what stores keep, and when it is collected."""

from collections.abc import Iterable

from schemas.statuses import LIVE_APPOINTMENT
from schemas.types.orders import FulfilmentReportDecided, OrderChanged, OrderRequestDecided, OrderRow
from schemas.types.pickup import AppointmentRow, AppointmentStatus, BookedSlot
from schemas.types.tasks import TaskRow
from schemas.types.ticks import Tick
from streams.pool.aggregate import Entry
from streams.pool.pickup.index import APPOINTMENTS, SLOT_MS, appointment_name
from streams.pool.pickup.learning import claimed_at_ms, learn
from streams.pool.pickup.preparation import pace_from_claim, prepared_ms
from streams.pool.pickup.rows import APPOINTMENT_ROWS, find_appointment
from streams.pool.pickup.slots import window_until_ms
from streams.pool.state.forgetting import forget_ended
from streams.pool.state.pool_state import PoolState
from streams.pool.tasks.rows import HAND_OVER, PICK


def fold_order(state: PoolState, fact: OrderRequestDecided | OrderChanged, entry: Entry) -> None:
    """A request or a reaction: the appointments of the order after it."""
    _follow(state, fact["order"], fact["tasks"], entry, is_short=False)


def fold_report(state: PoolState, fact: FulfilmentReportDecided, entry: Entry) -> None:
    """A report: the appointment that it is about, or those of the order that it changes, and what it teaches."""
    learn(state, fact)
    row = fact.get("appointment")
    if row is not None:
        state.tables[APPOINTMENT_ROWS].put((state.pool, appointment_name(row["order"], row["store"])), row)
        state[APPOINTMENTS].put(row)
    _follow(state, fact["order"], fact["tasks"], entry, is_short=fact["report"]["kind"] == "short")
    for task in fact["tasks"]:
        if (task["kind"], task["status"]) == (PICK, "claimed"):
            _narrow_at_claim(state, task)


def forget_appointments(state: PoolState, _: Tick, entry: Entry) -> None:
    """Drop the appointments that ended long enough ago, when the clock has moved on."""
    index = state[APPOINTMENTS]
    forget_ended(state, APPOINTMENT_ROWS, index, entry.clock_before_ms)


def _follow(
    state: PoolState, order: OrderRow | None, tasks: Iterable[TaskRow], entry: Entry, *, is_short: bool
) -> None:
    if order is None:
        return
    index, name = state[APPOINTMENTS], order["order"]
    slots = {slot["store"]: slot for slot in order.get("slots", ())}
    if not slots and name not in index.of_order:
        return
    stores = {one.partition("/")[2] for one in index.of_order.get(name, ())}
    for store in sorted(stores.union(slots)):
        before = find_appointment(state, appointment_name(name, store))
        if store in slots:
            after = _booked(state, before, order, slots[store], entry.appended_at_ms)
        elif before is not None:
            status = _ended_as(order, store, [one for one in tasks if one["store"] == store], is_short=is_short)
            after = _end(state, before, status, entry.appended_at_ms)
        else:
            raise LookupError(f"the appointment of order {name} at {store} is indexed and has no row")
        if after != before:
            after = {**after, "position": state.row["position"]}
            state.tables[APPOINTMENT_ROWS].put((state.pool, appointment_name(name, store)), after)
            index.put(after)


def _booked(
    state: PoolState, before: AppointmentRow | None, order: OrderRow, slot: BookedSlot, at_ms: int
) -> AppointmentRow:
    """The appointment that goes on, or is made."""
    states = {hold["state"] for hold in order["holds"] if hold["store"] == slot["store"]} - {"collected"}
    status: AppointmentStatus = "ready" if states == {"picked"} else "booked"
    ready_at_ms, place, slot_ms = at_ms if status == "ready" else 0, slot["place"], slot["slot_ms"]
    is_late = slot.get("is_late", False)
    wish, deadline_ms = order["terms"].get("pickup"), order["terms"]["deadline_ms"]
    digest = None if wish is None else wish.get("code_digest")
    if before is None or before["status"] not in LIVE_APPOINTMENT:
        return {
            "pool": state.pool, "order": order["order"], "store": slot["store"], "place": place, "status": status,
            "change": status, "slot_ms": slot_ms, "is_late": is_late, "window_from_ms": slot_ms,
            "window_until_ms": slot["until_ms"], "booked_until_ms": slot["until_ms"], "deadline_ms": deadline_ms,
            "customer": "", "customer_at_ms": 0, "eta_ms": 0, "code_digest": digest, "wrong_codes": [],
            "reports": [] if before is None else before["reports"],
            "reports_forgotten_ms": 0 if before is None else before["reports_forgotten_ms"], "booked_at_ms": at_ms,
            "ready_at_ms": ready_at_ms, "ended_at_ms": 0, "forget_at_ms": 0, "position": 0,
        }  # fmt: skip
    after: AppointmentRow = {**before, "deadline_ms": deadline_ms, "is_late": is_late}
    if digest != before["code_digest"]:
        after = {**after, "code_digest": digest, "wrong_codes": []}
    if status != before["status"]:
        after = {**after, "status": status, "change": status, "ready_at_ms": ready_at_ms}
    is_moved = (place, slot_ms) != (before["place"], before["slot_ms"]) or slot["until_ms"] > before["booked_until_ms"]
    if is_moved:
        after = {**after, "place": place, "change": "moved", "slot_ms": slot_ms, "window_from_ms": slot_ms}
    until_ms = slot["until_ms"] if is_moved else min(slot["until_ms"], before["window_until_ms"])
    return _narrowed({**after, "window_until_ms": until_ms, "booked_until_ms": slot["until_ms"]})


def _narrowed(row: AppointmentRow) -> AppointmentRow:
    """The appointment, with its quarter hour as the window once goods are ready for that; a customer who has set out
    keeps the window that was promised then.
    """
    is_in_time = row["status"] == "ready" and row["ready_at_ms"] <= row["slot_ms"]
    return {**row, "window_until_ms": row["slot_ms"] + SLOT_MS} if is_in_time and not row["customer"] else row


def _narrow_at_claim(state: PoolState, task: TaskRow) -> None:
    """The window ends sooner when what is left of the pick seldom takes as long as all of it was thought to."""
    name = appointment_name(task["order"] or "", task["store"])
    row, pace, claimed_ms = find_appointment(state, name), pace_from_claim(state, task["store"]), claimed_at_ms(task)
    if row is None or row["status"] != "booked" or row["customer"] or pace is None or not claimed_ms:
        return
    ready_ms = prepared_ms(state, row["place"], task["store"], len(task["lines"]), claimed_ms, pace.long_permille)
    until_ms = max(row["slot_ms"] + SLOT_MS, window_until_ms(ready_ms))
    if until_ms < row["window_until_ms"]:
        after: AppointmentRow = {**row, "window_until_ms": until_ms, "position": state.row["position"]}
        state.tables[APPOINTMENT_ROWS].put((state.pool, name), after)
        state[APPOINTMENTS].put(after)


def _ended_as(order: OrderRow, store: str, tasks: list[TaskRow], *, is_short: bool) -> AppointmentStatus:
    """How an appointment ended, by what of its goods was collected and what became of the store's tasks."""
    ended = [one for one in tasks if one["kind"] in (PICK, HAND_OVER)]
    if any(hold["store"] == store and hold["state"] == "collected" for hold in order["holds"]):
        is_whole = any(one["status"] == "done" for one in ended) and not is_short
        return "handed_over" if is_whole else "part_handed_over"
    is_late = any(one["kind"] == HAND_OVER and one["reason"] == "not_collected" for one in ended)
    return "no_show" if is_late else "cancelled"


def _end(state: PoolState, before: AppointmentRow, status: AppointmentStatus, at_ms: int) -> AppointmentRow:
    forget_at_ms = at_ms + state.config.pool["ended_retention_ms"]
    return {**before, "status": status, "change": status, "ended_at_ms": at_ms, "forget_at_ms": forget_at_ms}
