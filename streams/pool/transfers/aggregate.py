"""Transfers: goods that one store of the pool sends to another."""

from schemas.topics import FULFILMENT_REPORTS, ORDERS_REQUESTS
from streams.pool.aggregate import Aggregate, Input, Reaction
from streams.pool.journal.facts import (
    FULFILMENT_REPORT_DECIDED,
    TICK,
    TRANSFER_CHANGED,
    TRANSFER_REQUEST_DECIDED,
)
from streams.pool.state.agenda import STRAINED
from streams.pool.tasks.index import TASK
from streams.pool.transfers import fold, publish, react
from streams.pool.transfers.reports import decide_report
from streams.pool.transfers.requests import decide_request
from streams.pool.transfers.rows import TRANSFER_ROWS

AGGREGATE = Aggregate(
    "transfer",
    inputs=(
        Input(ORDERS_REQUESTS, decide_request, is_dated=True),
        Input(FULFILMENT_REPORTS, decide_report, is_dated=True),
    ),
    folds={
        TRANSFER_REQUEST_DECIDED: fold.fold_request,
        FULFILMENT_REPORT_DECIDED: fold.fold_change,
        TRANSFER_CHANGED: fold.fold_change,
        TICK: fold.forget_transfers,
    },
    tables=(TRANSFER_ROWS,),
    reactions=(Reaction(STRAINED, react.break_transfer),),
    due={TASK: react.end_late_task},
    subject=react.subject,
    stop=react.stop,
    publishes={
        TRANSFER_REQUEST_DECIDED: publish.tell_request,
        TRANSFER_CHANGED: publish.tell_change,
        FULFILMENT_REPORT_DECIDED: publish.tell_report,
    },
)
