"""Our HTTP server on a test's Kafka, in this process, and callers of its API."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvicorn

from commonshelf.config.settings import Kafka, Settings
from commonshelf.config.web_settings import Api, Webhooks
from commonshelf.desks.access import MadeKey, grant_numbers, list_store, make_key
from commonshelf.stack.connection import Connection
from commonshelf.web.app import make_app
from commonshelf.web.views.pool_views import PoolViews
from messaging.clock import wall_clock_ms
from messaging.publisher import Publisher
from schemas.models.access import NumbersGrant, PublicListing, Scope
from tests.support.waiting import PATIENCE_S, until

HOUR_MS = 3_600_000


@dataclass
class ApiServer:
    """The server; `client()` asks it without a key, `client(key)` with one."""

    url: str
    views: PoolViews
    connection: Connection

    def client(self, key: MadeKey | str | None = None) -> httpx.Client:
        token = key.token if isinstance(key, MadeKey) else key
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=f"{self.url}/v1", headers=headers, trust_env=False, timeout=PATIENCE_S)

    def key(self, pool: str, *scopes: Scope, store: str | None = None, lasts_ms: int | None = None) -> MadeKey:
        """A new key, which the server knows already."""
        ends_ms = None if lasts_ms is None else wall_clock_ms() + lasts_ms
        made = make_key(self.connection, pool, "a test", scopes, store, ends_ms)
        until(lambda: self.views.key(made.key.key_id) is not None)
        return made

    def grant(self, pool: str, store: str, to_stores: tuple[str, ...] = (), **more: object) -> NumbersGrant:
        """A grant of numbers, which the server knows already."""
        now_ms = wall_clock_ms()
        told = {"from_ms": now_ms - HOUR_MS, "until_ms": now_ms + HOUR_MS, **more}
        grant = NumbersGrant(grant=uuid.uuid4().hex[:12], store=store, to_stores=to_stores, purpose="a test", **told)  # type: ignore[arg-type]
        grant_numbers(self.connection, pool, grant)
        until(lambda: any(one["grant"] == grant.grant for one in self.views.grants(pool)))
        return grant

    def list_store(self, pool: str, store: str, **shown: object) -> None:
        """What the store shows to everybody, which the server knows already."""
        listing = PublicListing(store=store, **shown)  # type: ignore[arg-type]
        list_store(self.connection, pool, listing)
        until(lambda: self.views.listings(pool).get(store, {}).get("shows_bands") == listing.shows_bands)


@contextmanager
def api_server(
    options: dict[str, str], partitions: int, folder: Path, api: Api, webhooks: Webhooks | None = None
) -> Iterator[ApiServer]:
    """The server with views of their own in `folder`, ready."""
    settings = Settings(
        data_dir=folder, partitions=partitions, kafka=Kafka(**_kafka(options)), api=api,
        webhooks=webhooks or Webhooks(),
    )  # fmt: skip
    connection = Connection(settings, options)
    with PoolViews(options, folder / "views", partitions) as views, Publisher(options, partitions) as publisher:
        config = uvicorn.Config(
            make_app(settings, views, publisher), port=0, log_level="warning", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            until(lambda: server.started and views.ready().ok, views.ready)
            port = server.servers[0].sockets[0].getsockname()[1]
            yield ApiServer(f"http://127.0.0.1:{port}", views, connection)
        finally:
            server.should_exit = True
            thread.join(PATIENCE_S)


def _kafka(options: dict[str, str]) -> dict[str, str]:
    return {"bootstrap_servers": options["bootstrap.servers"]}
