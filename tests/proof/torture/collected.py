"""Whether appointments and deliveries are right: room, what topics say against the journal, what partners were told.

What is said of an appointment is worked out anew, from the rows of orders in the journal; a partner's message is held
against the pool's row, field by field.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from messaging.journal import JournalEntry
from streams.pool.journal.facts import FULFILMENT_REPORT_DECIDED, ORDER_REQUEST_DECIDED
from tests.proof.faults.auditor import Audit

Row = Mapping[str, Any]
QUARTER_MS: Final = 900_000
LIVE: Final = ("booked", "ready")
COLLECTED: Final = ("handed_over", "part_handed_over")
_CARRIED_AS: Final = {"open": "requested", "claimed": "out", "done": "delivered", "refused": "returned"}
STANDING_TASKS: Final = ("open", "claimed")


class Room(NamedTuple):
    """Orders for which a place has room."""

    in_a_slot: int
    in_an_hour: int | None = None


class Posted(NamedTuple):
    """A message that a partner posted until it had an outcome."""

    name: str
    """Its id as the pool has it: partner/id."""
    kind: str
    outcome: str
    """`accepted`, or the reason of a refusal."""
    must_fail: bool
    """It has a wrong code."""


def check_room(audit: Audit, pool: str, entries: Iterable[JournalEntry], room: Mapping[str, Room]) -> None:
    """No quarter hour of a place has more orders than it has room for, and no hour, at any time."""
    taken: dict[str, set[tuple[str, int]]] = {}
    orders: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
    overbooked = []
    for entry, order in _orders(pool, entries):
        name, slots = order["order"], {(slot["place"], slot["slot_ms"]) for slot in order["slots"]}
        before, taken[name] = taken.get(name, set()), slots
        for slot in before - slots:
            orders[slot].discard(name)
        for slot in slots - before:
            orders[slot].add(name)
            place, slot_ms = slot
            hours = [range(slot_ms + n * QUARTER_MS, slot_ms + (n + 4) * QUARTER_MS, QUARTER_MS) for n in range(-3, 1)]
            fullest = max(sum(len(orders.get((place, at_ms), ())) for at_ms in hour) for hour in hours)
            most = room[place]
            if len(orders[slot]) > most.in_a_slot or (most.in_an_hour is not None and fullest > most.in_an_hour):
                overbooked.append((entry.position, slot, sorted(orders[slot]), fullest))
    audit.promised_twice += audit.find(f"quarter hours of {pool} promised to too many", overbooked)


def check_appointments(audit: Audit, pool: str, entries: Iterable[JournalEntry], rows: Mapping[str, Row]) -> None:
    """Each order has the appointments on the topic that its last row says, and none of those that ended is missing."""
    ever: set[str] = set()
    last: dict[str, Row] = {}
    for _, order in _orders(pool, entries):
        last[order["order"]] = order
        ever.update(f"{order['order']}/{slot['store']}" for slot in order["slots"])
    wanted = {
        f"{name}/{slot['store']}": (slot["place"], slot["slot_ms"])
        for name, order in last.items() for slot in order["slots"]
    }  # fmt: skip
    live = {name: (row["place"], row["slot_ms"]) for name, row in rows.items() if row["status"] in LIVE}
    audit.lost += audit.find(f"appointments of {pool} that are not on the topic", ever - rows.keys())
    audit.wrong_rows += audit.find(f"appointments of {pool} that nobody made", rows.keys() - ever)
    wrong = [(name, wanted.get(name), live.get(name)) for name in wanted.keys() | live.keys()
             if wanted.get(name) != live.get(name)]  # fmt: skip
    audit.wrong_rows += audit.find(f"appointments of {pool} that go on: (which, wanted, found)", wrong)
    ended = [name for name, row in rows.items() if row["status"] not in LIVE and _is_ended_wrong(row, last)]
    audit.wrong_rows += audit.find(f"appointments of {pool} that ended otherwise than the goods", ended)


def _is_ended_wrong(row: Row, orders: Mapping[str, Row]) -> bool:
    holds = [hold for hold in orders[row["order"]]["holds"] if hold["store"] == row["store"]]
    return any(hold["state"] == "collected" for hold in holds) != (row["status"] in COLLECTED)


def _orders(pool: str, entries: Iterable[JournalEntry]) -> Iterable[tuple[JournalEntry, Row]]:
    """Each order's row after each entry that changed it."""
    for entry in entries:
        order = entry.fact[1].get("order") if entry.pool == pool else None
        if isinstance(order, dict):
            yield entry, {"slots": (), **order}


def check_posted(audit: Audit, pool: str, entries: Iterable[JournalEntry], posted: Iterable[Posted]) -> None:
    """What partners were told to be accepted the journal has, once; what has a wrong code it has not."""
    decided: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        kind, fields = entry.fact
        if entry.pool == pool and kind == FULFILMENT_REPORT_DECIDED:
            decided[fields["report"]["report_id"], fields["outcome"]] += 1
        elif entry.pool == pool and kind == ORDER_REQUEST_DECIDED:
            decided[fields["request"]["key"], fields["outcome"]] += 1
    lost, twice, wrong = [], [], []
    for one in posted:
        count = decided[one.name, "accepted"]
        if one.outcome == "accepted" and not count:
            lost.append(one)
        if count > 1:
            twice.append(one)
        if one.must_fail and count:
            wrong.append(one)
    audit.lost += audit.find(f"messages of partners that were accepted and are not in the journal of {pool}", lost)
    audit.repeated += audit.find(f"messages of partners that counted twice in {pool}", twice)
    audit.wrong_rows += audit.find(f"goods of {pool} given for a wrong code", wrong)


# --- what partners have ---------------------------------------------------------------------------------------


def untold_appointments(
    rows: Mapping[str, Row], tasks: Iterable[Row], known: Callable[[str, str], Row | None],
    was_told: Callable[[str], bool],
) -> list[str]:  # fmt: skip
    """Appointments, by order/store, of which an app has something else than the pool's topics say.

    known: the app's newest message. One that ended before the app was told anything of it may be missing.
    """
    goods = {
        f"{task['order']}/{task['store']}": [(line["line_id"], line["quantity_milli"]) for line in task["lines"]]
        for task in tasks if task["kind"] == "hand_over" and task["status"] in STANDING_TASKS
    }  # fmt: skip
    return [
        name for name, row in rows.items()
        if not _has(
            _in_our_words(known(row["order"], row["store"])), _as_told(row, goods.get(name, [])),
            may_lack=row["status"] not in LIVE and not was_told(name),
        )
    ]  # fmt: skip


def untold_deliveries(tasks: Iterable[Row], known: Mapping[str, Row], was_told: Callable[[str], bool]) -> list[str]:
    """Deliveries, by task, of which a carrier has something else than the pool's topic says."""
    return [
        task["task"] for task in tasks
        if task["kind"] == "hand_over" and task.get("delivery") is not None
        and not _has(
            known.get(task["task"]), _as_carried(task),
            may_lack=task["status"] not in STANDING_TASKS and not was_told(task["task"]),
        )
    ]  # fmt: skip


def _has(message: Row | None, wanted: Row, *, may_lack: bool) -> bool:
    if message is None:
        return may_lack
    return {name: message.get(name) for name in wanted} == wanted


def _as_told(row: Row, goods: list[tuple[str, int]]) -> Row:
    customer = None
    if row["customer"]:
        customer = (row["customer"], row["customer_at_ms"] // 1_000, row["eta_ms"] // 1_000)
    return {
        "status": row["status"], "change": row["change"], "place": row["place"], "is_late": row["is_late"],
        "needs_code": row["code_digest"] is not None, "wrong_codes": len(row["wrong_codes"]), "lines": goods,
        "window": (row["window_from_ms"] // 1_000, row["window_until_ms"] // 1_000), "customer": customer,
    }  # fmt: skip


def _in_our_words(message: Row | None) -> Row | None:
    """What an arrival app has of an appointment, in the pool's words."""
    if message is None:
        return None
    said, window = message["customer"], message["window"]
    eta_s = 0 if said is None or "eta" not in said else _seconds(said["eta"])
    return {
        **message, "place": message["place"]["id"],
        "lines": [(line["line"], line["quantity_milli"]) for line in message["lines"]],
        "window": (_seconds(window["from"]), _seconds(window["until"])),
        "customer": None if said is None else (said["state"], _seconds(said["at"]), eta_s),
    }  # fmt: skip


def _as_carried(task: Row) -> Row:
    return {"status": _CARRIED_AS.get(task["status"], "cancelled"), "manifest": task["lines"], "order": task["order"]}


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def check_told(audit: Audit, told: Mapping[tuple[str, int], Collection[tuple[str, str]]], partner: str) -> None:
    """Each number of an item has one message, under one key, however often it came."""
    twice = [(at, sorted(said)) for at, said in told.items() if len(said) > 1]
    audit.repeated += audit.find(f"numbers under which {partner} was told several things", twice)
