"""A stocked pool whose stores make appointments, and shorthand for the wishes of customers."""

from typing import Any

from schemas.models.config import PickupPlace
from tests.support.orders import stocked
from tests.support.pool import HOUR_MS, MILK, MINUTE_MS, NOON_MS, OTHER_STORE, STORE, PoolBench, wanted

QUARTER_MS = 15 * MINUTE_MS
ONE_MS = NOON_MS - NOON_MS % QUARTER_MS + HOUR_MS
"""A quarter hour begins: about an hour from the tests' now."""


def with_counters(**place: Any) -> PoolBench:
    """Each store hands over at its own counter, as `place` says."""
    bench = stocked()
    for store in (STORE, OTHER_STORE):
        open_place(bench, store, store, **place)
    return bench


def open_place(bench: PoolBench, place: str, *stores: str, **fields: Any) -> None:
    """Have the pool make appointments at a place."""
    bench.configure(PickupPlace(place=place, name=place, stores=stores, **fields), recorded_at_ms=NOON_MS)


def wish(from_ms: int = ONE_MS, until_ms: int | None = None, place: str | None = None) -> dict[str, Any]:
    """A window of half an hour unless `until_ms` says else."""
    return {"from_ms": from_ms, "until_ms": until_ms or from_ms + 2 * QUARTER_MS, "place": place}


def order(bench: PoolBench, name: str = "o1", milli: int = 1_000, **terms: Any) -> None:
    """A customer wishes milk at an hour from now, by tomorrow at the latest."""
    terms = {"pickup": wish(), "deadline_ms": NOON_MS + 24 * HOUR_MS} | terms
    bench.request("placed", name, wanted(milli, MILK), **terms)


def slots(bench: PoolBench, name: str = "o1") -> list[tuple[str, str, int]]:
    """(store, place, minutes from the wished hour on) of the order's quarter hours, as the last event about it says."""
    told = [event for event in bench.events() if event["order"] == name][-1]
    return [(one["store"], one["place"], (one["slot_ms"] - ONE_MS) // MINUTE_MS) for one in told["slots"]]


def refused(bench: PoolBench) -> dict[str, str]:
    """Store → why it is not used, of the last decision."""
    [*_, decision] = [event["decision"] for event in bench.events() if event["decision"] is not None]
    return {one["store"]: one["reason"] for one in decision["refused"]}


def states(bench: PoolBench) -> dict[str, tuple[str, str]]:
    """Order and store → (status, what happened last) of each appointment."""
    return {name: (row["status"], row["change"]) for name, row in bench.appointments().items()}
