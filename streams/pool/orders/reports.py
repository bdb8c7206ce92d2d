"""Decides a fulfilment report about goods of an order: picked or handed over, or not.

The reason of what is missing corrects the books: damaged goods leave them; goods not found, or another item in their
place, lower the shelf's confidence, are not promised until they are counted, and open a recount; sold goods are left to
the till's own sale.
"""

from collections.abc import Callable
from typing import Final

from schemas.types.journal import Fact
from schemas.types.orders import FulfilmentReportDecided, Hold, HoldState
from schemas.types.reports import FulfilmentReport
from schemas.types.stock import Correction, CorrectionKind
from schemas.types.tasks import TaskRow
from streams.pool.journal import rejections
from streams.pool.journal.rejections import RefusedError
from streams.pool.orders.hand_overs import Balances
from streams.pool.orders.holds import COLLECTED, CONFIRMED, PICKED, close_if_done, fail_lines, held_milli, reduce
from streams.pool.orders.rows import find_order
from streams.pool.orders.tasks import tasks_for
from streams.pool.pickup.code import check_code
from streams.pool.state.pool_state import PoolState
from streams.pool.tasks.reports import DOUBTFUL, PICK_REASONS, Missing, Reasons, decide_about_task, named_task
from streams.pool.tasks.rows import HAND_OVER, PICK, PUT_BACK, is_recounted, recount_task

NOT_COLLECTED: Final = "not_collected"
_STILL_THERE = ("store_closed", "no_capacity", NOT_COLLECTED)
"""Reasons for which picked goods are not handed over, and lie in the store."""
_REASONS: Reasons = {PICK: PICK_REASONS, HAND_OVER: (*PICK_REASONS, NOT_COLLECTED)}


def decide_report(state: PoolState, report: FulfilmentReport, appended_at_ms: int) -> Fact | None:
    """Decide a report about a task of an order; None for any other."""
    task = named_task(state, report)
    if task is None or task["order"] is None or task["kind"] == PUT_BACK:
        return None
    kind, decided = decide_about_task(state, report, appended_at_ms, _REASONS, _take_goods)
    return kind, check_code(state, task, report, decided)


def _take_goods(
    state: PoolState, task: TaskRow, missing: Missing, decided: FulfilmentReportDecided, now_ms: int
) -> FulfilmentReportDecided:
    """What was picked or handed over, and what was not."""
    order = find_order(state, task["order"] or "")
    if order is None:
        raise RefusedError(rejections.UNKNOWN_ORDER, f"no order {task['order']} is known")
    occurred_at_ms = decided["report"]["occurred_at_ms"]
    store, is_pick = task["store"], task["kind"] == PICK
    state_before: HoldState = CONFIRMED if is_pick else PICKED
    corrections: list[Correction] = []
    balances = Balances(state, store)

    def correct(sku: str, kind: CorrectionKind, delta_milli: int, not_found_milli: int = 0) -> None:
        corrections.append({
            "store": store, "sku": sku, "kind": kind, "occurred_at_ms": occurred_at_ms, "delta_milli": delta_milli,
            "not_found_milli": not_found_milli,
        })  # fmt: skip

    left = {line_id: milli for line_id, (milli, _) in missing.items()}
    holds = reduce(reversed(order["holds"]), _missing_of(left, store, state_before))[::-1]
    for at, hold in enumerate(holds):
        if hold["store"] == store and hold["state"] == state_before:
            if not is_pick:
                rung_up = balances.hand_over(hold["sku"], occurred_at_ms, held_milli(hold))
                correct(hold["sku"], "collected", rung_up - held_milli(hold))
            holds[at] = {**hold, "state": PICKED if is_pick else COLLECTED}
    order = {**order, "holds": holds, "position": task["position"]}
    recounts: list[TaskRow] = []
    not_there: dict[tuple[str, str], int] = {}
    for line in task["lines"]:
        if line["line_id"] not in missing:
            continue
        milli, reason = missing[line["line_id"]]
        gone = milli - left[line["line_id"]]  # less what the till has rung up meanwhile
        order = fail_lines(order, {line["line_id"]: gone}, store, reason, comes_back=reason != NOT_COLLECTED)
        if not is_pick and reason not in _STILL_THERE:
            not_there[line["line_id"], store] = gone
        if reason == "damaged":
            correct(line["sku"], "damaged", -gone)
        if reason in DOUBTFUL:
            correct(line["sku"], "not_found", 0, gone)
            if not is_recounted(state, line["sku"], store):
                recounts.append(recount_task(state, store, line["sku"], reason, now_ms, len(recounts) + 1))
    order = close_if_done(order, now_ms, state.config.pool["ended_retention_ms"])
    tasks = tasks_for(state, order, now_ms, {task["task"]: task}, not_there)
    return {
        **decided, "order": order, "tasks": tasks + recounts, "corrections": corrections,
        "hand_overs": balances.changed(),
    }  # fmt: skip


def _missing_of(left: dict[str, int], store: str, state_before: HoldState) -> Callable[[Hold], int]:
    """What of a hold is missing, of all that is `left` to be found missing, hold by hold."""

    def take(hold: Hold) -> int:
        if (hold["store"], hold["state"]) != (store, state_before):
            return 0
        part = min(left.get(hold["line_id"], 0), held_milli(hold))
        if part:
            left[hold["line_id"]] -= part
        return part

    return take
