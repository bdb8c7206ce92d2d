"""Erases what the vault need not keep any more: a task of the Faust lane.

What is erased does not come back, so a machine's clock that leaps must not take the vault along. As a pool's does, the
vault's clock moves on by a bounded step: the time that has passed since the last sweep by the machine's uptime, and a
minute, with which it catches up after the agents were away. `./shelf vault sweep` takes it to the present.
"""

import asyncio
import logging
from collections.abc import Callable

import faust
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from messaging.clock import Uptime, age_ms, uptime, wall_clock_ms
from messaging.metrics import listed
from schemas.models.base import CLOCK_STEP_MAX_MS
from streams.vault.vault import Vault

log = logging.getLogger(__name__)


class Sweeper:
    """Sweeps one vault, every interval. A vault that cannot be reached is tried again at the next."""

    def __init__(
        self,
        app: faust.App,
        metrics: CollectorRegistry,
        *,
        make_engine: Callable[[], Engine],
        interval_s: float,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._app = app
        self._make_engine = make_engine
        self._interval_s = interval_s
        self._now_ms = now_ms
        self._vault: Vault | None = None
        self._swept_at: Uptime | None = None
        self._erased = listed.VAULT_ERASED.on(metrics)
        self._failed = listed.VAULT_SWEEPS_FAILED.on(metrics)
        app.task(self._run)

    async def _run(self) -> None:
        while not self._app.should_stop:
            await asyncio.to_thread(self.sweep)
            await self._app.sleep(self._interval_s)

    def sweep(self) -> None:
        """Erase what has expired, once."""
        try:
            if self._vault is None:
                self._vault = Vault(self._make_engine())
            now_ms, swept_at = self._now_ms(), uptime()
            self._erased.inc(self._vault.erase_expired(now_ms, self._until_ms(self._vault.clock_ms(), now_ms)))
            self._swept_at = swept_at
        except (SQLAlchemyError, OSError) as error:
            self._failed.inc()
            log.warning("the vault could not be swept, and is tried again: %s", type(error).__name__)

    def _until_ms(self, clock_ms: int | None, now_ms: int) -> int:
        """Where the vault's clock moves; never back."""
        if clock_ms is None:
            return now_ms
        if clock_ms > now_ms + CLOCK_STEP_MAX_MS:
            log.warning(
                "the vault's clock is %d s ahead of this machine's, and stays there: if the machine's is right, "
                "`./shelf vault sweep` takes the vault's to the present",
                (clock_ms - now_ms) // 1_000,
            )
        passed_ms = 0 if self._swept_at is None else age_ms(self._swept_at) or 0
        return max(clock_ms, min(now_ms, clock_ms + passed_ms + CLOCK_STEP_MAX_MS))
