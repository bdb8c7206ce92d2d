"""What people see: the pool's table, the pages."""

import asyncio
from pathlib import Path

import httpx
import pytest

from commonshelf.config.names import UnknownNameError
from commonshelf.config.settings import Settings
from commonshelf.desks.pool_table import PoolTable
from commonshelf.web.app import make_app
from commonshelf.web.views.pool_views import PoolViews
from messaging.publisher import Publisher


def row(sku: str, store: str, available_milli: int, pool: str = "riverside") -> dict[str, object]:
    return {"pool": pool, "sku": sku, "store": store, "unit": "each", "available_milli": available_milli}


def table(*rows: dict[str, object]) -> PoolTable:
    made = PoolTable("riverside", {"MILK": "Milk 1 l", "TEA": "Tea"})
    for one in rows:
        made.put(one)
    return made


def test_an_items_availability_is_the_sum_over_its_stores():
    (item,) = table(row("MILK", "anna", 2000), row("MILK", "bert", 500)).items("MILK")
    assert (item.name, item.available_milli, len(item.stores)) == ("Milk 1 l", 2500, 2)


def test_a_newer_row_of_a_shelf_replaces_the_older():
    (item,) = table(row("MILK", "anna", 2000), row("MILK", "anna", 0)).items()
    assert item.available_milli == 0


def test_another_pools_rows_are_not_shown():
    assert table(row("MILK", "anna", 2000, pool="lake")).items() == []


def test_an_item_without_stock_is_known_and_a_stranger_is_not():
    (item,) = table().items("TEA")
    assert item.available_milli == 0
    with pytest.raises(UnknownNameError, match="pool riverside has no item 'COFFEE'; its items: MILK"):
        table(row("MILK", "anna", 1)).items("COFFEE")


async def get(settings: Settings, folder: Path, *paths: str) -> list[httpx.Response]:
    nowhere = {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}
    with Publisher(nowhere, 1) as publisher:
        transport = httpx.ASGITransport(make_app(settings, PoolViews(nowhere, folder, 1), publisher))
        return await asked(transport, *paths)


async def asked(transport: httpx.ASGITransport, *paths: str) -> list[httpx.Response]:
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return [await client.get(path) for path in paths]


def test_the_server_says_that_it_has_just_started_until_it_has_read_its_tables(tmp_path):
    page, ready, subjects = asyncio.run(get(Settings(), tmp_path, "/", "/ready", "/subjects"))
    assert (page.status_code, "has just started" in page.text) == (503, True)
    assert ready.json() == {"ok": False, "reason": "Kafka is asked for pool.config.v1"}
    assert "pos.sales.v1-value" in subjects.json()
