"""One table of processes: what is in it has a command, a port, a line of the doctor, a place in the containers."""

import dataclasses
import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from commonshelf.commands.worker import make_app
from commonshelf.config.settings import Settings
from commonshelf.config.sources import Loaded
from commonshelf.config.web_settings import Http, Port
from commonshelf.stack import doctor, topic_status
from commonshelf.stack.processes import address, addresses, processes, resolve_ports
from commonshelf.stack.roles import PAGES_STOP, ROLES, Role
from commonshelf.web.links import links
from schemas.topics import POOL_AVAILABILITY, POS_SALES
from tests.support.toy_role import played

ROOT = Path(__file__).parents[3]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
CONTAINERS = [one for one in COMPOSE["services"].values() if one.get("command", [""])[0] == "worker"]
STORE = {"id": "a", "name": "A", "connectors": [{"kind": "drop_folder", "folder": "/tmp/shelf"}]}
PARTNER = {"id": "front-desk", "kind": "arrival", "secret_env": "FRONT_DESK_SECRET"}
POOL = {"id": "p", "name": "P"}
SETTINGS = Settings.model_validate(
    {
        "pools": [POOL],
        "stores": [STORE],
        "partners": [PARTNER],
        "exporter": {"enabled": True},
        "directory": {"enabled": True},
    }
)


class MoreHttp(Http):
    """Settings in which a toy role has its port."""

    toy_port: Port = 0


TOY = Role(
    name="toy",
    about="Play.",
    run="tests.support.toy_role:play",
    port_setting="toy_port",
    stop_order=PAGES_STOP,
    count=lambda _: 2,
    group="toys",
    reads_as="toys",
)


@pytest.fixture
def toy_settings():
    return SETTINGS.model_copy(update={"http": MoreHttp.on_free_ports()})


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_role_has_a_command_a_port_a_process_and_a_published_place(role):
    assert CliRunner().invoke(make_app(ROLES), [role.name, "--help"]).exit_code == 0
    host, port = address(SETTINGS, role)
    assert role.port_setting in Http.model_fields
    assert {*(role.served_at or ())} <= set(Http.model_fields)
    [first, *_] = [one for one in processes(SETTINGS, Path("settings.json"), {}) if one.role is role]
    assert first.url == f"http://{host}:{port}"
    assert any(f"127.0.0.1:{port}:{port}" in one.get("ports", ()) for one in CONTAINERS)


def test_the_containers_publish_what_the_table_has_and_no_more():
    ports = {port for _, port in addresses(Settings()).values()}
    second_ledger = Http().ledger_port + 1
    published = {int(said.rsplit(":", 1)[1]) for one in CONTAINERS for said in one.get("ports", ())}
    assert published == ports | {second_ledger}
    assert {one["command"][1] for one in CONTAINERS} == {role.name for role in ROLES}


def test_a_toy_role_is_run_by_its_command():
    played.clear()
    told = CliRunner().invoke(make_app((*ROLES, TOY)), ["toy", "--number", "2"])
    assert (told.exit_code, played) == (0, [2])


def test_a_toy_role_s_processes_have_ports_of_their_own(toy_settings):
    roles = (*ROLES, TOY)
    settings = resolve_ports(toy_settings, roles)
    urls = {one.spec.name: one.url for one in processes(settings, Path("settings.json"), {}, roles)}
    toys = [urls["toy-1"], urls["toy-2"]]
    first = int(toys[0].rsplit(":", 1)[1])
    assert toys == [f"http://127.0.0.1:{first}", f"http://127.0.0.1:{first + 1}"]
    assert len(set(urls.values())) == len(urls)


def test_the_doctor_looks_at_a_toy_role_s_port(toy_settings, monkeypatch):
    monkeypatch.setattr(doctor, "is_free", lambda _, port: port != 8099)
    http = toy_settings.http.model_copy(update={"toy_port": 8099})
    loaded = dataclasses.replace(Loaded(toy_settings), settings=toy_settings.model_copy(update={"http": http}))
    [finding] = doctor._ports(loaded, (*ROLES, TOY))
    assert (finding.is_well, finding.found) == (False, "port 8099 is taken")
    assert "http.toy_port" in finding.to_do


def test_the_lag_of_an_input_is_that_of_the_role_that_takes_it_in(monkeypatch):
    groups = {"commonshelf-pool", "toys"}
    assert topic_status._group_of(POS_SALES, groups) == "commonshelf-pool"
    assert topic_status._group_of(POOL_AVAILABILITY, groups) is None
    assert topic_status._group_of(POOL_AVAILABILITY, {"commonshelf-directory"}) == "commonshelf-directory"
    monkeypatch.setattr(topic_status, "ROLES", (*ROLES, TOY))
    assert topic_status._group_of(dataclasses.replace(POS_SALES, readers=("toys",)), groups) == "toys"


def test_the_technical_pages_are_those_of_the_metrics_of_every_role_that_has_some():
    found = [url for url, _ in links(SETTINGS)]
    for role in ROLES:
        host, port = address(SETTINGS, role)
        assert (f"http://{host}:{port}/metrics" in found) == role.has_metrics


def test_names_in_the_table_are_distinct():
    for values in ([role.name for role in ROLES], [role.port_setting for role in ROLES]):
        assert len(set(values)) == len(values)
    assert all(re.fullmatch("[a-z]+", role.name) for role in ROLES)
