"""The checks of appointments and deliveries bite: a pool that is right shows nothing, and each wrong is found."""

from zoneinfo import ZoneInfo

import pytest

from connectors.arrival.message import appointment_state, handed_line
from connectors.carriers.message import delivery_state
from schemas.pickup_code import code_digest
from tests.proof.faults.auditor import Audit
from tests.proof.torture.collected import (
    Posted,
    Room,
    check_appointments,
    check_posted,
    check_room,
    check_told,
    untold_appointments,
    untold_deliveries,
)
from tests.support.pickup import order, wish, with_counters
from tests.support.pool import HOUR_MS, NOON_MS, OTHER_STORE, POOL, STORE

ROOM = {STORE: Room(1, 2), OTHER_STORE: Room(1, 2)}


@pytest.fixture
def bench():
    """Orders of each fate: open, ready, handed over after a wrong code, cancelled, without a quarter hour."""
    bench = with_counters(hand_overs_per_slot=1, shelf_orders_max=2, preparation_ms=0, preparation_per_line_ms=0)
    for number in range(8):
        name = f"o{number}"
        order(bench, name, pickup=wish() | {"code_digest": code_digest(POOL, name, "it")})
        bench.request("confirmed", name)
    for pick in [task for task in bench.tasks().values() if task["kind"] == "pick"][:3]:
        bench.fulfil("done", pick["task"], report_id=f"picked/{pick['task']}")
    bench.fulfil("on_the_way", None, order="o1", store=_store(bench, "o1"), eta_ms=NOON_MS + HOUR_MS, report_id="way")
    handed = next(task for task in bench.tasks().values() if task["kind"] == "hand_over")
    bench.fulfil("done", handed["task"], report_id="app/wrong", code="else")
    bench.fulfil("done", handed["task"], report_id="app/right", code="it")
    bench.request("cancelled", next(row["order"] for row in bench.appointments().values() if row["status"] == "booked"))
    return bench


def _store(bench, order):
    return next(row["store"] for row in bench.appointments().values() if row["order"] == order)


def problems(check, *arguments):
    audit = Audit()
    check(audit, *arguments)
    return audit


def of_appointments(bench, rows):
    return problems(check_appointments, POOL, bench.journal(), rows)


def test_a_pool_that_is_right_shows_nothing(bench):
    rows = bench.appointments()
    assert {row["status"] for row in rows.values()} >= {"booked", "ready", "handed_over", "cancelled"}
    assert problems(check_room, POOL, bench.journal(), ROOM).is_sound
    assert of_appointments(bench, rows).is_sound


@pytest.mark.parametrize("room", [Room(0), Room(1, 1)])
def test_more_orders_than_room_are_found_whenever_they_were_there(bench, room):
    assert problems(check_room, POOL, bench.journal(), dict.fromkeys(ROOM, room)).promised_twice > 0


def test_an_appointment_that_is_lost_made_up_or_otherwise_is_found(bench):
    rows = bench.appointments()
    name, row = next((name, row) for name, row in rows.items() if row["status"] == "booked")
    lacking = {other: one for other, one in rows.items() if other != name}
    assert of_appointments(bench, lacking).lost == 1
    assert of_appointments(bench, rows | {"o99/corner": row | {"order": "o98"}}).wrong_rows > 0
    assert of_appointments(bench, rows | {name: row | {"slot_ms": row["slot_ms"] + 1}}).wrong_rows == 1
    assert of_appointments(bench, rows | {name: row | {"status": "handed_over"}}).wrong_rows == 2


def test_what_partners_posted_counts_once_and_a_wrong_code_never(bench):
    entries = bench.journal()

    def found(name, outcome, **more):
        audit = problems(
            check_posted, POOL, entries, [Posted(name, "handed_over", outcome, **{"must_fail": False} | more)]
        )
        return audit.lost, audit.repeated, audit.wrong_rows

    assert found("app/right", "accepted") == found("app/wrong", "wrong_code", must_fail=True) == (0, 0, 0)
    assert found("app/gone", "accepted") == found("app/wrong", "accepted") == (1, 0, 0)
    assert found("app/right", "accepted", must_fail=True) == (0, 0, 1)
    entries += entries
    assert found("app/right", "accepted") == (0, 1, 0)


def messages(rows, tasks):
    """What an app has that was told each of them."""
    goods = {f"{task['order']}/{task['store']}": [handed_line(line, None) for line in task["lines"]]
             for task in tasks if task["kind"] == "hand_over" and task["status"] == "open"}  # fmt: skip
    zone = ZoneInfo("Europe/Berlin")
    return {name: appointment_state(row, {}, {}, zone, goods.get(name, ())).content for name, row in rows.items()}


def test_what_an_app_lacks_or_has_otherwise_is_found(bench):
    rows, tasks = bench.appointments(), list(bench.tasks().values())
    told = messages(rows, tasks)

    def untold(known, was_told=lambda _: True):
        return untold_appointments(rows, tasks, lambda order, store: known.get(f"{order}/{store}"), was_told)

    assert untold(told) == []
    for name, message in told.items():
        for field in ("status", "change", "window", "place", "wrong_codes", "customer", "lines"):
            other = next((one[field] for one in told.values() if one[field] != message[field]), None)
            if other is not None:
                assert untold(told | {name: {**message, field: other}}) == [name], field
    ended = {name for name, row in rows.items() if row["status"] in ("handed_over", "cancelled")}
    assert set(untold({})) == rows.keys()
    assert set(untold({}, lambda _: False)) == rows.keys() - ended, "what ended untold may be passed over"


def test_what_a_carrier_lacks_or_has_otherwise_is_found(bench):
    (task,) = [task for task in bench.tasks().values() if task["kind"] == "hand_over" and task["status"] == "open"][:1]
    delivery = {"address_ref": "adr-1", "geohash": "u33db", "deadline_ms": NOON_MS}
    tasks = [task | {"task": f"t{n}", "status": one, "delivery": delivery}
             for n, one in enumerate(("open", "claimed", "done", "refused", "cancelled", "late"))]  # fmt: skip
    told = {one["task"]: delivery_state(one, {}, ZoneInfo("UTC")).content for one in tasks}
    assert untold_deliveries(tasks, told, lambda _: True) == []
    assert untold_deliveries(tasks, told | {"t0": told["t1"]}, lambda _: True) == ["t0"]
    assert untold_deliveries(tasks, {}, lambda _: False) == ["t0", "t1"]


def test_a_number_under_which_a_partner_was_told_two_things_is_found():
    told = {("o1/mill", 1): {("key-1", "booked")}, ("o1/mill", 2): {("key-2", "ready"), ("key-2", "moved")}}
    assert problems(check_told, told, "app").repeated == 1
    told.popitem()
    assert problems(check_told, told, "app").is_sound
