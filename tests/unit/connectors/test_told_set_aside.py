"""What the pool has set aside of a folder's files is told in the folder, for as long as it waits and no longer."""

import csv
from dataclasses import replace

import pytest

from connectors.context import LineSetAside
from connectors.drop_folder.client import FolderConnector
from connectors.drop_folder.set_aside import REASONS
from connectors.drop_folder.state import FolderState, Reading
from messaging.publisher import PublishFailed
from streams.pool.journal import dead_letter_reasons
from tests.unit.connectors.test_drop_folder import DAY_MS, FolderShop

HEADER = "register,receipt_no,sold_at,sku,qty\n"
TEXT, TABLE = "_waiting.report.txt", "_waiting.report.csv"


class Pool:
    """A pool that sets aside what a test says, of what was published to it."""

    def __init__(self):
        self.lines = []
        self.failure = None

    def of(self, pool, store):
        assert (pool, store) == ("north", "grocer-7")
        if self.failure is not None:
            raise self.failure
        return list(self.lines)

    def set_aside(self, event, reason="unmapped_code"):
        self.lines += [
            LineSetAside(
                is_sale=not hasattr(event, "kind"), source_id=event.source.id, line_id=line.line_id, code=line.code,
                quantity_milli=line.quantity_milli, unit=line.unit.value, occurred_at_ms=event.occurred_at_ms,
                recorded_at_ms=event.recorded_at_ms, set_aside_at_ms=event.recorded_at_ms + 40, reason=reason,
            )
            for line in event.lines
        ]  # fmt: skip


class ToldShop(FolderShop):
    """A drop folder that is told what its pool has set aside."""

    def start(self):
        self.pool = getattr(self, "pool", Pool())
        self.connector = FolderConnector(
            self.spec, self.publisher, self.metrics, self.state_dir, self.now_ms, self.pool
        )

    def told(self):
        """(file, document, code, quantity, reason) of each line that the folder's list has."""
        path = self.path / "rejected" / TABLE
        if not path.exists():
            assert not (self.path / "rejected" / TEXT).exists()
            return []
        with path.open(newline="") as rows:
            return [
                tuple(row[name] for name in ("file", "document", "code", "quantity", "reason"))
                for row in csv.DictReader(rows)
            ]

    def text(self):
        return (self.path / "rejected" / TEXT).read_text()


@pytest.fixture
def shop(tmp_path, publisher):
    return ToldShop(tmp_path, publisher)


def test_a_line_that_the_pool_set_aside_is_told_until_it_waits_no_longer(shop):
    shop.drop("sales-1.csv", HEADER + "1,17,2026-03-01 09:15,new-jam,1.5\n")
    shop.scan()
    assert shop.told() == []
    shop.pool.set_aside(shop.publisher.events[0])
    shop.scan()
    assert shop.told() == [("sales-1.csv", "receipt 1/2026-03-01/17", "sku:new-jam", "1.5", REASONS["unmapped_code"])]
    assert shop.text() == (
        "1 line of the files that were read does not count yet.\n\nsales-1.csv:\n"
        f"receipt 1/2026-03-01/17, 2026-03-01 09:15, 1.5 each of sku:new-jam: {REASONS['unmapped_code']}.\n\n"
        "This list is written anew when that changes, and is gone when nothing waits. For the operator:\n"
        "./shelf map unmapped north --store grocer-7\n./shelf dlq list --store grocer-7\n"
    )
    shop.pool.lines.clear()
    shop.scan()
    assert shop.told() == []


def test_the_list_is_true_again_after_a_restart(shop):
    shop.drop("sales-1.csv", HEADER + "1,17,2026-03-01 09:15,new-jam,1\n")
    shop.scan()
    shop.pool.set_aside(shop.publisher.events[0])
    shop.scan()
    shop.start()
    shop.scan()
    assert len(shop.told()) == 1
    shop.pool.lines.clear()
    shop.start()
    shop.scan()
    assert shop.told() == []


def test_each_line_is_told_with_the_file_that_told_it_last(shop):
    shop.drop("sales-1.csv", HEADER + "1,17,2026-03-01 09:15,new-jam,1\n1,18,2026-03-01 09:16,new-tea,1\n")
    shop.drop("receipts-metro-4.csv", "sku,qty,uom\nnew-oil,3,kg\n")
    shop.scan()
    for event in shop.publisher.events:
        shop.pool.set_aside(event, "wrong_unit" if hasattr(event, "kind") else "unmapped_code")
    shop.scan()
    assert [line[:4] for line in shop.told()] == [
        ("receipts-metro-4.csv", "received/receipts-metro-4", "sku:new-oil", "3"),
        ("sales-1.csv", "receipt 1/2026-03-01/17", "sku:new-jam", "1"),
        ("sales-1.csv", "receipt 1/2026-03-01/18", "sku:new-tea", "1"),
    ]


def test_a_mended_file_takes_its_receipts_from_the_list_and_leaves_the_others(shop):
    shop.drop("sales-1.csv", HEADER + "1,17,2026-03-01 09:15,milj,1\n")
    shop.drop("sales-2.csv", HEADER + "1,18,2026-03-01 09:16,milj,1\n")
    shop.scan()
    for event in shop.publisher.events:
        shop.pool.set_aside(event)
    shop.ahead_ms += 60_000
    shop.drop("sales-1.csv", HEADER + "1,17,2026-03-01 09:15,milk,1\n")
    shop.scan()
    assert [line[0] for line in shop.told()] == ["sales-2.csv"]
    shop.pool.set_aside(shop.publisher.events[-1], "wrong_unit")
    shop.scan()
    assert [(file, code) for file, _, code, _, _ in shop.told()] == [
        ("sales-1.csv", "sku:milk"), ("sales-2.csv", "sku:milj"),
    ]  # fmt: skip


def test_a_file_that_was_read_in_two_lives_has_all_its_lines_told(shop):
    """The pool sets some aside before the connector is killed; the later life publishes only the rest."""
    rows = "".join(f"1,{n},2026-03-01 09:15,jam-{n},1\n" for n in range(4_500))
    told = shop.publisher.publish_all

    def die_at_the_second(events):
        if shop.publisher.events:
            raise KeyboardInterrupt
        told(events)

    shop.publisher.publish_all = die_at_the_second
    shop.drop("sales-1.csv", HEADER + rows)
    with pytest.raises(KeyboardInterrupt):
        shop.scan()
    shop.ahead_ms += DAY_MS
    shop.publisher.publish_all = told
    shop.start()
    shop.scan()
    for event in shop.publisher.events:
        shop.pool.set_aside(event)
    shop.scan()
    assert len({line[1] for line in shop.told()}) == 4_500
    assert "… and 4450 more; _waiting.report.csv lists all." in shop.text()


def test_lines_that_other_connectors_of_the_store_told_are_not_the_folder_s(shop, tmp_path, publisher):
    other = FolderShop(tmp_path / "other", publisher)
    other.drop("sales-1.csv", HEADER + "1,17,2026-03-01 09:15,new-jam,1\n")
    other.scan()
    shop.pool.set_aside(publisher.events[0])
    shop.scan()
    assert shop.told() == []


def test_a_silent_kafka_leaves_the_list_as_it_is_and_holds_up_no_file(shop):
    shop.drop("sales-1.csv", HEADER + "1,17,2026-03-01 09:15,new-jam,1\n")
    shop.scan()
    shop.pool.set_aside(shop.publisher.events[0])
    shop.scan()
    shop.pool.failure = PublishFailed("Kafka does not answer")
    shop.pool.lines.clear()
    shop.drop("sales-2.csv", HEADER + "1,18,2026-03-01 09:15,new-jam,1\n")
    shop.scan()
    assert len(shop.told()) == 1
    assert shop.names("done") == ["sales-1.csv", "sales-2.csv"]


def test_a_line_whose_time_no_calendar_has_is_told_with_it_as_a_number(shop):
    """An earlier release read such times, and the pool sets them aside."""
    shop.drop("sales-1.csv", HEADER + "1,17,2026-03-01 09:15,new-jam,1\n")
    shop.scan()
    shop.pool.set_aside(shop.publisher.events[0], "in_the_future")
    shop.pool.lines = [replace(line, occurred_at_ms=253_402_300_800_000) for line in shop.pool.lines]
    shop.scan()
    assert "receipt 1/2026-03-01/17, 253402300800000 ms, 1 each" in shop.text()


def test_a_delivery_that_ends_the_calendar_is_refused_with_its_row(shop):
    shop.drop("receipts-metro-4.csv", "sku,qty,occurred_at\noil,3,9999-12-31T23:59:59Z\n")
    shop.scan()
    assert shop.publisher.events == []
    (report,) = (shop.path / "rejected").glob("receipts-metro-4*.txt")
    assert "'9999-12-31T23:59:59Z' is after 9999-12-31T00:00:00Z" in report.read_text()


def test_a_fault_of_the_list_holds_up_no_file(shop):
    shop.pool.failure = LookupError("no such thing")
    shop.drop("sales-1.csv", HEADER + "1,17,2026-03-01 09:15,new-jam,1\n")
    shop.scan()
    shop.scan()
    assert shop.names("done") == ["sales-1.csv"]


def test_a_dropped_file_never_gets_the_name_of_the_list(shop):
    shop.drop("_waiting.report.csv", "nothing of ours\n")
    shop.drop("waiting.report.csv", "nothing of ours\n")
    shop.scan()
    assert not {TEXT, TABLE} & set(shop.names("rejected"))


def test_a_receipt_and_a_document_of_one_name_are_told_apart(tmp_path, publisher):
    shop = FolderShop(tmp_path, publisher)
    shop.drop("sales-1.csv", HEADER + "1,17,2026-03-01 09:15,jam,1\n")
    shop.scan()
    (sale,) = publisher.events
    state = FolderState(tmp_path / "state" / "other.sqlite")
    state.bring([sale], Reading("sales-1.csv", 5))
    assert state.brought(sale.source.id, is_sale=True) == Reading("sales-1.csv", 5)
    assert state.brought(sale.source.id, is_sale=False) is None


def test_every_reason_of_the_pool_has_words_for_the_shop():
    assert set(REASONS) == {text for name, text in vars(dead_letter_reasons).items() if name.isupper()}
