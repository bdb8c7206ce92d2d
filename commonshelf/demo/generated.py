"""The generated world, live: paced by lines a second, on the wall clock."""

import time
from dataclasses import replace
from datetime import UTC, datetime

from commonshelf.demo.clock import LiveClock
from commonshelf.demo.consortium import consortium_of
from commonshelf.demo.latency import Latencies
from commonshelf.demo.options import LIVE_LINES_PER_SECOND, DemoOptions
from commonshelf.demo.pacer import Pacer
from commonshelf.demo.scenario import Cues
from commonshelf.demo.store_tills import Shops
from world.documents import Slip, SlipKind
from world.region import MONDAY_MS, World

_EXPORT_INTERVAL_S = 2.0


class GeneratedProgram:
    """A seeded region whose tills sell now. See `commonshelf.demo.scenario.Program`.

    has_past: an earlier run has left its books; the shops then open with a count instead of opening stock.
    """

    def __init__(self, options: DemoOptions, run: str, *, has_past: bool) -> None:
        self._run = run
        self._opening_kind: SlipKind = "counted" if has_past else "opening"
        self._lines_per_second = options.lines_per_second or LIVE_LINES_PER_SECOND
        self._world = World(options.seed, stores=options.stores, demand_multiplier=options.demand_multiplier)
        self._clock = LiveClock(MONDAY_MS, _now_ms())
        self._pacer = Pacer(self._lines_per_second)
        self._selling_since_ms: int | None = None
        self.consortium = consortium_of(self._world, _now_ms())
        channels = {member.id: member.channel for member in self.consortium.members}
        self.latencies = Latencies(channels, self._sent_at_ms)
        self.export_interval_s: float | None = _EXPORT_INTERVAL_S
        self.orders_per_second = options.orders_per_second
        self.seed = options.seed
        self.notice = (
            f"generated data, seed {options.seed}: {options.stores} stores, {len(self._world.items)} items, "
            f"about 1.3 units a week per store and item times a demand multiplier of {options.demand_multiplier:g}; "
            f"the shops' clock runs as fast as {self._lines_per_second:g} lines/s make it"
        )

    @property
    def pace_lost_s(self) -> float:
        return self._pacer.lost_s

    def collected(self, store: str, sku: str, quantity_milli: int) -> None:
        self._world.collect(store, sku, quantity_milli)

    def export_time_ms(self) -> int:
        return _now_ms()

    def shops_clock(self) -> str:
        return datetime.fromtimestamp(self._clock.world_ms / 1000, UTC).strftime("week %V, %A %H:%M")

    async def run(self, shops: Shops, kafka_options: dict[str, str], partitions: int, cues: Cues) -> None:
        self._clock = LiveClock(MONDAY_MS, _now_ms())
        for slip in self._world.opening():
            await shops.say(replace(self._tell(slip), kind=self._opening_kind))
        await shops.settle()
        await cues.caught_up()
        self._selling_since_ms = _now_ms()
        cues.opened.set()
        self._pacer = Pacer(self._lines_per_second)
        for slip in self._world.slips():
            await self._pacer.wait(len(slip.lines))
            if cues.stop.is_set():
                return
            await shops.say(self._tell(slip))

    def _tell(self, slip: Slip) -> Slip:
        """As the till says it now. The run is part of the number: the next run's receipts are other ones."""
        stamped = self._clock.stamp(slip, _now_ms())
        return replace(stamped, number=f"{self._run}-{slip.number}")

    def _sent_at_ms(self, store: str, recorded_ms: int) -> int | None:
        """On the wall clock a till records what it sends as it sends it. The opening's rush is not measured."""
        since_ms = self._selling_since_ms
        return recorded_ms if since_ms is not None and recorded_ms > since_ms else None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
