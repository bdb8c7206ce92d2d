"""A pool in memory, as the board's pages look it up: rows as the topics have them, with hostile names if asked."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from starlette.applications import Starlette
from starlette.testclient import TestClient

from commonshelf.config.settings import Settings
from commonshelf.desks.api_tokens import digest_of
from commonshelf.stack.connection import Connection
from commonshelf.web.board.routes import board_routes
from commonshelf.web.views.changes import Changes
from messaging.status_server import Status

POOL = "riverside"
EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
NOW_MS = 1_790_010_900_400
HOSTILE = "<img src=x onerror=alert(1)>\"'&{{7*7}}{0}</script>"
SCOPES = (
    "shelves:read", "orders:read", "orders:write", "tasks:read", "tasks:write", "restock:read", "restock:write",
    "statements:read",
)  # fmt: skip


def example(topic: str, at: int = 0) -> Any:
    """A record as `schemas/examples` has it."""
    return json.loads((EXAMPLES / f"{topic}.json").read_text())[at]["value"]


class PoolInMemory:
    """Answers what PoolViews answers, from rows that a test puts in."""

    def __init__(self) -> None:
        self.changes = Changes()
        self.status = Status(ok=True)
        self.rows: dict[str, dict[str, Any]] = {
            name: {} for name in ("stores", "items", "shelves", "tasks", "proposals", "keys", "listings")
        }
        self.events: list[dict[str, Any]] = []
        self.statement_rows: list[dict[str, Any]] = []
        self.refusal_rows: list[dict[str, Any]] = []
        self.appointment_rows: list[dict[str, Any]] = []
        self.grant_rows: list[dict[str, Any]] = []
        self.place_rows: dict[str, Any] = {}
        self.pool: dict[str, Any] = {
            "name": "Riverside grocers", "currency": "EUR", "time_zone": "Europe/Berlin", "preparation_ms": 0,
        }  # fmt: skip

    def add_store(self, store: str, name: str, at: tuple[int, int], *, is_listed: bool = True) -> None:
        self.rows["stores"][store] = {
            "store": store, "name": name, "open": True, "latitude_e6": at[0], "longitude_e6": at[1], "opening": [],
            "closed_days": [], "first_day": None, "last_day": None,
        }  # fmt: skip
        if is_listed:
            self.rows["listings"][store] = {
                "store": store, "is_listed": True, "shows_bands": True, "categories": None, "low_below_milli": 4_000,
            }  # fmt: skip

    def add_item(self, sku: str, name: str) -> None:
        self.rows["items"][sku] = {
            "pool": POOL, "sku": sku, "gtin": None, "name": name, "category": "dairy", "unit": "each",
            "pack_milli": 1_000, "supplier": None,
        }  # fmt: skip

    def add_shelf(self, sku: str, store: str, available_milli: int) -> None:
        row = example("pool.availability.v1") | {"sku": sku, "store": store, "available_milli": available_milli}
        self.rows["shelves"][sku, store] = row

    def add_task(self, **changes: Any) -> None:
        row = example("pool.tasks.v1") | changes
        self.rows["tasks"][row["task"]] = row

    def add_key(self, key_id: str, store: str | None, label: str = "Anna", scopes: tuple[str, ...] = SCOPES) -> str:
        """The token of a new key."""
        self.rows["keys"][key_id] = {
            "key_id": key_id, "label": label, "store": store, "scopes": list(scopes), "digest": digest_of("s3cret"),
            "previous_digest": None, "previous_until_ms": 0, "created_at_ms": 0, "expires_at_ms": None,
            "revoked_at_ms": None,
        }  # fmt: skip
        return f"cs_{key_id}_s3cret"

    def ready(self) -> Status:
        return self.status

    def pools(self) -> list[str]:
        return [POOL]

    def settings(self, pool: str) -> Any:
        return self.pool if pool == POOL else None

    def stores(self, pool: str) -> dict[str, Any]:
        return self.rows["stores"]

    def store(self, pool: str, store: str) -> Any:
        return self.rows["stores"].get(store)

    def listings(self, pool: str) -> dict[str, Any]:
        return self.rows["listings"]

    def listing(self, pool: str, store: str) -> Any:
        return self.rows["listings"].get(store)

    def grants(self, pool: str) -> list[Any]:
        return self.grant_rows

    def key(self, key_id: str) -> Any:
        return (POOL, self.rows["keys"][key_id]) if key_id in self.rows["keys"] else None

    def places(self, pool: str) -> dict[str, Any]:
        return self.place_rows

    def item(self, pool: str, sku: str) -> Any:
        return self.rows["items"].get(sku)

    def items(self, pool: str, after: str = "") -> Iterator[Any]:
        return iter(self.rows["items"].values())

    def shelves(self, pool: str, sku: str) -> list[Any]:
        return [row for (one, _), row in self.rows["shelves"].items() if one == sku]

    def shelves_of(self, pool: str, store: str, after: str = "") -> Iterator[Any]:
        return (row for (_, one), row in self.rows["shelves"].items() if one == store)

    def tasks(self, pool: str, store: str, *, is_live: bool = True) -> list[Any]:
        return [row for row in self.rows["tasks"].values() if row["store"] == store]

    def task(self, pool: str, task: str) -> Any:
        return self.rows["tasks"].get(task)

    def recent_events(self, pool: str, before: int | None = None) -> Iterator[tuple[int, Any]]:
        return ((at, self.events[at]) for at in reversed(range(len(self.events))))

    def order_events(self, pool: str, order: str) -> list[Any]:
        return [event for event in self.events if event["order"] == order]

    def order(self, pool: str, order: str) -> Any:
        return next((event for event in reversed(self.order_events(pool, order)) if event["status"]), None)

    def decision(self, pool: str, order: str) -> Any:
        return next((event for event in reversed(self.order_events(pool, order)) if event["decision"]), None)

    def transfers(self, pool: str) -> list[Any]:
        return [event["transfer"] for event in self.events if event["transfer"] is not None]

    def appointments(self, pool: str, order: str) -> list[Any]:
        return [row for row in self.appointment_rows if row["order"] == order]

    def appointments_at(self, pool: str, store: str, *, is_live: bool = True) -> list[Any]:
        return [row for row in self.appointment_rows if row["store"] == store]

    def proposals(self, pool: str, store: str) -> list[Any]:
        return [row for (one, _), row in self.rows["proposals"].items() if one == store]

    def proposal(self, pool: str, store: str, sku: str) -> Any:
        return self.rows["proposals"].get((store, sku))

    def statements(self, pool: str, party: str) -> list[Any]:
        return self.statement_rows

    def refusals(self, pool: str, store: str, before: int | None = None) -> Iterator[tuple[int, Any]]:
        return iter(enumerate(self.refusal_rows))

    def listen(self, pool: str, kinds: Any = None) -> Any:
        return self.changes.listen(pool, kinds)


def hostile_pool(name: str = HOSTILE) -> PoolInMemory:
    """A pool whose stores, items, customers, workers and reasons are called what may break a page."""
    pool = PoolInMemory()
    pool.pool["name"] = name
    for at, store in enumerate(("anna", "bert", "carl", "dora")):
        pool.add_store(store, f"{name} {store}", (52_000_000 + 9_000 * at, 13_000_000 + 7_000 * (at % 2)))
    for sku in ("04006381333931", "milk-1l"):
        pool.add_item(sku, f"{name} {sku}")
    for store, milli in (("anna", 5_000), ("bert", 0), ("carl", 1_000)):
        pool.add_shelf("milk-1l", store, milli)
    pool.add_task(store="anna", worker=name, status="claimed", reason=name)
    pool.add_task(store="anna", task="pick-2", escalations=2)
    renamed = json.dumps([example("orders.events.v1", at) for at in (0, 1)])
    renamed = renamed.replace("corner-shop", "anna").replace("mill-grocer", "bert")
    pool.events = json.loads(renamed)
    pool.events[1] |= {"detail": name, "reason": name}
    proposal = example("restock.proposals.v1") | {"store": "anna", "sku": "milk-1l", "name": name, "why": name}
    pool.rows["proposals"]["anna", "milk-1l"] = proposal | {"status": "open", "supplier": name}
    pool.refusal_rows = [
        {
            "pool": POOL, "store": "anna", "connector": "drop_folder", "refused_at_ms": NOW_MS,
            "lines": [{"item": name, "document": name, "place": name, "reason": name}],
        }
    ]  # fmt: skip
    return pool


@contextmanager
def visiting(pool: PoolInMemory, unmapped: Any = ()) -> Iterator[TestClient]:
    """A browser that asks the board over this pool; what was set aside is `unmapped`."""
    with patch("commonshelf.web.board.set_aside.SetAside.unmapped", lambda *_: list(unmapped)):
        yield browsing(Connection(Settings(), {}), pool)


def browsing(connection: Connection, views: Any) -> TestClient:
    """A browser that asks the board over these views; its desks use the connection."""
    app = Starlette(routes=board_routes(connection, views))
    return TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)


def sign_in(client: TestClient, token: str) -> str:
    """Sign in by a key; the token of further forms."""
    answer = client.post("/signin", data={"form_token": form_token(client, "/signin"), "key": token, "next": "/"})
    assert answer.status_code == 303, answer.text
    return form_token(client, "/")


def form_token(client: TestClient, path: str) -> str:
    """The token that the forms of a page carry."""
    text = client.get(path).text
    return text.partition('name="form_token" value="')[2].partition('"')[0]
