"""The oracle, on small logs whose outcome a person can see."""

import pytest

from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import ConfigChange, Contribution, ContributionKind, PoolSettings, StoreSettings
from schemas.topics import CATALOG_ITEMS, POOL_CONFIG, POS_SALES, POS_STOCK
from tests.proof.faults.oracle import Oracle
from tests.proof.faults.records import Promise, Record

NOW_MS = 1_790_000_000_000
SHELF = ("p", "milk", "mill")


class Log:
    """Input records of one partition, as they come."""

    def __init__(self):
        self.records = []
        lends = Contribution(kind=ContributionKind.share, value=500)
        for change in (PoolSettings(name="P"), StoreSettings(store="mill", name="Mill", contribution=lends)):
            event = ConfigChange(pool="p", recorded_at_ms=NOW_MS, origin="test", change=change)
            self.add(POOL_CONFIG.name, event.to_avro())
        self.add(CATALOG_ITEMS.name, CatalogItem(pool="p", sku="milk", name="Milk", recorded_at_ms=NOW_MS).to_avro())

    def add(self, topic, event):
        offset = sum(record.topic == topic for record in self.records)
        value = event if isinstance(event, bytes) else topic_codec(topic).encode(event)
        self.records.append(Record(topic, 0, offset, NOW_MS, b"p", value))

    def sale(self, name, units, minute, version=1, line_id="1", code="sku:milk"):
        line = {"line_id": line_id, "kind": "sale", "code": code, "quantity_milli": units * 1000}
        self._event(POS_SALES.name, name, minute, version, line | {"price_minor": None}, till=None)

    def count(self, name, units, minute, version=1):
        line = {"line_id": "1", "code": "sku:milk", "quantity_milli": units * 1000, "reason": None}
        self._event(POS_STOCK.name, name, minute, version, line, kind="counted")

    def count_by(self, name, *codes):
        lines = [
            {"line_id": str(at), "code": code, "quantity_milli": units * 1000, "reason": None, "unit": "each"}
            for at, (code, units) in enumerate(codes)
        ]
        self._event(POS_STOCK.name, name, 30, 1, {}, kind="counted", lines=lines)

    def _event(self, topic, name, minute, version, line, **more):
        at_ms = NOW_MS - 3_600_000 + minute * 60_000
        event = {
            "id": name, "pool": "p", "store": "mill", "source": {"system": "t", "id": name, "version": version},
            "occurred_at_ms": at_ms, "recorded_at_ms": NOW_MS, "origin": "pos", "order_ref": None, "currency": None,
        }  # fmt: skip
        self.add(topic, event | {"lines": [line | {"unit": "each"}]} | more)

    def outcome(self):
        return Oracle(1).expected(self.records)

    def on_hand(self):
        return self.outcome().table[SHELF].on_hand_milli


@pytest.fixture
def log():
    return Log()


def test_a_count_stands_with_the_sales_that_occurred_after_it_in_whatever_order_they_came(log):
    log.sale("later", 2, minute=20)
    log.count("c", 10, minute=10)
    log.sale("earlier", 3, minute=5)
    log.sale("at the same time", 1, minute=10)

    assert log.outcome().table == {SHELF: Promise(8_000, 4_000, 0, "each")}


def test_of_two_counts_of_one_time_the_one_that_came_last_stands(log):
    log.count("first", 10, minute=10)
    log.count("second", 7, minute=10)
    log.count("older", 99, minute=9)

    assert log.on_hand() == 7_000


def test_a_repeat_changes_nothing_and_a_higher_version_replaces_all_lines(log):
    log.sale("s", 2, minute=1)
    log.sale("s", 2, minute=1)
    log.sale("s", 1, minute=1, line_id="2")
    assert log.on_hand() == -3_000

    log.sale("s", 5, minute=1, version=2)
    log.sale("s", 9, minute=1, version=1)
    assert log.on_hand() == -5_000
    assert log.outcome().repeated_lines == 2


def test_a_contradiction_and_an_unknown_code_are_set_aside_with_their_reasons(log):
    log.sale("s", 2, minute=1)
    log.sale("s", 3, minute=1)
    log.sale("u", 1, minute=1, code="sku:nobody")

    outcome = log.outcome()
    assert outcome.table[SHELF].on_hand_milli == -2_000
    assert dict(outcome.refused_lines) == {
        ((POS_SALES.name, 0, 1), "conflict", "1"): 1,
        ((POS_SALES.name, 0, 2), "unmapped_code", "1"): 1,
    }


def test_a_lower_version_stays_out_also_when_every_line_of_the_higher_one_was_set_aside(log):
    log.sale("s", 2, minute=1, version=2, code="sku:nobody")
    log.sale("s", 3, minute=1, version=1)

    outcome = log.outcome()
    assert (outcome.table, outcome.repeated_lines) == ({}, 1)
    assert dict(outcome.refused_lines) == {((POS_SALES.name, 0, 0), "unmapped_code", "1"): 1}


def test_bytes_that_are_no_event_are_refused_whole_and_cause_no_journal_entry(log):
    log.add(POS_SALES.name, b"?")

    outcome = log.outcome()
    assert outcome.refused_records == {(POS_SALES.name, 0, 0): "not_avro"}
    assert (POS_SALES.name, 0, 0) not in outcome.journaled


def test_what_two_codes_of_one_item_count_is_their_sum_and_one_code_counts_once(log):
    item = CatalogItem(pool="p", sku="milk", gtin="04000000000008", name="Milk", recorded_at_ms=NOW_MS)
    log.add(CATALOG_ITEMS.name, item.to_avro())
    log.count_by("c", ("sku:milk", 5), ("gtin:04000000000008", 3), ("sku:milk", 9))
    outcome = log.outcome()
    assert outcome.table[SHELF].on_hand_milli == 8_000
    assert dict(outcome.refused_lines) == {((POS_STOCK.name, 0, 0), "conflict", "2"): 1}
