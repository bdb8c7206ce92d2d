"""Settings of an embedded broker: its ports, its server.properties, its logging. Pure apart from picking ports."""

import random
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from commonshelf.embedded_kafka.errors import PortTakenError

HOST = "127.0.0.1"

SECURITY_PROTOCOL: Literal["SASL_PLAINTEXT"] = "SASL_PLAINTEXT"
SASL_MECHANISM: Literal["PLAIN"] = "PLAIN"
USERNAME = "commonshelf"

# Below the range that the system gives to outgoing connections. A killed broker's port must stay free for its
# restart, and a client that retries a loopback port within that range can even connect to itself.
_PORT_RANGE = range(20_000, 30_000)

_MESSAGE_MAX_BYTES = 8 << 20

LOGGING_PROPERTIES = """\
handlers=java.util.logging.FileHandler
.level=INFO
java.util.logging.FileHandler.pattern={log_pattern}
java.util.logging.FileHandler.append=true
java.util.logging.FileHandler.limit=16777216
java.util.logging.FileHandler.count=2
java.util.logging.FileHandler.formatter=java.util.logging.SimpleFormatter
# Whoever fails to get in, or speaks no Kafka, must not fill the log: what matters would be rolled away.
org.apache.kafka.common.network.Selector.level=OFF
java.util.logging.SimpleFormatter.format=%1$tF %1$tT.%1$tL %4$s [%3$s] %5$s%6$s%n
"""


@dataclass(frozen=True)
class BrokerPorts:
    """The loopback ports of one broker. `proxy` is 0 without a PROXY listener."""

    client: int
    controller: int
    proxy: int = 0

    def bound(self) -> list[int]:
        return [port for port in asdict(self).values() if port]


def is_free(port: int) -> bool:
    """Whether a server can bind `port` on the loopback address now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java does: TIME_WAIT is no obstacle
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def pick_ports(brokers: int, first_client_port: int | None, with_proxy: bool) -> list[BrokerPorts]:
    """Free ports for each broker; client ports count up from `first_client_port` if given.

    Raises PortTakenError when a port so named is taken.
    """
    picked: list[BrokerPorts] = []
    used: set[int] = set()
    if first_client_port is not None:
        used.update(range(first_client_port, first_client_port + brokers))
        for port in sorted(used):
            if not is_free(port):
                raise PortTakenError(
                    f"port {port} on {HOST} is taken by another process; stop that process, or set another "
                    "embedded_port, or 0 to have a free one picked."
                )
    for index in range(brokers):
        client = _free_port(used) if first_client_port is None else first_client_port + index
        picked.append(BrokerPorts(client, _free_port(used), _free_port(used) if with_proxy else 0))
    return picked


def _free_port(used: set[int]) -> int:
    for port in random.sample(_PORT_RANGE, 500):
        if port not in used and is_free(port):
            used.add(port)
            return port
    raise PortTakenError(
        f"no free port was found between {_PORT_RANGE.start} and {_PORT_RANGE.stop - 1} on {HOST}; "
        "stop some of the servers there."
    )


def server_properties(
    broker: int, ports: list[BrokerPorts], log_dir: Path, advertised_proxy_port: int | None = None
) -> dict[str, str | int]:
    """The settings of combined broker and controller number `broker` in a cluster on `ports`."""
    own = ports[broker]
    replicas = min(3, len(ports))
    in_sync = max(1, replicas - 1)
    listeners = {"PLAINTEXT": own.client, "CONTROLLER": own.controller}
    advertised = {"PLAINTEXT": own.client}
    if advertised_proxy_port is not None:
        listeners["PROXY"] = own.proxy
        advertised["PROXY"] = advertised_proxy_port
    return {
        "process.roles": "broker,controller",
        "node.id": broker,
        "controller.quorum.voters": ",".join(f"{i}@{HOST}:{p.controller}" for i, p in enumerate(ports)),
        "listeners": _listeners(listeners),
        "advertised.listeners": _listeners(advertised),
        "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in listeners),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(log_dir),
        # Topics are declared and created by code; a misspelt name must fail.
        "auto.create.topics.enable": "false",
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "log.message.timestamp.type": "LogAppendTime",
        "message.max.bytes": _MESSAGE_MAX_BYTES,
        "replica.fetch.max.bytes": _MESSAGE_MAX_BYTES,
        # Groups: join at once, and let tests use short sessions. A shop's machine may be off for months;
        # its offsets must still be there.
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1_000,
        "offsets.retention.minutes": 366 * 24 * 60,
        "offsets.topic.replication.factor": replicas,
        "offsets.topic.num.partitions": 8,
        # A dead worker's open transaction blocks its successor: look for timed-out ones every second.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1_000,
        "transaction.max.timeout.ms": 60_000,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": 8,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
        # Small compacted topics: look often. The cleaner's map is on the heap, 128 MiB by default.
        "log.cleaner.backoff.ms": 1_000,
        "log.cleaner.dedupe.buffer.size": 16 << 20,
        "num.io.threads": 4,
        "num.network.threads": 2,
        "num.recovery.threads.per.data.dir": 2,
        # A killed broker may only come back when its session has ended. Nobody leads for a lone one meanwhile, so its
        # session is shorter.
        "broker.heartbeat.interval.ms": 1_000,
        "broker.session.timeout.ms": 4_000 if len(ports) == 1 else 6_000,
    }


def with_password(properties: dict[str, str | int], password: str) -> dict[str, str | int]:
    """The settings with every listener, the controllers' too, asking for USERNAME's password (SASL PLAIN)."""
    names = [entry.split(":")[0] for entry in str(properties["listener.security.protocol.map"]).split(",")]
    login = (
        "org.apache.kafka.common.security.plain.PlainLoginModule required "
        f'username="{USERNAME}" password="{password}" user_{USERNAME}="{password}";'
    )
    return {
        **properties,
        "listener.security.protocol.map": ",".join(f"{name}:{SECURITY_PROTOCOL}" for name in names),
        "sasl.enabled.mechanisms": SASL_MECHANISM,
        "sasl.mechanism.inter.broker.protocol": SASL_MECHANISM,
        "sasl.mechanism.controller.protocol": SASL_MECHANISM,
        **{f"listener.name.{name.lower()}.plain.sasl.jaas.config": login for name in names},
    }


def client_security(password: str | None) -> dict[str, str]:
    """The options by which a librdkafka client gets in; none without a password."""
    if password is None:
        return {}
    return {
        "security.protocol": SECURITY_PROTOCOL,
        "sasl.mechanism": SASL_MECHANISM,
        "sasl.username": USERNAME,
        "sasl.password": password,
    }


def render(properties: dict[str, str | int]) -> str:
    """`properties` as the text of a Java properties file."""
    escaped = {name: str(value).replace("\\", "\\\\") for name, value in properties.items()}
    return "".join(f"{name}={value}\n" for name, value in escaped.items())


def _listeners(ports: dict[str, int]) -> str:
    return ",".join(f"{name}://{HOST}:{port}" for name, port in ports.items())
