"""Pickup: appointments of customers at places, in quarter hours that have room for them."""

from schemas.topics import FULFILMENT_REPORTS
from streams.pool.aggregate import Aggregate, Input
from streams.pool.journal.facts import FULFILMENT_REPORT_DECIDED, ORDER_CHANGED, ORDER_REQUEST_DECIDED, TICK
from streams.pool.pickup import fold
from streams.pool.pickup.preparation import PREPARATION_ROWS
from streams.pool.pickup.reports import decide_report
from streams.pool.pickup.rows import APPOINTMENT_ROWS

AGGREGATE = Aggregate(
    "pickup",
    inputs=(Input(FULFILMENT_REPORTS, decide_report, is_dated=True),),
    folds={
        ORDER_REQUEST_DECIDED: fold.fold_order,
        ORDER_CHANGED: fold.fold_order,
        FULFILMENT_REPORT_DECIDED: fold.fold_report,
        TICK: fold.forget_appointments,
    },
    tables=(APPOINTMENT_ROWS, PREPARATION_ROWS),
)
