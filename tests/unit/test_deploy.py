"""The containers run what one machine runs: the same Kafka, the same settings, the same ports, the same packages."""

import hashlib
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from commonshelf.config.sources import OTHER_VARIABLES, environment_names
from commonshelf.config.web_settings import Http
from commonshelf.desks.acl import PREFIX
from commonshelf.embedded_kafka.jars import read_lock
from commonshelf.embedded_kafka.server_config import USERNAME, BrokerPorts, server_properties, with_password

PYTHON = f"{sys.base_prefix}/bin/python3"
ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
BROKERS = [SERVICES[f"kafka-{number}"] for number in (1, 2, 3)]
OURS = {name: one for name, one in SERVICES.items() if one["image"].startswith("commonshelf:")}
WORKERS = {name: one for name, one in OURS.items() if one["command"][0] == "worker"}
ALONE = WORKERS["arrival"]
"""It shares the connectors' loopback, and has no name and no port of its own."""
ASKED = {name: one for name, one in WORKERS.items() if one is not ALONE}
ON_KAFKA = {name: one for name, one in OURS.items() if name not in ("arrival", "demo")}
LOGINS = {
    "rights": "operators", "setup": "operators", "ledger-1": "pool", "ledger-2": "pool", "agents": "agents",
    "connectors": "connectors", "settlement": "settlement", "restock": "restock", "http": "api", "exporter": "exporter",
    "directory": "directory",
}  # fmt: skip
"""Container → its role in Kafka."""
UV_FILE = ROOT / "deploy" / "uv-requirements.txt"
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()


def test_the_containers_are_of_the_release_that_is_embedded():
    (release,) = {jar.version for jar in read_lock() if jar.artifact == "kafka-clients"}
    assert {broker["image"] for broker in BROKERS} == {f"apache/kafka:{release}"}


def test_the_containers_brokers_are_set_as_the_embedded_ones():
    """Apart from where they listen and keep data, and whom they know. The image makes KAFKA_A_B of the property a.b."""
    plain = server_properties(0, [BrokerPorts(0, 0), BrokerPorts(1, 2), BrokerPorts(3, 4)], Path())
    embedded = with_password(plain, "")
    of_the_logins = {
        "listener.name.internal.plain.sasl.jaas.config", "listener.name.controller.plain.sasl.jaas.config",
        "authorizer.class.name", "super.users",
    }  # fmt: skip
    of_the_place = {
        "node.id", "controller.quorum.voters", "listeners", "advertised.listeners", "listener.security.protocol.map",
        "inter.broker.listener.name", "log.dirs",
    }  # fmt: skip
    for broker in BROKERS:
        told = {
            name.removeprefix("KAFKA_").lower().replace("_", "."): value
            for name, value in broker["environment"].items()
            if name != "CLUSTER_ID"
        }
        assert told.keys() - of_the_logins <= embedded.keys()
        assert {name: str(told[name]) for name in told.keys() - of_the_place - of_the_logins} == {
            name: str(embedded[name]) for name in told.keys() - of_the_place - of_the_logins
        }


def test_each_container_logs_in_as_its_role_and_the_brokers_know_no_other():
    for name, one in ON_KAFKA.items():
        told = one["environment"]
        assert told["COMMONSHELF_KAFKA_SASL_USERNAME"] == f"{PREFIX}{LOGINS[name]}"
        assert told["COMMONSHELF_KAFKA_SASL_PASSWORD"] == f"${{KAFKA_{LOGINS[name].upper()}_PASSWORD}}"
    for broker in BROKERS:
        users = {}
        for listener in ("INTERNAL", "CONTROLLER"):
            login = broker["environment"][f"KAFKA_LISTENER_NAME_{listener}_PLAIN_SASL_JAAS_CONFIG"]
            users[listener] = dict(re.findall(r'user_(\S+)="\$\{(\w+)', login))
        assert users["CONTROLLER"] == {USERNAME: "KAFKA_BROKERS_PASSWORD"}
        assert users["INTERNAL"] == users["CONTROLLER"] | {
            f"{PREFIX}{role}": f"KAFKA_{role.upper()}_PASSWORD" for role in LOGINS.values()
        }
        assert broker["environment"]["KAFKA_SUPER_USERS"] == f"User:{USERNAME};User:{PREFIX}operators"


def test_the_brokers_are_one_cluster_under_names_that_are_their_own():
    told = [broker["environment"] for broker in BROKERS]
    assert [one["KAFKA_NODE_ID"] for one in told] == [1, 2, 3]
    assert len({one["CLUSTER_ID"] for one in told}) == 1
    voters = ",".join(f"{number}@kafka-{number}:9093" for number in (1, 2, 3))
    assert {one["KAFKA_CONTROLLER_QUORUM_VOTERS"] for one in told} == {voters}
    named = [one["KAFKA_ADVERTISED_LISTENERS"].removeprefix("INTERNAL://") for one in told]
    assert {one["environment"]["COMMONSHELF_KAFKA_BOOTSTRAP_SERVERS"] for one in ON_KAFKA.values()} == {",".join(named)}


def test_every_variable_that_the_containers_set_is_a_setting():
    in_image = re.findall(r"(COMMONSHELF_\w+)=", DOCKERFILE)
    passwords = {f"COMMONSHELF_{what}_PASSWORD" for what in ("SETTLEMENT", "VAULT", "KAFKA_SASL")}
    set_here = {name: value for one in OURS.values() for name, value in one["environment"].items()}
    named = set_here["COMMONSHELF_WEBHOOKS_KEY_ENV"]
    assert {*set_here, *in_image} <= {*environment_names(), *OTHER_VARIABLES, *passwords, named}


def test_ports_are_published_on_this_machine_only():
    ports = [port for one in SERVICES.values() for port in one.get("ports", ())]
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert len({port.split(":")[1] for port in ports}) == len(ports)
    of_ours = sorted(port.split(":")[2] for one in OURS.values() for port in one.get("ports", ()))
    assert f"EXPOSE {' '.join(of_ours)}" in DOCKERFILE


def test_what_must_outlive_a_container_is_on_a_volume():
    data_dir = re.search(r"COMMONSHELF_DATA_DIR=(\S+)", DOCKERFILE)
    for name, one in (*OURS.items(), *zip("123", BROKERS, strict=True)):
        kept = {volume.split(":")[1] for volume in one["volumes"]}
        assert one["environment"].get("KAFKA_LOG_DIRS", data_dir.group(1)) in kept, name
    named = {volume.split(":")[0] for one in SERVICES.values() for volume in one.get("volumes", ())}
    assert {name for name in named if not name.startswith(".")} == set(COMPOSE["volumes"])


def test_files_that_are_mounted_are_in_the_repository():
    mounted = {volume.split(":")[0] for one in SERVICES.values() for volume in one.get("volumes", ())}
    assert [path for path in mounted if path.startswith("./") and not (ROOT / path).exists()] == []


def test_our_containers_can_write_nothing_but_their_volumes_and_have_no_rights():
    for one in OURS.values():
        assert one["read_only"]
        assert one["cap_drop"] == ["ALL"]
        assert one["security_opt"] == ["no-new-privileges:true"]
    assert re.search(r"^USER commonshelf$", DOCKERFILE, re.MULTILINE)
    assert [name for name, one in OURS.items() if ".:/config" in one["volumes"]] == ["connectors"]


def test_a_secret_goes_to_the_container_that_needs_it():
    holders = {
        name: {
            variable for variable, value in one["environment"].items() if re.search(r"(PASSWORD|KEY):\?", str(value))
        }
        for name, one in OURS.items()
    }
    assert {name: found for name, found in holders.items() if found} == {
        "agents": {"COMMONSHELF_VAULT_PASSWORD", "COMMONSHELF_WEBHOOKS_KEY"},
        "http": {"COMMONSHELF_WEBHOOKS_KEY"}, "settlement": {"COMMONSHELF_SETTLEMENT_PASSWORD"},
    }  # fmt: skip
    files = {name: [file["path"] for file in one["env_file"]] for name, one in OURS.items() if "env_file" in one}
    assert files == {
        "agents": ["partners.env"], "connectors": ["connectors.env", "partners.env"], "arrival": ["partners.env"],
    }  # fmt: skip


def test_the_example_names_every_password_of_the_containers():
    wanted = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    assert wanted == set(re.findall(r"^(\w+)=$", (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_the_docs_line_makes_up_a_password_for_each(tmp_path):
    (line,) = re.findall(r"^\(umask .*", (ROOT / "docs" / "deployment.md").read_text(), re.MULTILINE)
    subprocess.run(["sh", "-c", line.replace("> .env", f"> {tmp_path}/.env")], cwd=ROOT, check=True)
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
    made = dict(re.findall(r"^(\w+)=([0-9a-f]{48})$", (tmp_path / ".env").read_text(), re.MULTILINE))
    assert set(made) == set(re.findall(r"^(\w+)=$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert len(set(made.values())) == len(made)


def test_images_are_pinned():
    assert all(re.search(r":v?\d+\.\d+(\.\d+)?$", one["image"]) for one in SERVICES.values())


def test_workers_start_once_kafka_is_healthy_and_set_up_and_have_time_to_stop():
    healthy = {"condition": "service_healthy"}
    assert OURS["rights"]["depends_on"] == {f"kafka-{number}": healthy for number in (1, 2, 3)}
    assert OURS["setup"]["depends_on"] == {"rights": {"condition": "service_completed_successfully"}}
    for one in WORKERS.values():
        before = one["depends_on"]
        assert before.get("setup") == {"condition": "service_completed_successfully"} or before == {
            "connectors": healthy
        }
        assert int(one["stop_grace_period"].removesuffix("s")) > 2 * 25
    for one in BROKERS:
        assert "&& /opt/kafka/bin/kafka-broker-api-versions.sh" in one["healthcheck"]["test"][1]


def test_the_file_is_one_that_compose_takes(tmp_path):
    """By the schema of the compose specification, which takes no misspelt key."""
    judge = [Path(sys.executable).parent / "check-jsonschema", "--builtin-schema", "vendor.compose-spec"]
    assert subprocess.run([*judge, ROOT / "docker-compose.yml"], capture_output=True, check=False).returncode == 0
    misspelt = tmp_path / "docker-compose.yml"
    misspelt.write_text((ROOT / "docker-compose.yml").read_text().replace("healthcheck: *broker-health", "helth: 1", 1))
    told = subprocess.run([*judge, misspelt], capture_output=True, text=True, check=False)
    assert "helth" in told.stdout


def test_the_image_asks_up_for_its_health_and_each_container_its_own_process():
    said = re.search(r"^HEALTHCHECK .*\\\n +CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    url = f"http://127.0.0.1:{Http().web_port}/health"
    assert json.loads(said.group(1)) == ["python", "-m", "messaging.probe", url]
    assert {name for name, one in OURS.items() if one["healthcheck"].get("disable")} == {"rights", "setup", "demo"}


def test_the_demo_needs_no_other_container():
    demo = SERVICES["demo"]
    assert (demo["profiles"], demo["networks"], "depends_on" in demo) == (["demo"], ["outer"], False)


def test_each_worker_is_asked_for_its_health_at_its_own_port_and_name():
    for name, one in ASKED.items():
        *probe, url = one["healthcheck"]["test"]
        assert probe == ["CMD", "python", "-m", "messaging.probe"]
        host, port, path = re.fullmatch(r"http://(.*):(\d+)(/.*)", url).groups()
        assert (host, one["hostname"]) == ("127.0.0.1", name)
        assert f"127.0.0.1:{port}:{port}" in one["ports"]
        assert path == "/health"


def test_the_arrival_app_speaks_with_the_connectors_by_one_loopback_and_the_agents_call_it_there():
    assert (ALONE["network_mode"], "networks" in ALONE, "ports" in ALONE) == ("service:connectors", False, False)
    assert ALONE["healthcheck"]["test"][-1] == "http://127.0.0.1:8076/health"
    assert "127.0.0.1:8076:8076" in SERVICES["connectors"]["ports"]
    assert SERVICES["agents"]["environment"]["COMMONSHELF_HTTP_ARRIVAL_HOST"] == SERVICES["connectors"]["hostname"]


def test_prometheus_scrapes_every_worker_that_has_metrics():
    scraped = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    targets = {target for job in scraped for static in job["static_configs"] for target in static["targets"]}
    pages = {f"{name}:{one['healthcheck']['test'][-1].split(':')[2].split('/')[0]}" for name, one in ASKED.items()}
    assert targets - {"localhost:9090"} == pages


def test_grafana_finds_its_data_source_and_its_dashboards():
    provisioning = ROOT / "deploy" / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert (source["uid"], source["url"]) == ("prometheus", "http://prometheus:9090")
    (found,) = yaml.safe_load((provisioning / "dashboards" / "commonshelf.yml").read_text())["providers"]
    assert f"./deploy/grafana/dashboards:{found['options']['path']}:ro" in SERVICES["grafana"]["volumes"]


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
