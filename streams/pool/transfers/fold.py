"""Folding of facts about transfers: its row is replaced, and the shelves follow what it holds."""

from typing import Any

from streams.pool.orders.index import due_now
from streams.pool.state.pool_state import PoolState
from streams.pool.state.shelf import Shelf
from streams.pool.state.shelf_writes import touch
from streams.pool.transfers.index import held_on_shelves

Row = dict[str, Any]


def fold_transfer(state: PoolState, row: Row, appended_at_ms: int) -> None:
    """Take the row as it is."""
    key = (state.pool, row["transfer"])
    before = state.tables.transfers.get(key)
    was, held = held_on_shelves(before), held_on_shelves(row)
    for sku, store in {**was, **held}:
        change = held.get((sku, store), 0) - was.get((sku, store), 0)
        if change:
            shelf_key = (state.pool, sku, store)
            shelf = state.tables.shelves.get(shelf_key) or Shelf()
            shelf.held_milli += change
            touch(state, shelf_key, shelf, appended_at_ms)
    state.tables.transfers.put(key, row)
    state.transfer_index.put(before, row)


def forget_transfers(state: PoolState) -> None:
    """Drop the transfers that ended long enough ago."""
    for _, name in due_now(state.transfer_index.forgettable, state.row["clock_ms"]):
        state.transfer_index.put(state.tables.transfers.get((state.pool, name)), None)
        state.tables.transfers.delete((state.pool, name))
