"""The records of `schemas/records/connectors`. Made by `python -m schemas.generate`; change these."""

from typing import TypedDict


class ChannelReservation(TypedDict):
    """What of an item a connector has reserved in its till's online channel, since the pool holds it; stored before
    each write to the vendor and after it.
    """

    pool: str
    store: str
    connector: str
    sku: str
    sequence: int
    written_milli: int
    pending_milli: int | None
    item: str
    reserved_by_others_milli: int
    begun_at_ms: int


class ConnectorPosition(TypedDict):
    """How far a connector has read one list of its vendor's; stored after Kafka had everything up to it."""

    pool: str
    store: str
    connector: str
    feed: str
    cursor: int
    stored_at_ms: int


class RefusedLine(TypedDict):
    """A line that a connector could not use."""

    item: str
    document: str
    place: str
    reason: str


class PartnerCall(TypedDict):
    """What a partner was told last about one item, and the call under way; stored before each call and after it."""

    pool: str
    partner: str
    item: str
    sequence: int
    digest: str
    is_final: bool
    pending: str | None
    begun_at_ms: int


class ConnectorRefusal(TypedDict):
    """Lines of one message, page or file that a connector refused; stored with the lines of it that it could use."""

    pool: str
    store: str
    connector: str
    refused_at_ms: int
    lines: list[RefusedLine]
