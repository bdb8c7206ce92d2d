"""The example for Kubernetes is what its published schemas allow, and runs what compose runs."""

from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from commonshelf.config.sources import OTHER_VARIABLES, environment_names
from commonshelf.config.web_settings import Http
from commonshelf.desks.acl import PREFIX
from commonshelf.stack.roles import ROLES
from tests.support.guarded_kafka import WORKERS

ROOT = Path(__file__).parents[2]
OBJECTS = [
    found
    for file in sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))
    for found in yaml.safe_load_all(file.read_text())
]
NAMES = [f"{one['kind']}/{one['metadata']['name']}" for one in OBJECTS]
VERSION = "1.33"
PODS = {
    one["spec"]["template"]["metadata"]["labels"]["role"]: one["spec"]["template"]["spec"]
    for one in OBJECTS
    if "template" in one.get("spec", {})
}


def of_kind(kind):
    return {one["metadata"]["name"]: one for one in OBJECTS if one["kind"] == kind}


@pytest.mark.parametrize("found", OBJECTS, ids=NAMES)
def test_an_object_is_what_the_published_schema_allows(found):
    kubernetes_validate.validate(found, VERSION, strict=True)


def test_every_role_runs_and_is_asked_at_its_port():
    http = Http()
    roles = [role for role in ROLES if role.name != "arrival"]  # the reference app, which a partner runs itself
    assert set(PODS) == {"setup", *(role.name for role in roles)}
    for role in roles:
        (container,) = PODS[role.name]["containers"]
        port = getattr(http, role.port_setting)
        assert {"name": "pages", "containerPort": port} in container["ports"]
        live, ready = ("/health", "/ready") if role.has_metrics else ("/subjects", "/subjects")
        assert container["livenessProbe"]["httpGet"] == {"path": live, "port": "pages"}
        assert container["readinessProbe"]["httpGet"] == {"path": ready, "port": "pages"}
        ports = of_kind("Service")[f"commonshelf-{role.name}"]["spec"]["ports"]
        assert {"name": "pages", "port": port} in ports


def test_every_pod_is_without_rights_and_without_variables_of_services():
    for pod in PODS.values():
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["enableServiceLinks"] is False
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip


def test_every_variable_is_a_setting():
    environment = of_kind("ConfigMap")["commonshelf-environment"]["data"]
    passwords = {f"COMMONSHELF_{what}_PASSWORD" for what in ("SETTLEMENT", "VAULT", "KAFKA_SASL")}
    held = {one["name"] for pod in PODS.values() for one in pod["containers"][0]["env"]}
    named = {environment["COMMONSHELF_WEBHOOKS_KEY_ENV"], *passwords}
    assert {*environment, *held} <= {*environment_names(), *OTHER_VARIABLES, *named}


def test_each_pod_logs_in_as_its_role():
    """As the same worker does among the containers."""
    assert PODS.keys() == {"setup", *WORKERS}
    for name, pod in PODS.items():
        (container,) = pod["containers"]
        told = {one["name"]: one for one in container["env"]}
        login = WORKERS.get(name, f"{PREFIX}operators")
        assert told["COMMONSHELF_KAFKA_SASL_USERNAME"]["value"] == login
        key = f"kafka-{login.removeprefix(PREFIX)}"
        assert told["COMMONSHELF_KAFKA_SASL_PASSWORD"]["valueFrom"]["secretKeyRef"]["key"] == key


def test_secrets_of_tills_and_partners_go_to_who_needs_them():
    held = {
        name: [one["secretRef"]["name"] for one in pod["containers"][0].get("envFrom", ()) if "secretRef" in one]
        for name, pod in PODS.items()
    }
    assert {name: secrets for name, secrets in held.items() if secrets} == {
        "agents": ["commonshelf-partners"], "connectors": ["commonshelf-connectors", "commonshelf-partners"],
    }  # fmt: skip


def test_a_budget_holds_the_ledger_s_pods():
    (budget,) = of_kind("PodDisruptionBudget").values()
    ledger = of_kind("StatefulSet")["commonshelf-ledger"]["spec"]
    assert budget["spec"]["selector"] == ledger["selector"]
    assert ledger["serviceName"] in of_kind("Service")


@pytest.mark.parametrize("ordinal", [0, 1, 7])
def test_a_pod_of_the_ledger_listens_where_it_is_asked_whatever_its_number(ordinal):
    (script,) = PODS["ledger"]["containers"][0]["args"]
    assert "COMMONSHELF_HTTP_LEDGER_PORT=$((8083 - ordinal))" in script
    assert "--number $((ordinal + 1))" in script
    number, port = ordinal + 1, 8083 - ordinal
    assert port + number - 1 == Http().ledger_port
