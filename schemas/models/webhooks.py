"""Webhooks: who is told of what at which address, and how far that is."""

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from schemas.models.base import Name, Offset, Record, Text, TimeMs

WebhookKind = Literal["order", "task", "appointment", "proposal", "statement", "band"]
URL_MAX = 500
Url = Annotated[str, Field(min_length=1, max_length=URL_MAX)]
Kinds = Annotated[tuple[WebhookKind, ...], Field(min_length=1, max_length=len(get_args(WebhookKind)))]


class WebhookReplay(Record):
    number: Annotated[int, Field(ge=1, lt=2**63)]
    kind: WebhookKind | None = None
    offset: Offset | None = None
    since_ms: TimeMs | None = None

    @model_validator(mode="after")
    def _names_one_place(self) -> Self:
        if self.offset is not None and (self.kind is None or self.since_ms is not None):
            raise ValueError("an offset is of one kind, and stands alone: give kind and offset, or since_ms")
        return self


class WebhookSubscription(Record):
    """A program that is told of what happens in a pool (topic webhooks.subscriptions.v1)."""

    pool: Name
    webhook: Name
    key_id: Name
    url: Url
    kinds: Kinds
    secret_version: Annotated[int, Field(ge=1, lt=2**31)] = 1
    key_mark: Annotated[str, Field(max_length=32)] = ""
    previous_until_ms: TimeMs = 0
    created_at_ms: TimeMs
    pings: Annotated[int, Field(ge=0, lt=2**63)] = 0
    replay: WebhookReplay | None = None
    ended_at_ms: TimeMs | None = None

    @property
    def key(self) -> str:
        """Compaction key: pool/webhook."""
        return f"{self.pool}/{self.webhook}"


class WebhookPlace(Record):
    kind: WebhookKind
    offset: Offset


class WebhookProgress(Record):
    """The progress of a subscription (topic webhooks.progress.v1)."""

    pool: Name
    webhook: Name
    places: tuple[WebhookPlace, ...] = ()
    replay: Annotated[int, Field(ge=0, lt=2**63)] = 0
    delivered: Annotated[int, Field(ge=0, lt=2**63)] = 0
    last_delivered_at_ms: TimeMs | None = None
    refused: Annotated[int, Field(ge=0, lt=2**63)] = 0
    last_refused: Text | None = None
    failing_since_ms: TimeMs | None = None
    failure: Text | None = None
    parked_at_ms: TimeMs | None = None
    pinged: Annotated[int, Field(ge=0, lt=2**63)] = 0
    ping_answer: Text | None = None

    @property
    def key(self) -> str:
        """Compaction key: pool/webhook."""
        return f"{self.pool}/{self.webhook}"
