"""The fold over a pool's journal: what each entry changes in its history."""

from typing import Any

from schemas.types.journal import Fact
from schemas.types.stock import SaleRecorded
from streams.pool.journal.elsewhere import is_elsewhere
from streams.pool.journal.facts import CATALOG_ITEM, CONFIG_CHANGE, SALE_RECORDED, TICK
from streams.restock.history.orders import take_order, take_transfer
from streams.restock.history.pool import PoolHistory


def fold(history: PoolHistory, position: int, fact: Fact) -> None:
    """Take the next entry."""
    kind: str = fact[0]
    fields: Any = fact[1]
    history.row["position"] = position
    if kind == TICK:
        history.row["clock_ms"] = max(history.row["clock_ms"], fields["at_ms"])
        history.keep_row()
    elif kind == CONFIG_CHANGE:
        history.take_change(fields)
    elif kind == CATALOG_ITEM:
        history.take_item(fields)
    else:
        take_order(history, kind, fields)
        take_transfer(history, kind, fields)
        handed = _handed_over(fields) if kind == SALE_RECORDED else []
        moved = history.movements.of(fact)
        for movement, handed_milli in zip(moved, [0] * (len(moved) - len(handed)) + handed, strict=True):
            if not is_elsewhere(movement.store):
                history.move(movement, handed_milli)


def _handed_over(sale: SaleRecorded) -> list[int]:
    """Of each line, what of it was handed over for orders before: their demand is counted."""
    return [line.get("handed_over_milli", 0) for line in sale["applied"]]
