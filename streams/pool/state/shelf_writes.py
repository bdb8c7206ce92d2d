"""Writes to a shelf: goods come and go, the shelf is put, and what it no longer covers is put on the agenda."""

from streams.pool.state.agenda import DOUBTED, STRAINED
from streams.pool.state.pool_state import PoolState
from streams.pool.state.shelf import BLOCK_BYTES, Shelf, ShelfKey, keep_after, newest

NEGATIVE_STOCK = "negative_stock"
"""Reason of a recount: the books fell below zero."""


def move(state: PoolState, key: ShelfKey, shelf: Shelf, occurred_at_ms: int, delta_milli: int) -> None:
    """Goods came or went."""
    before_milli, is_known = shelf.on_hand_milli, shelf.position > 0
    shelf.move(occurred_at_ms, delta_milli)
    note_fall(state, key, shelf, before_milli, is_known=is_known)


def note_fall(state: PoolState, key: ShelfKey, shelf: Shelf, before_milli: int, *, is_known: bool) -> None:
    """Count books that fell below zero, and doubt them, unless nobody has ever told what is there."""
    if shelf.on_hand_milli < 0 <= before_milli:
        shelf.negatives += 1
        if is_known:
            state.agenda[DOUBTED][key] = NEGATIVE_STOCK


def hold(state: PoolState, key: ShelfKey, change_milli: int, appended_at_ms: int) -> None:
    """Hold more on a shelf, or less."""
    shelf = state.shelves.get(key) or Shelf()
    shelf.held_milli += change_milli
    put_shelf(state, key, shelf, appended_at_ms)


def put_shelf(state: PoolState, key: ShelfKey, shelf: Shelf, appended_at_ms: int) -> None:
    """Put the shelf, changed by the entry that is being folded."""
    shelf.appended_at_ms = appended_at_ms
    shelf.position = state.row["position"]
    if shelf.held_milli and shelf.held_milli > shelf.on_hand_milli:
        state.agenda[STRAINED][key] = None
    if len(shelf.recent) >= BLOCK_BYTES:
        seal_block(state, key, shelf)
    state.shelves.put(key, shelf)


def seal_block(state: PoolState, key: ShelfKey, shelf: Shelf) -> None:
    """Put the recent movements apart, and drop blocks that are older than any count may be."""
    blocks = state.blocks
    blocks.put((key, shelf.next_block), shelf.recent)
    shelf.recent = b""
    shelf.next_block += 1
    oldest_ms = state.row["late_before_ms"]
    while shelf.first_block < shelf.next_block - 1:
        if newest(blocks.get((key, shelf.first_block)) or b"") >= oldest_ms:
            return
        blocks.delete((key, shelf.first_block))
        shelf.first_block += 1


def forget_before(state: PoolState, key: ShelfKey, shelf: Shelf, as_of_ms: int) -> None:
    """Drop the movements that a count as of `as_of_ms` has seen; the rest become one run again."""
    kept = []
    for block in range(shelf.first_block, shelf.next_block):
        kept.append(keep_after(state.blocks.get((key, block)) or b"", as_of_ms))
        state.blocks.delete((key, block))
    kept.append(keep_after(shelf.recent, as_of_ms))
    shelf.recent = b"".join(kept)
    shelf.first_block = shelf.next_block
