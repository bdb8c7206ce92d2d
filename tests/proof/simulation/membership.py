"""Members of the simulated pool: stores that join and leave, and the rule by which the auditor knows who takes part."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from streams.pool.journal.facts import MEMBERSHIP_CHANGED, Fact
from tests.proof.simulation.books import Books
from tests.proof.simulation.order_checks import require
from tests.support.pool import POOL


def drawn_days(chance: random.Random, now_ms: int) -> dict[str, str | None]:
    """Of a store that joins tomorrow, or leaves today, now and then."""
    drawn, today = chance.random(), _day(now_ms)
    if drawn < 0.1:
        return {"first_day": (today + timedelta(days=1)).isoformat(), "last_day": None}
    return {"first_day": None, "last_day": today.isoformat() if drawn < 0.35 else None}


def take_turn(books: Books, fact: Fact) -> str | None:
    """A store joined, or left: its shelves are told anew. What happened, in words; None for any other fact."""
    if fact[0] != MEMBERSHIP_CHANGED:
        return None
    store = fact[1]["store"]
    require((fact[1]["kind"] == "left") != (store in books.away), "it left and left again", fact)
    books.away ^= {store}
    books.touched.update(dict.fromkeys(shelf for shelf in books.shelves if shelf[2] == store))
    return f"store {fact[1]['kind']}"


def check_members(books: Books, stores: Iterable[str], clock_ms: int) -> None:
    """By the pool's clock each store takes part from its first day to its last one."""
    today = _day(clock_ms).isoformat()
    for store in stores:
        settings: dict[str, Any] = books.store(POOL, store)
        takes_part = (settings["first_day"] or today) <= today <= (settings["last_day"] or today)
        require(takes_part != (store in books.away), "who takes part", store, settings, today)


def _day(at_ms: int) -> Any:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date()
