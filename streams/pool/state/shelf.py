"""One item in one store: its books, its counts, what it can promise. Integers in thousandths of a unit.

A count is absolute as of its time. Movements that occurred at or before it are in it already, whenever they
arrive; later ones are played on top of it. So a shelf remembers its movements since the last count, as far
back as a late count may reach.
"""

from collections.abc import Callable
from struct import Struct

from schemas.avro_parts import bytes_bytes

ShelfKey = tuple[str, str, str]
"""(pool, sku, store)"""
MOVEMENT = Struct("<qi")
BLOCK_BYTES = 32 * MOVEMENT.size
DAY_MS = 86_400_000
_BOOKS = Struct("<qqqqqqqqqqqiiii")
BOOKS = [
    *((name, "<i8") for name in (
        "on_hand_milli", "held_milli", "used_milli", "counted_at_ms", "counted_milli", "drift_milli", "not_found_milli",
        "not_found_at_ms", "recorded_at_ms", "appended_at_ms", "position",
    )),
    *((name, "<i4") for name in ("negatives", "short_picks", "first_block", "next_block")),
]  # fmt: skip
"""The packed fields of a shelf as columns of numpy."""
_pack_movement = MOVEMENT.pack


class Shelf:
    """A row of the shelf table."""

    __slots__ = (
        "appended_at_ms",
        "counted_at_ms",
        "counted_milli",
        "drift_milli",
        "first_block",
        "held_milli",
        "negatives",
        "next_block",
        "not_found_at_ms",
        "not_found_milli",
        "on_hand_milli",
        "position",
        "recent",
        "recorded_at_ms",
        "short_picks",
        "used_milli",
    )  # fmt: skip

    on_hand_milli: int
    held_milli: int
    """Held for orders, goods that are picked and wait included."""
    used_milli: int
    """Sold less what came back, or handed over for orders, since a fixed contribution was set."""
    counted_at_ms: int
    """Time of the last count, 0 for never."""
    counted_milli: int
    drift_milli: int
    """By how much a system level last disagreed with the books."""
    not_found_milli: int
    """Goods of the books that were looked for and not found: not promised until a count."""
    not_found_at_ms: int
    """When that was last, 0 for never since the last count."""
    recorded_at_ms: int
    appended_at_ms: int
    position: int
    """Journal entry that changed it last; the two times before are that entry's."""
    negatives: int
    """Times the books went below zero since the last count."""
    short_picks: int
    """Times that goods were not found since the last count."""
    first_block: int
    next_block: int
    """Blocks of older movements kept apart: first_block ≤ n < next_block."""
    recent: bytes
    """Movements since the last count and the last block, MOVEMENT each."""

    def __init__(self, books: bytes | None = None, recent: bytes = b"") -> None:
        if books is None:
            self.on_hand_milli = self.held_milli = self.used_milli = 0
            self.counted_at_ms = self.counted_milli = self.drift_milli = 0
            self.not_found_milli = self.not_found_at_ms = 0
            self.recorded_at_ms = self.appended_at_ms = self.position = 0
            self.negatives = self.short_picks = self.first_block = self.next_block = 0
        else:
            (
                self.on_hand_milli, self.held_milli, self.used_milli,
                self.counted_at_ms, self.counted_milli, self.drift_milli, self.not_found_milli, self.not_found_at_ms,
                self.recorded_at_ms, self.appended_at_ms, self.position,
                self.negatives, self.short_picks, self.first_block, self.next_block,
            ) = _BOOKS.unpack(books)  # fmt: skip
        self.recent = recent

    def books(self) -> bytes:
        """All fields but the movements, packed."""
        return _BOOKS.pack(
            self.on_hand_milli, self.held_milli, self.used_milli,
            self.counted_at_ms, self.counted_milli, self.drift_milli, self.not_found_milli, self.not_found_at_ms,
            self.recorded_at_ms, self.appended_at_ms, self.position,
            self.negatives, self.short_picks, self.first_block, self.next_block,
        )  # fmt: skip

    def to_avro(self) -> bytes:
        """The fields of ShelfRow, encoded."""
        return _BOOKS_LENGTH + self.books() + bytes_bytes(self.recent)

    def move(self, occurred_at_ms: int, delta_milli: int) -> None:
        """Goods came or went. A movement that the last count has seen already changes nothing."""
        if occurred_at_ms <= self.counted_at_ms:
            return
        self.on_hand_milli += delta_milli
        self.recent += _pack_movement(occurred_at_ms, delta_milli)


_BOOKS_LENGTH = bytes_bytes(bytes(_BOOKS.size))[: -_BOOKS.size]


def shelf_decoder(head: bytes) -> Callable[[bytes], Shelf | None]:
    """Decodes what begins with `head` and goes on as `Shelf.to_avro` has it; None for anything else."""
    head += _BOOKS_LENGTH
    books_at, length_at = len(head), len(head) + _BOOKS.size

    def decode(raw: bytes) -> Shelf | None:
        if len(raw) <= length_at or not raw.startswith(head):
            return None
        zigzag, recent_at = raw[length_at], length_at + 1
        if zigzag >= 0x80:
            if len(raw) == recent_at or raw[recent_at] >= 0x80:
                return None
            zigzag, recent_at = zigzag & 0x7F | raw[recent_at] << 7, recent_at + 1
        if zigzag & 1 or len(raw) - recent_at != zigzag >> 1:
            return None
        return Shelf(raw[books_at:length_at], raw[recent_at:])

    return decode


def moved_after(moves: bytes, as_of_ms: int) -> int:
    """Sum of the movements in `moves` that occurred after `as_of_ms`."""
    return sum(delta for occurred, delta in MOVEMENT.iter_unpack(moves) if occurred > as_of_ms)


def keep_after(moves: bytes, as_of_ms: int) -> bytes:
    """The movements in `moves` that occurred after `as_of_ms`."""
    kept = (move for move in MOVEMENT.iter_unpack(moves) if move[0] > as_of_ms)
    return b"".join(_pack_movement(*move) for move in kept)


def newest(moves: bytes) -> int:
    """Time of the latest movement in `moves`, ms; 0 for none."""
    return max((occurred for occurred, _ in MOVEMENT.iter_unpack(moves)), default=0)


def available_milli(shelf: Shelf, terms: tuple[str, int, int] | None, released_milli: int = 0) -> int:
    """What the pool may still promise: max(0, min(contribution, there - safety stock) - held).

    There is what is on hand, less what was not found since the last count.

    `released_milli` of what is held counts as free: an order that is decided anew gives up what it holds.

    `terms` is (contribution kind, value, safety stock), None when nothing is lent.
    """
    if terms is None:
        return 0
    lent_milli, safe_milli = contribution_milli(shelf, terms), shelf.on_hand_milli - shelf.not_found_milli - terms[2]
    left_milli = (min(safe_milli, lent_milli)) - shelf.held_milli + released_milli
    return max(0, left_milli)


def contribution_milli(shelf: Shelf, terms: tuple[str, int, int]) -> int:
    """What the store lends of the shelf.

    A share is permille of what is there; a cap limits what is out at once; a fixed number is used up by sales, less
    what of them came back, and by what is handed over.
    """
    kind, value, _ = terms
    if kind == "share":
        return (shelf.on_hand_milli - shelf.not_found_milli) * value // 1000
    return value if kind == "cap" else value - max(shelf.used_milli, 0)  # a void may come before its sale


def confidence_permille(shelf: Shelf, clock_ms: int) -> int:
    """Chance that a unit is where the books say, in permille.

    980 right after a count, 3 less for each day since (at most 150 days), 100 less for each time the books went
    below zero or goods were not found since, at most 5 times; 50 less when a system level disagrees. Never below 50.
    """
    days = 150
    if shelf.counted_at_ms:
        days = min(max(clock_ms - shelf.counted_at_ms, 0) // DAY_MS, 150)
    doubt = 3 * days
    if shelf.negatives or shelf.short_picks:
        doubt += 100 * min(shelf.negatives + shelf.short_picks, 5)
    if shelf.drift_milli:
        doubt += 50
    return 980 - doubt if doubt < 930 else 50
