"""Stock: what tills and stores say of goods, and the shelves' books that follow."""

from schemas.topics import POS_SALES, POS_STOCK
from streams.pool.aggregate import Aggregate, Input
from streams.pool.journal.facts import (
    FULFILMENT_REPORT_DECIDED,
    REJECTED,
    SALE_RECORDED,
    STOCK_REPORT_RECORDED,
    TRANSFER_CHANGED,
)
from streams.pool.state.agenda import COUNTED, DOUBTED, RUNG_UP, STRAINED
from streams.pool.stock import fold
from streams.pool.stock.decide import decide_sale, decide_stock
from streams.pool.stock.plain_sale import take_plain_sale

AGGREGATE = Aggregate(
    "stock",
    inputs=(
        Input(POS_SALES, decide_sale, is_dated=True, shortcut=take_plain_sale),
        Input(POS_STOCK, decide_stock, is_dated=True),
    ),
    folds={
        SALE_RECORDED: fold.fold_sale,
        STOCK_REPORT_RECORDED: fold.fold_report,
        REJECTED: fold.fold_rejected,
        FULFILMENT_REPORT_DECIDED: fold.fold_corrections,
        TRANSFER_CHANGED: fold.fold_corrections,
    },
    works=(RUNG_UP, COUNTED, STRAINED, DOUBTED),
)
