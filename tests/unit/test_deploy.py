"""The containers run what one machine runs: the same Kafka, the same settings, the same ports, the same packages."""

import hashlib
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from commonshelf.config.settings import Http
from commonshelf.config.sources import OTHER_VARIABLES, environment_names
from commonshelf.embedded_kafka.jars import read_lock
from commonshelf.embedded_kafka.server_config import BrokerPorts, server_properties

PYTHON = f"{sys.base_prefix}/bin/python3"
ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
KAFKA, OURS = COMPOSE["services"]["kafka"], COMPOSE["services"]["commonshelf"]
UV_FILE = ROOT / "deploy" / "uv-requirements.txt"
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()


def test_the_container_is_of_the_release_that_is_embedded():
    (release,) = {jar.version for jar in read_lock() if jar.artifact == "kafka-clients"}
    assert KAFKA["image"] == f"apache/kafka:{release}"


def test_the_container_s_broker_is_set_as_the_embedded_one():
    """Apart from where it listens and keeps its data. The image makes KAFKA_A_B of the property a.b."""
    embedded = server_properties(1, [BrokerPorts(0, 0), BrokerPorts(1, 2)], Path())
    alone = server_properties(0, [BrokerPorts(1, 2)], Path())
    told = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value for name, value in KAFKA["environment"].items()
    }
    of_the_place = {
        "node.id", "controller.quorum.voters", "listeners", "advertised.listeners", "listener.security.protocol.map",
        "inter.broker.listener.name", "log.dirs",
    }  # fmt: skip
    assert told.keys() <= embedded.keys()
    assert {name: str(value) for name, value in told.items() if name not in of_the_place} == {
        name: str(alone[name]) for name in told if name not in of_the_place
    }


def test_every_variable_that_the_containers_set_is_a_setting():
    in_image = re.findall(r"(COMMONSHELF_\w+)=", DOCKERFILE)
    assert {*OURS["environment"], *in_image} <= {*environment_names(), *OTHER_VARIABLES}
    address = OURS["environment"]["COMMONSHELF_KAFKA_BOOTSTRAP_SERVERS"]
    assert f"INTERNAL://{address}," in KAFKA["environment"]["KAFKA_ADVERTISED_LISTENERS"]


def test_the_pages_ports_are_published_on_this_machine_only():
    http = Http()
    ports = [
        http.exporter_port,
        http.arrival_port,
        http.restock_port,
        http.settlement_port,
        http.connectors_port,
        http.port,
        http.webhook_port,
        http.agents_port,
        http.ledger_port,
    ]
    assert OURS["ports"] == [f"127.0.0.1:{port}:{port}" for port in ports]
    assert f"EXPOSE {' '.join(map(str, ports))}" in DOCKERFILE


def test_what_must_outlive_a_container_is_on_a_volume():
    kept = {volume.split(":")[1] for service in (KAFKA, OURS) for volume in service["volumes"]}
    data_dir = re.search(r"COMMONSHELF_DATA_DIR=(\S+)", DOCKERFILE)
    assert {KAFKA["environment"]["KAFKA_LOG_DIRS"], data_dir.group(1)} <= kept
    named = {volume.split(":")[0] for service in (KAFKA, OURS) for volume in service["volumes"]} - {"."}
    assert named == set(COMPOSE["volumes"])


def test_the_image_holds_the_packages_of_the_wheel():
    copied = set(re.findall(r"^COPY (\w+) \1$", DOCKERFILE, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert copied == set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])


def test_uv_is_installed_by_its_hashes_alone():
    for text in (DOCKERFILE, (ROOT / "shelf").read_text()):
        assert "--require-hashes --only-binary :all: --no-deps" in text
        assert "deploy/uv-requirements.txt" in text
        assert not re.search(r"pip install[^\n]*uv==", text)
    (name, *hashes) = [line for line in UV_FILE.read_text().splitlines() if not line.startswith("#")]
    assert re.fullmatch(r"uv==\d+\.\d+\.\d+ \\", name)
    assert len(hashes) > 10
    assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in hashes)


@pytest.mark.parametrize("is_forged", [False, True])
def test_a_uv_that_is_not_the_known_one_is_not_installed(tmp_path, is_forged):
    """As ./shelf does it, with a wheel of our own in place of uv."""
    with zipfile.ZipFile(tmp_path / "uv-0.0.1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("uv-0.0.1.dist-info/METADATA", "Metadata-Version: 2.1\nName: uv\nVersion: 0.0.1\n")
        wheel.writestr("uv-0.0.1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("uv-0.0.1.dist-info/RECORD", "")
    known = hashlib.sha256(b"" if is_forged else (tmp_path / "uv-0.0.1-py3-none-any.whl").read_bytes()).hexdigest()
    (tmp_path / "uv.txt").write_text(f"uv==0.0.1 --hash=sha256:{known}\n")
    words = re.search(r"--require-hashes [^\n]*--no-deps", (ROOT / "shelf").read_text())[0].split()
    pip = [PYTHON, "-m", "pip", "install", "--no-index", "--find-links", tmp_path, "--target", tmp_path / "at"]
    ran = subprocess.run([*pip, *words, "-r", tmp_path / "uv.txt"], capture_output=True, text=True, check=False)
    assert (ran.returncode != 0, "DO NOT MATCH THE HASHES" in ran.stderr) == (is_forged, is_forged)


def test_ours_starts_once_kafka_is_healthy_and_has_time_to_stop():
    assert OURS["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    assert KAFKA["healthcheck"]["test"][1].split()[0].startswith("/opt/kafka/bin/")
    assert int(OURS["stop_grace_period"].removesuffix("s")) > 2 * 25, "connectors, then workers, 25 s each at most"
