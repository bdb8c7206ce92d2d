"""An outbound adapter that tells a partner how things stand: each message is the whole state of one item.

Messages about an item are numbered. A partner that ignores what is not higher than the number that it has may get any
message again, at any time. States that pass while a call is under way are left out: the newest is told next.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Protocol

from connectors.outbound.contract import idempotency_key
from connectors.outbound.log import Keeps, OutboundLog
from schemas.models.connectors import PartnerCall

Post = Callable[[str, bytes], None]
"""Takes an idempotency key and a message; returns when the partner has it. Raises as `Adapter.call`."""


@dataclass(frozen=True, slots=True)
class State:
    """The state of an item as a partner is told it. is_final: nothing follows."""

    content: Mapping[str, object]
    is_final: bool


class Source(Protocol):
    """The items of which a partner is told. Any method may raise PublishError."""

    def changed(self) -> Collection[str]:
        """The items that are otherwise than when it was asked last; at first all."""

    def knows(self, item: str) -> bool:
        """Whether the item is still there."""

    def state(self, item: str) -> State:
        """The item's state now; a final one for an item that is not there any more."""


class Teller:
    """Tells one partner of a pool the states of a source's items.

    An item that is over before the partner was told anything of it is passed over. So is that an item is not there any
    more, when its end was told.
    """

    def __init__(self, pool: str, partner: str, source: Source, post: Post) -> None:
        self.party = (pool, partner)
        self._source = source
        self._post = post
        self._changed: set[str] = set()

    def wanted(self) -> Iterable[str]:
        self._changed.update(self._source.changed())
        return set(self._changed)

    def is_pending(self, record: PartnerCall) -> bool:
        return record.pending is not None

    def is_settled(self, record: PartnerCall) -> bool:
        return record.pending is None and self._source.knows(record.item)

    def is_over(self, record: PartnerCall) -> bool:
        return record.pending is None and record.is_final and not self._source.knows(record.item)

    def is_repeatable(self, pending: PartnerCall, now_ms: int) -> bool:
        """Always: the partner tells a repeat by its number."""
        return True

    def recheck(self, item: str, last: PartnerCall, now_ms: int) -> PartnerCall | None:
        """A partner is not asked what it still has."""
        return None

    def begin(self, item: str, last: PartnerCall | None, now_ms: int) -> PartnerCall | None:
        state = self._source.state(item)
        digest = _digest(state.content)
        if last is None:
            is_told = state.is_final
        else:
            is_told = digest == last.digest or (last.is_final and not self._source.knows(item))
        if is_told:
            self._changed.discard(item)
            return None
        pool, partner = self.party
        sequence = 1 if last is None else last.sequence + 1
        key = idempotency_key(pool, partner, item, sequence, digest)
        message = _text({**state.content, "id": key, "sequence": sequence})
        return PartnerCall(
            pool=pool, partner=partner, item=item, sequence=sequence, digest=digest, is_final=state.is_final,
            pending=message, begun_at_ms=now_ms,
        )  # fmt: skip

    def call(self, pending: PartnerCall) -> PartnerCall:
        message = pending.pending or ""
        self._post(str(json.loads(message)["id"]), message.encode())
        return pending.model_copy(update={"pending": None})

    def refused(self, pending: PartnerCall) -> PartnerCall:
        """Nothing is under way, and the partner is told again later: it has not what the message says."""
        return pending.model_copy(update={"pending": None, "digest": ""})

    def look_up(self, pending: PartnerCall) -> PartnerCall:
        raise LookupError("a numbered message can always be sent again, so nobody asks whether it arrived")


def partner_log(
    stored: Callable[[], Iterable[Mapping[str, Any]]], publisher: Keeps[PartnerCall]
) -> OutboundLog[PartnerCall]:
    """The log of what partners were told; a party is a pool and a partner. stored: as of OutboundLog."""
    return OutboundLog(stored, PartnerCall.model_validate, lambda call: (call.party, call.item), publisher)


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _digest(content: Mapping[str, object]) -> str:
    return blake2b(_text(content).encode(), digest_size=16).hexdigest()
