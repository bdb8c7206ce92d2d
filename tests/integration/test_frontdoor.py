"""The front door on a real Kafka: topics, declared settings, and a whole stack run as a user runs it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from commonshelf.admin import TopicsError, ensure_topics, topic_problems
from commonshelf.declare import current, declare, declared_by
from commonshelf.kafka import EmbeddedKafka
from commonshelf.runtime_file import Runtime, read_runtime
from commonshelf.settings import Settings
from commonshelf.tables import read_table
from schemas.models import CodeMapping, ConfigChange
from schemas.topics import POOL_CONFIG, TOPICS, Topic

CONFIG = """
[http]
port = 0
webhook_port = 0
agents_port = 0
ledger_port = 0
[[pools]]
id = "riverside"
name = "Riverside grocers"
catalog_files = ["catalog.csv"]
[[stores]]
id = "anna"
name = "Anna's Corner"
[[stores.connectors]]
kind = "csv_folder"
folder = "drop/anna"
settle_ms = 50
[[stores]]
id = "bert"
name = "Bert's"
[[stores.connectors]]
kind = "webhook"
secret_env = "BERT_WEBHOOK_SECRET"
"""
CATALOG = "sku,name,gtin,unit,codes\nMILK,Milk 1 l,4006381333931,each,\nBANANA,Bananas,,kg,plu:4011\n"
SECRET = "canary-0123456789abcdef0123456789"


def until(probe: Callable[[], Any], what: str, timeout_s: float = 60) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (found := probe()):
        assert time.monotonic() < deadline, f"{what} did not happen in {timeout_s} s"
        time.sleep(0.1)
    return found


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@dataclass
class Shelf:
    """A folder with a settings file, in which a user calls the command."""

    folder: Path
    process: subprocess.Popen[str] | None = None
    env: dict[str, str] = field(default_factory=lambda: {**os.environ, "BERT_WEBHOOK_SECRET": SECRET, "COLUMNS": "200"})

    def up(self) -> Runtime:
        """Start the stack and wait until it says that it runs."""
        with (self.folder / "up.out").open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "commonshelf", "up"], cwd=self.folder, env=self.env, stderr=out, text=True
            )
        until(lambda: "Ctrl-C stops it" in self.said or self.process.poll() is not None, "the start")
        assert self.process.poll() is None, self.said
        return self.runtime

    @property
    def said(self) -> str:
        return (self.folder / "up.out").read_text()

    @property
    def data_dir(self) -> Path:
        return self.folder / ".commonshelf"

    @property
    def runtime(self) -> Runtime:
        found = read_runtime(self.data_dir)
        assert found is not None
        return found

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "commonshelf", *words],
            cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def available_milli(self, sku: str) -> int | None:
        answer = self.call("availability", "riverside", sku, "--json")
        return json.loads(answer.stdout)[0]["available_milli"] if answer.returncode == 0 else None

    def drop(self, store: str, name: str, text: str) -> None:
        """As a till does: write beside, then rename."""
        folder = self.folder / "drop" / store
        (folder / f"{name}.tmp").write_text(text)
        (folder / f"{name}.tmp").rename(folder / name)

    def sell(self, name: str, receipt: int, units: int) -> None:
        sold_at = datetime.now(UTC).isoformat()
        rows = f"receipt_no,line_no,sold_at,gtin,quantity\n{receipt},1,{sold_at},4006381333931,{units}\n"
        self.drop("anna", name, rows)


def make_shelf(folder: Path) -> Shelf:
    (folder / "commonshelf.toml").write_text(CONFIG)
    (folder / "catalog.csv").write_text(CATALOG)
    return Shelf(folder)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
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
    topic = Topic(f"test.{time.time_ns()}.v1", "", "", "", ())
    ensure_topics(kafka.options, 2, [topic])
    with pytest.raises(TopicsError, match=rf"topic {topic.name} has 2 partitions, not 3: .* set partitions = 2"):
        ensure_topics(kafka.options, 3, [topic])


def test_another_cleanup_policy_is_refused_and_the_topic_named(kafka, topics):
    topic = Topic(f"test.{time.time_ns()}.v1", "", "", "", (), compacted=True)
    wrong = NewTopic(topic.name, 1, 1, config={"cleanup.policy": "delete"})
    admin = AdminClient(kafka.options)
    admin.create_topics([wrong])[topic.name].result()
    with pytest.raises(TopicsError, match=rf"topic {topic.name} has cleanup.policy=delete, not compact"):
        ensure_topics(kafka.options, 1, [topic])


def test_a_drifted_retention_is_repaired_and_told(kafka, topics):
    topic = Topic(f"test.{time.time_ns()}.v1", "", "", "", (), retention_ms=3_600_000)
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
    monkeypatch.setattr("commonshelf.admin._TIMEOUT_S", 2.0)
    return "127.0.0.1:9"


def test_only_what_differs_is_published(kafka, topics, pool_name):
    settings = Settings.model_validate({
        "pools": [{"id": pool_name, "name": "Pool"}],
        "stores": [{"id": f"{pool_name}-anna", "name": "Anna", "pool": pool_name}],
    })  # fmt: skip
    mapping = ConfigChange(
        pool=pool_name, recorded_at_ms=1, origin="test", change=CodeMapping(code="plu:4011", sku="BANANA")
    )
    assert declare(kafka.options, topics, [*declared_by(settings, 1), mapping]) == 3
    assert declare(kafka.options, topics, [*declared_by(settings, 2), mapping]) == 0
    remapped = mapping.model_copy(update={"change": CodeMapping(code="plu:4011", sku="PLANTAIN")})
    assert declare(kafka.options, topics, [*declared_by(settings, 3), remapped]) == 1
    told = [change for change in current(kafka.options, POOL_CONFIG.name) if change["pool"] == pool_name]
    assert sorted(change["change"][0] for change in told) == [
        "commonshelf.CodeMapping", "commonshelf.PoolSettings", "commonshelf.StoreSettings",
    ]  # fmt: skip


def test_a_table_of_an_empty_topic_is_empty(kafka, topics):
    topic = Topic(f"test.{time.time_ns()}.v1", "", "", "", (), compacted=True)
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
    assert "1 settings and items, 1 opening lines published" in added.stdout
    assert (added.returncode, "cara.csv: line 3" in added.stderr) == (1, True)
    until(lambda: shelf.available_milli("BANANA") == 5_000, "the new store's stock")
    listed = json.loads(shelf.call("store", "list", "riverside", "--json").stdout)
    assert {store["store"]: store["contribution"]["value"] for store in listed} == {
        "anna": 1000, "bert": 1000, "cara": 5000,
    }  # fmt: skip


def test_unknown_names_are_answered_with_known_ones(shelf):
    assert "there is no pool 'lake'; known pools: riverside" in shelf.call("availability", "lake").stderr
    assert (
        "pool riverside has no item 'COFFEE'; known items: " in shelf.call("availability", "riverside", "COFFEE").stderr
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
    pid = shelf.runtime.child_pids["ledger-1"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: shelf.runtime.child_pids.get("ledger-1") not in (None, pid), "the restart")
    shelf.sell("sales-2.csv", receipt=2, units=1)
    until(lambda: shelf.available_milli("MILK") == 9_000, "the sale after the restart")


def test_no_secret_is_in_any_file_or_command_line(shelf):
    commands = " ".join(" ".join(psutil.Process(pid).cmdline()) for pid in shelf.runtime.child_pids.values())
    assert SECRET not in commands
    files = [file for file in shelf.folder.rglob("*") if file.is_file()]
    assert len(files) > 10
    assert [file for file in files if SECRET.encode() in file.read_bytes()] == []


def test_a_stack_stops_cleanly_or_is_killed_and_nothing_is_left_running_or_lost(tmp_path):
    shelf = make_shelf(tmp_path)
    runtime = shelf.up()
    shelf.drop("anna", "opening-1.csv", "gtin,quantity\n4006381333931,7\n")
    until(lambda: shelf.available_milli("MILK") == 7_000, "the opening stock")

    shelf.end(signal.SIGKILL)
    for pid in (*runtime.child_pids.values(), *runtime.kafka_pids):
        until(lambda pid=pid: gone(pid), "the end of an orphan")
    assert "has ended without cleaning up" in shelf.call("availability", "riverside").stderr

    runtime = shelf.up()
    assert shelf.available_milli("MILK") == 7_000
    assert shelf.end(signal.SIGINT) == 0
    assert [pid for pid in (*runtime.child_pids.values(), *runtime.kafka_pids) if not gone(pid)] == []
    assert read_runtime(shelf.data_dir) is None
    assert shelf.said.splitlines()[-1].strip() == "stopped"


def test_a_stack_uses_an_existing_kafka_and_leaves_it_running(tmp_path):
    shelf = make_shelf(tmp_path)
    with EmbeddedKafka() as kafka:
        shelf.env["COMMONSHELF_KAFKA_BOOTSTRAP_SERVERS"] = kafka.bootstrap_servers
        runtime = shelf.up()
        assert (runtime.bootstrap_servers, runtime.kafka_pids) == (kafka.bootstrap_servers, [])
        shelf.drop("anna", "opening-1.csv", "gtin,quantity\n4006381333931,7\n")
        until(lambda: shelf.available_milli("MILK") == 7_000, "the opening stock")
        assert shelf.end(signal.SIGTERM) == 0
        assert topic_problems({"bootstrap.servers": kafka.bootstrap_servers}, 12) == []
