"""The Complete Journey, replayed: a month on the data's own clock, faster than it was.

Most stores hand in a nightly export through their drop folder; every fourth one posts receipt by receipt. What is
recorded bears the data's time, so that lateness is what it was: none for a posted receipt, up to a day for an export.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from commonshelf.config.consistency import SettingsRecord
from commonshelf.config.settings import Pool
from commonshelf.demo.completejourney import POOL, ZONE, Journey, load, midnights_ms
from commonshelf.demo.consortium import WATCHED, Consortium, Member, mappings
from commonshelf.demo.latency import Latencies, SentBook
from commonshelf.demo.options import JOURNEY_RUN_S, DemoOptions
from commonshelf.demo.scenario import Signals
from commonshelf.demo.store_tills import StoreTills
from commonshelf.demo.ticker import Ticker
from messaging.clock import wall_clock_ms
from schemas.models.catalog import CatalogItem
from world.documents import StoreDocument

_LIVE_EACH = 4
_STEP_S = 0.1
_USED_OF_RUN = 0.95
"""The rest is for the last night's exports."""


class ReplayScenario:
    """A month of real baskets. See `commonshelf.demo.scenario.Scenario`. Raises PackageMissingError."""

    def __init__(self, options: DemoOptions, run: str) -> None:
        self._run = run
        self._journey = load(options.stores)
        self._now_ms = self._journey.starts_at_ms
        self._sent = SentBook()
        self._behind_s = 0.0
        month_ms = self._journey.ends_at_ms - self._journey.starts_at_ms
        run_s = (options.for_s or JOURNEY_RUN_S) * _USED_OF_RUN
        if options.lines_per_second is not None:
            run_s = self._journey.lines / options.lines_per_second
        self._step_ms = max(round(month_ms / run_s * _STEP_S), 1)
        self.consortium = _consortium(self._journey, wall_clock_ms())
        channels = {member.id: member.channel for member in self.consortium.members}
        self.latencies = Latencies(channels, self._sent.sent_at_ms)
        self.export_interval_s: float | None = None
        self.orders_per_second = 0.0  # the data knows no orders
        self.seed = options.seed
        self.has_night = False  # the data knows no costs
        times = self._step_ms / _STEP_S / 1000
        self.notice = f"{self._journey.notice}; the shops' clock runs {times:,.0f} times as fast"

    @property
    def pace_lost_s(self) -> float:
        return self._behind_s

    def collected(self, store: str, sku: str, quantity_milli: int) -> None:
        """Never: nobody orders."""

    def export_time_ms(self) -> int:
        return self._now_ms

    def shops_clock(self) -> str:
        return datetime.fromtimestamp(self._now_ms / 1000, ZONE).strftime("%a %d %b %Y %H:%M")

    async def run(self, tills: StoreTills, kafka_options: dict[str, str], partitions: int, signals: Signals) -> None:
        ticker = Ticker(kafka_options, POOL, partitions)
        await ticker.tick(self._journey.starts_at_ms)
        for document in self._journey.openings:
            await tills.say(self._named(document))
        await tills.settle()
        await signals.caught_up()
        signals.opened.set()
        posting = {member.id for member in self.consortium.members if member.channel == "webhook"}
        receipts = iter(self._journey.receipts)
        ahead = next(receipts, None)
        wall_start_s = time.monotonic()
        for step, (until_ms, is_midnight) in enumerate(self._steps(), start=1):
            if signals.stop.is_set():
                return
            await ticker.tick(until_ms)
            while ahead is not None and ahead.occurred_at_ms < until_ms:
                if ahead.store in posting:
                    self._sent.note(ahead.store, ahead.sent_at_ms, wall_clock_ms())
                await tills.say(self._named(ahead))
                ahead = next(receipts, None)
            self._now_ms = until_ms
            if is_midnight:
                await self._hand_in(tills, set(self.consortium.ids) - posting)
            due_s = wall_start_s + step * _STEP_S
            self._behind_s = max(time.monotonic() - due_s, 0.0)
            await _sleep_until(due_s, signals.stop)

    async def _hand_in(self, tills: StoreTills, exporting: set[str]) -> None:
        """The nightly exports. The next day begins when they are read: the order of time is kept."""
        for store in exporting:
            self._sent.note(store, self._now_ms, wall_clock_ms())
        tills.export()
        await tills.settle()

    def _steps(self) -> Iterator[tuple[int, bool]]:
        """(end of the step on the data's clock, whether it is midnight)."""
        now_ms = self._journey.starts_at_ms
        for midnight_ms in midnights_ms(now_ms, self._journey.ends_at_ms):
            while now_ms < midnight_ms:
                now_ms = min(now_ms + self._step_ms, midnight_ms)
                yield now_ms, now_ms == midnight_ms

    def _named(self, document: StoreDocument) -> StoreDocument:
        return replace(document, number=f"{self._run}-{document.number}")


def _consortium(journey: Journey, now_ms: int) -> Consortium:
    members = tuple(
        Member(store, store.replace("-", " ").capitalize(), "webhook" if at % _LIVE_EACH == 0 else "csv")
        for at, store in enumerate(journey.stores)
    )
    pool = Pool(id=POOL, name="The Complete Journey", currency="USD", time_zone=str(ZONE), clock="data")
    sold = Counter(line.code.partition(":")[2] for document in journey.receipts for line in document.lines)
    return Consortium(
        pool,
        members,
        tuple(_records(journey, now_ms)),
        {product.sku: product.name for product in journey.products},
        tuple(sku for sku, _ in sold.most_common(WATCHED)),
    )


def _records(journey: Journey, now_ms: int) -> Iterator[SettingsRecord]:
    for product in journey.products:
        yield CatalogItem(
            pool=POOL, sku=product.sku, name=product.name, category=product.category, recorded_at_ms=now_ms
        )
    yield from mappings(POOL, ((f"sku:{product.sku}", product.sku) for product in journey.products), now_ms)


async def _sleep_until(due_s: float, stop: asyncio.Event) -> None:
    """Wait for the moment (time.monotonic) or for `stop`."""
    left_s = due_s - time.monotonic()
    if left_s > 0:
        try:
            await asyncio.wait_for(stop.wait(), left_s)
        except TimeoutError:
            return
