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
from commonshelf.dead_letters.item_status import item_statuses
from commonshelf.stack import connection
from tests.unit.desks.test_mapping import catalog, letter

__all__ = ["catalog"]


def event(at_ms, *codes, store="anna"):
    return {"pool": "north", "store": store, "occurred_at_ms": at_ms, "lines": [{"code": code} for code in codes]}


EVENTS = [
    event(5_000, "gtin:04006381333931", "plu:4011"), event(9_000, "sku:MILK"), event(7_000, "item:W62X"),
    event(9_999, "plu:4011", store="bert"),
]  # fmt: skip
LETTERS = [
    letter(0, item_W62X=1_000), letter(1, plu_4011=1_000, reason="too_late"), letter(2, plu_4011=1, done=True),
    letter(3, item_GONE=1_000), letter(4, item_W62X=1_000, store="bert"), letter(5, item_W62X=1, pool="south"),
]  # fmt: skip


def test_each_item_is_told_once_whatever_the_tills_call_it_and_what_waits_comes_first(catalog):
    found = item_statuses(catalog, "north", "anna", EVENTS, LETTERS)
    told = [(one.item, one.last_seen_ms, one.lines, one.lines_unmapped, one.lines_set_aside) for one in found]
    assert told == [
        ("item:W62X", 7_000, 1, 1, 0), ("BREAD", 5_000, 1, 0, 1), ("item:GONE", None, 0, 1, 0),
        ("MILK", 9_000, 2, 0, 0),
    ]  # fmt: skip
    assert [one.reasons for one in found] == [["unmapped_code"], ["too_late"], ["unmapped_code"], []]
    assert found[-1].codes == ["gtin:04006381333931", "sku:MILK"]


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
    return lambda *words: CliRunner().invoke(app, ["connect", "status", *words])


def test_the_shopkeeper_reads_each_item_and_what_to_do(shelf):
    told = shelf("anna", "--items").output
    assert "BREAD" in told
    assert "1970-01-01 01:00:05 CET" in told
    assert "4 items since" in told
    assert "3 with lines that wait" in told
    assert "./shelf map suggest north --store anna" in told


def test_as_json_it_says_the_same(shelf):
    found = json.loads(shelf("anna", "--items", "--json").output)
    assert [each["item"] for each in found] == ["item:W62X", "BREAD", "item:GONE", "MILK"]


@pytest.mark.parametrize("words", [("anna",), ("--items",), ("--since", "7d")])
def test_a_store_and_items_go_together(shelf, words):
    refused = shelf(*words)
    assert (refused.exit_code, "--items" in refused.stderr) == (1, True)


def test_a_store_that_is_not_there_names_those_that_are(shelf):
    assert "(known: anna)" in str(shelf("carl", "--items").exception)
