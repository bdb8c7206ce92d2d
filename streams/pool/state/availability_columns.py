"""Many rows of pool.availability.v1 at once, by columns: the values that `availability` gives for each, byte for byte.

A batch of a busy pool tells thousands of shelves. Their books are packed as the changelog has them, so that numpy reads
them as columns, and Avro's numbers are written side by side, too.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.avro_parts import string_bytes
from schemas.codec import topic_codec
from schemas.topics import POOL_AVAILABILITY
from streams.catalog import PoolConfig
from streams.pool.state.shelf import BOOKS, DAY_MS, Shelf, ShelfKey
from streams.pool.state.tables import Pools

MANY = 256
"""Rows of which columns save time."""
_HEADER = topic_codec(POOL_AVAILABILITY.name).header
_LARGE = 1 << 50
"""Numbers below it can be multiplied by a share."""
_FACTORS = ("on_hand_milli", "held_milli", "used_milli", "not_found_milli")
_KINDS = {"share": 0, "cap": 1, "fixed": 2}
_Terms = tuple[int, int, int]
"""(kind of the contribution, its value, safety stock)"""
_NOT_LENT: _Terms = (-1, 0, 0)
_LONG_BYTES_MAX = 10
Longs = NDArray[np.int64]


def encode_many(pools: Pools, rows: Sequence[tuple[ShelfKey, Shelf]]) -> list[bytes] | None:
    """The values of shelves in Confluent wire format; None for few of them, and for numbers too large for columns."""
    if len(rows) < MANY:
        return None
    books = np.frombuffer(b"".join([shelf.books() for _, shelf in rows]), np.dtype(BOOKS))
    heads, is_piece, terms = _heads_and_terms(pools, [key for key, _ in rows])
    given = np.array(terms, np.int64)
    if not all(_are_small(column) for column in (*(books[name] for name in _FACTORS), given)):
        return None
    numbers = _columns(books, np.array(is_piece, np.bool_), given)
    raw, ends = _encode_longs(numbers)
    starts = [0, *ends[:-1]]
    return [head + raw[start:end] for head, start, end in zip(heads, starts, ends, strict=True)]


def _are_small(numbers: Longs) -> bool:
    return bool(((numbers > -_LARGE) & (numbers < _LARGE)).all())


def _heads_and_terms(pools: Pools, keys: Sequence[ShelfKey]) -> tuple[list[bytes], list[bool], list[_Terms]]:
    """What stands before the numbers, whether the item is counted by the piece, and (kind, value, safety stock)."""
    known: dict[tuple[str, str], tuple[PoolConfig, bytes, bytes, _Terms]] = {}
    heads, is_piece, found = [], [], []
    for pool, sku, store in keys:
        of_store = known.get((pool, store))
        if of_store is None:
            config = pools[pool].config
            terms = _numbered(config.usual_terms(store))
            of_store = known[pool, store] = config, _HEADER + string_bytes(pool), string_bytes(store), terms
        config, before_sku, behind_sku, terms = of_store
        unit = config.unit(sku)
        if unit is None or config.own_terms(store, sku) is not None:
            terms = _numbered(config.terms(store, sku))
        heads.append(b"".join((before_sku, string_bytes(sku), behind_sku, string_bytes(unit or "each"))))
        is_piece.append(unit is None or unit == "each")
        found.append(terms)
    return heads, is_piece, found


def _numbered(terms: tuple[str, int, int] | None) -> _Terms:
    return _NOT_LENT if terms is None else (_KINDS[terms[0]], *terms[1:])


def _columns(books: NDArray[Any], is_piece: NDArray[np.bool_], terms: Longs) -> Longs:
    """The numbers of each row, in the schema's order."""
    kind, value, safety = terms.T
    on_hand, held, not_found = books["on_hand_milli"], books["held_milli"], books["not_found_milli"]
    there = on_hand - not_found
    contribution = np.select(
        [kind == _KINDS["share"], kind == _KINDS["cap"], kind == _KINDS["fixed"]],
        [there * value // 1000, value, value - np.maximum(books["used_milli"], 0)],
    )
    available = np.maximum(np.minimum(contribution, there - safety) - held, 0)
    available = np.where(kind < 0, 0, available)
    available -= np.where(is_piece, available % 1000, 0)
    return np.stack(
        (
            available, on_hand, safety, _confidence_permille(books), books["recorded_at_ms"], books["appended_at_ms"],
            books["position"], held, not_found, np.maximum(contribution, 0),
        ),
        axis=1,
    )  # fmt: skip


def _confidence_permille(books: NDArray[Any]) -> Longs:
    counted_at_ms = books["counted_at_ms"]
    days = np.clip((books["recorded_at_ms"] - counted_at_ms) // DAY_MS, 0, 150)
    doubts = books["negatives"].astype(np.int64) + books["short_picks"]
    doubt = 3 * np.where(counted_at_ms == 0, 150, days) + 100 * np.minimum(doubts, 5) + 50 * (books["drift_milli"] != 0)
    found: Longs = np.maximum(980 - doubt, 50)
    return found


def _encode_longs(numbers: Longs) -> tuple[bytes, list[int]]:
    """The rows' numbers as Avro longs, one behind the other, and where each row ends."""
    zigzag = (numbers << 1 ^ numbers >> 63).view(np.uint64)
    sizes = np.ones(zigzag.shape, np.int64)
    for byte in range(1, _LONG_BYTES_MAX):
        sizes += zigzag >> np.uint64(7 * byte) != 0
    width = int(sizes.max(initial=1))
    digits = np.empty((*zigzag.shape, width), np.uint8)
    for byte in range(width):
        goes_on = (sizes > byte + 1) * np.uint8(0x80)
        digits[..., byte] = (zigzag >> np.uint64(7 * byte)).astype(np.uint8) & 0x7F | goes_on
    raw = digits[np.arange(width) < sizes[..., None]].tobytes()
    return raw, np.cumsum(sizes.sum(axis=1)).tolist()
