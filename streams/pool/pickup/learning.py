"""Learns from reports of picks how long preparation takes.

A pick teaches when its appointment was wanted soon: with hours ahead a store begins when it likes, and the time that
passes says nothing. What was never picked teaches nothing either.
"""

from schemas.statuses import LIVE_APPOINTMENT
from schemas.types.orders import FulfilmentReportDecided
from schemas.types.tasks import TaskRow
from streams.pool.pickup.index import SLOT_MS, appointment_name
from streams.pool.pickup.preparation import FROM_CLAIM, LONGEST_PERMILLE, WHOLE_DAY, count_pick, declared_ms, hour_of
from streams.pool.pickup.rows import find_appointment
from streams.pool.state.pool_state import PoolState
from streams.pool.tasks.opening_hours import opening_time_between
from streams.pool.tasks.rows import PICK


def learn(state: PoolState, fact: FulfilmentReportDecided) -> None:
    """Fold: the pick that a report says is done, if it teaches anything; appointments stand as before it."""
    if not state.config.pool["learns_preparation"]:
        return
    for task in fact["tasks"]:
        if task["kind"] == PICK and task["status"] == "done":
            store, opened_ms = task["store"], task["opened_at_ms"]
            permille = _permille(state, task, opened_ms, fact["report"]["occurred_at_ms"])
            if permille:
                for hour in (hour_of(state, store, opened_ms), WHOLE_DAY):
                    count_pick(state, store, hour, permille)
            claimed_ms = claimed_at_ms(task)
            permille = _permille(state, task, claimed_ms, fact["report"]["occurred_at_ms"]) if claimed_ms else 0
            if permille:
                count_pick(state, store, FROM_CLAIM, permille)


def claimed_at_ms(task: TaskRow) -> int:
    """When the first report of a pick came, which claims it; 0 when the pick was done at once, or that is forgotten."""
    reports = [known["recorded_at_ms"] for known in task["reports"]]
    if task["reports_forgotten_ms"] or len(reports) < (1 if task["status"] == "claimed" else 2):
        return 0
    return min(reports)


def _permille(state: PoolState, task: TaskRow, since_ms: int, done_at_ms: int) -> int:
    """What the pick took, from then on, of the time that is declared for it; 0 when it teaches nothing."""
    config, store = state.config, task["store"]
    row = find_appointment(state, appointment_name(task["order"] or "", store))
    if row is None or row["status"] not in LIVE_APPOINTMENT:
        return 0
    span_ms = declared_ms(config.places[row["place"]], len(task["lines"]))
    settings, zone, opened_ms = config.stores[store], config.pool["time_zone"], task["opened_at_ms"]
    ahead_ms = opening_time_between(settings, zone, opened_ms, row["slot_ms"])
    if not span_ms or 1000 * (ahead_ms - SLOT_MS) > LONGEST_PERMILLE * span_ms:
        return 0
    return -(-1000 * opening_time_between(settings, zone, since_ms, done_at_ms) // span_ms)
