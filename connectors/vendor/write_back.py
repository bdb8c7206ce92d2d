"""Keeps what the pool holds of a store's shelf out of the till's online channel, where the operator wants it."""

import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from connectors.contract import Publishes, StoreContext, Unavailable
from connectors.metrics import StoreMetrics
from connectors.vendor.contract import AccessRefused
from connectors.vendor.reservation_plan import (
    Begin,
    LookUp,
    Send,
    Step,
    begun,
    change_milli,
    done,
    dropped,
    lost,
    next_step,
    write_key,
)
from messaging.publisher import PublishError
from schemas.models.connectors import ChannelReservation

RETRY_S = 5.0
RETRY_MAX_S = 300.0
WRITES_A_ROUND = 100
"""Of one store, so that a burst leaves the vendor's rate limit room for what the till tells."""
REFUSED_WAIT_MS = 600_000
"""An item that the vendor lacks or refuses is tried again after so long."""
CHECK_MS = 600_000
"""So often is looked whether what was taken out still is."""
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Held:
    """What the pool holds of an item in one store. codes: of the item in that store, the store's own first."""

    sku: str
    held_milli: int
    codes: tuple[str, ...]


class Holds(Protocol):
    """What the pool holds now. Thread-safe."""

    def of(self, pool: str, store: str) -> Sequence[Held]:
        """Every item that the pool knows on a shelf of `store`. Raises PublishError while Kafka does not answer."""


@dataclass(frozen=True, slots=True)
class Write:
    """One change at the vendor. item: the vendor's id of it. key: a UUID, the same whenever the write is sent again.

    change_milli: by how much more is taken out; negative gives back. target_milli: taken out by us in all, then.
    reserved_by_others_milli: what was taken out before it, by whomever. begun_at_ms: when it was begun; the same each
    time.
    """

    item: str
    change_milli: int
    target_milli: int
    key: str
    reserved_by_others_milli: int
    begun_at_ms: int


class Channel(Protocol):
    """A till's online channel, as it can take goods out and give them back. Calls block.

    All but `find` may raise WriteRefused, too, which says that nothing was changed.
    """

    grain_milli: int
    """It counts in multiples of it."""

    def find(self, codes: Sequence[str]) -> str | None:
        """The vendor's id of the item that one of `codes` names. Raises Unavailable, AccessRefused."""

    def reserved_by_others_milli(self, item: str) -> int:
        """What is taken out now, by whomever, as far as the vendor tells. Raises Unavailable, AccessRefused."""

    def change(self, write: Write) -> None:
        """Carry it out. The same write again changes nothing.

        Raises Unavailable and AccessRefused, after which it may or may not be done.
        """

    def was_done(self, write: Write) -> bool:
        """Whether a write that is too old to be sent again was carried out. Raises Unavailable, AccessRefused."""

    def is_lost(self, item: str, since_ms: int) -> bool:
        """Whether what we had taken out at `since_ms` is back on sale by someone's doing there.

        Raises Unavailable, AccessRefused.
        """


class WriteRefused(Exception):
    """The vendor will not change this item: it is not stocked there, say. Nothing was changed."""


class WriteLog:
    """What was taken out, by pool, store and connector, kept in a compacted topic. Thread-safe.

    stored: reads what the topic holds now, decoded; called once, and again if it raised.
    """

    def __init__(self, stored: Callable[[], Iterable[Mapping[str, Any]]], publisher: Publishes) -> None:
        self._stored = stored
        self._publisher = publisher
        self._known: dict[tuple[str, str, str], dict[str, ChannelReservation]] | None = None
        self._lock = threading.Lock()

    def of(self, pool: str, store: str, connector: str) -> dict[str, ChannelReservation]:
        """By SKU. Raises what `stored` raises."""
        with self._lock:
            if self._known is None:
                known: dict[tuple[str, str, str], dict[str, ChannelReservation]] = {}
                for row in self._stored():
                    taken = ChannelReservation.model_validate(row)
                    known.setdefault((taken.pool, taken.store, taken.connector), {})[taken.sku] = taken
                self._known = known
            return dict(self._known.get((pool, store, connector), {}))

    def save(self, taken: ChannelReservation) -> None:
        """Return when Kafka has it. Raises PublishError."""
        self._publisher.publish_all([taken])
        with self._lock:
            if self._known is not None:
                self._known.setdefault((taken.pool, taken.store, taken.connector), {})[taken.sku] = taken


@dataclass(frozen=True, slots=True)
class WriteBackTools:
    """What the host lends to connectors that write back."""

    holds: Holds
    log: WriteLog


class WriteBack:
    """Writes for one connector of one store. now_ms: the clock."""

    def __init__(
        self,
        channel: Channel,
        store: StoreContext,
        connector: str,
        interval_s: float,
        tools: WriteBackTools,
        metrics: StoreMetrics,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._channel = channel
        self._place = (store.pool, store.id, connector)
        self._interval_s = interval_s
        self._tools = tools
        self._metrics = metrics
        self._now_ms = now_ms
        self._refused_at_ms: dict[str, int] = {}
        self._checked_at_ms: dict[str, int] = {}
        self._last_sku = ""
        self._log = _log.bind(connector=connector, store=store.id)

    def run(self, stop: threading.Event) -> None:
        """Compare and write until `stop` is set. What the vendor or Kafka refuses is logged and tried again."""
        retry_s = RETRY_S
        while not stop.is_set():
            try:
                self.round(stop)
                retry_s = RETRY_S
                wait_s = self._interval_s
            except (Unavailable, PublishError, AccessRefused) as error:
                asked_s = error.retry_after_s if isinstance(error, Unavailable) else 0
                wait_s = max(asked_s, retry_s)
                retry_s = min(2 * retry_s, RETRY_MAX_S)
                self._log.warning("cannot write back now", reason=str(error), again_in_s=wait_s)
            except Exception:  # noqa: BLE001  a fault here must not end what brings the store's sales
                wait_s = RETRY_MAX_S
                self._log.exception("writing back showed a fault in this program; please report it", again_in_s=wait_s)
            stop.wait(wait_s)

    def round(self, stop: threading.Event) -> None:
        """Bring the channel to what is held now, WRITES_A_ROUND items at most.

        It begins behind the item of which the round before came to its end: one that fails holds up no other.

        Raises Unavailable, AccessRefused, PublishError; then what is under way is stored, and sent again next time.
        """
        known = self._tools.log.of(*self._place)
        held = {each.sku: each for each in self._tools.holds.of(*self._place[:2])}
        skus = sorted(known.keys() | held.keys())
        begin = bisect_right(skus, self._last_sku)
        writes = 0
        for sku in (*skus[begin:], *skus[:begin]):
            if stop.is_set() or writes >= WRITES_A_ROUND:
                return
            self._last_sku = sku
            writes += self._bring(held.get(sku) or Held(sku, 0, ()), known.get(sku))

    def _bring(self, held: Held, last: ChannelReservation | None) -> bool:
        """Do what is to do for one item. Returns whether the vendor was asked to change something."""
        now_ms = self._now_ms()
        if now_ms - self._refused_at_ms.get(held.sku, -REFUSED_WAIT_MS) < REFUSED_WAIT_MS:
            return False
        try:
            return self._step(held, last, now_ms)
        except WriteRefused as refused:
            self._refuse(held.sku, str(refused))
            return True

    def _step(self, held: Held, last: ChannelReservation | None, now_ms: int) -> bool:
        step = next_step(held.held_milli, last, now_ms, self._channel.grain_milli)
        if last is not None and self._is_lost(last, step, now_ms):
            last = lost(last)
            self._tools.log.save(last)
            self._metrics.written_back("lost")
            self._log.warning("what was taken out is back on sale at the vendor; taking it out again", sku=held.sku)
            step = next_step(held.held_milli, last, now_ms, self._channel.grain_milli)
        match step:
            case None:
                return False
            case Begin(target_milli):
                return self._begin(held, last or self._nothing(held.sku), target_milli)
            case Send():
                return self._send(_sure(last))
            case LookUp():
                return self._look_up(_sure(last))

    def _is_lost(self, last: ChannelReservation, step: Step | None, now_ms: int) -> bool:
        """Asked before each new write, and now and then."""
        if last.written_milli == 0 or last.pending_milli is not None:
            return False
        if step is None and now_ms - self._checked_at_ms.setdefault(last.sku, now_ms) < CHECK_MS:
            return False
        self._checked_at_ms[last.sku] = now_ms
        return self._channel.is_lost(last.item, last.begun_at_ms)

    def _begin(self, held: Held, last: ChannelReservation, target_milli: int) -> bool:
        # What was taken out of an item is given back to the same, whatever its codes are now.
        item = last.item if last.written_milli else self._channel.find(held.codes)
        if item is None:
            self._refuse(held.sku, "the vendor has no item of its codes")
            return False
        taken = begun(last, target_milli, item, self._channel.reserved_by_others_milli(item), self._now_ms())
        self._tools.log.save(taken)
        return self._send(taken)

    def _send(self, taken: ChannelReservation) -> bool:
        try:
            self._channel.change(_write(taken))
        except WriteRefused:
            self._tools.log.save(dropped(taken))
            raise
        self._tools.log.save(done(taken))
        self._metrics.written_back("done")
        return True

    def _look_up(self, taken: ChannelReservation) -> bool:
        found = done(taken) if self._channel.was_done(_write(taken)) else dropped(taken)
        self._tools.log.save(found)
        self._metrics.written_back("looked_up")
        self._log.warning(
            "a write-back was under way for too long to be repeated; what the vendor shows was believed",
            sku=taken.sku, taken_out_milli=found.written_milli,
        )  # fmt: skip
        return False

    def _refuse(self, sku: str, reason: str) -> None:
        self._refused_at_ms[sku] = self._now_ms()
        self._metrics.written_back("refused")
        self._log.warning("what the pool holds cannot be taken out of the online channel", sku=sku, reason=reason)

    def _nothing(self, sku: str) -> ChannelReservation:
        pool, store, connector = self._place
        return ChannelReservation(pool=pool, store=store, connector=connector, sku=sku)


def _write(taken: ChannelReservation) -> Write:
    change = change_milli(taken)
    target_milli = taken.written_milli + change
    return Write(taken.item, change, target_milli, write_key(taken), taken.reserved_by_others_milli, taken.begun_at_ms)


def _sure(last: ChannelReservation | None) -> ChannelReservation:
    if last is None:
        raise TypeError("a write under way has a record")
    return last
