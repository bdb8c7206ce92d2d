"""Folds facts into the transfers of a pool: rows are replaced, and the shelves follow what they hold."""

from schemas.types.orders import FulfilmentReportDecided
from schemas.types.ticks import Tick
from schemas.types.transfers import TransferChanged, TransferRequestDecided, TransferRow
from streams.pool.aggregate import Entry
from streams.pool.state.forgetting import forget_ended
from streams.pool.state.pool_state import PoolState
from streams.pool.state.shelf_writes import hold
from streams.pool.transfers.index import TRANSFERS, held_on_shelves
from streams.pool.transfers.rows import TRANSFER_ROWS


def fold_request(state: PoolState, fact: TransferRequestDecided, entry: Entry) -> None:
    """A request: the transfer after it."""
    _put(state, fact["transfer"], entry)
    state.row["requests_refused" if fact["outcome"] == "refused" else "requests_accepted"] += 1


def fold_change(state: PoolState, fact: TransferChanged | FulfilmentReportDecided, entry: Entry) -> None:
    """A reaction or a report: the transfer after it."""
    _put(state, fact["transfer"], entry)


def forget_transfers(state: PoolState, _: Tick, entry: Entry) -> None:
    """Drop the transfers that ended long enough ago, when the clock has moved on."""
    index = state[TRANSFERS]
    forget_ended(state, TRANSFER_ROWS, index, entry.clock_before_ms)


def _put(state: PoolState, row: TransferRow | None, entry: Entry) -> None:
    if row is None:
        return
    table, key = state.tables[TRANSFER_ROWS], (state.pool, row["transfer"])
    before = table.get(key)
    was, held = held_on_shelves(before), held_on_shelves(row)
    for sku, store in {**was, **held}:
        change = held.get((sku, store), 0) - was.get((sku, store), 0)
        if change:
            hold(state, (state.pool, sku, store), change, entry.appended_at_ms)
    table.put(key, row)
    state[TRANSFERS].put(before, row)
