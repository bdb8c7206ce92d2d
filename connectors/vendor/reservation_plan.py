"""Writes to a till's online channel, planned so that it does not sell what the pool holds. Pure.

For each item one `ChannelReservation` says what the channel had taken out when it was last sure, and the write that is
under way.
"""

from connectors.outbound.contract import idempotency_key
from schemas.models.connectors import ChannelReservation

REPEATED_FOR_MS = 12 * 3_600_000
"""No longer is a write sent again with its key: vendors forget keys. Then what they show tells whether it was done."""


def target(held_milli: int, last: ChannelReservation | None, grain_milli: int) -> int | None:
    """Thousandths to take out in all, when the pool holds `held_milli`; None when the channel has it right.

    grain_milli: the channel counts in multiples of it; what is held is rounded up to them.
    """
    target_milli = -(-max(held_milli, 0) // grain_milli) * grain_milli
    return None if target_milli == (0 if last is None else last.written_milli) else target_milli


def is_repeatable(taken: ChannelReservation, now_ms: int) -> bool:
    """True while the write under way may be sent again with its key."""
    return now_ms - taken.begun_at_ms < REPEATED_FOR_MS


def change_milli(taken: ChannelReservation) -> int:
    """By how much the write under way changes what is taken out; negative gives back."""
    return (taken.written_milli if taken.pending_milli is None else taken.pending_milli) - taken.written_milli


def write_key(taken: ChannelReservation) -> str:
    """The idempotency key of the write under way: a UUID that names its content, the same each time."""
    return idempotency_key(taken.key, taken.sequence, taken.item, taken.written_milli, change_milli(taken))


def begun(
    last: ChannelReservation, target_milli: int, item: str, reserved_by_others_milli: int, now_ms: int
) -> ChannelReservation:
    """The record of a new write.

    reserved_by_others_milli: what the vendor shows as taken out, by us and others, before it.
    """
    return last.model_copy(
        update={
            "sequence": last.sequence + 1, "pending_milli": target_milli, "item": item,
            "reserved_by_others_milli": reserved_by_others_milli, "begun_at_ms": now_ms,
        }
    )  # fmt: skip


def done(taken: ChannelReservation) -> ChannelReservation:
    """The record once the write is known to be carried out."""
    return taken.model_copy(update={"written_milli": taken.written_milli + change_milli(taken), "pending_milli": None})


def dropped(taken: ChannelReservation) -> ChannelReservation:
    """The record once the write is known to have changed nothing."""
    return taken.model_copy(update={"pending_milli": None})


def moved_as(change_milli: int, before_milli: int, now_milli: int) -> bool:
    """True when a write of `change_milli` was carried out, by what the vendor showed as taken out before it and now.

    Where others have changed it meanwhile, too, what is nearer to the one or the other is believed.
    """
    moved_milli = now_milli - before_milli
    return abs(moved_milli - change_milli) <= abs(moved_milli)


def lost(taken: ChannelReservation) -> ChannelReservation:
    """The record once the vendor is known to have forgotten all that was taken out."""
    return taken.model_copy(update={"written_milli": 0})
