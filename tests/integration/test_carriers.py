"""A delivery from the order to the customer, and its address from the vault to the carrier and nowhere else."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from commonshelf.config.publishing import current
from messaging.log_reader import read_log
from schemas.models.config import StoreSettings
from schemas.models.reports import FulfilmentReport
from schemas.models.requests import OrderLine, OrderRequest, OrderTerms
from schemas.partition import partition_of
from schemas.topics import POOL_TASKS, TOPICS
from streams.vault import Role, Vault, sqlite_engine
from tests.support.agents import Agents, agents_settings
from tests.support.carrier import reference_carrier
from tests.support.living_files import entries, holds_text
from tests.support.shop import STORE
from tests.support.vault import DAY_MS, address
from tests.support.waiting import PATIENCE_S, until

WORD = "canary"
"""In every part of the address."""
PARTNERS = """
[[partners]]
id = "{name}"
kind = "carrier"
url = "{url}"
secret_file = "secret"
vault_key_file = "vault-key"
"""


class Echo:
    """Stands before a carrier: while it echoes, it refuses a message with what was sent."""

    def __init__(self, app):
        self._app, self.is_echoing = app, False

    async def __call__(self, scope, receive, send):
        answer = Response(await Request(scope, receive).body(), 422) if self.is_echoing else self._app
        await answer(scope, receive, send)


class Delivery:
    """Orders to be delivered, and the carrier that brings them."""

    def __init__(self, shop, folder, deliveries, config):
        self.shop, self.folder, self.deliveries, self.config = shop, folder, deliveries, config

    def say(self, *words):
        """The output of a command of ours, which must end well."""
        ran = subprocess.run(
            [sys.executable, "-m", "commonshelf", *words, "--config", str(self.config)],
            check=False, env=os.environ | {"COLUMNS": "200"}, capture_output=True, text=True, timeout=PATIENCE_S,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def request(self, kind, terms=None, order="R-1"):
        now_ms = time.time_ns() // 1_000_000
        self.shop.publish(
            OrderRequest(
                pool=self.shop.pool, order=order, kind=kind, key=f"{order}/{kind}", recorded_at_ms=now_ms,
                origin="test", terms=terms,
            )
        )  # fmt: skip

    def task(self, kind, status):
        """The id of the only task of that kind, once it has the status."""

        def found():
            rows = [row for row in current(self.shop.options, POOL_TASKS.name) if row["pool"] == self.shop.pool]
            return next((row["task"] for row in rows if (row["kind"], row["status"]) == (kind, status)), None)

        return until(found, f"the task {kind} {status}")

    def pick(self):
        now_ms, task = time.time_ns() // 1_000_000, self.task("pick", "open")
        self.shop.publish(
            FulfilmentReport(
                pool=self.shop.pool, store=STORE, report_id=f"picked {task}", kind="done", task=task,
                occurred_at_ms=now_ms, recorded_at_ms=now_ms, origin="test",
            )
        )  # fmt: skip

    def told(self):
        """The carrier's word on what it has to carry."""
        return json.loads(self.say("carrier", "list", "bikes", "--json"))


@pytest.fixture
def delivery(kafka, topics, shop, tmp_path):
    """The pool's agents and connectors call a reference carrier, which may answer with what it was sent."""
    (tmp_path / "secret").write_bytes(b"a-secret-of-the-carriers-of-tests")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    with ExitStack() as open_:
        state = tmp_path / "data" / "state" / "carrier"
        echoes = []

        def before(app):
            echoes.append(Echo(app))
            return echoes[0]

        url, deliveries = open_.enter_context(reference_carrier("bikes", tmp_path / "secret", state, before=before))
        partners = PARTNERS.format(name="bikes", url=url)
        config = tmp_path / "shelf.toml"
        text = agents_settings(kafka, topics, shop.pool, partners)
        config.write_text(text.replace("[http]\n", f"[http]\nwebhook_port = {port}\nconnectors_port = 0\n"))
        log = open_.enter_context((tmp_path / "connectors.log").open("ab"))
        connectors = subprocess.Popen(
            [sys.executable, "-m", "commonshelf", "worker", "connectors", "--config", str(config)],
            stdout=log, stderr=log,
        )  # fmt: skip
        open_.callback(connectors.wait)
        open_.callback(connectors.kill)
        agents = Agents(config, tmp_path / "agents.log")
        open_.callback(agents.close)
        made = Delivery(shop, tmp_path, deliveries, config)
        made.agents, made.url, (made.echo,) = agents, f"http://127.0.0.1:{port}", echoes
        yield made


def is_up(url):
    try:
        return httpx.get(f"{url}/health").status_code == 200
    except httpx.TransportError:
        return False


def test_an_address_goes_from_the_vault_to_the_carrier_and_nowhere_else(delivery, worker):
    vault_file = delivery.folder / "data" / "vault" / "vault.sqlite3"
    vault, now_ms = Vault(sqlite_engine(vault_file)), time.time_ns() // 1_000_000
    reference = vault.put(vault.allow("front-desk", Role.orders, now_ms), address(1), now_ms + DAY_MS, now_ms)
    (delivery.folder / "vault-key").write_text(vault.allow("bikes", Role.carriers, now_ms))
    at = {"latitude_e6": 52_519_000, "longitude_e6": 13_400_000}
    delivery.shop.configure(StoreSettings(store=STORE, name="Corner", **at))
    terms = OrderTerms(
        mode="delivery", preferred_store=STORE, geohash="u33db", address_ref=reference, deadline_ms=now_ms + 3_600_000,
        lines=(OrderLine(line_id="1", sku="MILK", quantity_milli=2_000),),
    )  # fmt: skip
    delivery.request("placed", terms)
    delivery.request("confirmed")
    delivery.agents.start()
    delivery.pick()
    code = delivery.task("hand_over", "open")

    until(lambda: code in delivery.deliveries.messages(), "the pickup request")
    (told,) = delivery.told()
    assert (told["task"], told["status"], told["address"]["street"]) == (code, "requested", address(1).street)
    assert code in delivery.say("carrier", "manifest", delivery.shop.pool, "--carrier", "bikes")
    assert f"R-1/{STORE}" in delivery.say("route", "plan", delivery.shop.pool, "--json")
    delivery.say("carrier", "manifest", delivery.shop.pool, "--out", str(delivery.folder / "handoffs.html"))

    until(lambda: is_up(delivery.url), "the connectors")
    assert "accepted" in until(lambda: delivery.say("carrier", "report", "bikes", "scanned_out", code))
    until(lambda: delivery.deliveries.messages()[code]["status"] == "out", "the scan")
    assert f"R-1/{STORE}" not in delivery.say("route", "plan", delivery.shop.pool, "--json"), "it has left"
    assert "accepted" in delivery.say("carrier", "report", "bikes", "delivered", code)
    until(lambda: delivery.deliveries.messages()[code]["status"] == "delivered", "the end")
    delivery.shop.on_hand("MILK", 98_000)
    delivery.echo.is_echoing = True
    delivery.request("placed", terms, "R-2")
    delivery.request("confirmed", order="R-2")
    delivery.pick()
    until(lambda: "refuses a call" in delivery.agents.log.read_text(), "the answer with what was sent")

    opened = [(one.caller, one.purpose) for one in vault.audit(reference) if one.action == "open" and not one.refused]
    assert set(opened) == {("bikes", "deliver")}
    home = [partition_of(delivery.shop.pool, delivery.shop.partitions)]
    for message in read_log(delivery.shop.options, list(TOPICS), home):
        said = (message.key() or b"") + (message.value() or b"") + repr(message.headers()).encode()
        assert WORD.encode() not in said, message.topic()
    (pages,) = set(re.findall(r"pages at (http://\S+)/health", delivery.agents.log.read_text()))
    metrics = httpx.get(f"{pages}/metrics").text
    assert 'commonshelf_partner_calls_total{outcome="refused",partner="bikes"' in metrics
    assert WORD not in metrics
    ours = [path for folder in (delivery.folder, worker.parent) for path, _ in entries(folder, Path.exists)]
    assert [path for path in ours if holds_text(path, WORD)] == [vault_file]
