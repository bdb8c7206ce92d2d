"""Messages of webhooks: what a subscriber is told of a record. Pure but for what a feed remembers of bands."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast, get_args

from commonshelf.web.callers import Caller, Sight
from commonshelf.web.told import Told, heard_kinds, name_told, order_told, task_told
from connectors.outbound.contract import idempotency_key
from schemas.models.webhooks import WebhookKind, WebhookSubscription
from schemas.topics import (
    ORDERS_EVENTS,
    PICKUP_APPOINTMENTS,
    POOL_AVAILABILITY,
    POOL_TASKS,
    RESTOCK_PROPOSALS,
    SETTLEMENT_STATEMENTS,
)
from schemas.types.access import PublicListing
from schemas.types.catalog import CatalogItem
from schemas.types.config import StoreSettings
from schemas.types.directory import Band
from schemas.types.orders import OrderEvent
from schemas.types.stock import Availability
from schemas.types.tasks import TaskRow

TOPIC_OF_KIND: Mapping[WebhookKind, str] = {
    "order": ORDERS_EVENTS.name, "task": POOL_TASKS.name, "appointment": PICKUP_APPOINTMENTS.name,
    "proposal": RESTOCK_PROPOSALS.name, "statement": SETTLEMENT_STATEMENTS.name, "band": POOL_AVAILABILITY.name,
}  # fmt: skip
KINDS: tuple[WebhookKind, ...] = get_args(WebhookKind)


class Found(NamedTuple):
    """A record of a topic that a subscription follows."""

    kind: WebhookKind
    offset: int
    at_ms: int
    """When Kafka got it."""
    name: str
    """Its key behind the pool."""
    row: Any


class Message(NamedTuple):
    """A message as it is sent. key: its idempotency key, the same each time."""

    key: str
    body: bytes


@dataclass(frozen=True)
class Members:
    """All that decides who may see what in a pool, as of now. caller: the subscription's key; None when it is over."""

    caller: Caller | None
    stores: Mapping[str, StoreSettings]
    listings: Mapping[str, PublicListing]
    zone: str
    """Of the pool's calendar."""


class Teller:
    """Tells what a subscriber hears of the records of its pool, which come in the order of their topics."""

    def __init__(self, subscription: WebhookSubscription) -> None:
        self._pool = subscription.pool
        self._webhook = subscription.webhook
        self._kinds = subscription.kinds
        self._bands: dict[str, Band] = {}
        """Shelf → its band after the last record of it."""

    def told(self, found: Found, members: Members) -> Message | None:
        """The message about a record; None when the subscriber hears nothing of it."""
        told = self._told(found, members)
        if told is None:
            return None
        return self.message(found.kind, found.at_ms, told, found.offset)

    def message(self, kind: str, at_ms: int, told: Told, offset: int | None) -> Message:
        """The message of that content."""
        key = idempotency_key(self._pool, self._webhook, kind, offset, at_ms)
        content = {
            "id": key, "webhook": self._webhook, "pool": self._pool, "kind": kind, "offset": offset, "at_ms": at_ms,
            "data": told,
        }  # fmt: skip
        return Message(key, json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())

    def _told(self, found: Found, members: Members) -> Told | None:
        caller = members.caller
        if found.kind == "band":
            return self._band(found, members)
        if caller is None or found.kind not in heard_kinds(caller, self._pool, self._kinds):
            return None
        match found.kind:
            case "order":
                return order_told(caller, cast("OrderEvent", found.row))
            case "task":
                return task_told(caller, cast("TaskRow", found.row))
            case _:
                return name_told(caller, found.kind, found.name)

    def _band(self, found: Found, members: Members) -> Told | None:
        """A shelf whose band is another: that goods moved is not told. Known whether or not anybody may hear of it."""
        row = cast("Availability", found.row)
        sight = Sight(members.stores, members.listings, members.zone, lambda _: False, is_public=False)
        band = sight.shelf(_NO_ITEM, row)
        if band is None:
            return None
        before, self._bands[found.name] = self._bands.get(found.name), band
        if band == before or members.caller is None or "band" not in self._kinds:
            return None
        return {"sku": row["sku"], "store": row["store"], "band": band}


_NO_ITEM = cast("CatalogItem", {})
"""Members see the bands of all items: none is asked for its category."""
