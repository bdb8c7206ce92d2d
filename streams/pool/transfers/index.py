"""Index of a pool's transfers. Made from their rows alone, whenever these are loaded."""

from collections import defaultdict
from typing import Any

from streams.pool.orders.index import Alarms

Row = dict[str, Any]
TRANSFER = "transfer"


class TransferIndex:
    """Indices over the transfers of one pool."""

    def __init__(self) -> None:
        self.forgettable = Alarms()
        """Ended transfers, by when they leave the state."""
        self.holding: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
        """(sku, store) → transfers for which goods are kept there."""

    def put(self, before: Row | None, row: Row | None) -> None:
        """Take note of a transfer's new row; None for one that leaves the state."""
        name = (row or before or {})["transfer"]
        held = held_on_shelves(row)
        for shelf in held_on_shelves(before):
            if shelf not in held:
                self.holding[shelf].pop(name, None)
                if not self.holding[shelf]:
                    del self.holding[shelf]
        for shelf in held:
            self.holding[shelf][name] = None
        has_ended = row is not None and row["ended_at_ms"]
        self.forgettable.set((TRANSFER, name), row["forget_at_ms"] if row is not None and has_ended else None)


def held_on_shelves(row: Row | None) -> dict[tuple[str, str], int]:
    """(sku, store) → what is kept there for the transfer, zeros left out."""
    lines = row["lines"] if row is not None else ()
    return {(line["sku"], row["from_store"]): line["held_milli"] for line in lines if row and line["held_milli"]}
