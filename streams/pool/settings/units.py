"""Units of items: while something is counted in one, the item keeps it, and does not become a kit."""

from streams.catalog.references import set_in_unit
from streams.pool.state.pool_state import PoolState
from streams.pool.state.shelf import newest
from streams.pool.state.shelf_writes import forget_before, put_shelf
from streams.pool.transfers.index import TRANSFERS


def counted_in_unit(state: PoolState, sku: str) -> str | None:
    """Goods or a setting that would mean something else in another unit, for a sentence; None when there is nothing."""
    for store in state.config.reachable():
        shelf = state.shelf(sku, store)
        if shelf is not None and (shelf.on_hand_milli or shelf.held_milli or shelf.not_found_milli):
            return f"the books of store {store}"
    for transfer in state[TRANSFERS].of_item.get(sku, ()):
        return f"transfer {transfer}"
    return set_in_unit(state.config, sku)


def begin_anew(state: PoolState, sku: str, at_ms: int) -> None:
    """Fold: the item's shelves, all of them empty, count as counted so: what is late of the time before is in it."""
    for store in state.config.stores:
        key = (state.pool, sku, store)
        shelf = state.shelves.get(key)
        if shelf is not None:
            shelf.counted_at_ms = max(shelf.counted_at_ms, newest(shelf.recent), at_ms)
            shelf.counted_milli = shelf.used_milli = 0
            forget_before(state, key, shelf, shelf.counted_at_ms)
            put_shelf(state, key, shelf, at_ms)
