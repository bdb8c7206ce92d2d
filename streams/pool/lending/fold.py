"""Folds facts into the loans of a pool: rows are replaced, and the shelves follow their differences.

What is lent counts as held on the lender's shelf, and as on hand on the borrower's shelf of the same item. Goods that
an order draws have left the borrower's shelf with the order's own entry.
"""

from schemas.types.catalog import CatalogItem
from schemas.types.config import ConfigChange
from schemas.types.lending import DrawRow, LendingChanged, LendingMessage, LendingMessageDecided, LendingSide, LoanRow
from schemas.types.membership import MembershipChanged
from schemas.types.ticks import Tick
from streams.pool.aggregate import Entry
from streams.pool.journal.elsewhere import BORROWER, LENDER, elsewhere, loan_name
from streams.pool.lending.index import ANSWERS, DRAW, LENDING, LOAN
from streams.pool.lending.rows import (
    CHANNELS,
    DRAWS,
    LOANS,
    channel_to,
    draw_name,
    lent_milli,
    name_of_draw,
    name_of_loan,
)
from streams.pool.state import agenda
from streams.pool.state.alarms import Name
from streams.pool.state.lent import LENT
from streams.pool.state.pool_state import PoolState
from streams.pool.state.reaction_limit import STOPPED
from streams.pool.state.shelf import Shelf, ShelfKey
from streams.pool.state.shelf_writes import hold, put_shelf


def fold_message(state: PoolState, fact: LendingMessageDecided, entry: Entry) -> None:
    """A message of another pool: the rows after it, and what it calls for."""
    message = fact["message"]
    _put_rows(state, fact["loans"], fact["draw"], message, entry)
    if fact["channel"] is not None:
        state.tables[CHANNELS].put((state.pool, message["from_pool"]), fact["channel"])
    if fact["outcome"] == "accepted":
        _look_at(state, message)


def fold_change(state: PoolState, fact: LendingChanged, entry: Entry) -> None:
    """A reaction: the rows after it, and the message that was sent."""
    message = fact["message"]
    _put_rows(state, fact["loans"], fact["draw"], message, entry)
    channel = channel_to(state, message["pool"])
    state.tables[CHANNELS].put((state.pool, message["pool"]), {**channel, "sent_sequence": message["sequence"]})
    name = _subject(message, sent=True)
    state.agenda[ANSWERS].pop(name, None)
    if fact["kind"] == STOPPED:
        state[LENDING].look_no_more(*name)


def fold_config(state: PoolState, change: ConfigChange, _: Entry) -> None:
    """Put the loans on the agenda that a setting may change."""
    if change["change"][0] == "commonshelf.LentQuota":
        quota = change["change"][1]
        state.agenda[agenda.LOANS][loan_name(LENDER, quota["to_pool"], quota["store"], quota["sku"])] = True
    elif change["change"][0] == "commonshelf.StoreSettings":
        _look_at_quotas(state, change["change"][1]["store"])


def fold_item_or_tick(state: PoolState, _: CatalogItem | Tick, __: Entry) -> None:
    """Put the loans on the agenda that an item or the clock may change."""
    _look_at_quotas(state, None)


def fold_membership(state: PoolState, changed: MembershipChanged, _: Entry) -> None:
    """Put the loans on the agenda of a store that left, or joined."""
    _look_at_quotas(state, changed["store"])


def _look_at_quotas(state: PoolState, of_store: str | None) -> None:
    for peer, store, sku in state.config.lent_quotas:
        if of_store in (None, store):
            state.agenda[agenda.LOANS].setdefault(loan_name(LENDER, peer, store, sku), False)


def look_again(state: PoolState, key: ShelfKey) -> None:
    """Put the loans on the agenda of a shelf that covers another part of them now."""
    _, sku, store = key
    for name in state[LENT].loans(sku, store):
        state.agenda[agenda.LOANS].setdefault(name, False)


def _put_rows(
    state: PoolState, loans: list[LoanRow], draw: DrawRow | None, message: LendingMessage, entry: Entry
) -> None:
    for loan in loans:
        _put_loan(state, loan, message["recorded_at_ms"], entry.appended_at_ms)
    if draw is not None:
        _put_draw(state, draw)


def _put_loan(state: PoolState, loan: LoanRow, recorded_at_ms: int, appended_at_ms: int) -> None:
    name = (state.pool, name_of_loan(loan))
    before = state.tables[LOANS].get(name)
    state.tables[LOANS].put(name, loan)
    state[LENDING].put_loan(loan)
    if loan["side"] == LENDER:
        change = lent_milli(loan) - (0 if before is None else lent_milli(before))
        if change:
            hold(state, (state.pool, loan["sku"], loan["store"]), change, appended_at_ms)
        return
    store = elsewhere(loan["store"], loan["peer"])
    key = (state.pool, loan["sku"], store)
    shelf = state.shelves.get(key) or Shelf()
    shelf.on_hand_milli += _borrowed_milli(loan) - (0 if before is None else _borrowed_milli(before))
    shelf.counted_at_ms, shelf.short_picks = loan["counted_at_ms"], loan["discrepancies"]
    shelf.recorded_at_ms = recorded_at_ms
    if before is None or before["settings"] != loan["settings"]:
        state.stale_terms.add(None, store)
    put_shelf(state, key, shelf, appended_at_ms)


def _borrowed_milli(loan: LoanRow) -> int:
    return loan["granted_milli"] - loan["returned_milli"]


def _put_draw(state: PoolState, draw: DrawRow) -> None:
    name = (state.pool, name_of_draw(draw))
    if draw["closed"]:
        state.tables[DRAWS].delete(name)
    else:
        state.tables[DRAWS].put(name, draw)
    state[LENDING].put_draw(draw)


def _look_at(state: PoolState, message: LendingMessage) -> None:
    """Put on the agenda what an accepted message calls for."""
    body = message["body"]
    if body[0] == "commonshelf.DrawAck":
        state.agenda[agenda.LENT_ORDERS][body[1]["order"]] = None
    elif body[0] == "commonshelf.LoanAck":
        state.agenda[agenda.LOANS].setdefault(_subject(message, sent=False)[1], False)
    elif body[0] != "commonshelf.DrawStatus" or not body[1]["closed"]:
        state.agenda[ANSWERS][_subject(message, sent=False)] = None


def _subject(message: LendingMessage, *, sent: bool) -> Name:
    """The loan or the draw that a message is about, as this pool names it."""
    body = message["body"]
    peer = message["pool"] if sent else message["from_pool"]
    by_lender = body[0] in ("commonshelf.LoanStatus", "commonshelf.DrawAck")
    side: LendingSide = LENDER if by_lender == sent else BORROWER
    if body[0] == "commonshelf.LoanStatus" or body[0] == "commonshelf.LoanAck":
        return LOAN, loan_name(side, peer, body[1]["store"], body[1]["sku"])
    return DRAW, draw_name(side, peer, body[1]["order"])
