"""What every connector keeps to, whatever system it reads. A new connector joins with a `Rig` and passes unchanged."""

import asyncio
import io
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import httpx
import openpyxl
import pytest

from connectors.drop_folder.client import FolderConnector
from connectors.drop_folder.intake import Stopped
from connectors.drop_folder.settings import DropFolderSpec
from connectors.host import Host
from connectors.http.signature import HEADER, sign
from connectors.metrics import ConnectorMetrics
from connectors.specs import ConnectorSpec
from connectors.webhook.spec import Webhook
from messaging.publisher import PublishFailed
from schemas.codec import topic_codec
from tests.support.connectors import GROCER, MemoryPositions, events_and_refusals

SECRET = b"a-secret-of-the-store-grocer-7"
GTIN = "4006381333931"
BAD_GTIN = "4006381333932"
CANARY = "CANARY-Erika-Mustermann-4111111111111111"


@dataclass
class Publisher:
    """Confirms all, or nothing while `is_down`."""

    events: list = field(default_factory=list)
    is_down: bool = False
    fatal: str | None = None

    def publish_all(self, events):
        if self.is_down:
            raise PublishFailed("Kafka is down")
        self.events += events_and_refusals(events)[0]

    async def publish_acked(self, events):
        self.publish_all(events)


@dataclass(frozen=True)
class TillLine:
    """A line as a till would say it."""

    receipt: str
    line: str
    quantity: str
    gtin: str = GTIN


def in_an_hour_ms():
    """A clock by which every file has lain still."""
    return time.time_ns() // 1_000_000 + 3_600_000


class FolderRig:
    """Tells it as a dropped file; every file has another content, as every export has."""

    system = "csv"
    ending = ".csv"

    def __init__(self, tmp_path, publisher):
        self._folder = tmp_path / "in"
        self._spec = DropFolderSpec(
            pool="north", store="grocer-7", folder=self._folder, time_zone="Europe/Berlin", decimal_mark="."
        )  # the till's quantities alone, such as 1.001, would not show what their mark is
        self._connector = FolderConnector(self._spec, publisher, ConnectorMetrics(), tmp_path / "state", in_an_hour_ms)
        self._publisher = publisher
        self._told = 0

    def tell(self, lines):
        """(was it confirmed?, number of lines that came back)"""
        self._told += 1
        name = f"sales-{self._told}{self.ending}"
        (self._folder / name).write_bytes(self.content(lines))
        stop = threading.Event()
        if self._publisher.is_down:
            threading.Timer(0.05, stop.set).start()
        try:
            self._connector.scan(stop)
        except Stopped:
            (self._folder / name).unlink()
            return False, 0
        report = self._folder / "rejected" / f"{name}.report.csv"
        came_back = len(report.read_text().splitlines()) - 1 if report.exists() else 0
        return True, came_back

    def tell_bytes(self, content):
        self._told += 1
        (self._folder / f"sales-{self._told}{self.ending}").write_bytes(content)
        self._connector.scan(threading.Event())

    def content(self, lines):
        rows = "".join(
            f"{each.receipt},{each.line},2026-03-01 09:15,{each.gtin},{each.quantity},{CANARY}\n" for each in lines
        )
        return ("receipt,line,sold_at,ean,qty,customer\n" + rows + "\n" * self._told).encode()


class WorkbookRig(FolderRig):
    """The same as an Excel workbook."""

    ending = ".xlsx"

    def content(self, lines):
        book = openpyxl.Workbook()
        book.active.append(["receipt", "line", "sold_at", "ean", "qty", "customer"])
        for each in lines:
            sold_at = datetime(2026, 3, 1, 9, 15)  # noqa: DTZ001  a cell has no zone
            book.active.append([each.receipt, each.line, sold_at, each.gtin, float(each.quantity), CANARY])
        book.properties.title = f"file {self._told}"
        content = io.BytesIO()
        book.save(content)
        return content.getvalue()


class PosLogRig(FolderRig):
    """The same as POSLog."""

    system = "poslog"
    ending = ".xml"

    def content(self, lines):
        receipts = {}
        for each in lines:
            receipts.setdefault(each.receipt, []).append(
                f"<LineItem><SequenceNumber>{each.line}</SequenceNumber><Sale><ItemID Type='GTIN'>{each.gtin}</ItemID>"
                f"<Description>{CANARY}</Description><Quantity>{each.quantity}</Quantity></Sale></LineItem>"
            )
        transactions = "".join(
            f"<Transaction><SequenceNumber>{receipt}</SequenceNumber><EndDateTime>2026-03-01T09:15:00</EndDateTime>"
            f"<OperatorID>{CANARY}</OperatorID><RetailTransaction>{''.join(told)}</RetailTransaction></Transaction>"
            for receipt, told in receipts.items()
        )
        return f"<POSLog><!--{self._told}-->{transactions}</POSLog>".encode()


class WebhookRig:
    """Tells it as a signed request to the host's application."""

    system = "webhook"

    def __init__(self, tmp_path, publisher):
        secret = tmp_path / "secret"
        secret.write_bytes(SECRET)
        spec = ConnectorSpec(GROCER, Webhook(secret_file=secret))
        self._host = Host([spec], publisher, MemoryPositions(), tmp_path)

    def tell(self, lines):
        receipts = {}
        for each in lines:
            line = {"line_id": each.line, "gtin": each.gtin, "quantity": each.quantity, "customer": CANARY}
            receipts.setdefault(each.receipt, []).append(line)
        sales = [
            {"id": receipt, "occurred_at": "2026-03-01T09:15:00", "customer": {"email": CANARY}, "lines": told}
            for receipt, told in receipts.items()
        ]
        answer = self._post(json.dumps({"sales": sales, "note": CANARY}).encode())
        if answer.status_code == 503:
            return False, 0
        return True, len(answer.json()["errors"])

    def tell_bytes(self, content):
        assert self._post(content).status_code < 500

    def _post(self, body):
        async def post():
            transport = httpx.ASGITransport(app=self._host.app)
            headers = {"Content-Type": "application/json", HEADER: sign(SECRET, body, int(time.time()))}
            async with httpx.AsyncClient(transport=transport, base_url="http://till") as client:
                return await client.post("/webhooks/v1/grocer-7", content=body, headers=headers)

        return asyncio.run(post())


@pytest.fixture
def publisher():
    return Publisher()


@pytest.fixture(params=[FolderRig, WorkbookRig, PosLogRig, WebhookRig], ids=lambda rig: rig.__name__)
def rig(request, tmp_path, publisher):
    return request.param(tmp_path, publisher)


def lines_of(publisher):
    return Counter((event.id, line.line_id, line.quantity_milli) for event in publisher.events for line in event.lines)


def test_pool_store_and_system_come_from_the_configuration(rig, publisher):
    assert rig.tell([TillLine("17", "1", "2")]) == (True, 0)
    (event,) = publisher.events
    assert (event.pool, event.store, event.source.system, event.origin) == ("north", "grocer-7", rig.system, "pos")


def test_a_time_without_an_offset_is_the_stores(rig, publisher):
    rig.tell([TillLine("17", "1", "2")])
    assert publisher.events[0].occurred_at_ms == 1772352900000


def test_every_line_arrives_once_with_its_quantity_exact(rig, publisher):
    told = [TillLine(str(n // 5), str(n % 5), f"{n}.{n:03d}") for n in range(1, 100)]
    assert rig.tell(told) == (True, 0)
    assert sum(line.quantity_milli for event in publisher.events for line in event.lines) == sum(
        1000 * n + n for n in range(1, 100)
    )
    assert set(lines_of(publisher).values()) == {1}


def test_what_is_told_again_has_the_same_names(rig, publisher):
    told = [TillLine("17", "1", "2"), TillLine("17", "2", "0.485"), TillLine("18", "1", "1")]
    rig.tell(told)
    once = lines_of(publisher)
    rig.tell(told)
    assert lines_of(publisher) in (once, once + once)


def test_a_bad_line_comes_back_alone(rig, publisher):
    told = [TillLine("17", "1", "2"), TillLine("17", "2", "1", BAD_GTIN), TillLine("18", "1", "1")]
    assert rig.tell(told) == (True, 1)
    assert [len(event.lines) for event in publisher.events] == [1, 1]


def test_a_mended_line_joins_its_receipt(rig, publisher):
    rig.tell([TillLine("17", "1", "2"), TillLine("17", "2", "1", BAD_GTIN)])
    rig.tell([TillLine("17", "1", "2"), TillLine("17", "2", "1")])
    assert len({event.id for event in publisher.events}) == 1
    assert {line.line_id for event in publisher.events for line in event.lines} == {"1", "2"}


def test_fields_without_a_meaning_here_go_nowhere(rig, publisher, tmp_path, capsys):
    rig.tell([TillLine("17", "1", "2"), TillLine("17", "2", "1", BAD_GTIN)])
    assert CANARY not in repr(publisher.events)
    printed = capsys.readouterr()
    assert CANARY not in printed.out + printed.err
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix not in (".csv", ".xlsx", ".xml")]
    kept += tmp_path.rglob("*.report.csv")
    assert [path for path in kept if CANARY.encode() in path.read_bytes()] == []


def test_nothing_is_confirmed_while_kafka_is_down_and_nothing_lost_after(rig, publisher):
    publisher.is_down = True
    assert rig.tell([TillLine("17", "1", "2")]) == (False, 0)
    publisher.is_down = False
    assert rig.tell([TillLine("17", "1", "2")]) == (True, 0)
    assert len(publisher.events) == 1


def test_every_event_fits_its_topic(rig, publisher):
    rig.tell([TillLine("17", "1", "2")])
    codec = topic_codec("pos.sales.v1")
    for event in publisher.events:
        assert codec.decode(codec.encode(event.to_avro())) == event.to_avro()


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00", b"\xff\xfe\xfd", b"[" * 100_000, b'"' * 1000, b"{}", b"receipt,qty\n" * 100, b"\n" * 1000, b",;\t|"],
)
def test_hostile_bytes_publish_nothing_and_break_nothing(rig, publisher, content):
    rig.tell_bytes(content)
    assert publisher.events == []
    assert rig.tell([TillLine("17", "1", "2")]) == (True, 0)
