"""Tasks: what each store is asked to do, until when; and recounts of books in doubt."""

from schemas.topics import FULFILMENT_REPORTS
from streams.pool.aggregate import Aggregate, Input, Reaction
from streams.pool.journal.facts import (
    FULFILMENT_REPORT_DECIDED,
    LENDING_MESSAGE_DECIDED,
    ORDER_CHANGED,
    ORDER_REQUEST_DECIDED,
    TASK_CHANGED,
    TICK,
    TRANSFER_CHANGED,
    TRANSFER_REQUEST_DECIDED,
)
from streams.pool.state.agenda import COUNTED, DOUBTED
from streams.pool.tasks import fold, react
from streams.pool.tasks.index import TASK
from streams.pool.tasks.reports import decide_report
from streams.pool.tasks.rows import TASK_ROWS

_WITH_TASKS = (
    ORDER_REQUEST_DECIDED, ORDER_CHANGED, TASK_CHANGED, TRANSFER_REQUEST_DECIDED, TRANSFER_CHANGED,
    LENDING_MESSAGE_DECIDED,
)  # fmt: skip

AGGREGATE = Aggregate(
    "recount",
    inputs=(Input(FULFILMENT_REPORTS, decide_report, is_dated=True),),
    folds={
        **dict.fromkeys(_WITH_TASKS, fold.fold_tasks),
        FULFILMENT_REPORT_DECIDED: fold.fold_report,
        TICK: fold.forget_tasks,
    },
    tables=(TASK_ROWS,),
    reactions=(Reaction(COUNTED, react.end_recounts), Reaction(DOUBTED, react.open_recount)),
    due={TASK: react.mind_task},
    subject=react.subject,
    stop=react.stop,
)
