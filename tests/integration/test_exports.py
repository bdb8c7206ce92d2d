"""Exports of well-known tills, from a drop folder through a real Kafka and a ledger worker to the pool's live table."""

import threading

import pytest
from confluent_kafka import Producer

from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from connectors.drop_folder.client import FolderConnector
from connectors.drop_folder.settings import DropFolderSpec
from connectors.metrics import ConnectorMetrics
from messaging.log_reader import read_table
from messaging.publisher import Publisher
from messaging.topic_admin import ensure_topics
from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import CodeMapping, ConfigChange, PoolSettings, StoreSettings
from schemas.topics import CATALOG_ITEMS, POOL_AVAILABILITY, POOL_CONFIG
from tests.support.ledger_process import LedgerProcess
from tests.support.waiting import until
from tests.unit.connectors.test_exports_to_the_shelf import HANDED, NOW_MS, STOCK, YEAR_MS
from tests.unit.connectors.test_handed_files import FILES
from tests.unit.connectors.test_known_tills import CURRENCIES, EXPORTS

POOL, PARTITIONS = "exports", 1
UNITS = {"item:Pommes": "kg", "sku:APPLES": "kg"}
FILES_OF = {name: (content.encode(), kind) for name, (content, kind, _, _) in EXPORTS.items()} | {
    name: ((FILES / f"{name}.csv").read_bytes(), "sales") for name in HANDED
}
EXPECTED = STOCK | HANDED


def store_of(name):
    return name.replace("_", "-")


@pytest.fixture(scope="module")
def kafka_options():
    with EmbeddedKafka() as kafka:
        options = {"bootstrap.servers": kafka.bootstrap_servers}
        ensure_topics(options, PARTITIONS)
        yield options


def publish_settings(kafka_options):
    """A store for each export; levels are that of one that reports no sales. Each code means an item of its name."""
    producer = Producer(kafka_options)

    def send(topic, record):
        producer.produce(topic, topic_codec(topic).encode(record.to_avro()), record.key, 0)

    def configure(change):
        send(POOL_CONFIG.name, ConfigChange(pool=POOL, recorded_at_ms=NOW_MS, origin="test", change=change))

    codes = sorted({code for stock in EXPECTED.values() for code in stock} | {"sku:10221"})
    for code in codes:
        item = CatalogItem(pool=POOL, sku=code, name=code, unit=UNITS.get(code, "each"), recorded_at_ms=NOW_MS)
        send(CATALOG_ITEMS.name, item)
    producer.flush()
    configure(PoolSettings(name="Exports", late_limit_ms=YEAR_MS))
    for name, (_, kind) in FILES_OF.items():
        configure(StoreSettings(store=store_of(name), name=name, reports_sales=kind == "sales"))
    for code in codes:
        configure(CodeMapping(code=code, sku=code))
    producer.flush()


def on_hand(kafka_options):
    """Store → code → thousandths, but for what is nothing."""
    found = {store_of(name): {} for name in EXPECTED}
    for value in read_table(kafka_options, POOL_AVAILABILITY.name).values():
        row = topic_codec(POOL_AVAILABILITY.name).decode(value)
        if row["on_hand_milli"]:
            found[row["store"]][row["sku"]] = row["on_hand_milli"]
    return found


def test_each_export_goes_from_its_folder_to_the_right_stock_of_the_pool(kafka_options, tmp_path):
    publish_settings(kafka_options)
    stop = threading.Event()
    with (
        LedgerProcess(kafka_options["bootstrap.servers"], tmp_path, PARTITIONS),
        Publisher(kafka_options, PARTITIONS) as publisher,
    ):
        threads = []
        for name, (content, _) in FILES_OF.items():
            folder = tmp_path / name
            folder.mkdir()
            (folder / "export.csv").write_bytes(content)
            spec = DropFolderSpec(
                pool=POOL, store=store_of(name), folder=folder, time_zone="America/New_York",
                currency=CURRENCIES.get(name, "USD"), late_limit_ms=YEAR_MS, settle_ms=1,
            )  # fmt: skip
            connector = FolderConnector(spec, publisher, ConnectorMetrics(), tmp_path, lambda: NOW_MS)
            threads.append(threading.Thread(target=connector.run, args=(stop,)))
        try:
            for thread in threads:
                thread.start()
            until(lambda: all((tmp_path / name / "done" / "export.csv").exists() for name in FILES_OF))
            expected = {store_of(name): stock for name, stock in EXPECTED.items()}
            until(lambda: on_hand(kafka_options) == expected)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
