"""The pools' topics as tables on this machine, with typed getters: our pages and the API read these.

    with PoolViews(kafka_options, folder, partitions) as views:
        views.ready()                      # no until all is read to its end; says what it waits for
        views.shelves("town", "MILK-1L")   # an item at each store
        views.wait_for("town", 4711, 2.0)  # read your writes: until journal position 4711 is in all tables

Every getter reads RocksDB in this process, in microseconds; none asks Kafka, so coroutines may call them. They raise
ViewDamaged (being read anew: answer 503) and ViewFailed (the process ends, and is started again). Quantities are
thousandths of the item's unit, times ms since 1970 UTC, money minor units. Numbers of stores are for members with a
grant: the views show all, who may see what is decided where they are asked.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from confluent_kafka import Message

from commonshelf.web.views import layouts
from commonshelf.web.views.answers import Answers
from commonshelf.web.views.changes import Change, ChangeKind, Changes, Listener
from commonshelf.web.views.followed import FOLLOWED, OF_POOLS
from commonshelf.web.views.freshness import Freshness
from commonshelf.web.views.layouts import name, number
from commonshelf.web.views.memo import Memo
from commonshelf.web.views.places import appointment_place, task_place
from commonshelf.web.views.rows import decoded, decoded_shelf
from messaging.client_options import ClientOptions
from messaging.status_server import Status
from messaging.view import View, ViewFailed
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
from schemas.types.access import ApiKey, NumbersGrant, PublicListing
from schemas.types.catalog import CatalogItem
from schemas.types.config import PickupPlace, PoolSettings, StoreItemSettings, StoreSettings
from schemas.types.connectors import ConnectorRefusal
from schemas.types.orders import OrderEvent
from schemas.types.pickup import AppointmentRow
from schemas.types.restock import RestockProposal
from schemas.types.settlement import SettlementStatement
from schemas.types.stock import Availability
from schemas.types.tasks import TaskRow
from schemas.types.transfers import TransferRow
from schemas.types.webhooks import WebhookProgress, WebhookSubscription


class PoolViews:
    """The views of all pools. Thread-safe but for `listen`, which is for the server's event loop.

    folder: where the tables are kept; what is dropped there is read from Kafka again.
    partitions: of every topic.
    """

    def __init__(self, kafka_options: ClientOptions, folder: Path, partitions: int) -> None:
        self.changes = Changes()
        self.answers = Answers()
        self._views: dict[str, View] = {
            topic.name: View(
                kafka_options,
                topic.name,
                folder / topic.name,
                layout=layout,
                on_read=partial(self._tell, topic.name, kind),
            )
            for topic, kind, layout in FOLLOWED
        }
        written_by_pools = [topic.name for topic, kind, _ in FOLLOWED if kind in OF_POOLS]
        self._freshness = Freshness(
            kafka_options, {topic: self._views[topic] for topic in written_by_pools}, partitions
        )
        self._memos = {topic.name: Memo() for topic in (POOL_CONFIG, CATALOG_ITEMS, ACCESS_SETTINGS)}
        self._entered = ExitStack()

    def __enter__(self) -> Self:
        for view in self._views.values():
            self._entered.enter_context(view)
        self._freshness.start()
        self._entered.callback(self._freshness.stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for view in self._views.values():
            view.stop()
        self._entered.close()

    # How far the views are

    def ready(self) -> Status:
        """Whether every table has been read to its end since the start; else the first that was not."""
        return next((status for view in self._views.values() if not (status := view.ready()).ok), Status(ok=True))

    def position(self, pool: str) -> int:
        """All facts of the pool's journal up to this position are in the tables, and perhaps more; 0 if unknown yet."""
        return self._freshness.position(pool)

    def wait_for(self, pool: str, position: int, timeout_s: float) -> bool:
        """Wait until the fact at `position` of the pool's journal is in all tables; False when it is not in time.

        Who was told a position, and waits for it here, reads their writes. It blocks: a coroutine hands it to a thread.
        Proposals and statements follow later by themselves.
        """
        return self._freshness.wait_for(pool, position, timeout_s)

    @property
    def failure(self) -> str | None:
        """Why the process must end and be started again, or None."""
        for view in self._views.values():
            try:
                view.wait_ready(0)
            except ViewFailed as failed:
                return str(failed)
        return None

    def listen(self, pool: str, kinds: Collection[ChangeKind] | None = None) -> Listener:
        """The pool's changes from now on: `with views.listen(pool) as listener: await listener.next(15)`."""
        return self.changes.listen(pool, kinds)

    # Settings and the catalogue

    def pools(self) -> list[str]:
        """Ids of the pools that are configured."""
        return [key[: -len(b"/pool")].decode() for key, _ in self._of(POOL_CONFIG).scan() if key.endswith(b"/pool")]

    def settings(self, pool: str) -> PoolSettings | None:
        """None for a pool that is not configured."""
        made = partial(self._setting, pool, "pool")
        return cast("PoolSettings | None", self._memos[POOL_CONFIG.name].get(pool, made))

    def stores(self, pool: str) -> dict[str, StoreSettings]:
        """Store → its settings, by id."""
        return self._memos[POOL_CONFIG.name].get(
            (pool, "store"), lambda: {row["store"]: row for row in self._settings(pool, "store")}
        )

    def store(self, pool: str, store: str) -> StoreSettings | None:
        return self.stores(pool).get(store)

    def store_items(self, pool: str, store: str) -> dict[str, StoreItemSettings]:
        """SKU → the store's own terms for it, where it has any."""
        return {row["sku"]: row for row in self._settings(pool, "item", store)}

    def places(self, pool: str) -> dict[str, PickupPlace]:
        """Pickup place → its settings, by id."""
        return self._memos[POOL_CONFIG.name].get(
            (pool, "place"), lambda: {row["place"]: row for row in self._settings(pool, "place")}
        )

    def item(self, pool: str, sku: str) -> CatalogItem | None:
        made = partial(self._row, CATALOG_ITEMS, name(pool, sku))
        return cast("CatalogItem | None", self._memos[CATALOG_ITEMS.name].get((pool, sku), made))

    def items(self, pool: str, after: str = "") -> Iterator[CatalogItem]:
        """The items of the product master in order of their SKU, behind the SKU `after`."""
        return self._rows(CATALOG_ITEMS, name(pool, ""), name(pool, after) if after else b"")

    # Who may see what

    def key(self, key_id: str) -> tuple[str, ApiKey] | None:
        """The pool of a key, and the key, also when it is over; None for one that was never made."""
        pool = self._of(ACCESS_SETTINGS).get(layouts.KEY_ID + key_id.encode())
        if pool is None:
            return None
        made = partial(self._row, ACCESS_SETTINGS, layouts.ROW + name(pool.decode(), "key", key_id))
        row = self._memos[ACCESS_SETTINGS.name].get(("key", key_id), made)
        return None if row is None else (pool.decode(), cast("ApiKey", row["setting"][1]))

    def grants(self, pool: str) -> list[NumbersGrant]:
        """The grants of numbers in a pool by name, also those that are over."""
        return self._memos[ACCESS_SETTINGS.name].get((pool, "grant"), lambda: list(self._accesses(pool, "grant")))

    def listing(self, pool: str, store: str) -> PublicListing | None:
        """What a store shows to everybody; None when it shows nothing."""
        return self.listings(pool).get(store)

    def listings(self, pool: str) -> dict[str, PublicListing]:
        """Store → what it shows to everybody, by id; nothing of a store that is not there."""
        return self._memos[ACCESS_SETTINGS.name].get(
            (pool, "listing"),
            lambda: {row["store"]: row for row in self._accesses(pool, "listing") if row["is_listed"]},
        )

    def listed_at_ms(self, pool: str, store: str) -> int:
        """When a store last told what it shows, or its settings were told; 0 for a store that shows nothing."""
        listing = self._row(ACCESS_SETTINGS, layouts.ROW + name(pool, "listing", store))
        settings = self._row(POOL_CONFIG, name(pool, "store", store))
        return max((row["recorded_at_ms"] for row in (listing, settings) if row is not None), default=0)

    # Webhooks

    def webhooks(self, pool: str) -> list[WebhookSubscription]:
        """The subscriptions of a pool by id, also those that are ended."""
        return list(self._rows(WEBHOOKS_SUBSCRIPTIONS, name(pool, "")))

    def webhook(self, pool: str, webhook: str) -> WebhookSubscription | None:
        return cast("WebhookSubscription | None", self._row(WEBHOOKS_SUBSCRIPTIONS, name(pool, webhook)))

    def webhook_progress(self, pool: str, webhook: str) -> WebhookProgress | None:
        """How far a subscriber was told; None until the calls have begun."""
        return cast("WebhookProgress | None", self._row(WEBHOOKS_PROGRESS, name(pool, webhook)))

    # Shelves

    def shelves(self, pool: str, sku: str) -> list[Availability]:
        """An item's shelf at each store that has one, by store. Their sum is what the pool can promise."""
        found = (decoded_shelf(value) for _, value in self._of(POOL_AVAILABILITY).scan(_shelf_key(pool, sku, "")))
        return [row for row in found if row is not None and row["sku"] == sku]  # "a/b" begins like "a"

    def shelf(self, pool: str, sku: str, store: str) -> Availability | None:
        value = self._of(POOL_AVAILABILITY).get(_shelf_key(pool, sku, store))
        return None if value is None else decoded_shelf(value)

    def shelves_of(self, pool: str, store: str, after: str = "") -> Iterator[Availability]:
        """The shelves of a store in order of their SKU, behind the SKU `after`."""
        prefix = name(pool, store, "")
        for sku in self._names(POOL_AVAILABILITY, layouts.BY_STORE + prefix, after):
            row = self._row(POOL_AVAILABILITY, _shelf_key(pool, sku, store))  # a long walk, of which nothing is kept
            if row is not None:
                yield row

    # Orders and transfers

    def order(self, pool: str, order: str) -> OrderEvent | None:
        """The last event that tells how an order stands: its status, outcome, lines, holds and appointments."""
        return self._event_at(pool, layouts.STANDING + name(pool, order))

    def decision(self, pool: str, order: str) -> OrderEvent | None:
        """The last event with a decision: its costs, the runner-up, and which stores were passed over and why."""
        return self._event_at(pool, layouts.DECISION + name(pool, order))

    def order_events(self, pool: str, order: str) -> list[OrderEvent]:
        """All that became of an order, or of a transfer, oldest first; events of refused requests among them."""
        keys = self._of(ORDERS_EVENTS).scan(layouts.OF_ORDER + name(pool, order, ""))
        events = (self.event(pool, int.from_bytes(key[-8:], "big")) for key, _ in keys)
        return [event for event in events if event is not None]

    def open_orders(self, pool: str, after: str = "") -> Iterator[OrderEvent]:
        """The last standing event of each order that has not ended, by the order's id, behind the id `after`."""
        prefix = layouts.OPEN + name(pool, "")
        for _, at in self._of(ORDERS_EVENTS).scan(prefix, layouts.OPEN + name(pool, after) if after else b""):
            event = self.event(pool, int.from_bytes(at, "big"))
            if event is not None:
                yield event

    def recent_events(self, pool: str, before: int | None = None) -> Iterator[tuple[int, OrderEvent]]:
        """(offset, event) of the pool's orders and transfers, newest first, from before the offset `before`."""
        prefix = layouts.EVENT + name(pool, "")
        after = b"" if before is None else prefix + number(before)
        for key, value in self._of(ORDERS_EVENTS).scan(prefix, after, is_backward=True):
            event = decoded(ORDERS_EVENTS, value)
            if event is not None:
                yield int.from_bytes(key[-8:], "big"), event

    def event(self, pool: str, offset: int) -> OrderEvent | None:
        """The event at an offset of the pool's partition, as `Change.offset` says."""
        return cast("OrderEvent | None", self._row(ORDERS_EVENTS, layouts.EVENT + name(pool, "") + number(offset)))

    def answer(self, pool: str, key: str) -> OrderEvent | None:
        """What became of the request, or the report, called `key`; None until the pool has answered it."""
        wanted = name(pool, key)
        return self._event_at(pool, layouts.ANSWER + wanted) or self._event_at(pool, layouts.REPEATED + wanted)

    def transfers(self, pool: str) -> list[TransferRow]:
        """Each transfer as it stands, by id."""
        found = self._of(ORDERS_EVENTS).scan(layouts.TRANSFER + name(pool, ""))
        events = (self.event(pool, int.from_bytes(at, "big")) for _, at in found)
        return [event["transfer"] for event in events if event is not None and event["transfer"] is not None]

    def transfer(self, pool: str, transfer: str) -> TransferRow | None:
        event = self._event_at(pool, layouts.TRANSFER + name(pool, transfer))
        return None if event is None else event["transfer"]

    # Tasks and appointments

    def tasks(self, pool: str, store: str, *, is_live: bool = True) -> list[TaskRow]:
        """The tasks of a store that are not over, or all that are remembered; the most urgent first."""
        index = (layouts.LIVE_BY_STORE if is_live else layouts.BY_STORE) + name(pool, store, "")
        found = (self.task(pool, task) for task in self._names(POOL_TASKS, index))
        return sorted(filter(None, found), key=task_place)

    def task(self, pool: str, task: str) -> TaskRow | None:
        return cast("TaskRow | None", self._row(POOL_TASKS, layouts.ROW + name(pool, task)))

    def appointments(self, pool: str, order: str) -> list[AppointmentRow]:
        """The appointments of an order, by store."""
        return list(self._rows(PICKUP_APPOINTMENTS, layouts.ROW + name(pool, order, "")))

    def appointments_at(self, pool: str, store: str, *, is_live: bool = True) -> list[AppointmentRow]:
        """The appointments of a store that are not over, or all that are remembered, by time."""
        index = (layouts.LIVE_BY_STORE if is_live else layouts.BY_STORE) + name(pool, store, "")
        keys = (layouts.ROW + name(pool, order, store) for order in self._names(PICKUP_APPOINTMENTS, index))
        found = (cast("AppointmentRow | None", self._row(PICKUP_APPOINTMENTS, key)) for key in keys)
        return sorted(filter(None, found), key=appointment_place)

    def reported(self, pool: str, report: str) -> TaskRow | AppointmentRow | None:
        """The task, or the appointment, that has taken the report of that id; None when none has (yet)."""
        for topic in (POOL_TASKS, PICKUP_APPOINTMENTS):
            key = self._of(topic).get(layouts.ANSWER + name(pool, report))
            if key is not None:
                return cast("TaskRow | AppointmentRow | None", self._row(topic, key))
        return None

    # Restock, settlement, refusals

    def proposals(self, pool: str, store: str) -> list[RestockProposal]:
        """The newest proposal for each item of a store, whatever its status, by SKU."""
        return list(self._rows(RESTOCK_PROPOSALS, name(pool, store, "")))

    def proposal(self, pool: str, store: str, sku: str) -> RestockProposal | None:
        return cast("RestockProposal | None", self._row(RESTOCK_PROPOSALS, name(pool, store, sku)))

    def statements(self, pool: str, party: str) -> list[SettlementStatement]:
        """The statements of a party (a store, or the pool's mutual fund), oldest first."""
        rows = self._rows(SETTLEMENT_STATEMENTS, name(pool, party, ""))
        return sorted(rows, key=lambda row: (row["start_ms"], row["currency"]))

    def refusals(self, pool: str, store: str, before: int | None = None) -> Iterator[tuple[int, ConnectorRefusal]]:
        """(offset, what a store's connectors could not use), newest first, from before the offset `before`.

        What the pool itself set aside are dead letters: `commonshelf.dead_letters` reads them when asked.
        """
        prefix = layouts.ROW + name(pool, "")
        after = b"" if before is None else prefix + number(before)
        for key, value in self._of(CONNECTOR_REFUSALS).scan(prefix, after, is_backward=True):
            row = decoded(CONNECTOR_REFUSALS, value)
            if row is not None and row["store"] == store:
                yield int.from_bytes(key[-8:], "big"), row

    def _of(self, topic: Topic) -> View:
        return self._views[topic.name]

    def _row(self, topic: Topic, key: bytes) -> Any:
        value = self._of(topic).get(key)
        return None if value is None else decoded(topic, value)

    def _rows(self, topic: Topic, prefix: bytes, after: bytes = b"") -> Iterator[Any]:
        found = (decoded(topic, value) for _, value in self._of(topic).scan(prefix, after))
        return (row for row in found if row is not None)

    def _names(self, topic: Topic, index: bytes, after: str = "") -> Iterator[str]:
        for key, _ in self._of(topic).scan(index, index + after.encode() if after else b""):
            yield key[len(index) :].decode()

    def _setting(self, pool: str, *which: str) -> Any:
        change = self._row(POOL_CONFIG, name(pool, *which))
        return None if change is None else change["change"][1]

    def _settings(self, pool: str, *kind: str) -> Iterator[Any]:
        return (change["change"][1] for change in self._rows(POOL_CONFIG, name(pool, *kind, "")))

    def _accesses(self, pool: str, kind: str) -> Iterator[Any]:
        rows = self._rows(ACCESS_SETTINGS, layouts.ROW + name(pool, kind, ""))
        return (row["setting"][1] for row in rows)

    def _event_at(self, pool: str, key: bytes) -> OrderEvent | None:
        at = self._of(ORDERS_EVENTS).get(key)
        return None if at is None else self.event(pool, int.from_bytes(at, "big"))

    def _tell(self, topic: str, kind: ChangeKind, messages: Sequence[Message]) -> None:
        if topic in self._memos:
            self._memos[topic].changed()
        self.changes.tell(_changes(kind, messages))
        self.answers.heard(topic, messages)


def _shelf_key(*parts: str) -> bytes:
    return layouts.ROW + name(*parts)


def _changes(kind: ChangeKind, messages: Sequence[Message]) -> Iterator[Change]:
    for message in messages:
        pool, _, rest = (message.key() or b"").decode(errors="replace").partition("/")
        yield Change(kind, pool, rest, int(message.offset() or 0))
