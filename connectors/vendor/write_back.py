"""An outbound adapter that keeps what the pool holds of a store's shelf out of the till's online channel.

It runs where the operator wants it. The vendor's connector runs it, for that has the vendor's client and rate limit.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from connectors.context import Held, Holds
from connectors.contract import StoreContext
from connectors.outbound.contract import CallRefused
from connectors.outbound.log import Keeps, OutboundLog
from connectors.vendor.reservation_plan import (
    begun,
    change_milli,
    done,
    dropped,
    is_repeatable,
    lost,
    target,
    write_key,
)
from schemas.models.connectors import ChannelReservation

CHECK_MS = 600_000
"""So often is looked whether what was taken out still is."""


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

    All but `find` may raise CallRefused, too: nothing was changed.
    """

    grain_milli: int
    """It counts in multiples of it."""

    def find(self, codes: Sequence[str]) -> str | None:
        """The vendor's id of the item that one of `codes` names. Raises Unavailable, AccessRefused."""

    def reserved_by_others_milli(self, item: str) -> int:
        """The quantity taken out now, by whomever, as far as the vendor shows. Raises Unavailable, AccessRefused."""

    def change(self, write: Write) -> None:
        """Carry it out. The same write again changes nothing.

        Raises Unavailable and AccessRefused, after which it may or may not be done.
        """

    def was_done(self, write: Write) -> bool:
        """Ask whether a write that is too old to be sent again was carried out. Raises Unavailable, AccessRefused."""

    def is_lost(self, item: str, since_ms: int) -> bool:
        """Ask whether what we had taken out at `since_ms` is back on sale by someone's doing there.

        Raises Unavailable, AccessRefused.
        """


def write_back_log(
    stored: Callable[[], Iterable[Mapping[str, Any]]], publisher: Keeps[ChannelReservation]
) -> OutboundLog[ChannelReservation]:
    """The log of what was taken out, by SKU; a party is a pool, a store and a connector. stored: as of OutboundLog."""
    return OutboundLog(stored, ChannelReservation.model_validate, _place, publisher)


def _place(taken: ChannelReservation) -> tuple[tuple[str, str, str], str]:
    return (taken.pool, taken.store, taken.connector), taken.sku


class WriteBack:
    """The online channel of one store, as an adapter of outbound calls; an item is a SKU."""

    def __init__(self, channel: Channel, store: StoreContext, connector: str, holds: Holds) -> None:
        self.party = (store.pool, store.id, connector)
        self._channel = channel
        self._holds = holds
        self._held: Mapping[str, Held] = {}
        self._checked_at_ms: dict[str, int] = {}

    def wanted(self) -> Iterable[str]:
        pool, store, _ = self.party
        self._held = {each.sku: each for each in self._holds.of(pool, store)}
        return self._held

    def is_pending(self, record: ChannelReservation) -> bool:
        return record.pending_milli is not None

    def is_settled(self, record: ChannelReservation) -> bool:
        """Never: someone may undo at the vendor what was written there."""
        return False

    def is_over(self, record: ChannelReservation) -> bool:
        """Never: the item may be held again."""
        return False

    def is_repeatable(self, pending: ChannelReservation, now_ms: int) -> bool:
        return is_repeatable(pending, now_ms)

    def recheck(self, item: str, last: ChannelReservation, now_ms: int) -> ChannelReservation | None:
        """Asked before each new write, and now and then."""
        if last.written_milli == 0:
            return None
        is_settled = self._target(item, last) is None
        if is_settled and now_ms - self._checked_at_ms.setdefault(item, now_ms) < CHECK_MS:
            return None
        self._checked_at_ms[item] = now_ms
        return lost(last) if self._channel.is_lost(last.item, last.begun_at_ms) else None

    def begin(self, item: str, last: ChannelReservation | None, now_ms: int) -> ChannelReservation | None:
        target_milli = self._target(item, last)
        if target_milli is None:
            return None
        last = last or self._nothing(item)
        # What was taken out of an item is given back to the same, whatever its codes are now.
        found = last.item if last.written_milli else self._channel.find(self._held_of(item).codes)
        if found is None:
            raise CallRefused("the vendor has no item of its codes")
        return begun(last, target_milli, found, self._channel.reserved_by_others_milli(found), now_ms)

    def call(self, pending: ChannelReservation) -> ChannelReservation:
        self._channel.change(_write(pending))
        return done(pending)

    def refused(self, pending: ChannelReservation) -> ChannelReservation:
        return dropped(pending)

    def look_up(self, pending: ChannelReservation) -> ChannelReservation:
        return done(pending) if self._channel.was_done(_write(pending)) else dropped(pending)

    def _target(self, sku: str, last: ChannelReservation | None) -> int | None:
        return target(self._held_of(sku).held_milli, last, self._channel.grain_milli)

    def _held_of(self, sku: str) -> Held:
        return self._held.get(sku) or Held(sku, 0, ())

    def _nothing(self, sku: str) -> ChannelReservation:
        pool, store, connector = self.party
        return ChannelReservation(pool=pool, store=store, connector=connector, sku=sku)


def _write(taken: ChannelReservation) -> Write:
    change = change_milli(taken)
    target_milli = taken.written_milli + change
    return Write(taken.item, change, target_milli, write_key(taken), taken.reserved_by_others_milli, taken.begun_at_ms)
