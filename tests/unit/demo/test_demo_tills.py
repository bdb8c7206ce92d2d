"""Tills say what they have until they are heard, and count exactly what was confirmed."""

import asyncio
import json
import time

import httpx
import pytest

from commonshelf.demo.tally import TillTally
from commonshelf.demo.tills import DropFolderTill, TillError, WebhookTill, webhook_body
from connectors.http.payload import parse
from connectors.http.signature import HEADER, verify
from connectors.webhook.translate import StoreContext, translate
from tests.support.waiting import PATIENCE_S
from world.documents import DocumentLine, StoreDocument

AT_MS = 1_767_600_000_123
SECRET = b"0123456789abcdef"


def document(number: str = "000001", lines: int = 3, kind: str = "sale", version: int = 1) -> StoreDocument:
    told = tuple(
        DocumentLine(no, "plu:4011", 485, "kg", "sale" if kind == "sale" else "", 199) for no in range(1, lines + 1)
    )
    return StoreDocument("lich", kind, number, AT_MS, AT_MS + 500, told, version=version)


def accept(request: httpx.Request) -> httpx.Response:
    body = json.loads(request.content)
    lines = sum(len(told["lines"]) for told in (*body["sales"], *body["stock"]))
    return httpx.Response(202, json={"lines_published": lines, "errors": []})


def say(handler, *documents: StoreDocument, timeout_s: float = PATIENCE_S) -> TillTally:
    """Say the documents through a till whose connector is `handler`, and wait until all is confirmed."""

    async def run() -> TillTally:
        tally = TillTally()
        async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
            till = WebhookTill("lich", "http://shelf/webhooks/v1", SECRET, client, tally)
            try:
                async with asyncio.timeout(timeout_s):
                    for each in documents:
                        await till.say(each)
                    await till.settle()
            finally:
                await till.close()
        return tally

    return asyncio.run(run())


def test_the_webhook_connector_understands_the_body():
    from zoneinfo import ZoneInfo

    store = StoreContext("lahn", "lich", ZoneInfo("Europe/Berlin"), "EUR")
    body = webhook_body([document(version=2), document("000002", kind="counted")])
    translated = translate(parse(body), store, AT_MS)
    assert translated.problems == ()
    sale, count = translated.events
    assert (sale.source.id, sale.source.version) == ("1/000001", 2)
    assert (sale.occurred_at_ms, sale.recorded_at_ms) == (AT_MS, AT_MS + 500)
    assert [(line.line_id, line.code, line.quantity_milli) for line in sale.lines] == [
        (str(no), "plu:4011", 485) for no in (1, 2, 3)
    ]
    assert count.kind.value == "counted"


def test_every_request_is_signed():
    def check(request: httpx.Request) -> httpx.Response:
        verify([request.headers[HEADER].encode()], request.content, [SECRET], time.time())
        return accept(request)

    assert say(check, document(), document("000002")).acknowledged == 6


def test_lines_are_counted_as_the_connector_confirms_them():
    tally = say(accept, document(), document("000002", lines=5))
    assert (tally.handed_over, tally.acknowledged, tally.refused, tally.open_lines) == (8, 8, 0, 0)


def test_a_refused_line_is_counted_as_refused():
    tally = say(lambda _: httpx.Response(202, json={"lines_published": 2, "errors": [{}]}), document())
    assert (tally.acknowledged, tally.refused, tally.open_lines) == (2, 1, 0)


@pytest.mark.parametrize("status", [408, 429, 503])
def test_a_busy_connector_hears_the_same_again(status):
    bodies = []

    def busy_once(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        return httpx.Response(status, json={"error": "busy"}) if len(bodies) == 1 else accept(request)

    tally = say(busy_once, document())
    assert len(bodies) == 2
    assert bodies[0] == bodies[1]
    assert (tally.acknowledged, tally.retries) == (3, 1)
    assert tally.resent == (3 if status == 503 else 0), "only after a 503 may the first attempt have been stored"


def test_a_lost_connection_is_tried_again():
    attempts = []

    def drop_once(request: httpx.Request) -> httpx.Response:
        attempts.append(1)
        if len(attempts) == 1:
            raise httpx.ReadError("the connection is gone")
        return accept(request)

    tally = say(drop_once, document())
    assert (tally.acknowledged, tally.resent) == (3, 3)


def test_a_connector_that_refuses_altogether_ends_the_till_with_a_sentence():
    with pytest.raises(TillError, match=r"answered 401 to lich: .*signature"):
        say(lambda _: httpx.Response(401, json={"error": "the signature does not match"}), document())


def test_a_long_report_goes_in_parts_of_one_document():
    ids = []

    def note(request: httpx.Request) -> httpx.Response:
        assert len(request.content) < 262_144
        ids.extend((told["id"], len(told["lines"])) for told in json.loads(request.content)["stock"])
        return accept(request)

    tally = say(note, document(lines=1_000, kind="opening"))
    assert tally.acknowledged == 1_000
    assert ids == [("1/000001", 400), ("1/000001", 400), ("1/000001", 200)]


def in_folder(tmp_path, steps) -> TillTally:
    """Run `steps(till)` on a till whose drop folder is `tmp_path`."""

    async def run() -> TillTally:
        tally = TillTally()
        till = DropFolderTill("lich", tmp_path, tally, run="ab12", interval_s=None, now_ms=lambda: AT_MS + 9_000)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await steps(till)
        finally:
            await till.close()
        return tally

    return asyncio.run(run())


def test_a_file_that_was_taken_is_confirmed(tmp_path):
    async def steps(till):
        await till.say(document())
        await till.say(document("000002", kind="counted"))
        till.export()
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == ["counts-ab12-00002.csv", "sales-ab12-00001.csv"]
        for name in names:
            (tmp_path / name).unlink()
        await till.settle()

    tally = in_folder(tmp_path, steps)
    assert (tally.handed_over, tally.acknowledged, tally.files) == (6, 6, 2)


def test_rows_in_a_report_beside_the_file_are_refused(tmp_path):
    async def steps(till):
        await till.say(document())
        till.export()
        (tmp_path / "rejected").mkdir()
        report = tmp_path / "rejected" / "sales-ab12-00001.csv.report.csv"
        report.write_text("file,line,column,reason\nsales-ab12-00001.csv,3,plu,unknown\n")
        (tmp_path / "sales-ab12-00001.csv").unlink()
        await till.settle()

    tally = in_folder(tmp_path, steps)
    assert (tally.acknowledged, tally.refused, tally.open_lines) == (2, 1, 0)


def test_an_export_is_dated_when_it_is_written(tmp_path):
    async def steps(till):
        await till.say(document())
        till.export()

    in_folder(tmp_path, steps)
    assert "2026-01-05T08:00:09.123+00:00" in (tmp_path / "sales-ab12-00001.csv").read_text()


def test_a_file_that_nobody_takes_stays_open(tmp_path):
    async def steps(till):
        await till.say(document())
        till.export()

    assert in_folder(tmp_path, steps).open_lines == 3
