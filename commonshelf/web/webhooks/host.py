"""The host of all deliveries: follows who subscribed, whose key may see what, and how far each was told."""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import structlog
from confluent_kafka import Consumer, KafkaException
from confluent_kafka import Message as Record
from prometheus_client import CollectorRegistry

from commonshelf.config.credentials import kafka_options
from commonshelf.config.settings import Settings
from commonshelf.web.callers import Caller, is_live
from commonshelf.web.webhooks.delivery import Delivery, Subscribed
from commonshelf.web.webhooks.feed import Feed
from commonshelf.web.webhooks.messages import Members
from commonshelf.web.webhooks.secrets import Signing, mark_of, server_key
from commonshelf.web.webhooks.targets import PublicTransport
from connectors.http.post import SignedPost
from messaging.client_options import ClientOptions
from messaging.clock import wall_clock_ms
from messaging.decoding import LaterRecords, decoder
from messaging.log_reader import is_record, log_consumer, until_end
from messaging.metrics import listed
from messaging.publisher import Publisher
from schemas.models.webhooks import WebhookProgress, WebhookSubscription
from schemas.topics import ACCESS_SETTINGS, POOL_CONFIG, WEBHOOKS_PROGRESS, WEBHOOKS_SUBSCRIPTIONS
from schemas.types.access import PublicListing
from schemas.types.config import StoreSettings

_FOLLOWED = (ACCESS_SETTINGS.name, POOL_CONFIG.name, WEBHOOKS_PROGRESS.name, WEBHOOKS_SUBSCRIPTIONS.name)
_KEPT = {ACCESS_SETTINGS.name: ("key", "listing"), POOL_CONFIG.name: ("pool", "store")}
"""Topic → the kinds of settings that are looked at; of the others all rows are."""
_POLL_S = 0.2
_BATCH = 1_000
_PAUSE_S = 2.0
_GRACE_S = 5.0
_HOUR_MS = 3_600_000
_log = structlog.get_logger()

Table = Mapping[str, Any]


class _Told(NamedTuple):
    """A delivery that runs."""

    subscribed: Subscribed
    thread: threading.Thread
    delivery: Delivery


class _Shown(NamedTuple):
    """A pool's stores and listings, and the tables that they were made of."""

    config: Table
    access: Table
    stores: Mapping[str, StoreSettings]
    listings: Mapping[str, PublicListing]
    zone: str


class Tables:
    """The rows of the topics that the host follows. One thread writes, any reads."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Any]] = {topic: {} for topic in _FOLLOWED}
        self._decode = {topic: decoder(topic) for topic in _FOLLOWED}
        self._kept: dict[str, _Shown] = {}

    def take(self, records: Iterable[Record]) -> None:
        """Raises LaterRecords, KafkaException."""
        changed: dict[str, dict[str, Any]] = {}
        for record in filter(is_record, records):
            topic, key, value = str(record.topic()), (record.key() or b"").decode(errors="replace"), record.value()
            if topic in _KEPT and key.split("/")[1:2] and key.split("/")[1] not in _KEPT[topic]:
                continue
            rows = changed.setdefault(topic, dict(self._rows[topic]))
            row = None if value is None else self._decode[topic](value)
            if row is None:
                rows.pop(key, None)
            else:
                rows[key] = row
        self._rows |= changed  # whole tables: a reader sees one state of each

    def table(self, topic: str) -> Table:
        return self._rows[topic]

    def members(self, subscription: WebhookSubscription) -> Members:
        """Who may see what in the subscription's pool."""
        pool = subscription.pool
        access = self._rows[ACCESS_SETTINGS.name]
        found = access.get(f"{pool}/key/{subscription.key_id}")
        key = None if found is None else found["setting"][1]
        is_over = key is None or not is_live(key, wall_clock_ms()) or "webhooks:write" not in key["scopes"]
        caller = None if is_over else Caller(subscription.key_id, pool, key)
        shown = self._shown(pool)
        return Members(caller, shown.stores, shown.listings, shown.zone)

    def _shown(self, pool: str) -> "_Shown":
        """A pool's stores and listings; made once of each state of the tables."""
        config, access = self._rows[POOL_CONFIG.name], self._rows[ACCESS_SETTINGS.name]
        kept = self._kept.get(pool)
        if kept is None or kept.config is not config or kept.access is not access:
            stores = {row["change"][1]["store"]: row["change"][1] for row in _of(config, f"{pool}/store/")}
            settings = config.get(f"{pool}/pool")
            zone = "UTC" if settings is None else settings["change"][1]["time_zone"]
            listings = {row["setting"][1]["store"]: row["setting"][1] for row in _of(access, f"{pool}/listing/")}
            self._kept[pool] = kept = _Shown(config, access, stores, listings, zone)
        return kept


def _of(table: Table, prefix: str) -> Iterable[Any]:
    return (row for key, row in table.items() if key.startswith(prefix))


class Host:
    """Runs a delivery for each subscription. Raises SecretUnusable, OSError."""

    def __init__(
        self, options: ClientOptions, settings: Settings, count: Callable[[str], None], retry_s: float = 1.0
    ) -> None:
        self._options = options
        self._settings = settings
        self._webhooks = settings.webhooks
        self._key = server_key(settings)
        self._count = count
        self._retry_s = retry_s
        self._tables = Tables()
        self._told: dict[str, _Told] = {}
        self._unsigned: set[str] = set()
        self._stop = threading.Event()

    @property
    def failing(self) -> int:
        """Subscribers that do not take what they are told."""
        return sum(one.delivery.progress.failing_since_ms is not None for one in list(self._told.values()))

    def run(self, stop: threading.Event) -> None:
        """Tell until `stop` is set."""
        self._stop = stop
        with Publisher({"client.id": "commonshelf-webhooks", **self._options}, self._settings.partitions) as publisher:
            while not stop.is_set():
                try:
                    self._follow(publisher)
                except (KafkaException, TimeoutError, LaterRecords) as error:
                    _log.warning("who subscribed is not known for now", reason=str(error))
                    stop.wait(_PAUSE_S)
            for one in self._told.values():
                one.subscribed.news.set()
            for one in self._told.values():
                one.thread.join(_GRACE_S)

    def _follow(self, publisher: Publisher) -> None:
        consumer: Consumer = log_consumer(self._options, _FOLLOWED)
        try:
            tables = Tables()
            tables.take(until_end(consumer))
            self._tables = tables
            while not self._stop.is_set():
                self._reconcile(publisher)
                self._tables.take(consumer.consume(_BATCH, _POLL_S))
        finally:
            consumer.close()

    def _reconcile(self, publisher: Publisher) -> None:
        """Bring the deliveries to what is subscribed."""
        for key, one in list(self._told.items()):
            if not one.thread.is_alive():
                del self._told[key]
        for key, row in self._tables.table(WEBHOOKS_SUBSCRIPTIONS.name).items():
            subscription = WebhookSubscription.model_validate(row)
            if key in self._told:
                self._told[key].subscribed.change(subscription)
                continue
            subscribed = Subscribed(subscription, self._members)
            if not subscribed.is_over and self._can_sign(subscription):
                self._told[key] = self._begin(key, subscribed, publisher)

    def _can_sign(self, subscription: WebhookSubscription) -> bool:
        """Whether the secret that its holder was shown follows from the key that is here."""
        if subscription.key_mark == mark_of(self._key):
            return True
        if subscription.webhook not in self._unsigned:
            self._unsigned.add(subscription.webhook)
            _log.error(
                "a subscriber is not called: the server that showed its secret has another key of the webhooks; set "
                "webhooks.key_env for both, and let it rotate its secret",
                webhook=subscription.webhook, pool=subscription.pool,
            )  # fmt: skip
        return False

    def _members(self, subscription: WebhookSubscription) -> Members:
        return self._tables.members(subscription)

    def _begin(self, key: str, subscribed: Subscribed, publisher: Publisher) -> _Told:
        subscription = subscribed.subscription
        stored = self._tables.table(WEBHOOKS_PROGRESS.name).get(key)
        progress = WebhookProgress(pool=subscription.pool, webhook=subscription.webhook)
        post = SignedPost(
            subscription.url, Signing(self._key, lambda: subscribed.subscription), self._webhooks.request_timeout_s,
            transport=None if self._webhooks.may_call_private_addresses else PublicTransport(), shows_answers=False,
        )  # fmt: skip
        delivery = Delivery(
            subscribed,
            progress if stored is None else WebhookProgress.model_validate(stored),
            lambda known: Feed(self._options, known.pool, known.kinds, self._settings.partitions),
            post,
            lambda record: publisher.publish_all([record]),
            self._webhooks.parked_after_h * _HOUR_MS,
            self._count,
            retry_s=self._retry_s,
        )
        thread = threading.Thread(
            target=delivery.run, args=(self._stop,), name=f"webhook {subscription.webhook}", daemon=True
        )
        thread.start()
        return _Told(subscribed, thread, delivery)


def webhooks_caller(settings: Settings, registry: CollectorRegistry) -> Callable[[threading.Event], None]:
    """What tells the subscribers, for the process that calls out. Raises SecretUnusable, OSError."""
    calls = listed.WEBHOOK_CALLS.on(registry)
    for outcome in ("delivered", "refused", "failed"):
        calls.labels(outcome)  # shown from the start
    host = Host(kafka_options(settings.kafka), settings, lambda outcome: calls.labels(outcome).inc())
    listed.WEBHOOKS_FAILING.on(registry).set_function(lambda: host.failing)
    return host.run
