"""A shelf changed: when, by which entry, and whether it still covers what it holds."""

from streams.pool.state.dedup import MARGIN_MS
from streams.pool.state.pool_state import PoolState, ShelfKey
from streams.pool.state.shelf import BLOCK_BYTES, Shelf, newest

NEGATIVE_STOCK = "negative_stock"
"""Reason of a recount: the books fell below zero."""


def move(state: PoolState, key: ShelfKey, shelf: Shelf, occurred_at_ms: int, delta_milli: int) -> None:
    """Goods came or went."""
    before_milli, is_known = shelf.on_hand_milli, shelf.position > 0
    shelf.move(occurred_at_ms, delta_milli)
    note_fall(state, key, shelf, before_milli, is_known=is_known)


def note_fall(state: PoolState, key: ShelfKey, shelf: Shelf, before_milli: int, *, is_known: bool) -> None:
    """Books that fell below zero are in doubt, unless nobody has ever told what is there."""
    if shelf.on_hand_milli < 0 <= before_milli:
        shelf.negatives += 1
        if is_known:
            state.doubted[key] = NEGATIVE_STOCK


def touch(state: PoolState, key: ShelfKey, shelf: Shelf, appended_at_ms: int) -> None:
    """Put the shelf, changed by the entry that is being folded."""
    shelf.appended_at_ms = appended_at_ms
    shelf.position = state.row["position"]
    if shelf.held_milli and shelf.held_milli > shelf.on_hand_milli:
        state.strained[key] = None
    if len(shelf.recent) >= BLOCK_BYTES:
        seal_block(state, key, shelf)
    state.tables.shelves.put(key, shelf)


def seal_block(state: PoolState, key: ShelfKey, shelf: Shelf) -> None:
    """Put the recent movements apart, and drop blocks that are older than any count may be."""
    blocks = state.tables.blocks
    blocks.put((key, shelf.next_block), shelf.recent)
    shelf.recent = b""
    shelf.next_block += 1
    oldest_ms = shelf.recorded_at_ms - state.catalog.pool["late_limit_ms"] - MARGIN_MS
    while shelf.first_block < shelf.next_block - 1:
        if newest(blocks.get((key, shelf.first_block)) or b"") >= oldest_ms:
            return
        blocks.delete((key, shelf.first_block))
        shelf.first_block += 1
