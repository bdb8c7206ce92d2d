"""The time that a till's line takes to show in the availability table, by the way it came."""

from array import array
from collections.abc import Callable, Iterable, Mapping

from messaging.clock import wall_clock_ms

_CEILING_MS = 60_000

SentAtMs = Callable[[str, int], int | None]
"""The wall moment (ms) at which a store sent what it recorded at a moment; None for what is not measured."""


class LatencyHistogram:
    """Counts of each latency, by the millisecond up to a minute; longer ones count as a minute."""

    def __init__(self) -> None:
        self._counts = array("Q", bytes(8 * (_CEILING_MS + 1)))
        self.count = 0

    def add(self, latency_ms: int) -> None:
        self._counts[min(max(latency_ms, 0), _CEILING_MS)] += 1
        self.count += 1

    def percentile_ms(self, percent: float) -> int | None:
        """The smallest latency that at least `percent` of all do not exceed; None when there are none."""
        wanted = self.count * percent / 100
        seen = 0
        for latency_ms, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                return latency_ms
        return None


class Latencies:
    """From a till's sending to the row of the availability table in a consumer's hand, per channel."""

    def __init__(self, channels: Mapping[str, str], sent_at_ms: SentAtMs) -> None:
        self._channels = channels
        self._sent_at_ms = sent_at_ms
        self.by_channel: dict[str, LatencyHistogram] = {name: LatencyHistogram() for name in set(channels.values())}
        self.newest_sent_ms = 0
        """When the newest line that shows in the table was sent."""

    def row_arrived(self, store: str, recorded_ms: int) -> None:
        """A row whose newest cause was recorded then is in hand now."""
        sent_ms = self._sent_at_ms(store, recorded_ms)
        if sent_ms is not None:
            self.newest_sent_ms = max(self.newest_sent_ms, sent_ms)
            self.by_channel[self._channels[store]].add(wall_clock_ms() - sent_ms)

    def percentile_ms(self, channel: str, percent: float) -> int | None:
        histogram = self.by_channel.get(channel)
        return None if histogram is None else histogram.percentile_ms(percent)


class SentBook:
    """Remembers when each store sent what it recorded on the data's clock. Forgets what is long past."""

    def __init__(self, keep: int = 50_000) -> None:
        self._keep = keep
        self._sent: dict[tuple[str, int], int] = {}

    def note(self, store: str, recorded_ms: int, sent_ms: int) -> None:
        self._sent.setdefault((store, recorded_ms), sent_ms)
        if len(self._sent) > self._keep:
            for key in _first(self._sent, self._keep // 2):
                del self._sent[key]

    def sent_at_ms(self, store: str, recorded_ms: int) -> int | None:
        return self._sent.get((store, recorded_ms))


def _first(keys: Iterable[tuple[str, int]], count: int) -> list[tuple[str, int]]:
    return [key for key, _ in zip(keys, range(count), strict=False)]
