"""Names, addresses, cards and notes end at the edge, whatever door they come by: no topic, state or log has them."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from connectors.http.signature import HEADER, sign
from messaging.log_reader import read_log
from schemas.models.config import PoolSettings, StoreSettings
from schemas.partition import partition_of
from schemas.topics import TOPICS
from tests.support.living_files import entries, holds_text
from tests.support.rigs import all_rigs
from tests.support.rigs.rig import CANARY, Order
from tests.support.vendor_server import VendorServer
from tests.support.waiting import PATIENCE_S, until

SECRET = b"a-secret-of-the-store-of-the-webhook"
SALE = {
    "id": "W-1", "occurred_at": "2026-03-01T09:15:00+01:00", "customer": {"name": CANARY}, "note": CANARY,
    "lines": [
        {"sku": "no-such-item", "quantity": 2, "note": CANARY, "name": CANARY},
        {"gtin": "4006381333932", "quantity": 1, "card": CANARY},
    ],
}  # fmt: skip
CSV = (
    "receipt_no,sold_at,sku,qty,customer,note\n"
    f"17,2026-03-01 09:15,no-such-item,1,{CANARY},{CANARY}\n18,2026-03-01 09:16,,1,{CANARY},{CANARY}\n"
)
POSLOG = (
    f"<POSLog><Transaction><WorkstationID>3</WorkstationID><SequenceNumber>17</SequenceNumber>"
    f'<OperatorID OperatorName="{CANARY}">9</OperatorID><EndDateTime>2026-03-01T09:15:00</EndDateTime>'
    f"<RetailTransaction><Customer><Name>{CANARY}</Name></Customer><LineItem><SequenceNumber>1</SequenceNumber>"
    f"<Sale><ItemID>no-such-item</ItemID><Description>{CANARY}</Description></Sale></LineItem>"
    f"<LineItem><SequenceNumber>2</SequenceNumber><Tender><CardHolder>{CANARY}</CardHolder></Tender></LineItem>"
    "</RetailTransaction></Transaction></POSLog>"
)


@pytest.fixture
def till(kafka, topics, pool_name, shop, tmp_path):
    """The connectors' process with a store for every vendor, one for the webhook and one for files."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    rigs = {each.__name__.lower(): each() for each in all_rigs()}  # of some vendors there are two
    (tmp_path / "webhook-secret").write_bytes(SECRET)
    text = (
        f"data_dir = 'data'\npartitions = {topics}\n[kafka]\nbootstrap_servers = '{kafka.bootstrap_servers}'\n"
        f"[http]\nwebhook_port = {port}\nconnectors_port = 0\n[[pools]]\nid = '{pool_name}'\nname = 'North'\n"
        "[[stores]]\nid = 'w'\nname = 'W'\n[[stores.connectors]]\nkind = 'webhook'\nsecret_file = 'webhook-secret'\n"
        "[[stores]]\nid = 'f'\nname = 'F'\n[[stores.connectors]]\nkind = 'drop_folder'\nfolder = 'in'\nsettle_ms = 0\n"
    )
    with ExitStack() as servers:
        for store, rig in rigs.items():
            server = servers.enter_context(VendorServer(rig.answer))
            rig.now_ms = time.time_ns() // 1_000_000
            rig.record(Order("A1", (("milk", "2"), ("bread", "0.00001")), at_ms=rig.now_ms))
            (tmp_path / f"{store}-token").write_text(rig.token)
            options = rig.options() | {"base_url": server.url, "token_file": f"{store}-token", "poll_interval_s": 1}
            if rig.has_webhooks:
                (tmp_path / f"{store}-secret").write_bytes(rig.secret)
                options["secret_file"] = f"{store}-secret"
            text += f"[[stores]]\nid = '{store}'\nname = 'S'\n[[stores.connectors]]\nkind = '{rig.kind}'\n"
            text += "".join(f"{name} = {json.dumps(value)}\n" for name, value in options.items())
        (tmp_path / "shelf.toml").write_text(text)
        shop.configure(PoolSettings(name="North"))
        shop.configure(*(StoreSettings(store=store, name="S") for store in ("w", "f", *rigs)))
        command = [
            sys.executable,
            "-m",
            "commonshelf",
            "worker",
            "connectors",
            "--config",
            str(tmp_path / "shelf.toml"),
        ]
        with (tmp_path / "log").open("ab") as log:
            process = subprocess.Popen(command, env=os.environ, stdout=log, stderr=log)
        try:
            until(lambda: is_up(f"http://127.0.0.1:{port}") or process.poll() is not None, "the connectors")
            assert process.poll() is None, (tmp_path / "log").read_text()
            yield rigs, f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def is_up(url):
    try:
        return httpx.get(f"{url}/health").status_code == 200
    except httpx.TransportError:
        return False


def test_what_people_are_called_is_in_no_topic_no_state_no_log_and_no_dead_letter(till, shop, worker, tmp_path):
    rigs, url = till
    body = json.dumps({"sales": [SALE]}).encode()
    headers = {"Content-Type": "application/json", HEADER: sign(SECRET, body, int(time.time()))}
    assert httpx.post(f"{url}/webhooks/v1/w", content=body, headers=headers).json()["lines_published"] == 1
    for store, rig in rigs.items():
        if rig.has_webhooks:
            headers, body = rig.notice(rig.orders["A1"])
            answer = httpx.post(f"{url}/webhooks/{rig.kind}/{store}", content=body, headers=headers, timeout=30)
            assert answer.status_code == 200
    (tmp_path / "in" / "sales-1.csv").write_text(CSV)
    (tmp_path / "in" / "1.xml").write_text(POSLOG)

    stores = {"w", "f", *rigs}
    until(lambda: {letter.store for letter in shop.letters()} == stores)  # nothing is mapped: all is set aside
    until(lambda: list((tmp_path / "in" / "rejected").glob("*.report.csv")))
    until(lambda: list((tmp_path / "in" / "done").glob("*.xml")))

    seen = 0
    for message in read_log(shop.options, list(TOPICS), [partition_of(shop.pool, shop.partitions)]):
        seen += 1
        told = (message.key() or b"") + (message.value() or b"") + repr(message.headers()).encode()
        assert CANARY.encode() not in told, message.topic()
    assert seen > len(stores)
    ours = [tmp_path / "log", worker.parent / "log.txt", *(tmp_path / "in" / "rejected").glob("*.report.*")]
    ours += [path for folder in (tmp_path / "data", worker.parent / "data") for path, _ in entries(folder, Path.exists)]
    assert sum(path.is_file() for path in ours) > 10
    assert [path for path in ours if holds_text(path, CANARY)] == []
