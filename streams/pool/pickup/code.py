"""Checks the code of the customer at a hand-over. The journal keeps no code, and the state its digest alone."""

from hmac import compare_digest
from typing import Final

from schemas.pickup_code import code_digest
from schemas.types.orders import FulfilmentReportDecided
from schemas.types.pickup import AppointmentRow
from schemas.types.reports import FulfilmentReport
from schemas.types.tasks import TaskRow
from streams.pool.journal import rejections
from streams.pool.journal.rejections import RefusedError
from streams.pool.pickup.index import appointment_name
from streams.pool.pickup.rows import find_appointment
from streams.pool.state.pool_state import PoolState
from streams.pool.tasks.reports import refuse
from streams.pool.tasks.rows import HAND_OVER

WRONG_CODES_MAX: Final = 5


def check_code(
    state: PoolState, task: TaskRow, report: FulfilmentReport, decided: FulfilmentReportDecided
) -> FulfilmentReportDecided:
    """The decision about a task, refused when goods would be handed over without the code that is asked for."""
    if task["kind"] != HAND_OVER or report["kind"] not in ("done", "short") or decided["outcome"] != "accepted":
        return decided
    row = find_appointment(state, appointment_name(task["order"] or "", task["store"]))
    if row is None or row["code_digest"] is None:
        return decided
    try:
        _check(state, row, row["code_digest"], report)
    except RefusedError as refused:
        is_new = refused.reason == rejections.WRONG_CODE and report["report_id"] not in row["wrong_codes"]
        wrong_codes = [*row["wrong_codes"], report["report_id"]]
        after: AppointmentRow = {**row, "wrong_codes": wrong_codes, "position": state.next_position}
        return {**refuse(report, refused), "appointment": after if is_new else None}
    return decided


def _check(state: PoolState, row: AppointmentRow, digest: str, report: FulfilmentReport) -> None:
    code = report.get("code")
    if report["report_id"] in row["wrong_codes"]:
        raise RefusedError(rejections.WRONG_CODE, "this report gave a wrong code before: ask again, in a new report")
    if len(row["wrong_codes"]) >= WRONG_CODES_MAX:
        detail = f"{WRONG_CODES_MAX} wrong codes: the customer's side sets a new one by a moved request"
        raise RefusedError(rejections.CODE_LOCKED, detail)
    if not code:
        raise RefusedError(rejections.CODE_NEEDED, "the customer has a code: report it with the hand-over")
    if not compare_digest(code_digest(state.pool, row["order"], code), digest):
        left = WRONG_CODES_MAX - 1 - len(row["wrong_codes"])
        raise RefusedError(rejections.WRONG_CODE, f"it is not the customer's code: ask again; {left} tries are left")
