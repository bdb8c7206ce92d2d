"""Memory of connectors: how far they have read, what they have reserved, and what they could not use."""

from typing import Annotated

from pydantic import Field

from schemas.models.base import QUANTITY_MAX_MILLI, Name, Record, Text, TimeMs


class ConnectorPosition(Record):
    """Position of a connector in one list of its vendor's (topic connectors.positions.v1)."""

    pool: Name
    store: Name
    connector: Name
    feed: Name
    cursor: Annotated[int, Field(ge=0, lt=2**63)]
    """Everything up to it is acknowledged; in the vendor's own terms: a time in ms, or a version."""
    stored_at_ms: TimeMs

    @property
    def party(self) -> tuple[str, ...]:
        """Whose memory it is, of which there is one writer."""
        return self.pool, self.store, self.connector

    @property
    def key(self) -> str:
        """Compaction key: pool/store/connector/feed."""
        return f"{self.pool}/{self.store}/{self.connector}/{self.feed}"


class ChannelReservation(Record):
    """An amount of an item that a connector reserved in its till's online channel (topic connectors.writebacks.v1)."""

    pool: Name
    store: Name
    connector: Name
    sku: Text
    sequence: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Of the newest write; with the key it names the write to the vendor."""
    written_milli: Annotated[int, Field(ge=0, le=QUANTITY_MAX_MILLI)] = 0
    """Reserved by all writes whose outcome is known."""
    pending_milli: Annotated[int, Field(ge=0, le=QUANTITY_MAX_MILLI)] | None = None
    """What the write under way will have reserved; None when there is none."""
    item: str = ""
    """The vendor's id of the item, as the newest write names it."""
    reserved_by_others_milli: Annotated[int, Field(ge=-(2**63), lt=2**63)] = 0
    """What the vendor showed as reserved, by whomever, before the newest write."""
    begun_at_ms: TimeMs = 0
    """When the newest write was begun."""

    @property
    def party(self) -> tuple[str, ...]:
        """Whose memory it is, of which there is one writer."""
        return self.pool, self.store, self.connector

    @property
    def key(self) -> str:
        """Compaction key: pool/store/connector/sku."""
        return f"{self.pool}/{self.store}/{self.connector}/{self.sku}"


class PartnerCall(Record):
    """The newest message to a partner about one item, and the call under way (topic partners.calls.v1)."""

    pool: Name
    partner: Name
    item: Text
    sequence: Annotated[int, Field(ge=0, lt=2**63)] = 0
    digest: str = ""
    is_final: bool = False
    pending: str | None = None
    begun_at_ms: TimeMs = 0

    @property
    def party(self) -> tuple[str, ...]:
        """Whose memory it is, of which there is one writer."""
        return self.pool, self.partner

    @property
    def key(self) -> str:
        """Compaction key: pool/partner/item."""
        return f"{self.pool}/{self.partner}/{self.item}"


REFUSED_LINES_MAX = 200
"""Of one record: what a page or a file has beyond it is told in further ones."""


class RefusedLine(Record):
    """A line that a connector could not use. Empty is what of it could not be read."""

    item: Annotated[str, Field(max_length=110)] = ""
    document: Annotated[str, Field(max_length=300)] = ""
    place: Annotated[str, Field(max_length=300)] = ""
    reason: Annotated[str, Field(max_length=500)]


class ConnectorRefusal(Record):
    """Lines of one message, page or file that a connector refused (topic connectors.refusals.v1)."""

    pool: Name
    store: Name
    connector: Name
    refused_at_ms: TimeMs
    lines: Annotated[tuple[RefusedLine, ...], Field(min_length=1, max_length=REFUSED_LINES_MAX)]
