"""Orders: what customers want of the pool, the goods that stores keep for them, and quotas of limited drops."""

from schemas.topics import FULFILMENT_REPORTS, ORDERS_REQUESTS
from streams.pool.aggregate import Aggregate, Input, Reaction
from streams.pool.journal.facts import (
    FULFILMENT_REPORT_DECIDED,
    LENDING_MESSAGE_DECIDED,
    ORDER_CHANGED,
    ORDER_REQUEST_DECIDED,
    SALE_RECORDED,
    TASK_CHANGED,
    TICK,
)
from streams.pool.orders import fold, publish, react
from streams.pool.orders.hand_overs import (
    HAND_OVER_ROWS,
    HAND_OVERS_OF_DAY,
    RUNG_UP_LATE,
    end_rung_up,
    tell_not_rung_up,
)
from streams.pool.orders.index import ORDER, UNPLACED
from streams.pool.orders.reports import decide_report
from streams.pool.orders.requests import decide_request
from streams.pool.orders.rows import LOADS, ORDER_ROWS, QUOTA_ROWS
from streams.pool.pickup.index import APPOINTMENT
from streams.pool.state.agenda import RUNG_UP, STRAINED
from streams.pool.tasks.index import TASK

AGGREGATE = Aggregate(
    "order",
    inputs=(
        Input(ORDERS_REQUESTS, decide_request, is_dated=True, answer_stranger=publish.answer_strange_request),
        Input(FULFILMENT_REPORTS, decide_report, is_dated=True, answer_stranger=publish.answer_strange_report),
    ),
    folds={
        ORDER_REQUEST_DECIDED: fold.fold_request,
        FULFILMENT_REPORT_DECIDED: fold.fold_report,
        LENDING_MESSAGE_DECIDED: fold.fold_lending,
        ORDER_CHANGED: fold.fold_change,
        SALE_RECORDED: fold.fold_sale,
        TASK_CHANGED: fold.fold_tasks,
        TICK: fold.forget_orders,
    },
    tables=(ORDER_ROWS, LOADS, QUOTA_ROWS, HAND_OVER_ROWS),
    works=(RUNG_UP_LATE, UNPLACED),
    reactions=(
        Reaction(RUNG_UP, react.ring_up_order),
        Reaction(STRAINED, react.break_hold),
        Reaction(UNPLACED, react.reroute),
        Reaction(RUNG_UP_LATE, end_rung_up),
    ),
    due={
        ORDER: react.expire,
        TASK: react.end_late_task,
        HAND_OVERS_OF_DAY: tell_not_rung_up,
        APPOINTMENT: react.move_late_appointment,
    },
    subject=react.subject,
    stop=react.stop,
    publishes={
        ORDER_REQUEST_DECIDED: publish.tell_request,
        ORDER_CHANGED: publish.tell_change,
        FULFILMENT_REPORT_DECIDED: publish.tell_report,
        LENDING_MESSAGE_DECIDED: publish.tell_lending,
    },
)
