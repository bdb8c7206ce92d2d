"""The watch over one pool, on which *the pool now* is made: orders as they flow, and each store's health."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from commonshelf.web.board.bands import in_stock_permille
from commonshelf.web.board.flow import Flow, Move
from commonshelf.web.board.now import PoolNow, pool_now
from commonshelf.web.views.pool_views import PoolViews
from messaging.clock import wall_clock_ms
from schemas.types.orders import OrderEvent

EVENTS_MAX: Final = 10_000
"""Past events of orders that a watch begins with, the newest."""
_HEALTH_AGE_S = 2.0
SEEN_S: Final = 0.25
"""How old a look at the pool may be."""
_FIRST_BUDGET_S, _BUDGET_S = 2.0, 0.05
"""How long stores' shelves are counted at a time; what is left comes with the next look."""


@dataclass(frozen=True)
class Health:
    """A store's shelves as they were counted last. counted_at_s: by the monotonic clock."""

    in_stock_permille: int | None
    counted_at_s: float


class PoolWatch:
    """All that is known of one pool. Thread-safe: whoever looks brings it up to date first."""

    def __init__(
        self,
        views: PoolViews,
        pool: str,
        now_s: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._views = views
        self._pool = pool
        self._now_s = now_s
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._flow = Flow()
        self._health: dict[str, Health] = {}
        self._seen: PoolNow | None = None
        self._seen_at_s = float("-inf")

    def look(self) -> PoolNow:
        """The pool as it is now, or was a moment ago."""
        with self._lock:
            if self._seen is None or self._now_s() - self._seen_at_s > SEEN_S:
                self._seen, self._seen_at_s = self._looked(), self._now_s()
            return self._seen

    def _looked(self) -> PoolNow:
        self._catch_up()
        settings, stores = self._views.settings(self._pool), self._views.stores(self._pool)
        self._count(list(stores))
        tasks = [task for store in stores for task in self._views.tasks(self._pool, store)]
        shares: Mapping[str, int | None] = {store: one.in_stock_permille for store, one in self._health.items()}
        name, zone = ("", "UTC") if settings is None else (settings["name"], settings["time_zone"])
        return pool_now(self._pool, name, stores, shares, tasks, self._flow, self._now_ms(), zone)

    def moves_since(self, position: int) -> tuple[int, list[Move]]:
        """How far the journal is known, and the moves that came behind a position of it, oldest first."""
        with self._lock:
            self._catch_up()
            return self._flow.position, [move for move in self._flow.moves if move.position > position]

    def _catch_up(self) -> None:
        fresh: list[OrderEvent] = []
        for _, event in self._views.recent_events(self._pool):
            if 0 < event["position"] <= self._flow.position or len(fresh) == EVENTS_MAX:
                break
            fresh.append(event)
        for event in reversed(fresh):
            self._flow.take(event)

    def _count(self, stores: list[str]) -> None:
        """Count the shelves of the stores that were counted longest ago, for a while."""
        began_s = self._now_s()
        until_s = began_s + (_BUDGET_S if self._health else _FIRST_BUDGET_S)
        self._health = {store: one for store, one in self._health.items() if store in stores}
        due = sorted((self._health[store].counted_at_s if store in self._health else 0.0, store) for store in stores)
        for counted_at_s, store in due:
            now_s = self._now_s()
            if now_s > until_s or (store in self._health and began_s - counted_at_s < _HEALTH_AGE_S):
                return
            self._health[store] = Health(in_stock_permille(self._views.shelves_of(self._pool, store)), now_s)
