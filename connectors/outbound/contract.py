"""The contract of a call to an outside system.

An adapter says what is wanted of the outside system, item by item. For each item one record, in a compacted topic, says
what that system was last known to have, and the call that is under way: desired → pending → done.

- A call is stored before it is made, and its outcome after. What dies in between makes the same call again.
- A call has an idempotency key that names its content. A system that honours the key carries it out once.
- A new call begins only when the one under way has an outcome, from what is wanted by then.
- Each item waits for itself: one that fails, or is refused, slows no other.
"""

import uuid
from collections.abc import Hashable, Iterable
from typing import Protocol, TypeVar

NEWS_WAIT_S = 0.05
"""How long an adapter waits for news: so often the driver looks at what else is due."""
_KEYS = uuid.uuid5(uuid.NAMESPACE_URL, "commonshelf:outbound")

Record = TypeVar("Record")
"""The topic's record of one item."""


class CallRefused(Exception):
    """The outside system will not carry out this call, and has changed nothing: it lacks the item, say."""


class Adapter(Protocol[Record]):
    """One outside party as it is called. Its methods block, and come from one thread; but `call` may come from several
    at once, for different items, when the driver makes several.

    Any may raise Unavailable, AccessRefused and PublishError. After one of them a call may or may not be carried out:
    it stays under way, and is made again.
    """

    @property
    def party(self) -> Hashable:
        """Names the party in the log: pool, store, connector."""

    def wanted(self) -> Iterable[str]:
        """The items of which something may be wanted now, besides those that the log knows and are not settled."""

    def is_settled(self, record: Record) -> bool:
        """True when the item needs no look until `wanted` names it again. Asked after `wanted`, of every record."""

    def is_over(self, record: Record) -> bool:
        """True when nothing will be wanted of the item any more: its record is dropped."""

    def is_pending(self, record: Record) -> bool:
        """True while a call of the item is under way."""

    def is_repeatable(self, pending: Record, now_ms: int) -> bool:
        """True while the call under way may be made again with its key: systems forget keys after a while."""

    def recheck(self, item: str, last: Record, now_ms: int) -> Record | None:
        """The record to store when the outside system lost what was done there; None when it has it still."""

    def begin(self, item: str, last: Record | None, now_ms: int) -> Record | None:
        """The record of a new call for what is wanted of `item`; None when nothing is to do.

        Changes nothing outside. Raises CallRefused when no call can be made.
        """

    def call(self, pending: Record) -> Record:
        """Make the call, for the first time or again, and return the record of its success. Raises CallRefused."""

    def refused(self, pending: Record) -> Record:
        """The record of a call that was refused."""

    def look_up(self, pending: Record) -> Record:
        """Ask whether a call that is no longer repeatable was carried out, and return the record of its outcome."""


def idempotency_key(*content: object) -> str:
    """The key of a call with that content: a UUID, the same each time. `content` is to name the record and the call."""
    return str(uuid.uuid5(_KEYS, "/".join(str(each) for each in content)))
