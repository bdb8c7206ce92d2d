"""The front door on a real Kafka: topics, declared settings, and a whole stack run as a user runs it."""

import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from commonshelf.config.names import UnknownNameError
from commonshelf.config.publishing import current, publish_settings, records_of
from commonshelf.config.settings import Settings
from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from commonshelf.stack.runtime_file import read_runtime
from messaging.log_reader import bounds, read_table
from messaging.topic_admin import TopicsError, ensure_topics, topic_problems
from schemas.models.catalog import CatalogItem
from schemas.models.config import CodeMapping, ConfigChange
from schemas.partition import partition_of
from schemas.topics import POOL_CONFIG, TOPICS, Topic
from tests.support.shelf import SECRET, CommandFolder, gone, make_shelf, until


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandFolder]:
    made = make_shelf(tmp_path_factory.mktemp("shelf"))
    made.up()
    yield made
    made.end(signal.SIGTERM)


def test_missing_topics_are_created_as_declared_and_nothing_is_left_to_do(kafka, topics):
    assert ensure_topics(kafka.options, topics) == []
    assert topic_problems(kafka.options, topics) == []
    there = AdminClient(kafka.options).list_topics(timeout=10).topics
    assert {len(there[name].partitions) for name in TOPICS} == {topics}


def test_another_partition_count_is_refused_and_the_topic_named(kafka, topics):
    topic = Topic(f"test.{time.time_ns()}.v1", "", None, "", "", ())
    ensure_topics(kafka.options, 2, [topic])
    with pytest.raises(TopicsError, match=rf"topic {topic.name} has 2 partitions, not 3: .* set partitions = 2"):
        ensure_topics(kafka.options, 3, [topic])


def test_fewer_brokers_than_replicas_make_no_topic(kafka, topics):
    topic = Topic(f"test.{time.time_ns()}.v1", "", None, "", "", ())
    with pytest.raises(TopicsError, match=r"3 replicas, and 1 broker of the cluster answers; start the others"):
        ensure_topics(kafka.options, 1, [topic], replicas=3)
    assert topic.name not in AdminClient(kafka.options).list_topics(timeout=10).topics


def test_topics_with_fewer_replicas_than_declared_are_told_and_stay_writable(kafka, topics):
    topic = Topic(f"test.{time.time_ns()}.v1", "", None, "", "", ())
    ensure_topics(kafka.options, 1, [topic])
    told = until(lambda: ensure_topics(kafka.options, 1, [topic], replicas=3), "the topic")
    assert [line.split(":")[0] for line in told] == [f"topic {topic.name} has 1 replica instead of 3"]
    problems = topic_problems(kafka.options, topics, replicas=3)
    assert {f"topic {name} has 1 replica instead of 3" for name in TOPICS} <= {
        problem.split(":")[0] for problem in problems
    }


def test_another_cleanup_policy_is_refused_and_the_topic_named(kafka, topics):
    topic = Topic(f"test.{time.time_ns()}.v1", "", None, "", "", (), compacted=True)
    wrong = NewTopic(topic.name, 1, 1, config={"cleanup.policy": "delete"})
    admin = AdminClient(kafka.options)
    admin.create_topics([wrong])[topic.name].result()
    with pytest.raises(TopicsError, match=rf"topic {topic.name} has cleanup.policy=delete, not compact"):
        ensure_topics(kafka.options, 1, [topic])


def test_a_drifted_retention_is_repaired_and_told(kafka, topics):
    topic = Topic(f"test.{time.time_ns()}.v1", "", None, "", "", (), retention_ms=3_600_000)
    ensure_topics(kafka.options, 1, [topic])
    entry = ConfigEntry("retention.ms", "60000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=[entry])
    admin = AdminClient(kafka.options)
    admin.incremental_alter_configs([resource])[resource].result()
    repaired = until(lambda: ensure_topics(kafka.options, 1, [topic]), "the drift")
    assert repaired == [f"set retention.ms=3600000 on topic {topic.name} (it was 60000)"]
    until(lambda: ensure_topics(kafka.options, 1, [topic]) == [], "the repair")


def test_no_broker_is_told_in_one_sentence(unused_tcp_port_of_nobody):
    with pytest.raises(TopicsError, match=r"no Kafka broker answers \(.*\); check bootstrap_servers"):
        ensure_topics({"bootstrap.servers": unused_tcp_port_of_nobody, "socket.timeout.ms": "1000"}, 1)


@pytest.fixture
def unused_tcp_port_of_nobody(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("messaging.topic_admin._TIMEOUT_S", 2.0)
    return "127.0.0.1:9"


def test_only_what_differs_is_published(kafka, topics, pool_name):
    settings = Settings.model_validate({
        "pools": [{"id": pool_name, "name": "Pool"}],
        "stores": [{"id": f"{pool_name}-anna", "name": "Anna", "pool": pool_name}],
    })  # fmt: skip
    items = [CatalogItem(pool=pool_name, sku=sku, name=sku, recorded_at_ms=1) for sku in ("BANANA", "PLANTAIN")]
    mapping = ConfigChange(
        pool=pool_name, recorded_at_ms=1, origin="test", change=CodeMapping(code="plu:4011", sku="BANANA")
    )
    assert publish_settings(kafka.options, topics, [mapping, *records_of(settings, 1), *items]) == 5
    assert publish_settings(kafka.options, topics, [*records_of(settings, 2), mapping]) == 0
    remapped = mapping.model_copy(update={"change": CodeMapping(code="plu:4011", sku="PLANTAIN")})
    assert publish_settings(kafka.options, topics, [*records_of(settings, 3), remapped]) == 1
    mistyped = mapping.model_copy(update={"change": CodeMapping(code="plu:4011", sku="PLANTIAN")})
    with pytest.raises(UnknownNameError, match="has no item 'PLANTIAN'; did you mean PLANTAIN"):
        publish_settings(kafka.options, topics, [mistyped])
    told = [change for change in current(kafka.options, POOL_CONFIG.name) if change["pool"] == pool_name]
    assert sorted(change["change"][0] for change in told) == [
        "commonshelf.CodeMapping", "commonshelf.PoolSettings", "commonshelf.StoreSettings",
    ]  # fmt: skip


def test_a_table_of_an_empty_topic_is_empty(kafka, topics):
    topic = Topic(f"test.{time.time_ns()}.v1", "", None, "", "", (), compacted=True)
    ensure_topics(kafka.options, 3, [topic])
    assert read_table(kafka.options, topic.name) == {}


def test_a_dropped_file_shows_in_the_table(shelf):
    shelf.drop("anna", "opening-1.csv", "gtin,quantity\n4006381333931,12\n")
    until(lambda: shelf.available_milli("MILK") == 12_000, "the opening stock")
    shelf.sell("sales-1.csv", receipt=1, units=2)
    until(lambda: shelf.available_milli("MILK") == 10_000, "the sale")


def test_a_store_can_be_added_with_its_opening_stock(shelf):
    (shelf.folder / "cara.csv").write_text("plu,quantity,unit\n4011,12.5,kg\nplum,,\n")
    added = shelf.call(
        "store", "add", "riverside", "cara", "--name", "Cara's", "--contribution", "cap:5", "--safety-stock", "2",
        "--opening-stock", "cara.csv",
    )  # fmt: skip
    assert "1 setting (items included) and 1 opening line published" in added.stdout
    assert (added.returncode, "cara.csv: line 3" in added.stderr) == (1, True)
    until(lambda: shelf.available_milli("BANANA") == 5_000, "the new store's stock")
    renamed = shelf.call("store", "add", "riverside", "cara", "--name", "Cara & Co", "--safety-stock", "1")
    assert renamed.returncode == 0, renamed.stderr
    listed = json.loads(shelf.call("store", "list", "riverside", "--json").stdout)
    assert {store["store"]: store["contribution"]["value"] for store in listed} == {
        "anna": 1000, "bert": 1000, "cara": 5000,
    }, "what is not named stays as it was"  # fmt: skip
    cara = next(store for store in listed if store["store"] == "cara")
    assert (cara["name"], cara["safety_stock_milli"]) == ("Cara & Co", 1000)


def test_a_store_leaves_with_its_last_day_and_joins_again(shelf):
    before_milli = shelf.available_milli("BANANA")
    left = shelf.call("store", "leave", "riverside", "cara", "2026-01-01")
    assert "the last day of store cara in pool riverside is 2026-01-01" in left.stdout
    until(lambda: shelf.available_milli("BANANA") == before_milli - 5_000, "its leaving")
    joined = shelf.call("store", "join", "riverside", "cara", "2026-01-01")
    assert "store cara takes part in pool riverside from 2026-01-01 on" in joined.stdout
    until(lambda: shelf.available_milli("BANANA") == before_milli, "its return")
    wrong = shelf.call("store", "leave", "riverside", "cara", "2025-12-31")
    assert "first_day must not be after last_day" in wrong.stderr


def test_a_store_s_terms_for_one_item_are_set_and_taken_back(shelf):
    before = shelf.available_milli("MILK")
    terms = ("store", "item", "riverside", "anna", "MILK")
    assert shelf.call(*terms, "--safety-stock", "1").stdout == "MILK in store anna: set\n"
    until(lambda: shelf.available_milli("MILK") == before - 1_000, "the safety stock")
    assert shelf.call(*terms, "--unlisted").returncode == 0
    until(lambda: shelf.available_milli("MILK") == 0, "the taking off the list")
    assert shelf.call(*terms).stdout == "MILK in store anna: set\n"
    until(lambda: shelf.available_milli("MILK") == before, "the taking back")
    assert shelf.call(*terms).stdout == "MILK in store anna: set so already\n"
    assert "pool riverside has no store 'zoe'" in shelf.call("store", "item", "riverside", "zoe", "MILK").stderr
    assert "has no item 'SILK'" in shelf.call("store", "item", "riverside", "anna", "SILK").stderr
    assert "--safety-stock is 'x'" in shelf.call(*terms, "--safety-stock", "x").stderr


def test_unknown_names_are_answered_with_known_ones(shelf):
    assert "there is no pool 'lake'; known pools: riverside" in shelf.call("availability", "lake").stderr
    assert (
        "pool riverside has no item 'COFFEE'; its items: " in shelf.call("availability", "riverside", "COFFEE").stderr
    )
    assert "there is no pool 'lake'" in shelf.call("store", "add", "lake", "anna", "--name", "Anna").stderr


def test_topics_shows_schema_and_lag(shelf):
    def sales() -> dict[str, Any]:
        listed = json.loads(shelf.call("topics", "--json").stdout)
        return next(topic for topic in listed if topic["topic"] == "pos.sales.v1")

    until(lambda: sales()["lag_records"] == 0, "the workers' catching up")
    assert (sales()["subject"], sales()["key"], sales()["writer"]) == ("pos.sales.v1-value", "pool", "connectors")
    assert "pool.journal.v1" in shelf.call("topics").stdout


def test_doctor_finds_nothing_wrong_with_a_running_stack(shelf):
    examined = until(lambda: (run := shelf.call("doctor", "--json")).returncode == 0 and run, "a clean bill")
    found = {finding["what"] for finding in json.loads(examined.stdout)}
    assert {
        "Kafka",
        "topics",
        "dead letters",
        "clock",
        "ledger-1",
        "agents",
        "connectors",
        "http",
        "schema registry",
    } <= found


def test_a_second_stack_on_the_same_data_is_refused(shelf):
    second = shelf.call("up")
    assert second.returncode == 1
    assert f"process {shelf.process.pid} already runs a stack on {shelf.data_dir}" in second.stderr


def test_a_killed_worker_is_started_again_and_goes_on(shelf):
    pid = shelf.runtime.process_pids["ledger-1"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: shelf.runtime.process_pids.get("ledger-1") not in (None, pid), "the restart")
    shelf.sell("sales-2.csv", receipt=2, units=1)
    until(lambda: shelf.available_milli("MILK") == 9_000, "the sale after the restart")


def test_a_killed_broker_and_a_file_that_cannot_be_written_are_told_and_got_over(shelf):
    (shelf.data_dir / "runtime.json.new").mkdir()
    pid, (broker,) = shelf.runtime.process_pids["ledger-1"], shelf.runtime.kafka_pids
    os.kill(pid, signal.SIGKILL)
    os.kill(broker, signal.SIGKILL)
    until(lambda: "Is a directory" in shelf.said and "it is tried again and again" in shelf.said, "a word about it")
    (shelf.data_dir / "runtime.json.new").rmdir()
    until(lambda: "what was told above is over" in shelf.said, "a word that it is over")
    until(lambda: shelf.runtime.kafka_pids not in ([], [broker]), "the new broker")
    assert "a Kafka broker ended by itself and is started again" in shelf.said
    shelf.sell("sales-3.csv", receipt=3, units=1)
    until(lambda: shelf.available_milli("MILK") == 8_000, "the sale after the restart")


def test_no_secret_is_in_any_file_or_command_line(shelf):
    commands = " ".join(" ".join(psutil.Process(pid).cmdline()) for pid in shelf.runtime.process_pids.values())
    assert SECRET not in commands
    assert len(list(shelf.folder.rglob("*"))) > 10
    assert shelf.files_with(SECRET) == []


def test_one_record_is_parked_and_what_cannot_be_is_told(shelf):
    home = str(partition_of("riverside", 12))
    options = shelf.kafka_options
    shelf.sell("sales-9.csv", receipt=9, units=1)
    until(lambda: bounds(options, "pos.sales.v1", int(home))[1], "a sale")
    park = ("park", "riverside", "pos.sales.v1")
    assert "offset 0 is parked" in shelf.call(*park, home, "0", "--reason", "fails since 1.2").stdout
    assert "has no record at offset 99999 yet" in shelf.call(*park, home, "99999", "--reason", "x").stderr
    assert f"lives on partition {home}, not 99" in shelf.call(*park, "99", "0", "--reason", "x").stderr
    assert "'pos.sale' is no input" in shelf.call("park", "riverside", "pos.sale", home, "0", "--reason", "x").stderr
    setting = shelf.call("park", "riverside", "pool.config.v1", home, "0", "--reason", "x")
    assert (setting.returncode, "settings are not stepped over" in setting.stderr) == (1, True)


def test_a_missing_secret_is_told_before_anything_is_started(tmp_path):
    shelf = make_shelf(tmp_path)
    del shelf.env["BERT_WEBHOOK_SECRET"]
    refused = shelf.call("up")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "the webhook secret of store bert is missing in environment variable BERT_WEBHOOK_SECRET" in refused.stderr


def test_a_stack_stops_cleanly_or_is_killed_and_nothing_is_left_running_or_lost(tmp_path):
    shelf = make_shelf(tmp_path)
    runtime = shelf.up()
    shelf.drop("anna", "opening-1.csv", "gtin,quantity\n4006381333931,7\n")
    until(lambda: shelf.available_milli("MILK") == 7_000, "the opening stock")

    shelf.end(signal.SIGKILL)
    for pid in (*runtime.process_pids.values(), *runtime.kafka_pids):
        until(lambda pid=pid: gone(pid), "the end of an orphan")
    assert "has ended without cleaning up" in shelf.call("availability", "riverside").stderr

    runtime = shelf.up()
    assert shelf.available_milli("MILK") == 7_000
    assert shelf.end(signal.SIGINT) == 0
    assert [pid for pid in (*runtime.process_pids.values(), *runtime.kafka_pids) if not gone(pid)] == []
    assert read_runtime(shelf.data_dir) is None
    assert shelf.said.splitlines()[-1].strip() == "stopped"


def test_a_stack_uses_an_existing_kafka_and_leaves_it_running(tmp_path):
    shelf = make_shelf(tmp_path)
    with EmbeddedKafka() as kafka:
        shelf.env["COMMONSHELF_KAFKA_BOOTSTRAP_SERVERS"] = kafka.bootstrap_servers
        shelf.env["COMMONSHELF_KAFKA_REPLICAS"] = "1"
        runtime = shelf.up()
        assert (runtime.bootstrap_servers, runtime.kafka_pids) == (kafka.bootstrap_servers, [])
        shelf.drop("anna", "opening-1.csv", "gtin,quantity\n4006381333931,7\n")
        until(lambda: shelf.available_milli("MILK") == 7_000, "the opening stock")
        assert shelf.end(signal.SIGTERM) == 0
        assert topic_problems({"bootstrap.servers": kafka.bootstrap_servers}, 12) == []
