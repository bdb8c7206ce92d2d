"""Customers who collect by appointment: each draws a code, and comes early, on time, late or never."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from connectors.arrival.reference.links import new_code
from messaging.clock import wall_clock_ms
from messaging.publisher import Publisher
from schemas.models.reports import FulfilmentReport
from schemas.models.requests import PickupWish
from schemas.pickup_code import code_digest

Manner = Literal["early", "on_time", "late", "never"]
WISHED_EACH: Final = 3
"""Every so manieth order wishes a window."""
_ORIGIN = "demo"
_WISH_MS = 30 * 60_000
_MANNERS: Final[tuple[Manner, ...]] = ("early", "early", "early", "early", "early", "early", "on_time", "late", "never")
"""Most come before their window, so that a short demo has hand-overs: each of these is as likely."""
_SETS_OUT_S = (0.5, 6.0)
"""How soon after the goods are ready who comes early is there."""
_GIVEN_UP_S = (4.0, 12.0)
"""How long the counter keeps the goods of who never comes. A demo's counter is impatient."""
_LATE_MAX_MS = 180_000
_LOOK_S = 0.5
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Visit:
    """One customer's appointment."""

    code: str
    manner: Manner


class Visits:
    """The customers of one run by their orders."""

    def __init__(self, pool: str, publisher: Publisher, *, seed: int) -> None:
        self._pool = pool
        self._publisher = publisher
        self._random = random.Random(seed)
        self._visits: dict[str, Visit] = {}
        self._rows: dict[tuple[str, str], Row] = {}

    def wish(self, order: str, now_ms: int) -> PickupWish:
        """A window from now on for a new order, whose customer has a code from now on."""
        visit = self._visits[order] = Visit(new_code(), self._random.choice(_MANNERS))
        digest = code_digest(self._pool, order, visit.code)
        return PickupWish(from_ms=now_ms, until_ms=now_ms + _WISH_MS, code_digest=digest)

    def code(self, order: str) -> str | None:
        """The customer's code; None of an order without a wish."""
        visit = self._visits.get(order)
        return None if visit is None else visit.code

    def take_appointment(self, row: Row) -> None:
        """The pool told how an appointment stands."""
        self._rows[row["order"], row["store"]] = row

    async def come(self, order: str, store: str) -> bool:
        """Return when the customer is at the counter, or False when the counter gives up."""
        visit = self._visits[order]
        if visit.manner == "never":
            await asyncio.sleep(self._random.uniform(*_GIVEN_UP_S))
            return False
        if visit.manner == "early":
            await asyncio.sleep(self._random.uniform(*_SETS_OUT_S))
        else:
            share = self._random.random()
            while wall_clock_ms() < self._comes_at_ms(visit, order, store, share):  # noqa: ASYNC110  it may move
                await asyncio.sleep(_LOOK_S)
        await self._arrive(order, store)
        return True

    def _comes_at_ms(self, visit: Visit, order: str, store: str, share: float) -> int:
        """By the window as it is promised now. share: how far into it, or behind it."""
        row = self._rows.get((order, store))
        if row is None:
            return wall_clock_ms()
        if visit.manner == "late":
            return int(row["window_until_ms"] + 1 + share * _LATE_MAX_MS)
        return int(row["window_from_ms"] + share * (row["window_until_ms"] - row["window_from_ms"]))

    async def _arrive(self, order: str, store: str) -> None:
        now_ms = wall_clock_ms()
        report = FulfilmentReport(
            pool=self._pool, store=store, report_id=f"{order}-{store}-arrived", kind="arrived", order=order,
            occurred_at_ms=now_ms, recorded_at_ms=now_ms, origin=_ORIGIN,
        )  # fmt: skip
        await self._publisher.publish_acked([report])
