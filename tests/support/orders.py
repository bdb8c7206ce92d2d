"""A furnished pool with goods on its shelves, and shorthand for what orders keep there."""

from typing import Any

from tests.support.pool import BREAD, MILK, OTHER_STORE, PoolBench, furnished, line


def stocked(milk_milli: int = 5_000, bread_milli: int = 5_000, **options: Any) -> PoolBench:
    """Both stores have that much of each; the bench's clock is at the tests' noon."""
    bench = furnished(**options)
    for at, store in enumerate(("corner", OTHER_STORE)):
        bench.report("received", f"opening-{at}", line(milk_milli), line(bread_milli, BREAD), store=store)
    bench.commit()
    return bench


def kept(bench: PoolBench, order: str = "o1") -> list[tuple[str, str, int, str]]:
    """(SKU, store, units, state) of the order's holds."""
    return [(h["sku"], h["store"], h["quantity_milli"] // 1000, h["state"]) for h in bench.order(order)["holds"]]


def kinds(bench: PoolBench) -> list[str]:
    """What orders.events says, in order, without what it says of it."""
    return [event["kind"] for event in bench.events()]


def short(quantity_milli: int, reason: str | None = None, sku: str = MILK) -> dict[str, Any]:
    """A line of a report, named as `wanted` names it."""
    return {"line_id": sku.lower(), "quantity_milli": quantity_milli, "reason": reason}
