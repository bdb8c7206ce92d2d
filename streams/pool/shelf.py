"""One item in one store: its books, its counts, what it can promise. Integers in thousandths of a unit.

A count is absolute as of its time. Movements that occurred at or before it are in it already, whenever they
arrive; later ones are played on top of it. So a shelf remembers its movements since the last count, as far
back as a late count may reach.
"""

from struct import Struct
from typing import TypedDict

MOVEMENT = Struct("<qi")
BLOCK_BYTES = 64 * MOVEMENT.size
DAY_MS = 86_400_000
_pack = MOVEMENT.pack


class Shelf(TypedDict):
    """A row of the shelf table; the fields are described in pool.changelog.v1-value.avsc, ShelfRow."""

    on_hand_milli: int
    used_milli: int
    counted_at_ms: int
    counted_milli: int
    drift_milli: int
    negatives: int
    recorded_at_ms: int
    appended_at_ms: int
    number: int
    first_block: int
    next_block: int
    recent: bytes


def empty_shelf() -> Shelf:
    """A shelf nobody has spoken of yet."""
    return {
        "on_hand_milli": 0, "used_milli": 0, "counted_at_ms": 0, "counted_milli": 0, "drift_milli": 0,
        "negatives": 0, "recorded_at_ms": 0, "appended_at_ms": 0, "number": 0,
        "first_block": 0, "next_block": 0, "recent": b"",
    }  # fmt: skip


def move(shelf: Shelf, occurred_at_ms: int, delta_milli: int) -> None:
    """Goods came or went at `occurred_at_ms`. A movement that the last count has seen already changes nothing."""
    if occurred_at_ms <= shelf["counted_at_ms"]:
        return
    before = shelf["on_hand_milli"]
    after = shelf["on_hand_milli"] = before + delta_milli
    if after < 0 <= before:
        shelf["negatives"] += 1
    shelf["recent"] += _pack(occurred_at_ms, delta_milli)


def moved_after(moves: bytes, as_of_ms: int) -> int:
    """Sum of the movements in `moves` that occurred after `as_of_ms`."""
    return sum(delta for occurred, delta in MOVEMENT.iter_unpack(moves) if occurred > as_of_ms)


def keep_after(moves: bytes, as_of_ms: int) -> bytes:
    """The movements in `moves` that occurred after `as_of_ms`."""
    return b"".join(_pack(occurred, delta) for occurred, delta in MOVEMENT.iter_unpack(moves) if occurred > as_of_ms)


def newest(moves: bytes) -> int:
    """Time of the latest movement in `moves`, ms; 0 for none."""
    return max((occurred for occurred, _ in MOVEMENT.iter_unpack(moves)), default=0)


def available_milli(shelf: Shelf, terms: tuple[str, int, int] | None) -> int:
    """What the pool may promise: max(0, min(contribution, on hand - safety stock)).

    `terms` is (contribution kind, value, safety stock), None when nothing is lent. A share is permille of on
    hand; a cap limits what is out at once; a fixed number is used up by sales.
    """
    if terms is None:
        return 0
    kind, value, safety_milli = terms
    on_hand = shelf["on_hand_milli"]
    free = on_hand - safety_milli
    if kind == "share":
        lent = on_hand * value // 1000
    elif kind == "cap":
        lent = value
    else:
        lent = value - shelf["used_milli"]
    lent = min(lent, free)
    return max(lent, 0)


def confidence_permille(shelf: Shelf, clock_ms: int) -> int:
    """Chance that a unit is where the books say, in permille.

    980 right after a count, 3 less for each day since (at most 150 days), 100 less for each time the books went
    below zero since, at most 5 times; 50 less when a system level disagrees. Never below 50.
    """
    days = min((clock_ms - shelf["counted_at_ms"]) // DAY_MS, 150) if shelf["counted_at_ms"] else 150
    doubt = 3 * max(days, 0) + 100 * min(shelf["negatives"], 5) + (50 if shelf["drift_milli"] else 0)
    return max(980 - doubt, 50)
