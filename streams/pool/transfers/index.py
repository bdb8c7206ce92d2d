"""Indexes of a pool's transfers. Made from their rows alone, whenever these are loaded."""

from collections import defaultdict
from typing import Final

from schemas.types.transfers import TransferRow
from streams.pool.state.forgetting import Forgettable
from streams.pool.state.groups import Group, regroup
from streams.pool.state.part import Part, Pool

TRANSFER: Final = "transfer"


class TransferIndex:
    """Indexes of the transfers of one pool."""

    def __init__(self, _: Pool) -> None:
        self.forgettable = Forgettable()
        """Ended transfers, by when they leave the state."""
        self.holding: Group[tuple[str, str]] = defaultdict(dict)
        """(sku, store) → transfers for which goods are kept there."""
        self.of_item: Group[str] = defaultdict(dict)
        """SKU → transfers of it that have not ended."""

    def put(self, before: TransferRow | None, row: TransferRow) -> None:
        """Take note of a transfer's new row."""
        regroup(self.holding, held_on_shelves(before), held_on_shelves(row), row["transfer"])
        regroup(self.of_item, _moving(before), _moving(row), row["transfer"])
        if row["ended_at_ms"]:
            told_at_ms = max(row["told_at_ms"], row["ended_at_ms"])
            self.forgettable.set((TRANSFER, row["transfer"]), row["forget_at_ms"], told_at_ms)
        else:
            self.forgettable.clear((TRANSFER, row["transfer"]))

    def remove(self, row: TransferRow) -> None:
        """The transfer leaves the state."""
        regroup(self.holding, held_on_shelves(row), {}, row["transfer"])
        regroup(self.of_item, _moving(row), (), row["transfer"])
        self.forgettable.clear((TRANSFER, row["transfer"]))


TRANSFERS = Part(TransferIndex)
"""The transfers' indexes of a pool."""


def held_on_shelves(row: TransferRow | None) -> dict[tuple[str, str], int]:
    """(sku, store) → what is kept there for the transfer, zeros left out."""
    if row is None:
        return {}
    return {(line["sku"], row["from_store"]): line["held_milli"] for line in row["lines"] if line["held_milli"]}


def _moving(row: TransferRow | None) -> set[str]:
    """The items of a transfer that has not ended."""
    return set() if row is None or row["ended_at_ms"] else {line["sku"] for line in row["lines"]}
