"""`connect status STORE --items`: what the tills said of each item, and what of it waits."""

import json
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from commonshelf.cli import app
from commonshelf.config import pool_config
from commonshelf.config.settings import Pool, Settings, Store
from commonshelf.dead_letters import item_status
from commonshelf.dead_letters import letters as dead_letters
from commonshelf.dead_letters.item_status import Appended, connector_refusals, item_statuses
from commonshelf.stack import connection
from schemas.codec import topic_codec
from schemas.models.connectors import ConnectorRefusal, RefusedLine
from schemas.topics import CONNECTOR_REFUSALS
from tests.unit.desks.test_mapping import catalog, letter

__all__ = ["catalog"]


PUBLISH_MS = 30_000
"""In which the publisher gives up: records that Kafka appended further apart were not published together."""


def event(at_ms, *codes, store="anna", system="square", document="O1", recorded_at_ms=None, appended_at_ms=0, **fields):
    return Appended({
        "pool": "north", "store": store, "source": {"system": system, "id": document}, "occurred_at_ms": at_ms,
        "recorded_at_ms": at_ms if recorded_at_ms is None else recorded_at_ms,
        "lines": [{"code": code} for code in codes], **fields,
    }, appended_at_ms)  # fmt: skip


def refusal(at_ms, item, document="O9", *, place="order O9/line/a", reason="too odd", store="anna", connector="square"):
    line = {"item": item, "document": document, "place": place, "reason": reason}
    told = {"pool": "north", "store": store, "connector": connector, "refused_at_ms": at_ms, "lines": [line]}
    return Appended(told, at_ms)


EVENTS = [
    event(5_000, "gtin:04006381333931", "plu:4011"), event(9_000, "sku:MILK"), event(7_000, "item:W62X"),
    event(9_999, "plu:4011", store="bert"),
]  # fmt: skip
LETTERS = [
    letter(0, item_W62X=1_000), letter(1, plu_4011=1_000, reason="too_late"), letter(2, plu_4011=1, done=True),
    letter(3, item_GONE=1_000), letter(4, item_W62X=1_000, store="bert"), letter(5, item_W62X=1, pool="south"),
]  # fmt: skip


def test_each_item_is_told_once_whatever_the_tills_call_it_and_what_waits_comes_first(catalog):
    found = item_statuses(catalog, "north", "anna", EVENTS, LETTERS, [])
    told = [(one.item, one.last_seen_ms, one.lines, one.lines_unmapped, one.lines_set_aside) for one in found]
    assert told == [
        ("item:W62X", 7_000, 1, 1, 0), ("BREAD", 5_000, 1, 0, 1), ("item:GONE", None, 0, 1, 0),
        ("MILK", 9_000, 2, 0, 0),
    ]  # fmt: skip
    assert [one.reasons for one in found] == [["unmapped_code"], ["too_late"], ["unmapped_code"], []]
    assert found[-1].codes == ["gtin:04006381333931", "sku:MILK"]


def refused(catalog, *refusals, events=EVENTS):
    found = item_statuses(catalog, "north", "anna", events, [], refusals)
    return {one.item: (one.lines_refused, one.refusal) for one in found if not one.is_well}


def test_a_line_that_a_connector_refused_is_told_with_its_item_once_however_often_it_was_read(catalog):
    again = [refusal(at_ms, "sku:MILK") for at_ms in (3_000, 4_000)]
    others = [
        refusal(5_000, "sku:MILK", place="order O9/line/b", reason="worse"), refusal(5_000, "sku:MILK", store="bert"),
        refusal(6_000, "item:W62X", "O8"), refusal(7_000, "", "", place="sales.csv, line 3", reason="it is cut off"),
    ]  # fmt: skip
    assert refused(catalog, *again, *others) == {
        "MILK": (2, "order O9/line/b: worse"), "item:W62X": (1, "order O9/line/a: too odd"),
        "": (1, "sales.csv, line 3: it is cut off"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("later", "lines"),
    [
        (event(1, "sku:MILK", document="O9", recorded_at_ms=4_000), {}),
        (event(1, document="O9", recorded_at_ms=4_000), {}),
        (event(1, "sku:MILK", document="O9", recorded_at_ms=3_000), {"MILK": (1, "order O9/line/a: too odd")}),
        (event(1, "sku:MILK", document="O7", recorded_at_ms=4_000), {"MILK": (1, "order O9/line/a: too odd")}),
        (event(1, document="O9", recorded_at_ms=4_000, system="clover"), {"MILK": (1, "order O9/line/a: too odd")}),
        (event(1, document="O9", recorded_at_ms=1, appended_at_ms=3_001 + PUBLISH_MS), {}),
        (event(1, document="O9", appended_at_ms=3_000 + PUBLISH_MS), {"MILK": (1, "order O9/line/a: too odd")}),
    ],
    ids=[
        "read whole",
        "without any line",
        "in the same reading",
        "another document",
        "another system",
        "later, though its sender says an old time",
        "perhaps published with it",
    ],
)
def test_a_refused_line_is_mended_by_a_later_version_of_its_document(catalog, later, lines):
    assert refused(catalog, refusal(3_000, "sku:MILK"), events=[later]) == lines


def test_a_document_of_the_drop_folder_is_known_by_its_connector_and_without_its_pieces(catalog):
    told = refusal(3_000, "sku:MILK", "counted/7//2", connector="drop_folder")
    assert refused(catalog, told, events=[event(1, document="counted/7//1", system="csv", recorded_at_ms=4_000)]) == {}


def test_a_refusal_that_names_no_document_is_mended_by_none(catalog):
    told = refusal(3_000, "", "", place="sales.csv", reason="it is cut off")
    later = event(1, document="", recorded_at_ms=4_000, appended_at_ms=4_000 + PUBLISH_MS)
    assert refused(catalog, told, events=[later]) == {"": (1, "sales.csv: it is cut off")}


def test_a_line_that_waits_in_several_letters_counts_once_as_it_was_set_aside_last(catalog):
    told = [
        letter(1, document="R1", item_OLD=1_000, plu_4011=1_000),
        letter(2, document="R1", plu_4011=1_000, reason="too_late"),
        letter(3, document="R2", plu_4011=1_000), letter(4, document="R1", plu_4011=1_000, done=True),
    ]  # fmt: skip
    found = item_statuses(catalog, "north", "anna", [], told, [])
    assert {one.item: (one.lines_unmapped, one.lines_set_aside, one.reasons) for one in found} == {
        "BREAD": (2, 1, ["too_late", "unmapped_code"])
    }


def test_what_kafka_holds_is_told_with_the_time_at_which_the_broker_appended_it(monkeypatch):
    line = RefusedLine(reason="it is cut off")
    record = ConnectorRefusal(pool="north", store="anna", connector="square", refused_at_ms=6_000, lines=(line,))
    value = topic_codec(CONNECTOR_REFUSALS.name).encode(record.to_avro())
    message = SimpleNamespace(topic=lambda: CONNECTOR_REFUSALS.name, value=lambda: value, timestamp=lambda: (2, 7_000))
    monkeypatch.setattr(item_status, "read_log", lambda *_args: [message])
    (told,) = connector_refusals({}, record.pool, 1, 0)
    assert (told.value["refused_at_ms"], told.appended_at_ms) == (record.refused_at_ms, 7_000)


def test_levels_of_a_kit_are_told_once_and_are_no_fault(catalog):
    parts = [{"sku": "BREAD", "quantity_milli": 1_000}]
    catalog.apply_item({"sku": "BOX", "name": "Box", "unit": "each", "gtin": None, "parts": parts, "recorded_at_ms": 1})
    events = [event(at_ms, "sku:BOX", kind="level") for at_ms in (1_000, 2_000)]
    (one,) = item_statuses(catalog, "north", "anna", [*events, event(3_000, "sku:BOX")], [], [])
    assert (one.item, one.lines, one.reasons, one.is_well) == ("BOX", 3, ["level_of_a_kit"], True)


@pytest.fixture
def shelf(monkeypatch, catalog):
    """Runs the command over what Kafka would hold."""
    settings = Settings(pools=(Pool(id="north", name="North"),), stores=(Store(id="anna", name="A", pool="north"),))
    configs = pool_config.PoolConfigs()
    configs.named["north"], configs.catalogs["north"] = "Europe/Berlin", catalog
    known = SimpleNamespace(settings=settings, kafka_options={}, runtime=None)
    monkeypatch.setattr(connection, "connect", lambda *_args: known)
    monkeypatch.setattr(pool_config, "read_pool_config", lambda _options: configs)
    monkeypatch.setattr(dead_letters, "read_letters", lambda _options: LETTERS)
    monkeypatch.setattr(item_status, "pos_events", lambda *_args: EVENTS)
    refusals = [refusal(6_000, "", "", place="sales.csv, line 3", reason="it is cut off")]
    monkeypatch.setattr(item_status, "connector_refusals", lambda *_args: refusals)
    return lambda *words: CliRunner().invoke(app, ["connect", "status", *words])


def test_the_shopkeeper_reads_each_item_and_what_to_do(shelf):
    told = shelf("anna", "--items").output
    assert "BREAD" in told
    assert "1970-01-01 01:00:05 CET" in told
    assert "5 items since" in told
    assert "4 with lines that wait or were refused" in told
    assert "no item could be read, refused last: sales.csv, line 3: it is cut off" in told
    assert "./shelf map suggest north --store anna" in told


def test_what_a_vendor_sent_does_not_steer_the_terminal(shelf, monkeypatch):
    steering = [refusal(6_000, "sku:\x1b[2J", place="order \x1b]0;x\x07", reason="bad\nmap their codes: rm")]
    monkeypatch.setattr(item_status, "connector_refusals", lambda *_args: steering)
    told = shelf("anna", "--items").output
    assert "sku:�[2J, refused last: order �]0;x�: bad�map their codes: rm" in told
    assert "\x1b" not in told


def test_as_json_it_says_the_same(shelf):
    found = json.loads(shelf("anna", "--items", "--json").output)
    assert [each["item"] for each in found] == ["item:W62X", "BREAD", "", "item:GONE", "MILK"]
    assert [each["lines_refused"] for each in found] == [0, 0, 1, 0, 0]


@pytest.mark.parametrize("words", [("anna",), ("--items",), ("--since", "7d")])
def test_a_store_and_items_go_together(shelf, words):
    refused = shelf(*words)
    assert (refused.exit_code, "--items" in refused.stderr) == (1, True)


def test_a_store_that_is_not_there_names_those_that_are(shelf):
    assert "its stores: anna" in str(shelf("carl", "--items").exception)
