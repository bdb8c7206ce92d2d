"""What tests of connectors share: positions in memory, tools, and whose facts they are."""

from pathlib import Path
from zoneinfo import ZoneInfo

from connectors.context import ConnectorContext
from connectors.contract import Delivery, StoreContext
from connectors.http.limit import ConcurrencyLimit
from connectors.metrics import ConnectorMetrics
from schemas.models.connectors import ConnectorRefusal
from tests.support.rigs.rig import NOW_MS

GROCER = StoreContext("north", "grocer-7", ZoneInfo("Europe/Berlin"), "EUR")


def events_and_refusals(messages):
    """(sales and reports, what was refused) of what a connector has published."""
    refused = [each for each in messages if isinstance(each, ConnectorRefusal)]
    return [each for each in messages if not isinstance(each, ConnectorRefusal)], refused


class MemoryPositions:
    """Cursors as the topic would keep them; `saved` is their history."""

    def __init__(self):
        self.cursors: dict[tuple[str, ...], int] = {}
        self.saved: list[tuple[str, int]] = []

    def load(self, pool, store, connector, feed):
        return self.cursors.get((pool, store, connector, feed))

    def save(self, pool, store, connector, feed, cursor):
        self.cursors[pool, store, connector, feed] = cursor
        self.saved.append((feed, cursor))


def tools(publisher, state_dir=Path("unused"), positions=None):
    """As the host lends them."""
    return ConnectorContext(
        publisher, ConnectorMetrics(), ConcurrencyLimit(256, 503, "too many"), state_dir, positions or MemoryPositions()
    )


def delivery(notice):
    """A webhook (headers, body) as the page hands it on, received when the rigs' orders were rung up."""
    headers, body = notice
    return Delivery(tuple((name.lower().encode(), value.encode()) for name, value in headers.items()), body, NOW_MS)
