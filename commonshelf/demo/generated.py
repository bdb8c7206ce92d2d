"""The generated world, live: paced by lines a second, on the wall clock."""

from dataclasses import replace
from datetime import UTC, datetime

from commonshelf.demo.clock import LiveClock
from commonshelf.demo.consortium import consortium_of
from commonshelf.demo.latency import Latencies
from commonshelf.demo.options import LIVE_LINES_PER_SECOND, DemoOptions
from commonshelf.demo.pacer import Pacer
from commonshelf.demo.scenario import Signals
from commonshelf.demo.store_tills import StoreTills
from messaging.clock import wall_clock_ms
from world.documents import DocumentKind, StoreDocument
from world.region import MONDAY_MS, Region

_EXPORT_INTERVAL_S = 2.0
_WEEK_LINES_EACH = 380
"""Lines that a store sells in a week at the usual demand."""
_DAY_MIN = 1_440


class GeneratedScenario:
    """A seeded region whose tills sell now. See `commonshelf.demo.scenario.Scenario`.

    has_past: an earlier run has left its books; the shops then open with a count instead of opening stock.
    """

    def __init__(self, options: DemoOptions, run: str, *, has_past: bool) -> None:
        self._run = run
        self._opening_kind: DocumentKind = "counted" if has_past else "opening"
        self._lines_per_second = options.lines_per_second or LIVE_LINES_PER_SECOND
        self._region = Region(options.seed, stores=options.stores, demand_multiplier=options.demand_multiplier)
        self._clock = LiveClock(MONDAY_MS, wall_clock_ms())
        self._pacer = Pacer(self._lines_per_second)
        self._selling_since_ms: int | None = None
        week_lines = _WEEK_LINES_EACH * options.stores * options.demand_multiplier
        week_min = max(round(week_lines / self._lines_per_second / 60), 1)
        self.consortium = consortium_of(self._region, wall_clock_ms(), min(week_min, _DAY_MIN))
        channels = {member.id: member.channel for member in self.consortium.members}
        self.latencies = Latencies(channels, self._sent_at_ms)
        self.export_interval_s: float | None = _EXPORT_INTERVAL_S
        self.orders_per_second = options.orders_per_second
        self.seed = options.seed
        self.has_night = not has_past  # their day may have ended in that run
        self.notice = (
            f"generated data, seed {options.seed}: {options.stores} stores, {len(self._region.items)} items, "
            f"about 1.3 units a week per store and item times a demand multiplier of {options.demand_multiplier:g}; "
            f"the shops' clock runs as fast as {self._lines_per_second:g} lines/s make it"
        )

    @property
    def pace_lost_s(self) -> float:
        return self._pacer.lost_s

    def collected(self, store: str, sku: str, quantity_milli: int) -> None:
        self._region.collect(store, sku, quantity_milli)

    def export_time_ms(self) -> int:
        return wall_clock_ms()

    def shops_clock(self) -> str:
        return datetime.fromtimestamp(self._clock.world_ms / 1000, UTC).strftime("week %V, %A %H:%M")

    async def run(self, tills: StoreTills, kafka_options: dict[str, str], partitions: int, signals: Signals) -> None:
        self._clock = LiveClock(MONDAY_MS, wall_clock_ms())
        for document in self._region.opening():
            await tills.say(replace(self._tell(document), kind=self._opening_kind))
        await tills.settle()
        await signals.caught_up()
        self._selling_since_ms = wall_clock_ms()
        signals.opened.set()
        self._pacer = Pacer(self._lines_per_second)
        for document in self._region.documents():
            await self._pacer.wait(len(document.lines))
            if signals.stop.is_set():
                return
            await tills.say(self._tell(document))

    def _tell(self, document: StoreDocument) -> StoreDocument:
        """As the till says it now. The run is part of the number: the next run's receipts are other ones."""
        stamped = self._clock.stamp(document, wall_clock_ms())
        return replace(stamped, number=f"{self._run}-{document.number}")

    def _sent_at_ms(self, store: str, recorded_ms: int) -> int | None:
        """On the wall clock a till records what it sends as it sends it. The opening's rush is not measured."""
        since_ms = self._selling_since_ms
        return recorded_ms if since_ms is not None and recorded_ms > since_ms else None
