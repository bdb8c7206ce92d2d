"""The topics that our pages read, as tables."""

from commonshelf.web.views import layouts
from commonshelf.web.views.changes import ChangeKind
from messaging.view import Layout
from schemas.topics import (
    ACCESS_SETTINGS,
    CATALOG_ITEMS,
    CONNECTOR_REFUSALS,
    ORDERS_EVENTS,
    PICKUP_APPOINTMENTS,
    POOL_AVAILABILITY,
    POOL_CONFIG,
    POOL_TASKS,
    RESTOCK_PROPOSALS,
    SETTLEMENT_STATEMENTS,
    WEBHOOKS_PROGRESS,
    WEBHOOKS_SUBSCRIPTIONS,
    Topic,
)

FOLLOWED: tuple[tuple[Topic, ChangeKind, Layout | None], ...] = (
    (POOL_CONFIG, "settings", None),
    (CATALOG_ITEMS, "item", None),
    (POOL_AVAILABILITY, "shelf", layouts.SHELVES),
    (ORDERS_EVENTS, "order", layouts.EVENTS),
    (POOL_TASKS, "task", layouts.TASKS),
    (PICKUP_APPOINTMENTS, "appointment", layouts.APPOINTMENTS),
    (RESTOCK_PROPOSALS, "proposal", None),
    (SETTLEMENT_STATEMENTS, "statement", None),
    (CONNECTOR_REFUSALS, "refusal", layouts.LOGGED),
    (ACCESS_SETTINGS, "access", layouts.ACCESS),
    (WEBHOOKS_SUBSCRIPTIONS, "webhook", None),
    (WEBHOOKS_PROGRESS, "webhook_progress", None),
)
"""The topics, what a change of theirs is called, and the layout of their rows."""

OF_POOLS: tuple[ChangeKind, ...] = ("settings", "item", "shelf", "order", "task", "appointment")
"""What a fact of a journal is followed by in the same transaction, or was before it."""
