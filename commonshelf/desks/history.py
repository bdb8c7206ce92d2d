"""Tells from the journal why a shelf holds what it holds (movements, counts, holds), and what stores lost."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from commonshelf.text import units
from messaging.client_options import ClientOptions
from messaging.journal import JournalEntry, read_journal
from schemas.partition import partition_of
from schemas.types.orders import OrderRow
from streams.pool.journal.facts import FULFILMENT_REPORT_DECIDED, TRANSFER_CHANGED
from streams.pool.journal.movements import Movement, Movements
from streams.pool.orders.holds import held_on_shelves

_SHRINK = ("counted", "adjusted", "damaged", "damaged_in_transit", "lost_in_transit")
"""Causes by which goods are lost, or found again."""


@dataclass(frozen=True)
class HistoryLine:
    """A change of one shelf by an entry of the journal. Quantities are thousandths of the item's unit."""

    position: int
    at_ms: int
    """When it happened; of a hold, when its cause reached the broker."""
    what: str
    about: str
    """The order or the transfer, or the reason; may be empty."""
    change_milli: int
    """Of on hand; of a hold 0."""
    on_hand_milli: int
    held_milli: int


def history(kafka_options: ClientOptions, partitions: int, pool: str, store: str, sku: str) -> Iterator[HistoryLine]:
    """The lines of one shelf, oldest first. Raises KafkaException, TimeoutError, BadMessage."""
    movements, held = Movements(), Counter[str]()
    named = sku.encode()
    on_hand_milli = 0
    for entry in _entries(kafka_options, partitions, pool, named):
        for movement in movements.of(entry.fact):
            if (movement.store, movement.sku) == (store, sku):
                on_hand_milli += movement.books_milli
                about = movement.order or movement.transfer or movement.reason
                yield HistoryLine(
                    entry.position, movement.occurred_at_ms, _what(movement), about or "", movement.books_milli,
                    on_hand_milli, held.total(),
                )  # fmt: skip
        for about, milli in _not_found(entry, store, sku):
            what = f"{units(milli)} not found"
            yield HistoryLine(entry.position, entry.appended_at_ms, what, about, 0, on_hand_milli, held.total())
        change = _held_change(entry, store, sku, held)
        if change is not None:
            name, milli = change
            what = "held" if milli > 0 else "held no longer"
            yield HistoryLine(entry.position, entry.appended_at_ms, what, name, 0, on_hand_milli, held.total())


def shrinkage(
    kafka_options: ClientOptions, partitions: int, pool: str, from_ms: int, until_ms: int
) -> Mapping[tuple[str, str, str], int]:
    """(store, SKU, cause) → thousandths that were lost between two times, below zero; above for what was found.

    The cause of what was adjusted is its reason.
    """
    movements, lost = Movements(), Counter[tuple[str, str, str]]()
    for entry in _entries(kafka_options, partitions, pool, b""):
        for one in movements.of(entry.fact):
            if one.cause in _SHRINK and from_ms <= one.occurred_at_ms < until_ms:
                lost[one.store, one.sku, one.reason or one.cause] += one.quantity_milli
    return {key: milli for key, milli in sorted(lost.items()) if milli}


def _entries(kafka_options: ClientOptions, partitions: int, pool: str, named: bytes) -> Iterator[JournalEntry]:
    home = [partition_of(pool, partitions)]
    return (
        entry for entry in read_journal(kafka_options, home, is_wanted=lambda page: named in page) if entry.pool == pool
    )


def _what(movement: Movement) -> str:
    what = movement.cause.replace("_", " ")
    if movement.cause in ("counted", "level"):
        what += ", the difference"
    return f"{what}, taken back" if movement.is_undone else what


def _not_found(entry: JournalEntry, store: str, sku: str) -> Iterator[tuple[str, int]]:
    fact = entry.fact
    if fact[0] != FULFILMENT_REPORT_DECIDED and fact[0] != TRANSFER_CHANGED:
        return
    for one in fact[1]["corrections"]:
        if (one["store"], one["sku"]) == (store, sku) and one["not_found_milli"]:
            yield "not promised until it is counted", one["not_found_milli"]


def _held_change(entry: JournalEntry, store: str, sku: str, held: Counter[str]) -> tuple[str, int] | None:
    """(order, by how much more or less is held for it), noted in `held`."""
    order: OrderRow | None = entry.fact[1].get("order")  # type: ignore[assignment]  # the facts that have one agree
    if order is None:
        return None
    milli = held_on_shelves(order).get((sku, store), 0)
    change = milli - held[order["order"]]
    held[order["order"]] = milli
    return (order["order"], change) if change else None
