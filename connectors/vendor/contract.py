"""The contract between a vendor's client and the frame.

**Versions.** An event's `source.version` orders the revisions of one object of the vendor, and the pool applies the
difference. Where the vendor numbers its revisions in all of its messages, that number is it (Square's order
`version`); else the milliseconds of its `updated_at`. An object has one of both for ever. The same revision has
the same version whether a webhook brought it or the poll found it, so each absorbs the other.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from connectors.contract import Delivery, Translated


@dataclass(frozen=True, slots=True)
class FeedPage:
    """A part of a vendor's list, translated.

    cursor: everything of the list up to it is in this page or an earlier one; None while that cannot be said, as within
        a list that is not in the order of its cursors.
    """

    translated: Translated
    cursor: int | None


@dataclass(frozen=True, slots=True)
class Feed:
    """One list of the vendor's that can be read from a cursor on: orders by the time of their update, say.

    name: names the stored position. read: the pages from a cursor on, the cursor itself included; called in the poll's
        thread, raises Unavailable, AccessRefused. start: the cursor to begin at when none is stored: it feeds what
        happens from now on, never history. overlap: read again so far before the stored cursor, for what the vendor
        lists late; repeats are absorbed. It also covers a vendor's clock that differs from ours at the first start.
    cursors_are_times: ms since 1970; else a `backfill` reads the list from its beginning.
    """

    name: str
    read: Callable[[int], Iterator[FeedPage]]
    start: Callable[[], int]
    overlap: int
    cursors_are_times: bool = True


@dataclass(frozen=True, slots=True)
class VendorObject:
    """An object at the vendor whose id the operator may need.

    kind: location, outlet …; of an item the scheme of its code in sale lines: item, sku. barcode, sku: of an item, if
    it has them.
    """

    kind: str
    id: str
    name: str
    barcode: str = ""
    sku: str = ""


class Vendor(Protocol):
    """A vendor's API as one store uses it. Calls block, and come from several threads."""

    media_types: frozenset[str]
    """Of the webhooks it sends."""

    def verify(self, delivery: Delivery) -> None:
        """Raise SignatureRefused unless the vendor sent it. Pure but for the secrets; takes no time."""

    def receive(self, delivery: Delivery) -> Translated:
        """Translate a verified webhook, with whatever must be fetched for it.

        Raises PayloadRefused, Unavailable, AccessRefused.
        """

    def feeds(self) -> Sequence[Feed]:
        """The lists that the poll reconciles."""

    def check(self) -> str:
        """A sentence that says what was reached. Raises Unavailable, AccessRefused."""

    def discover(self) -> Iterator[VendorObject]:
        """List the vendor's locations and items. Raises Unavailable, AccessRefused."""

    def close(self) -> None:
        """Close connections."""
