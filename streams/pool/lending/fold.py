"""Folding of facts about loans: rows are replaced, and the shelves follow their differences.

What is lent counts as held on the lender's shelf, and as on hand on the borrower's shelf of the same item. Goods that
went into a use have left the borrower's shelf with the order's own entry.
"""

from typing import Any

from streams.pool.journal.facts import LENDING_CHANGED, LENDING_MESSAGE_DECIDED, Fields
from streams.pool.lending.index import LOAN, USE
from streams.pool.lending.loans import BORROWER, LENDER, elsewhere, lent_milli, loan_name, new_channel, use_name
from streams.pool.state.pool_state import PoolState
from streams.pool.state.reaction_limit import STOPPED
from streams.pool.state.shelf import Shelf
from streams.pool.state.shelf_writes import touch

Row = dict[str, Any]
LENDING_FACTS = (LENDING_MESSAGE_DECIDED, LENDING_CHANGED)


def fold_lending(state: PoolState, kind: str, fields: Fields, appended_at_ms: int) -> None:
    """Take the rows of the fact as they are; the order and its tasks are taken by `order_fold`."""
    message = fields["message"]
    for loan in fields["loans"]:
        _put_loan(state, loan, message["recorded_at_ms"], appended_at_ms)
    use = fields["draw"]
    if use is not None:
        _put_use(state, use)
    if kind == LENDING_MESSAGE_DECIDED:
        if fields["channel"] is not None:
            state.tables.channels.put((state.pool, message["from_pool"]), fields["channel"])
        if fields["outcome"] == "accepted":
            _look_at(state, message)
    else:
        channel = state.tables.channels.get((state.pool, message["pool"])) or new_channel(state.pool, message["pool"])
        state.tables.channels.put((state.pool, message["pool"]), {**channel, "sent_sequence": message["sequence"]})
        entity, name = _subject(message, sent=True)
        state.lending.answers.pop((entity, name), None)
        if fields["kind"] == STOPPED:
            state.lending.look_no_more(entity, name)


def _put_loan(state: PoolState, loan: Row, recorded_at_ms: int, appended_at_ms: int) -> None:
    name = (state.pool, loan_name(loan["side"], loan["peer"], loan["store"], loan["sku"]))
    before = state.tables.loans.get(name)
    state.tables.loans.put(name, loan)
    state.lending.put_loan(loan)
    store = loan["store"] if loan["side"] == LENDER else elsewhere(loan["store"], loan["peer"])
    key = (state.pool, loan["sku"], store)
    shelf = state.tables.shelves.get(key) or Shelf()
    if loan["side"] == LENDER:
        change = lent_milli(loan) - (0 if before is None else lent_milli(before))
        if not change:
            return
        shelf.held_milli += change
    else:
        shelf.on_hand_milli += _borrowed_milli(loan) - (0 if before is None else _borrowed_milli(before))
        shelf.counted_at_ms, shelf.short_picks = loan["counted_at_ms"], loan["discrepancies"]
        shelf.recorded_at_ms = recorded_at_ms
        if before is None or before["settings"] != loan["settings"]:
            state.stale_terms.add((None, store))
    touch(state, key, shelf, appended_at_ms)


def _borrowed_milli(loan: Row) -> int:
    return int(loan["granted_milli"] - loan["returned_milli"])


def _put_use(state: PoolState, use: Row) -> None:
    name = (state.pool, use_name(use["side"], use["peer"], use["order"]))
    if use["closed"]:
        state.tables.uses.delete(name)
    else:
        state.tables.uses.put(name, use)
    state.lending.put_use(use)


def _look_at(state: PoolState, message: Row) -> None:
    """What an accepted message calls for."""
    kind, body = message["body"]
    if kind == "commonshelf.DrawAck":
        state.lending.orders[body["order"]] = None
    elif kind == "commonshelf.LoanAck":
        state.lending.loans.setdefault(_subject(message, sent=False)[1], False)
    elif kind != "commonshelf.DrawStatus" or not body["closed"]:
        state.lending.answers[_subject(message, sent=False)] = None


def _subject(message: Row, *, sent: bool) -> tuple[str, str]:
    """The loan or the use that a message is about, as this pool names it."""
    kind, body = message["body"]
    peer = message["pool" if sent else "from_pool"]
    by_lender = kind in ("commonshelf.LoanStatus", "commonshelf.DrawAck")
    side = LENDER if by_lender == sent else BORROWER
    if kind in ("commonshelf.LoanStatus", "commonshelf.LoanAck"):
        return LOAN, loan_name(side, peer, body["store"], body["sku"])
    return USE, use_name(side, peer, body["order"])
