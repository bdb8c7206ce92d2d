"""The records of `schemas/records/webhooks`. Made by `python -m schemas.generate`; change these."""

from typing import Literal, TypedDict

WebhookKind = Literal["order", "task", "appointment", "proposal", "statement", "band"]
"""order: an order was decided about, or is otherwise
task: a task was opened, or is otherwise
appointment: an appointment was made, or is otherwise
proposal: a restock proposal was made or answered
statement: a settlement window has closed
band: a shelf is in another band
"""


class WebhookPlace(TypedDict):
    """Where a subscription goes on in one topic."""

    kind: WebhookKind
    offset: int


class WebhookReplay(TypedDict):
    """A wish to be told from a place on, once more or where it was parked. With neither place it goes on where it
    is.
    """

    number: int
    kind: str | None
    offset: int | None
    since_ms: int | None


class WebhookProgress(TypedDict):
    """How far a subscription was told, and how that goes; stored after the calls that it tells of."""

    pool: str
    webhook: str
    places: list[WebhookPlace]
    replay: int
    delivered: int
    last_delivered_at_ms: int | None
    refused: int
    last_refused: str | None
    failing_since_ms: int | None
    failure: str | None
    parked_at_ms: int | None
    pinged: int
    ping_answer: str | None


class WebhookSubscription(TypedDict):
    """A program that is told of what happens in a pool, at an address of its own. Its secret is nowhere: it follows
    from the webhooks' key and from what stands here.
    """

    pool: str
    webhook: str
    key_id: str
    url: str
    kinds: list[str]
    secret_version: int
    key_mark: str
    previous_until_ms: int
    created_at_ms: int
    pings: int
    replay: WebhookReplay | None
    ended_at_ms: int | None
