"""The plain sale, nearly every one: new, on time, with nothing left to do that the clock made due, each line of an item
that the store has had before and holds for nobody, and has as many of as are sold, by a code of which one unit is one
unit. Goods may come back, too.

Decided and folded in one pass, for this is where a busy pool's time goes. Of any other sale nothing is done here: it
takes the general way, `decide` and `fold`. A property test holds the two equal, byte for byte.
"""

from collections.abc import Mapping

from schemas.codec import HEADER_BYTES
from schemas.models.base import LINE_ID_MAX, LINES_MAX, QUANTITY_MAX_MILLI
from schemas.plain_sale import PlainLine, PlainSale, read_plain_sale
from streams.pool.journal.facts import encode_applied, encode_plain_sale
from streams.pool.orders.hand_overs import HAND_OVERS
from streams.pool.state.dedup import plain_sale_key
from streams.pool.state.pool_state import PoolState
from streams.pool.state.shelf import BLOCK_BYTES, Shelf, ShelfKey
from streams.pool.state.shelf_writes import seal_block
from streams.pool.stock import decide
from streams.runtime.contract import InputRecord


def take_plain_sale(pools: Mapping[str, PoolState], record: InputRecord) -> tuple[str, bytes] | None:
    """Decide and fold the sale in a record: its pool and its fact, encoded; None for a sale that is not plain."""
    _, _, _, appended_at_ms, _, value = record
    sale = None if value is None else read_plain_sale(value)
    state = None if sale is None else pools.get(sale[0])
    if value is None or sale is None or state is None or state.may_be_due:
        return None
    fact = _take(state, sale, value[HEADER_BYTES:], appended_at_ms)
    return None if fact is None else (sale[0], fact)


def _take(state: PoolState, sale: PlainSale, body: bytes, appended_at_ms: int) -> bytes | None:
    """The fact for the journal, encoded; `body` is the sale's own encoding."""
    pool, store, system, source_id, occurred, recorded, lines = sale
    config = state.config
    row, terms, skew = state.row, config.stores.get(store), config.pool["future_skew_ms"]
    if (
        terms is None or recorded > appended_at_ms + skew or occurred <= 0
        or occurred < row["late_before_ms"] or not -skew <= recorded - occurred <= config.pool["late_limit_ms"]
        or (len(lines) != 1 and not _are_countable(lines))
    ):  # fmt: skip
        return None
    shelves, meanings, meaning_of = state.shelves, config.plain_meanings(), config.plain_meaning
    cached, signs = shelves.cache.get, decide.SALE_SIGN
    moves, applied = [], []
    for at, (line_id, code, quantity, unit, kind) in enumerate(lines):
        meaning = meanings.get(code) or meaning_of(store, code)
        if meaning is None:
            return None
        sku, own_unit = meaning
        if own_unit != unit or not 0 < quantity <= QUANTITY_MAX_MILLI or len(line_id) > LINE_ID_MAX:
            return None
        key = (pool, sku, store)
        shelf, delta = cached(key) or shelves.get(key), signs[kind] * quantity
        # Held goods may have to be found elsewhere, and books that fall below zero be counted.
        if shelf is None or shelf.held_milli or 0 <= shelf.on_hand_milli < -delta:
            return None
        moves.append((key, shelf, delta))
        applied.append(encode_applied(at, sku, delta))
    if (len(moves) > 1 and _falls_below_zero(moves)) or (terms["rings_up_hand_overs"] and _is_owed(state, moves)):
        return None
    dedup, event_key = state.dedup, plain_sale_key(store, system, source_id)
    if dedup.place_of(event_key) is not None:
        return None

    changed = shelves.changed
    row["position"] = position = row["position"] + 1
    row["lines_applied"] += len(moves)
    state.pools.changed[pool] = row
    for key, shelf, delta in moves:
        shelf.move(occurred, delta)
        shelf.used_milli -= delta
        shelf.recorded_at_ms, shelf.appended_at_ms, shelf.position = recorded, appended_at_ms, position
        if len(shelf.recent) >= BLOCK_BYTES:
            seal_block(state, key, shelf)
        changed[key] = shelf
    fact = encode_plain_sale(body, applied)
    dedup.remember(event_key, recorded, fact)
    return fact


def _falls_below_zero(moves: list[tuple[ShelfKey, Shelf, int]]) -> bool:
    """Do lines of one item sell together what each alone does not: more than there is, without what comes back?"""
    if len({key for key, _, _ in moves}) == len(moves):
        return False
    sold: dict[ShelfKey, int] = {}
    for key, _, delta in moves:
        sold[key] = sold.get(key, 0) + max(-delta, 0)
    return any(0 <= shelf.on_hand_milli < sold[key] for key, shelf, _ in moves)


def _is_owed(state: PoolState, moves: list[tuple[ShelfKey, Shelf, int]]) -> bool:
    """May some of it have been handed over for an order before?"""
    owed = state[HAND_OVERS].owed
    return any(key[1:] in owed for key, _, _ in moves)


def _are_countable(lines: tuple[PlainLine, ...]) -> bool:
    """Some, not too many, and each named once."""
    return 0 < len(lines) <= LINES_MAX and len({line[0] for line in lines}) == len(lines)
