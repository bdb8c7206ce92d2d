"""The movements of a journal against the books: two ways to the same sum."""

from collections import Counter
from collections.abc import Iterable

from messaging.journal import JournalEntry
from streams.pool.journal.movements import Movement, Movements
from streams.pool.state.shelf import Shelf
from tests.support.pool import CommittedRows, decode_row


def movements(entries: Iterable[JournalEntry]) -> list[Movement]:
    """All that the entries of one pool moved."""
    reader = Movements()
    return [movement for entry in entries for movement in reader.of(entry.fact)]


def assert_movements_are_the_books(entries: Iterable[JournalEntry], committed: CommittedRows, pool: str) -> None:
    """What moved sums up to what each shelf has on hand."""
    moved: Counter[tuple[str, str]] = Counter()
    for movement in movements(entries):
        moved[movement.sku, movement.store] += movement.books_milli
    on_hand = {}
    for key, raw in committed.scan(f"shelf/{pool}/"):
        sku, store = key.removeprefix(f"shelf/{pool}/").rsplit("/", 1)
        on_hand[sku, store] = Shelf(**decode_row(raw)).on_hand_milli
    assert {at: milli for at, milli in moved.items() if milli} == {at: milli for at, milli in on_hand.items() if milli}
