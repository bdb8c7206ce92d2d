"""An existing cluster that lets in only who has a password, over TLS: the whole stack works on it as on its own."""

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from commonshelf.embedded_kafka import broker
from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from commonshelf.embedded_kafka.server_config import HOST, pick_ports
from tests.support.certificates import write_certificate
from tests.support.shelf import CONFIG, CommandFolder, make_shelf, until

PASSWORD = "canary-of-kafka-0123456789"


@dataclass(frozen=True)
class Secured:
    """A broker's SASL_SSL listener."""

    bootstrap_servers: str
    certificate: Path


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """An embedded Kafka with one listener more."""
    certificate, keystore = write_certificate(tmp_path_factory.mktemp("certificate"))
    port = pick_ports(1, None, with_proxy=False)[0].client
    plain = broker.server_properties

    def with_listener(*arguments: object) -> dict[str, str | int]:
        properties = plain(*arguments)
        more = {
            "listeners": f",SASL_SSL://{HOST}:{port}",
            "advertised.listeners": f",SASL_SSL://{HOST}:{port}",
            "listener.security.protocol.map": ",SASL_SSL:SASL_SSL",
        }
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        return {name: f"{value}{more.get(name, '')}" for name, value in properties.items()} | {
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": scram,
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(keystore),
        }

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(broker, "server_properties", with_listener)
        with EmbeddedKafka() as kafka:
            user = UserScramCredentialUpsertion(
                "shelf", ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), PASSWORD.encode()
            )
            admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
            admin.alter_user_scram_credentials([user])["shelf"].result(30)
            yield Secured(f"{HOST}:{port}", certificate)


@pytest.fixture
def shelf(secured: Secured, tmp_path: Path) -> CommandFolder:
    made = make_shelf(tmp_path)
    (tmp_path / "commonshelf.toml").write_text(f"""
[kafka]
bootstrap_servers = "{secured.bootstrap_servers}"
replicas = 1
security_protocol = "SASL_SSL"
sasl_mechanism = "SCRAM-SHA-512"
sasl_username = "shelf"
ca_file = "{secured.certificate}"
{CONFIG}""")
    made.env["COMMONSHELF_KAFKA_SASL_PASSWORD"] = PASSWORD
    return made


def test_a_stack_runs_on_a_cluster_that_asks_for_a_password_over_tls(shelf, secured):
    shelf.up()
    shelf.drop("anna", "opening-1.csv", "gtin,quantity\n4006381333931,7\n")
    until(lambda: shelf.available_milli("MILK") == 7_000, "the opening stock")
    examined = until(lambda: (run := shelf.call("doctor", "--json")).returncode == 0 and run, "a clean bill")
    findings = json.loads(examined.stdout)
    assert {"agents", "topics", "clock"} <= {finding["what"] for finding in findings}
    dates = [finding["found"] for finding in findings if finding["what"] == "certificate"]
    assert [date.partition(" holds until ")[0] for date in dates] == [
        f"kafka.ca_file {secured.certificate}", f"the certificate of {secured.bootstrap_servers}",
    ]  # fmt: skip
    shown = {row["setting"]: row["value"] for row in json.loads(shelf.call("config", "show", "--json").stdout)}
    assert shown["kafka.sasl_password"] == "********"
    assert shelf.end(signal.SIGTERM) == 0
    assert shelf.files_with(PASSWORD) == []


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("COMMONSHELF_KAFKA_SASL_PASSWORD", "a-wrong-one", "Authentication failed"),
        ("COMMONSHELF_KAFKA_CA_FILE", "other/ca.pem", "certificate verify failed"),
        ("COMMONSHELF_KAFKA_CA_FILE", "commonshelf.toml", "no certificate or crl found"),
    ],
    ids=["a wrong password", "another authority", "a file that holds no certificate"],
)
def test_what_the_cluster_refuses_is_told_in_one_sentence(shelf, name, value, why):
    (shelf.folder / "other").mkdir()
    write_certificate(shelf.folder / "other")
    shelf.env[name] = value
    refused = shelf.call("topics")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert refused.stderr.startswith("shelf: Kafka did not answer (")
    assert why in refused.stderr
    assert "check the address, the network and the security settings" in refused.stderr
    assert value not in refused.stdout + refused.stderr
