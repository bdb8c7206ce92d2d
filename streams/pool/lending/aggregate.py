"""Lending: stock that one pool lends another, by acknowledged messages."""

from schemas.topics import POOL_LENDING
from streams.pool.aggregate import Aggregate, Input, Reaction
from streams.pool.journal.facts import (
    CATALOG_ITEM,
    CONFIG_CHANGE,
    LENDING_CHANGED,
    LENDING_MESSAGE_DECIDED,
    MEMBERSHIP_CHANGED,
    TICK,
)
from streams.pool.lending import fold, publish, react
from streams.pool.lending.decide import decide_lending
from streams.pool.lending.index import ANSWERS
from streams.pool.lending.rows import CHANNELS, DRAWS, LOANS
from streams.pool.state import agenda

AGGREGATE = Aggregate(
    "lending",
    inputs=(Input(POOL_LENDING, decide_lending, is_dated=True),),
    folds={
        LENDING_MESSAGE_DECIDED: fold.fold_message,
        LENDING_CHANGED: fold.fold_change,
        CONFIG_CHANGE: fold.fold_config,
        CATALOG_ITEM: fold.fold_item_or_tick,
        TICK: fold.fold_item_or_tick,
        MEMBERSHIP_CHANGED: fold.fold_membership,
    },
    tables=(LOANS, DRAWS, CHANNELS),
    works=(agenda.LENT_ORDERS, agenda.LOANS, ANSWERS),
    reactions=(
        Reaction(agenda.STRAINED, when_done=fold.look_again),
        Reaction(agenda.LENT_ORDERS, react.tell_of_order),
        Reaction(agenda.LOANS, react.tell_of_loan),
        Reaction(ANSWERS, react.answer),
    ),
    next_due=react.tell_again,
    subject=react.subject,
    stop=react.stop,
    publishes={LENDING_CHANGED: publish.send},
)
