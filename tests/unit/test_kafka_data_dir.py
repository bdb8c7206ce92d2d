"""The data directory's lock and state, ports, and the checks before a start."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from commonshelf.embedded_kafka.broker import _relevant_line
from commonshelf.embedded_kafka.data_dir import DataDir, _new_cluster_id
from commonshelf.embedded_kafka.errors import (
    DataDirectoryError,
    DataDirectoryInUseError,
    NotEnoughDiskError,
    NotEnoughMemoryError,
    PortTakenError,
)
from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from commonshelf.embedded_kafka.server_config import BrokerPorts, is_free, pick_ports, server_properties

HOLDER = """
import sys; from pathlib import Path; from commonshelf.embedded_kafka.data_dir import DataDir
held = DataDir(Path(sys.argv[1])); print("held", flush=True); sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_directory_in_use_names_the_process_that_holds_it(holder, tmp_path):
    with pytest.raises(DataDirectoryInUseError, match=f"is in use by process {holder.pid}, which runs Kafka on it"):
        DataDir(tmp_path)


def test_a_killed_holder_s_lock_is_taken_over(holder, tmp_path):
    holder.kill()
    holder.wait()
    taken = DataDir(tmp_path)
    assert (tmp_path / "embedded.lock").read_text() == f"{os.getpid()}\n"
    taken.release()


def test_state_is_kept_across_holders(tmp_path):
    first = DataDir(tmp_path)
    state = first.read_state(1)
    state.ports = [BrokerPorts(20001, 20002)]
    first.write_state(state)
    first.release()
    second = DataDir(tmp_path)
    assert second.read_state(1) == state
    second.release()


def test_another_number_of_brokers_is_refused(tmp_path):
    home = DataDir(tmp_path)
    home.write_state(home.read_state(3))
    with pytest.raises(DataDirectoryError, match="holds a cluster of 3 brokers, not 1; start it with 3"):
        home.read_state(1)
    home.release()


@pytest.mark.parametrize("content", ["{", "[]", "{}", json.dumps({"ports": [{"a": 1}]})])
def test_a_damaged_state_is_refused(tmp_path, content):
    (tmp_path / "embedded.json").write_text(content)
    home = DataDir(tmp_path)
    with pytest.raises(DataDirectoryError, match=r"cannot read .*embedded\.json"):
        home.read_state(1)
    home.release()


def test_another_cluster_s_data_is_refused(tmp_path):
    meta = tmp_path / "broker-0" / "data" / "meta.properties"
    meta.parent.mkdir(parents=True)
    meta.write_text("cluster.id=other\n")
    home = DataDir(tmp_path)
    with pytest.raises(DataDirectoryError, match="is another cluster's"):
        home.read_state(1)
    home.release()


def test_a_file_in_place_of_the_directory_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirectoryError, match=r"cannot use .* as data directory"):
        DataDir(tmp_path / "file")


def test_a_temporary_directory_is_removed_on_release():
    home = DataDir(None)
    home.release()
    assert not home.path.exists()


def test_the_temporary_directory_of_a_killed_owner_is_swept(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    abandoned, young, used = (tmp_path / f"commonshelf-kafka-{name}" for name in ("abandoned", "young", "used"))
    for folder in (abandoned, young):
        folder.mkdir()
        (folder / "embedded.lock").write_text("1\n")
    in_use = DataDir(used)
    for folder in (abandoned, used):
        os.utime(folder, (0, 0))
    DataDir(None).release()
    assert sorted(path.name for path in tmp_path.iterdir()) == [used.name, young.name]
    in_use.release()


def test_a_full_disk_is_refused(tmp_path, monkeypatch):
    home = DataDir(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=100 << 20))
    with pytest.raises(NotEnoughDiskError, match="has 100 MiB free, but Kafka needs 512 MiB"):
        home.check_free_disk()
    home.release()


def test_too_little_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=600 << 20))
    with pytest.raises(NotEnoughMemoryError, match="has 600 MiB of memory available, but 1 broker of Kafka"):
        EmbeddedKafka(tmp_path)._check_memory()


def test_a_named_port_that_is_taken_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"port {port} on 127.0.0.1 is taken by another process"):
            pick_ports(1, port, with_proxy=False)


def test_picked_ports_are_free_and_differ():
    ports = [port for broker in pick_ports(3, None, with_proxy=True) for port in broker.bound()]
    assert len(set(ports)) == 9
    assert all(map(is_free, ports))


def test_remembered_ports_are_used_again_unless_one_is_taken(tmp_path):
    kafka = EmbeddedKafka(tmp_path)
    remembered = pick_ports(1, None, with_proxy=False)
    assert kafka._choose_ports(remembered) == remembered
    with socket.create_server(("127.0.0.1", remembered[0].client)):
        assert kafka._choose_ports(remembered) != remembered


def test_three_brokers_keep_acknowledged_data_when_one_dies():
    ports = [BrokerPorts(20000 + i, 20100 + i) for i in range(3)]
    properties = server_properties(1, ports, Path("/data"))
    assert [properties[name] for name in ("default.replication.factor", "min.insync.replicas")] == [3, 2]
    assert [properties[f"transaction.state.log.{name}"] for name in ("replication.factor", "min.isr")] == [3, 2]
    assert properties["offsets.topic.replication.factor"] == 3


def test_a_proxied_broker_advertises_the_proxy_s_port():
    properties = server_properties(0, [BrokerPorts(20000, 20001, 20002)], Path("/data"), advertised_proxy_port=9999)
    assert properties["advertised.listeners"] == "PLAINTEXT://127.0.0.1:20000,PROXY://127.0.0.1:9999"
    assert str(properties["listeners"]).endswith("PROXY://127.0.0.1:20002")


def test_a_cluster_id_never_looks_like_an_option():
    assert [i for i in (_new_cluster_id() for _ in range(2_000)) if i.startswith("-")] == []


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["java.lang.RuntimeException: x", "Caused by: a.b.KafkaException: bound", "\tat z"], "KafkaException: bound"),
        (["2026 SEVERE [kafka] bad disk.", "2026 INFO [kafka] stopping"], "2026 SEVERE [kafka] bad disk"),
        (["Error occurred during initialization of VM", "Too small maximum heap"], "Too small maximum heap"),
        (["killed"], "killed"),
        ([], "it said nothing"),
    ],
)
def test_the_line_that_says_why_is_quoted(lines, reason):
    assert _relevant_line(lines) == reason


def test_only_one_or_three_brokers_are_offered():
    with pytest.raises(ValueError, match="brokers must be 1 or 3, not 2"):
        EmbeddedKafka(brokers=2)
