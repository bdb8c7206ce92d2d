"""The `connect` commands' work with a store's connectors: look, try, read, feed history."""

import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from commonshelf.config.connector_specs import connector_spec
from commonshelf.config.names import UnknownNameError, unknown_name
from commonshelf.config.settings import Settings
from commonshelf.desks.connector_positions import stored_positions
from commonshelf.stack.connection import Connection
from connectors.context import ConnectorContext
from connectors.contract import AccessRefused, Connector, Message, PosEvent, Publishes, Translated
from connectors.http.limit import ConcurrencyLimit
from connectors.installed import type_of
from connectors.metrics import ConnectorMetrics
from connectors.positions import Positions
from connectors.specs import ConnectorSpec
from connectors.vendor.connector import VendorConnector
from connectors.vendor.contract import Feed
from messaging.client_options import quiet
from messaging.clock import wall_clock_ms
from messaging.publisher import EventTooLarge, Publisher
from schemas.models.pos import PastSale, Sale


@dataclass(frozen=True)
class Fed:
    """The result of a backfill. oldest_ms: when the oldest sale occurred; None when there was none."""

    sales: int
    lines: int
    skipped: int
    refused: int
    oldest_ms: int | None


def specs_of(settings: Settings, store_id: str, kind: str | None = None) -> list[ConnectorSpec]:
    """The connectors of a store, or its one of `kind`. Raises UnknownNameError."""
    for store in settings.stores:
        if store.id == store_id:
            found = [options for options in store.connectors if kind in (None, options.kind)]
            if not found:
                has = ", ".join(options.kind for options in store.connectors) or "none"
                raise UnknownNameError(f"store {store_id} has no connector {kind or ''}(it has: {has}); declare one")
            return [connector_spec(settings, store, options) for options in found]
    raise unknown_name("store", store_id, [store.id for store in settings.stores], "the settings file")


@contextmanager
def opened(spec: ConnectorSpec) -> Iterator[Connector]:
    """The connector, with nothing behind it: it can ask its vendor and publish nothing.

    Raises what keeps it from starting: SecretUnusable, FolderUnusable.
    """
    with tempfile.TemporaryDirectory() as folder:
        nowhere = _Nowhere()
        context = ConnectorContext(
            nowhere, ConnectorMetrics(), ConcurrencyLimit(1, 503, ""), Path(folder), Positions(list, nowhere)
        )
        connector = type_of(spec.options).make(spec, context)
        try:
            yield connector
        finally:
            _end(connector)


def checked(spec: ConnectorSpec) -> str:
    """A sentence that says what was found. Raises as `opened`, and Unavailable, AccessRefused.

    The beginning of each list is read, too: a token may lack the right to one of them alone.
    """
    with opened(spec) as connector:
        if not isinstance(connector, VendorConnector):
            return "it can start"
        found = connector.vendor.check()
        for feed in connector.vendor.feeds():
            try:
                next(iter(feed.read(wall_clock_ms() if feed.cursors_are_times else 0)), None)
            except AccessRefused as refused:
                raise AccessRefused(f"{found}; but its {feed.name} cannot be read: {refused}") from refused
        return found


@contextmanager
def vendor_of(spec: ConnectorSpec) -> Iterator[VendorConnector]:
    """The connector of a vendor. Raises UnknownNameError for one that only takes what is sent, and as `opened`."""
    with opened(spec) as connector:
        if not isinstance(connector, VendorConnector):
            raise UnknownNameError(f"{spec.options.kind} takes what is sent to it; there is no list to read")
        yield connector


def pages_since(feeds: Sequence[Feed], since_ms: int) -> Iterator[Translated]:
    """All that the feeds list since a time. Raises Unavailable, AccessRefused."""
    for feed in feeds:
        for page in feed.read(since_ms if feed.cursors_are_times else 0):
            yield page.translated


def events_since(feeds: Sequence[Feed], since_ms: int) -> Iterator[PosEvent]:
    """The events in them that occurred since."""
    for translated in pages_since(feeds, since_ms):
        yield from (event for event in translated.events if event.occurred_at_ms >= since_ms)


def backfill(spec: ConnectorSpec, connection: Connection, since_ms: int) -> Fed:
    """Publish the sales since a time as history. A repeat replaces what is there with the same.

    Counts and levels of the past are left out: they say what was on a shelf, which nobody asks now.
    """
    sales = lines = skipped = refused = 0
    oldest_ms: int | None = None
    with vendor_of(spec) as connector, _publisher(connection) as publisher:
        for translated in pages_since(connector.vendor.feeds(), since_ms):
            found = [event for event in translated.events if isinstance(event, Sale)]
            past = [PastSale(**_fields(sale)) for sale in found if sale.occurred_at_ms >= since_ms]
            try:
                publisher.publish_all(past)
            except EventTooLarge as error:  # all others are there
                refused += len(error.events)
                past = [sale for sale in past if sale not in error.events]
            sales += len(past)
            lines += sum(len(sale.lines) for sale in past)
            skipped += len(translated.skipped)
            refused += len(translated.problems)
            times = [sale.occurred_at_ms for sale in past]
            oldest_ms = min([*times, *([] if oldest_ms is None else [oldest_ms])], default=None)
    return Fed(sales, lines, skipped, refused, oldest_ms)


def read_once(spec: ConnectorSpec, connection: Connection) -> None:
    """One poll, as the running connector does it: published, and the position stored.

    It does not supersede that one, nor wait for it: what both read counts once, and each stores what it has read.
    """
    with _publisher(connection) as publisher, tempfile.TemporaryDirectory() as folder:
        positions = Positions(lambda: stored_positions(connection.kafka_options), publisher)
        context = ConnectorContext(publisher, ConnectorMetrics(), ConcurrencyLimit(1, 503, ""), Path(folder), positions)
        connector = type_of(spec.options).make(spec, context)
        if not isinstance(connector, VendorConnector):
            _end(connector)
            raise UnknownNameError(f"{spec.options.kind} takes what is sent to it; there is no list to read")
        try:
            connector.poll(threading.Event())
        finally:
            _end(connector)


def _publisher(connection: Connection) -> Publisher:
    return Publisher(quiet(connection.kafka_options), connection.settings.partitions)


def _fields(sale: Sale) -> dict[str, object]:
    return {name: getattr(sale, name) for name in Sale.model_fields}


def _end(connector: Connector) -> None:
    """Let it close what it holds open: run, told to stop at once."""
    stop = threading.Event()
    stop.set()
    with suppress(Exception):
        connector.run(stop)


class _Nowhere(Publishes):
    """Publishing is not what the caller wants."""

    def publish_all(self, events: Sequence[Message]) -> None:
        raise RuntimeError("a command that only looks has published")

    async def publish_acked(self, events: Sequence[Message]) -> None:
        raise RuntimeError("a command that only looks has published")
