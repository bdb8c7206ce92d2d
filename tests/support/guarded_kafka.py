"""A Kafka that asks who may do what, with the logins of docker-compose.yml and the rights of the list."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from commonshelf.desks.acl import PREFIX, apply, changes
from commonshelf.embedded_kafka import broker
from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from commonshelf.embedded_kafka.server_config import HOST, pick_ports
from messaging.topic_admin import ensure_topics

PASSWORD = "canary0of0acl0123456789"
SERVICES = yaml.safe_load((Path(__file__).parents[2] / "docker-compose.yml").read_text())["services"]
BROKER = SERVICES["kafka-1"]["environment"]
WORKERS = {
    one["command"][1]: one["environment"]["COMMONSHELF_KAFKA_SASL_USERNAME"]
    for one in SERVICES.values()
    if one.get("command", ("",))[0] == "worker" and "COMMONSHELF_KAFKA_SASL_USERNAME" in one["environment"]
}
"""Worker of the containers → the login that it has there."""


class Guarded(NamedTuple):
    """A cluster with the rights of the list; `till` is a login that the list does not name."""

    admin: dict[str, str]
    listener: str

    def options(self, role: str) -> dict[str, str]:
        return {
            "bootstrap.servers": self.listener, "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN", "sasl.username": f"{PREFIX}{role}", "sasl.password": PASSWORD,
            "log_level": 0,
        }  # fmt: skip


def logins() -> str:
    """As the containers' brokers have them, and of those who come from elsewhere."""
    told = re.sub(r"\$\{\w+[^}]*\}", PASSWORD, BROKER["KAFKA_LISTENER_NAME_INTERNAL_PLAIN_SASL_JAAS_CONFIG"])
    others = "".join(f' user_{PREFIX}{role}="{PASSWORD}"' for role in ("accounting", "partners", "till"))
    return told.removesuffix(";") + others + ";"


@contextmanager
def guarded_kafka() -> Iterator[Guarded]:
    """With our topics, of one partition."""
    port = pick_ports(1, None, with_proxy=False)[0].client
    plain = broker.server_properties

    def with_rights(*arguments: object) -> dict[str, str | int]:
        more = {
            "listeners": f",SASL_PLAINTEXT://{HOST}:{port}",
            "advertised.listeners": f",SASL_PLAINTEXT://{HOST}:{port}",
            "listener.security.protocol.map": ",SASL_PLAINTEXT:SASL_PLAINTEXT",
        }
        return {name: f"{value}{more.get(name, '')}" for name, value in plain(*arguments).items()} | {
            "sasl.enabled.mechanisms": BROKER["KAFKA_SASL_ENABLED_MECHANISMS"],
            "listener.name.sasl_plaintext.plain.sasl.jaas.config": logins(),
            "authorizer.class.name": BROKER["KAFKA_AUTHORIZER_CLASS_NAME"],
            # Also whoever comes by the other listeners.
            "super.users": f"{BROKER['KAFKA_SUPER_USERS']};User:ANONYMOUS",
        }

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(broker, "server_properties", with_rights)
        with EmbeddedKafka() as kafka:
            admin = {"bootstrap.servers": kafka.bootstrap_servers}
            ensure_topics(admin, partitions=1)
            apply(admin, changes(admin))
            yield Guarded(admin, f"{HOST}:{port}")
