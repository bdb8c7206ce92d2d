"""Every topic: its key, value schema, retention, its writing role and its readers. Created before any worker starts.

Partition counts are the same for all topics and fixed for life: they decide where a pool lives.
"""

from collections.abc import Iterator
from dataclasses import dataclass

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
KEEP_FOREVER_MS = -1
MESSAGE_MAX_BYTES = 8 * 1024 * 1024
"""Largest batch of records that a topic takes, and that a producer of the project's own topics sends."""
PROCESSORS = ("pool", "settlement", "restock", "directory")
"""Roles that write what follows from their inputs, exactly once."""


@dataclass(frozen=True)
class Topic:
    """A topic's declaration."""

    name: str
    about: str
    record: str | None
    """The value's record in `schemas/records/`; None for dead letters, whose value is whatever bytes arrived."""
    key: str
    writer: str
    readers: tuple[str, ...]
    compacted: bool = False
    retention_ms: int = 30 * DAY_MS
    has_dead_letters: bool = False

    @property
    def is_transactional(self) -> bool:
        """Whether its records come in Kafka transactions alone: what stands last in its log is then a marker of one."""
        return self.writer in PROCESSORS

    @property
    def subject(self) -> str:
        """Schema registry subject of the value (topic name strategy)."""
        return f"{self.name}-value"

    def kafka_config(self) -> dict[str, str]:
        """Topic settings for the broker."""
        common = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(MESSAGE_MAX_BYTES)}
        if not self.compacted:
            return common | {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)}
        # Small segments and a low dirty ratio keep a compacted log near its row count: restores follow its length.
        return common | {
            "cleanup.policy": "compact",
            "segment.bytes": str(32 * 1024 * 1024),
            "segment.ms": str(HOUR_MS // 6),
            "min.cleanable.dirty.ratio": "0.1",
            "delete.retention.ms": str(DAY_MS),
        }


def dead_letter_topic(topic: str) -> str:
    """Dead-letter topic of an input topic: pos.sales.v1 → pos.sales.dlq.v1."""
    name, _, version = topic.rpartition(".")
    return f"{name}.dlq.{version}"


POOL_CONFIG = Topic(
    "pool.config.v1", "Settings of pools, stores, store items, code mappings, parked offsets.",
    "ConfigChange", "pool/kind/name", "operators", ("pool", "agents", "api", "restock", "exporter", "directory"),
    compacted=True, has_dead_letters=True,
)  # fmt: skip
CATALOG_ITEMS = Topic(
    "catalog.items.v1", "The product master.",
    "CatalogItem", "pool/sku", "operators", ("pool", "agents", "api", "directory"), compacted=True,
    has_dead_letters=True,
)  # fmt: skip
POS_SALES = Topic(
    "pos.sales.v1", "Till transactions: sales, returns, voids.",
    "Sale", "pool", "connectors", ("pool",), has_dead_letters=True,
)  # fmt: skip
POS_STOCK = Topic(
    "pos.stock.v1", "What stores report about stock: openings, goods received, adjustments, counts, levels.",
    "StockReport", "pool", "connectors", ("pool",), has_dead_letters=True,
)  # fmt: skip
POOL_TICKS = Topic(
    "pool.ticks.v1", "The clock, as an event.",
    "Tick", "pool", "agents", ("pool", "directory"), retention_ms=DAY_MS, has_dead_letters=True,
)  # fmt: skip
ORDERS_REQUESTS = Topic(
    "orders.requests.v1", "What is asked about orders and transfers: placed, amended, confirmed, cancelled.",
    "OrderRequest", "pool", "api", ("pool",), has_dead_letters=True,
)  # fmt: skip
FULFILMENT_REPORTS = Topic(
    "fulfilment.reports.v1", "What stores, apps and carriers report about the work that the pool gave them.",
    "FulfilmentReport", "pool", "api", ("pool",), has_dead_letters=True,
)  # fmt: skip
ORDERS_EVENTS = Topic(
    "orders.events.v1", "What became of orders, transfers and requests about them: allocated, rerouted, unfilled, why.",
    "OrderEvent", "pool/order", "pool", ("api", "agents", "connectors", "exporter"),
)  # fmt: skip
POOL_TASKS = Topic(
    "pool.tasks.v1", "The stores' tasks as they stand: pick, hand over, recount, transfer.",
    "TaskRow", "pool/task", "pool", ("api", "agents", "connectors", "exporter"), compacted=True,
)  # fmt: skip
PICKUP_APPOINTMENTS = Topic(
    "pickup.appointments.v1", "Appointments as they stand: when and where customers collect, and how far that is.",
    "AppointmentRow", "pool/order/store", "pool", ("api", "agents", "connectors", "exporter"), compacted=True,
)  # fmt: skip
POOL_LENDING = Topic(
    "pool.lending.v1", "What pools send each other about stock that one lends the other: granted, drawn, returned.",
    "LendingMessage", "pool", "pool", ("pool",), has_dead_letters=True,
)  # fmt: skip
POOL_JOURNAL = Topic(
    "pool.journal.v1", "Every accepted fact of a pool, in order, at its position. The truth.",
    "JournalPage", "pool", "pool", ("settlement", "restock", "api", "exporter"), retention_ms=KEEP_FOREVER_MS,
)  # fmt: skip
POOL_AVAILABILITY = Topic(
    "pool.availability.v1", "What each shelf can promise to its pool, live.",
    "Availability", "pool/sku/store", "pool", ("api", "agents", "connectors", "exporter", "directory"), compacted=True,
)  # fmt: skip
POOL_CHANGELOG = Topic(
    "pool.changelog.v1", "State of the pool processor; internal.",
    "StateRow", "table/row", "pool", ("pool",), compacted=True,
)  # fmt: skip
DEAD_LETTERS_KEPT_MS = 90 * DAY_MS
DLQ_OUTCOMES = Topic(
    "dlq.outcomes.v1", "What operators did with dead letters: replayed, discarded, or found superseded.",
    "DeadLetterOutcome", "topic/partition/offset", "operators", ("operators",),
    # Longer than the dead letters, whose last segment may outlive their retention: else one could be replayed twice.
    retention_ms=DEAD_LETTERS_KEPT_MS + 30 * DAY_MS,
)  # fmt: skip
CONNECTOR_POSITIONS = Topic(
    "connectors.positions.v1", "How far each connector has read what its vendor lists.",
    "ConnectorPosition", "pool/store/connector/feed", "connectors", ("connectors",), compacted=True,
)  # fmt: skip
CONNECTOR_WRITEBACKS = Topic(
    "connectors.writebacks.v1", "What each connector has reserved in its till's online channel for the pool.",
    "ChannelReservation", "pool/store/connector/sku", "connectors", ("connectors",), compacted=True,
)  # fmt: skip
CONNECTOR_REFUSALS = Topic(
    "connectors.refusals.v1", "Lines that connectors could not use: what the shopkeeper is told of each item.",
    "ConnectorRefusal", "pool", "connectors", ("operators", "api"),
)  # fmt: skip
PARTNER_CALLS = Topic(
    "partners.calls.v1", "What each partner that is called was told last, and the calls under way.",
    "PartnerCall", "pool/partner/item", "agents", ("agents",), compacted=True,
)  # fmt: skip
POS_HISTORY = Topic(
    "pos.history.v1", "Till transactions of the past, fed by `connect backfill`: demand to learn from, never stock.",
    "PastSale", "pool/store/system/source id", "operators", ("restock",), compacted=True, has_dead_letters=True,
)  # fmt: skip
SETTLEMENT_POSTINGS = Topic(
    "settlement.postings.v1", "Who owes whom: each transaction of a pool's ledger, once, in the order of its journal.",
    "LedgerTransaction", "pool", "settlement", ("accounting",), retention_ms=KEEP_FOREVER_MS,
)  # fmt: skip
SETTLEMENT_STATEMENTS = Topic(
    "settlement.statements.v1", "Balances and payments of each party for each settlement window that has closed.",
    "SettlementStatement", "pool/party/currency/start", "settlement", ("accounting", "api", "agents"), compacted=True,
)  # fmt: skip
SETTLEMENT_PUBLISHED = Topic(
    "settlement.published.v1", "How far each pool's settlement is published; internal.",
    "PublishedUntil", "pool", "settlement", ("settlement",), compacted=True,
)  # fmt: skip
RESTOCK_PROPOSALS = Topic(
    "restock.proposals.v1", "What each store is proposed to buy, and to get from neighbours, item by item.",
    "RestockProposal", "pool/store/sku", "restock", ("operators", "api", "exporter"), compacted=True,
)  # fmt: skip
RESTOCK_ANSWERS = Topic(
    "restock.answers.v1", "What shopkeepers say to proposals: approved, changed, refused.",
    "RestockAnswer", "pool", "operators", ("restock",), has_dead_letters=True,
)  # fmt: skip
RESTOCK_PURCHASES = Topic(
    "restock.purchases.v1", "What stores order of their suppliers: proposals that were agreed to.",
    "PurchaseLine", "pool/store/sku", "restock", ("operators",), retention_ms=400 * DAY_MS,
)  # fmt: skip
ACCESS_SETTINGS = Topic(
    "access.settings.v1", "Who may see what: keys of the API, grants of numbers, what stores show to everybody.",
    "AccessSetting", "pool/kind/name", "operators", ("api", "agents", "directory"), compacted=True,
)  # fmt: skip
PUBLIC_STORES = Topic(
    "public.stores.v1", "The stores that show themselves: hours, places of pickup, services.",
    "PublicStore", "pool/store", "directory", ("partners",), compacted=True,
)  # fmt: skip
PUBLIC_BANDS = Topic(
    "public.bands.v1", "Whether an item is in, low or out, of stores that show so. Changes when a band does.",
    "PublicBand", "pool/sku/store", "directory", ("partners",), compacted=True,
)  # fmt: skip
PUBLIC_AGGREGATES = Topic(
    "public.aggregates.v1", "How the shelves of each category stood at midnight, over four stores or more.",
    "PublicAggregate", "pool/category/day", "directory", ("partners",), retention_ms=400 * DAY_MS,
)  # fmt: skip
DIRECTORY_CHANGELOG = Topic(
    "directory.changelog.v1", "State of the directory's processor; internal.",
    "DirectoryStateRow", "table/row", "directory", ("directory",), compacted=True,
)  # fmt: skip
WEBHOOKS_SUBSCRIPTIONS = Topic(
    "webhooks.subscriptions.v1", "Programs that are told of what happens in a pool, at addresses of their own.",
    "WebhookSubscription", "pool/webhook", "api", ("api", "agents"), compacted=True,
)  # fmt: skip
WEBHOOKS_PROGRESS = Topic(
    "webhooks.progress.v1", "How far each of them was told, and since when it does not answer.",
    "WebhookProgress", "pool/webhook", "agents", ("api", "agents"), compacted=True,
)  # fmt: skip
RESTOCK_CHANGELOG = Topic(
    "restock.changelog.v1", "State of the restock processor; internal.",
    "RestockStateRow", "table/row", "restock", ("restock", "operators"), compacted=True,
)  # fmt: skip

_DECLARED = (
    POOL_CONFIG, CATALOG_ITEMS, POS_SALES, POS_STOCK, POOL_TICKS, ORDERS_REQUESTS, FULFILMENT_REPORTS,
    POOL_LENDING, POOL_JOURNAL, ORDERS_EVENTS, POOL_TASKS, PICKUP_APPOINTMENTS, POOL_AVAILABILITY, POOL_CHANGELOG,
    DLQ_OUTCOMES,
    CONNECTOR_POSITIONS, CONNECTOR_WRITEBACKS, CONNECTOR_REFUSALS, PARTNER_CALLS, POS_HISTORY,
    SETTLEMENT_POSTINGS, SETTLEMENT_STATEMENTS, SETTLEMENT_PUBLISHED,
    RESTOCK_PROPOSALS, RESTOCK_ANSWERS, RESTOCK_PURCHASES, RESTOCK_CHANGELOG,
    ACCESS_SETTINGS, WEBHOOKS_SUBSCRIPTIONS, WEBHOOKS_PROGRESS,
    PUBLIC_STORES, PUBLIC_BANDS, PUBLIC_AGGREGATES, DIRECTORY_CHANGELOG,
)  # fmt: skip


def _all() -> Iterator[Topic]:
    for topic in _DECLARED:
        yield topic
        if topic.has_dead_letters:
            yield Topic(
                dead_letter_topic(topic.name),
                f"Records of {topic.name} that were set aside, as they came; the headers say why.",
                None, "as it came", topic.readers[0], ("operators",), retention_ms=DEAD_LETTERS_KEPT_MS,
            )  # fmt: skip


TOPICS: dict[str, Topic] = {topic.name: topic for topic in _all()}
"""All topics by name."""
