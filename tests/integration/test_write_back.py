"""From an order to Shopify's reservation and back, through a real Kafka, the ledger, and connectors that are killed."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from commonshelf.config.publishing import current
from commonshelf.desks.held_goods import HeldGoods
from connectors.context import Held
from messaging.publisher import Publisher, publish_and_flush
from schemas.models.catalog import CatalogItem
from schemas.models.config import CodeMapping
from schemas.models.requests import OrderRequest
from schemas.topics import CONNECTOR_WRITEBACKS
from tests.support.rigs.shopify import LOCATION, SHOP, ShopifyRig
from tests.support.shop import STORE
from tests.support.vendor_server import VendorServer
from tests.support.waiting import PATIENCE_S, until

HOUR_MS = 3_600_000


class Till:
    """The store's Shopify, and the connectors' process as `up` runs it."""

    def __init__(self, server, kafka, partitions, pool, folder):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        (folder / "token").write_text("token-that-is-in-use-now")
        self._config, self._log = folder / "shelf.toml", folder / "log"
        self._config.write_text(
            f"data_dir = 'data'\npartitions = {partitions}\n"
            f"[kafka]\nbootstrap_servers = '{kafka.bootstrap_servers}'\n"
            f"[http]\nwebhook_port = {port}\nconnectors_port = 0\n"
            f"[[pools]]\nid = '{pool}'\nname = 'North'\n[[stores]]\nid = '{STORE}'\nname = 'Corner'\n"
            f"[[stores.connectors]]\nkind = 'shopify'\nshop = '{SHOP}'\nlocation_id = {LOCATION}\n"
            f"token_file = 'token'\nbase_url = '{server.url}'\nwrite_back = true\nwrite_back_interval_s = 1\n"
        )
        self._process = None

    def start(self):
        command = [sys.executable, "-m", "commonshelf", "worker", "connectors", "--config", str(self._config)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=os.environ, stdout=log, stderr=log)

    def kill(self):
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(PATIENCE_S)


@pytest.fixture
def rig():
    return ShopifyRig()


@pytest.fixture
def till(rig, kafka, topics, pool_name, tmp_path):
    with VendorServer(rig.answer) as server:
        till = Till(server, kafka, topics, pool_name, tmp_path)
        yield till
        till.kill()


def ask(shop, kind, order, milli=None):
    terms = None if milli is None else {
        "mode": "pickup", "preferred_store": STORE, "deadline_ms": shop.now_ms + 3 * HOUR_MS,
        "lines": [{"line_id": "1", "sku": "MILK", "quantity_milli": milli}],
    }  # fmt: skip
    told = {"pool": shop.pool, "order": order, "kind": kind, "key": f"{order}-{kind}", "recorded_at_ms": shop.now_ms}
    shop.publish(OrderRequest.model_validate({**told, "origin": "test", "terms": terms}))


def test_what_an_order_holds_is_reserved_once_whoever_dies_and_given_back(rig, till, shop):
    shop.map("sku:milk", "MILK")
    shop.on_hand("MILK", 100_000)
    till.start()
    ask(shop, "placed", "O-1", 2000)
    until(lambda: rig.stock == {"available": 8, "reserved": 2})
    till.kill()
    ask(shop, "placed", "O-2", 3000)
    till.start()
    until(lambda: rig.stock == {"available": 5, "reserved": 5})
    till.kill()
    ask(shop, "cancelled", "O-1")
    ask(shop, "cancelled", "O-2")
    till.start()
    until(lambda: rig.stock == {"available": 10, "reserved": 0})

    def noted():
        rows = [row for row in current(shop.options, CONNECTOR_WRITEBACKS.name) if row["pool"] == shop.pool]
        return [(row["sku"], row["written_milli"], row["pending_milli"]) for row in rows] == [("MILK", 0, None)]

    until(noted)


def test_held_goods_are_told_with_the_codes_that_mean_them_in_the_store(shop):
    gtin = "04006381333931"
    with Publisher(shop.options, shop.partitions) as publisher:
        item = CatalogItem(pool=shop.pool, sku="OATS", name="Oats", gtin=gtin, recorded_at_ms=shop.now_ms)
        publish_and_flush(publisher, [item])
    shop.configure(
        CodeMapping(code="plu:7", sku="OATS"), CodeMapping(code="plu:8", sku="OATS"),
        CodeMapping(store=STORE, code="plu:8", sku="MILK"), CodeMapping(store=STORE, code="sku:oats", sku="OATS"),
    )  # fmt: skip
    shop.publish(shop.report("opening", "oats", ("sku:OATS", 5000)))
    shop.on_hand("OATS", 5000)
    held = HeldGoods(shop.options, shop.partitions)
    try:
        found = {each.sku: each for each in held.of(shop.pool, STORE)}
        assert found["OATS"] == Held("OATS", 0, ("sku:oats", "plu:7", "sku:OATS", f"gtin:{gtin}"))
        assert found["MILK"].codes == ("plu:8", "sku:MILK")
        ask(shop, "placed", "O-3", 4000)
        until(lambda: {each.sku: each.held_milli for each in held.of(shop.pool, STORE)}["MILK"] == 4000)
        assert held.of(shop.pool, "another-store") == []
    finally:
        held.close()
