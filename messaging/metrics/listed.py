"""The list of metrics: each that a process of ours shows, once. `docs/metrics.md` is made from it."""

from messaging.metrics.declared import CounterMetric, GaugeMetric, HistogramMetric, Metric

Collected = CounterMetric | GaugeMetric
"""A metric that a collector yields anew at each scrape."""
_STEP_BUCKETS_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_POOL = ("pool",)
_SENDER = ("pool", "store", "connector")
_PARTNER = ("pool", "partner")

# --- workers of the ledger lane: `ledger`, `restock` ------------------------------------------------------

WORKER_RECORDS = CounterMetric("commonshelf_worker_records_total", "Input records committed.", "records")
WORKER_BATCH = HistogramMetric(
    "commonshelf_worker_batch_seconds", "Time to process and commit a micro-batch.", "seconds", buckets=_STEP_BUCKETS_S
)
WORKER_COMMIT = HistogramMetric(
    "commonshelf_worker_commit_seconds", "Time to commit the Kafka transaction of a micro-batch, its flush included.",
    "seconds", buckets=_STEP_BUCKETS_S,
)  # fmt: skip
WORKER_LAG = GaugeMetric(
    "commonshelf_worker_lag_seconds", "Age of the oldest record read and not committed; 0 for none.", "seconds"
)
WORKER_PARTITIONS = GaugeMetric("commonshelf_worker_partitions", "Partitions held.", "partitions")
WORKER_ASSIGNMENTS = CounterMetric(
    "commonshelf_worker_assignments_total", "Times that the group gave partitions to the worker: rebalances.",
    "assignments",
)  # fmt: skip
WORKER_RESTORE = GaugeMetric(
    "commonshelf_worker_restore_seconds", "Time that the last assignment took to restore.", "seconds"
)
WORKER_RESTORE_REMAINING = GaugeMetric(
    "commonshelf_worker_restore_remaining_records",
    "Offsets of the changelog that a restore under way still has to read; 0 when none is.", "records",
)  # fmt: skip
WORKER_REJOINS = CounterMetric("commonshelf_worker_rejoins_total", "Times the worker lost its place.", "rejoins")
WORKER_HALTED = GaugeMetric(
    "commonshelf_worker_halted_partitions", "Partitions that stand still before a record; /ready names them.",
    "partitions",
)  # fmt: skip

# --- pools, by the ledger: durable, exact across restarts, as of the last commit -----------------------------
# The worker that holds a pool shows it, and no other.

POOL_POSITION = GaugeMetric(
    "commonshelf_pool_journal_position", "Position of the pool's newest journal entry.", "entries", _POOL
)
POOL_CLOCK = GaugeMetric("commonshelf_pool_clock_timestamp_seconds", "The pool's clock, Unix time.", "seconds", _POOL)
POOL_REMEMBERED = GaugeMetric(
    "commonshelf_pool_remembered_events", "Source events that the duplicate check remembers.", "events", _POOL
)
POOL_LINES = CounterMetric(
    "commonshelf_pool_lines_total",
    "Lines of tills by outcome: applied, duplicate, stale (of an older version), quarantined. Durable.",
    "lines", (*_POOL, "outcome"),
)  # fmt: skip
POOL_SALES = CounterMetric(
    "commonshelf_pool_sales_total",
    "Records of sales by lane: columnar, many at once; ordinary, one by one. Since the worker's start.",
    "records", ("lane",),
)  # fmt: skip
POOL_REQUESTS = CounterMetric(
    "commonshelf_pool_requests_total", "Requests about orders and transfers by outcome: accepted, refused. Durable.",
    "requests", (*_POOL, "outcome"),
)  # fmt: skip
POOL_REPORTS = CounterMetric(
    "commonshelf_pool_reports_total", "Reports of stores and carriers by outcome: accepted, refused. Durable.",
    "reports", (*_POOL, "outcome"),
)  # fmt: skip
POOL_REROUTES = CounterMetric(
    "commonshelf_pool_reroutes_total", "Orders allocated anew after a store failed. Durable.", "reroutes", _POOL
)
POOL_SHORT_ORDERS = GaugeMetric(
    "commonshelf_pool_short_orders",
    "Orders of the pool's own so far that stand as unfilled or part_filled: each counts once, as what it is now.",
    "orders", (*_POOL, "outcome"),
)  # fmt: skip
POOL_HOLDS_LOST = CounterMetric(
    "commonshelf_pool_holds_lost_total", "Orders that lost holds by reason: broken by a sale, expired. Durable.",
    "orders", (*_POOL, "reason"),
)  # fmt: skip
POOL_NOT_RUNG_UP = CounterMetric(
    "commonshelf_pool_hand_overs_not_rung_up_total",
    "Hand-overs that a store was asked about, since no till rang them up in time. Durable.", "hand-overs", _POOL,
)  # fmt: skip
POOL_REACTIONS_STOPPED = CounterMetric(
    "commonshelf_pool_reactions_stopped_total",
    "Orders, tasks and transfers whose reactions came to no end and were stopped: bugs. Durable.", "reactions", _POOL,
)  # fmt: skip
POOL_BAD_MESSAGES = CounterMetric(
    "commonshelf_pool_bad_messages_total", "Records that went to the dead letters whole.", "records", ("reason",)
)
POOL_SET_ASIDE = CounterMetric(
    "commonshelf_pool_lines_set_aside_total", "Lines set aside, unmapped ones among them.", "lines",
    (*_SENDER, "reason"),
)  # fmt: skip
POOL_DUPLICATES = CounterMetric(
    "commonshelf_pool_lines_duplicate_total", "Lines told again, which changed nothing.", "lines", _SENDER
)

# --- agents ---------------------------------------------------------------------------------------------

CLOCK_SENT = CounterMetric("commonshelf_clock_ticks_sent_total", "Ticks that Kafka acknowledged.", "ticks")
CLOCK_FAILED = CounterMetric("commonshelf_clock_ticks_failed_total", "Ticks that were dropped.", "ticks")
CLOCK_BAD_CONFIG = CounterMetric("commonshelf_clock_bad_config_total", "Config records passed over.", "records")
CLOCK_LAST_TICK_AGE = GaugeMetric(
    "commonshelf_clock_last_tick_age_seconds", "Since a round of ticks went out, or since the start.", "seconds"
)
CLOCK_POOLS = GaugeMetric(
    "commonshelf_clock_pools", "Pools in the config that this worker read, on whichever clock.", "pools"
)
CLOCK_TICKED_POOLS = GaugeMetric("commonshelf_clock_ticked_pools", "Pools ticked in the last round.", "pools")
VAULT_ERASED = CounterMetric("commonshelf_vault_erased_total", "Addresses erased when they had expired.", "addresses")
VAULT_SWEEPS_FAILED = CounterMetric(
    "commonshelf_vault_sweeps_failed_total", "Sweeps that will be tried again.", "sweeps"
)

# --- connectors -----------------------------------------------------------------------------------------

CONNECTOR_LINES = CounterMetric(
    "commonshelf_connector_lines_total", "Lines by outcome: published, refused.", "lines", (*_SENDER, "outcome")
)
CONNECTOR_SKIPPED = CounterMetric(
    "commonshelf_connector_skipped_total", "Lines and messages that move no stock of ours, by reason.", "messages",
    (*_SENDER, "reason"),
)  # fmt: skip
CONNECTOR_FILES = CounterMetric(
    "commonshelf_connector_files_total", "Files by outcome: done, rejected, repeated, changed_later.", "files",
    (*_SENDER, "outcome"),
)  # fmt: skip
CONNECTOR_REQUESTS = CounterMetric(
    "commonshelf_connector_requests_total", "Webhook requests by HTTP status.", "requests", (*_SENDER, "status")
)
CONNECTOR_SIGNATURES = CounterMetric(
    "commonshelf_connector_rejected_signatures_total", "Webhook requests whose signature was not accepted.",
    "requests", _SENDER,
)  # fmt: skip
CONNECTOR_WRITTEN_BACK = CounterMetric(
    "commonshelf_connector_written_back_total",
    "Changes of the till's online channel by outcome: done, refused, looked_up (the vendor's word was taken), "
    "lost (undone there by someone).",
    "changes", (*_SENDER, "outcome"),
)  # fmt: skip
CONNECTOR_SUCCESS = GaugeMetric(
    "commonshelf_connector_last_success_timestamp_seconds", "When lines last reached Kafka, Unix time.", "seconds",
    _SENDER,
)  # fmt: skip
CONNECTOR_RECONCILED = GaugeMetric(
    "commonshelf_connector_reconciled_timestamp_seconds",
    "When the last poll began that found the vendor's list read to its end, Unix time.", "seconds", _SENDER,
    unseen_because="panels show how long ago that is",
)  # fmt: skip
CONNECTOR_RECONCILIATION_LAG = GaugeMetric(
    "commonshelf_connector_reconciliation_lag_seconds", "How long ago that poll began.", "seconds", _SENDER
)
CONNECTOR_NEWEST_EVENT_AGE = GaugeMetric(
    "commonshelf_connector_newest_event_age_seconds", "Age of the newest sale or report that was published.",
    "seconds", _SENDER,
)  # fmt: skip

# --- partners, by the connectors and the agents ----------------------------------------------------------------

PARTNER_REQUESTS = CounterMetric(
    "commonshelf_partner_requests_total", "Posts of partners by HTTP status.", "requests", (*_PARTNER, "status")
)
PARTNER_SIGNATURES = CounterMetric(
    "commonshelf_partner_rejected_signatures_total", "Posts of partners whose signature was not accepted.",
    "requests", _PARTNER,
)  # fmt: skip
PARTNER_CALLS = CounterMetric(
    "commonshelf_partner_calls_total", "Calls to partners by outcome: done, refused.", "calls", (*_PARTNER, "outcome")
)
PARTNER_CALLS_UNDER_WAY = GaugeMetric(
    "commonshelf_partner_calls_under_way", "Calls to partners that have no outcome yet.", "calls", _PARTNER
)
WEBHOOK_CALLS = CounterMetric(
    "commonshelf_webhook_calls_total", "Messages to the API's subscribers by outcome: delivered, refused, failed.",
    "calls", ("outcome",),
)  # fmt: skip
WEBHOOKS_FAILING = GaugeMetric(
    "commonshelf_webhooks_failing", "Subscribers that do not take what they are told, parked ones among them.",
    "subscribers",
)  # fmt: skip
PARTNER_REPORTS = CounterMetric(
    "commonshelf_partner_reports_total",
    "Messages of partners by kind and outcome: accepted, pending, or the reason of a refusal.", "messages",
    (*_PARTNER, "kind", "outcome"),
)  # fmt: skip

# --- settlement -----------------------------------------------------------------------------------------

SETTLEMENT_UNSETTLED = GaugeMetric(
    "commonshelf_settlement_unsettled_minor",
    "What parties owe each other in windows that have not closed.", "minor units", (*_POOL, "currency"),
)  # fmt: skip
SETTLEMENT_UNPRICED = GaugeMetric(
    "commonshelf_settlement_unpriced", "Facts that wait for a price or an agreement.", "facts", _POOL
)
SETTLEMENT_OLDEST_UNPOSTED = GaugeMetric(
    "commonshelf_settlement_oldest_unposted_seconds", "Age of the oldest of them; 0 for none.", "seconds", _POOL
)
SETTLEMENT_DISPUTES = GaugeMetric("commonshelf_settlement_disputes", "Disputes that are open.", "disputes", _POOL)
SETTLEMENT_TRANSACTIONS = CounterMetric(
    "commonshelf_settlement_transactions_total", "Transactions posted since the start.", "transactions", _POOL
)
SETTLEMENT_RESTATEMENTS = CounterMetric(
    "commonshelf_settlement_restatements_total", "Of these, about a window that had closed.", "transactions", _POOL
)
SETTLEMENT_UNPUBLISHED = GaugeMetric(
    "commonshelf_settlement_unpublished_transactions", "Transactions of the database that wait to be published.",
    "transactions", _POOL,
)  # fmt: skip
SETTLEMENT_UNPUBLISHED_WINDOWS = GaugeMetric(
    "commonshelf_settlement_unpublished_windows", "Closed windows whose statements wait to be published.",
    "windows", _POOL,
)  # fmt: skip
SETTLEMENT_OLDEST_UNPUBLISHED = GaugeMetric(
    "commonshelf_settlement_oldest_unpublished_seconds",
    "Age of the oldest of both, by when the broker had what brought it about; 0 for none.", "seconds", _POOL,
)  # fmt: skip

# --- exporter: from topics, by pool and store -------------------------------------------------------------
# Its sums count from its start on.

STORE_SHELVES = GaugeMetric(
    "commonshelf_store_availability_rows", "Shelves of the live table: items that a store's books know.", "rows",
    ("pool", "store"),
)  # fmt: skip
STORE_NEGATIVE = GaugeMetric(
    "commonshelf_store_negative_rows", "Shelves whose books are below zero.", "rows", ("pool", "store")
)
STORE_CONFIDENCE = GaugeMetric(
    "commonshelf_store_confidence_ratio",
    "Mean chance that a unit is where a store's books say, as of each shelf's last change.", "ratio",
    ("pool", "store"),
)  # fmt: skip
STORE_NEWEST = GaugeMetric(
    "commonshelf_store_newest_change_timestamp_seconds",
    "When the newest event was recorded that a store's availability shows, Unix time.", "seconds", ("pool", "store"),
)  # fmt: skip
STORE_TASKS = GaugeMetric(
    "commonshelf_store_tasks", "Tasks that have not ended, by kind.", "tasks", ("pool", "store", "kind")
)
STORE_TASKS_ENDED = CounterMetric(
    "commonshelf_store_tasks_ended_total", "Tasks that ended, by outcome: done, refused, late, cancelled.", "tasks",
    ("pool", "store", "outcome"),
)  # fmt: skip
ORDER_EVENTS = CounterMetric(
    "commonshelf_order_events_total", "What was told about orders and transfers, by kind.", "events",
    (*_POOL, "kind"),
)  # fmt: skip
ORDERS_ENDED = CounterMetric(
    "commonshelf_orders_ended_total", "Orders that ended, by outcome.", "orders", (*_POOL, "outcome")
)
ORDER_LINES = CounterMetric("commonshelf_order_lines_total", "Lines of orders that were placed.", "lines", _POOL)
ORDER_LINES_FILLED = CounterMetric(
    "commonshelf_order_lines_filled_total", "Of these, lines that the pool's stores filled whole when placed.", "lines",
    _POOL,
)  # fmt: skip
ORDER_LINES_FILLED_ALONE = CounterMetric(
    "commonshelf_order_lines_filled_alone_total",
    "Of these, lines that the store of the customer's wish filled, or could have: without the pool.",
    "lines", _POOL,
)  # fmt: skip
PICKUP_APPOINTMENTS = GaugeMetric(
    "commonshelf_pickup_appointments", "Appointments ahead by status: booked, ready.", "appointments",
    ("pool", "place", "status"),
)  # fmt: skip
PICKUP_WINDOW_SECONDS = CounterMetric(
    "commonshelf_pickup_window_seconds_total",
    "Widths of the windows last promised for appointments that ended: by their number, the mean width.", "seconds",
    ("pool", "place"),
)  # fmt: skip
PICKUP_WINDOWS = CounterMetric(
    "commonshelf_pickup_windows_total",
    "Appointments that ended: kept, late (the goods were not ready at the time), no_show.", "appointments",
    ("pool", "place", "outcome"),
)  # fmt: skip
RESTOCK_PROPOSALS = GaugeMetric(
    "commonshelf_restock_proposals", "Newest proposals to buy or move, by status.", "proposals", (*_POOL, "status")
)

# --- the API, by the process that serves it ---------------------------------------------------------------

API_REQUESTS = CounterMetric(
    "commonshelf_api_requests_total",
    "Requests to the API by status class: 2xx, 3xx, 4xx, 5xx.",
    "requests",
    ("status",),
)
API_REQUEST_SECONDS = HistogramMetric(
    "commonshelf_api_request_seconds",
    "Time from a request to the beginning of its answer; of orders and reports the pool's answer is waited for.",
    "seconds", buckets=(0.001, 0.002, *_STEP_BUCKETS_S),
)  # fmt: skip
API_LISTENERS = GaugeMetric("commonshelf_api_listeners", "Live streams of changes that are open.", "streams")
GROUP_LAG = GaugeMetric(
    "commonshelf_group_lag_records",
    "Offsets of a topic that a consumer group has not committed yet, as brokers say, less a marker at the end.",
    "records", ("group", "topic"),
)  # fmt: skip

METRICS: tuple[Metric, ...] = tuple(one for one in globals().values() if isinstance(one, Metric))
"""All of them, in this order."""
