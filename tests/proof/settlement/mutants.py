"""Planted bugs of settlement: each moves money wrongly in the ledger or its store, and the simulation must notice."""

from collections.abc import Callable
from typing import Any

import pytest

from streams.runtime.sink import SinkWorker, _positions
from streams.settlement.ledger import debts, lots, orders
from streams.settlement.ledger.books import Books
from streams.settlement.store.batch import Batch

Plant = Callable[[pytest.MonkeyPatch], None]


def _replace(where: Any, name: str, change: Callable[[Any], Any]) -> Plant:
    """Plants what `change` makes of the name's value."""
    return lambda patch: patch.setattr(where, name, change(getattr(where, name)))


def _without_comparing(_: Any) -> Any:
    def move(self: SinkWorker, connection: Any, partition: int, next_offset: int) -> None:
        here = {"sink": self._sink.name, "partition": partition}
        connection.execute(_positions.delete().filter_by(**here))
        connection.execute(_positions.insert().values(**here, next_offset=next_offset, topic_id=""))

    return move


def _cutting(scaled: Any) -> Any:
    return lambda amount, numerator, denominator, _rounding="down": scaled(amount, numerator, denominator, "down")


def _leaving(take: Any) -> Any:
    return lambda pieces, *how, **more: take([list(piece) for piece in pieces], *how, **more)


def _charging_again(settle: Any) -> Any:
    def settled(books: Books, row: Any, at_ms: int) -> None:
        settle(books, row, at_ms)
        row["fees"].clear()

    return settled


def _in_its_own_window(find: Any) -> Any:
    return lambda self, occurred_at_ms: (find(self, occurred_at_ms)[1],) * 2


OF_SETTLEMENT: dict[str, Plant] = {
    "the position is moved without being compared": _replace(SinkWorker, "_move", _without_comparing),
    "a start remembers nothing of the ledger": _replace(Batch, "keep", lambda _: lambda *_: None),
    "a cent is cut off, not rounded": _replace(debts, "scaled", _cutting),
    "a lot is taken twice": _replace(lots, "take", _leaving),
    "a fee is charged at each report": _replace(orders, "_settle_fees", _charging_again),
    "what a till voids stays owed": _replace(orders, "_take_back", lambda _: lambda *_: None),
    "a closed window takes more": _replace(Books, "_windows", _in_its_own_window),
}
