"""The note that a running stack leaves, ports, and what is found by it."""

import os
import socket
from dataclasses import replace

import pytest

from commonshelf.config.settings import Exporter, Pool, Settings, Store
from commonshelf.config.web_settings import Http
from commonshelf.embedded_kafka.lock_file import hold
from commonshelf.stack.connection import NothingRunsError, connect
from commonshelf.stack.own_kafka import hold_data_dir
from commonshelf.stack.processes import PortTakenError, processes, resolve_ports
from commonshelf.stack.runtime_file import LOCK, Runtime, find_running, read_runtime, write_runtime
from connectors.webhook.spec import Webhook

MINE = Runtime(
    pid=os.getpid(),
    bootstrap_servers="127.0.0.1:1",
    settings_file="/nowhere",
    urls={"http": "http://127.0.0.1:2"},
    process_pids={},
    kafka_pids=[],
)
NO_PORTS = Http.on_free_ports()


def test_a_running_stack_is_found_by_its_note(tmp_path):
    with hold(tmp_path / LOCK):
        write_runtime(tmp_path, MINE)
        assert find_running([tmp_path / "elsewhere", tmp_path]) == MINE


def test_a_note_of_a_process_that_has_ended_is_stale(tmp_path):
    with hold(tmp_path / LOCK):
        write_runtime(tmp_path, MINE)
    assert find_running([tmp_path]) is None
    assert read_runtime(tmp_path) == MINE


def test_a_note_is_stale_when_another_process_holds_the_folder_now(tmp_path):
    with hold(tmp_path / LOCK):
        write_runtime(tmp_path, replace(MINE, pid=1))
        assert find_running([tmp_path]) is None


def test_whoever_takes_the_folder_removes_a_note_that_was_left(tmp_path):
    write_runtime(tmp_path, MINE)
    with hold_data_dir(tmp_path, print):
        assert read_runtime(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"pid": "x"}', "\udcff"])
def test_a_note_that_is_none_is_as_none(tmp_path, text):
    (tmp_path / "runtime.json").write_text(text, errors="surrogateescape")
    assert read_runtime(tmp_path) is None


def test_without_a_stack_the_user_is_told_how_to_get_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NothingRunsError, match=r"nothing runs: no stack has left its note in .*; start `./shelf demo`"):
        connect(None, None)


def test_a_stale_note_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".commonshelf").mkdir()
    write_runtime(tmp_path / ".commonshelf", replace(MINE, pid=2**22 + 1))
    with pytest.raises(NothingRunsError, match="has ended without cleaning up"):
        connect(None, None)


def test_a_named_kafka_needs_no_stack(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert connect(None, "kafka:9092").kafka_options["bootstrap.servers"] == "kafka:9092"


def test_ports_of_zero_become_distinct_free_ones():
    http = resolve_ports(Settings(http=NO_PORTS)).http
    assert (
        len(
            {
                http.port,
                http.webhook_port,
                http.connectors_port,
                http.agents_port,
                http.ledger_port,
                http.settlement_port,
                http.restock_port,
                http.arrival_port,
                http.exporter_port,
                http.web_port,
                0,
            }
        )
        == 11
    )


def test_a_taken_port_is_told_with_the_setting_that_names_it():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=rf"port {port} on 127.0.0.1 is taken; .* set http.agents_port"):
            resolve_ports(Settings(http=NO_PORTS.model_copy(update={"agents_port": port})))


def test_a_child_gets_its_own_secrets_in_its_environment_alone(tmp_path):
    settings = Settings(
        http=NO_PORTS,
        exporter=Exporter(enabled=True),
        pools=(Pool(id="north", name="North"),),
        stores=(Store(id="anna", name="Anna's", pool="north", connectors=(Webhook(secret_env=("ANNA_SECRET",)),)),),
    )
    secrets = {
        "ANNA_SECRET",
        "COMMONSHELF_KAFKA_SASL_PASSWORD",
        "COMMONSHELF_VAULT_PASSWORD",
        "COMMONSHELF_SETTLEMENT_PASSWORD",
        "COMMONSHELF_VAULT_KEY",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTHER",
    }
    env = dict.fromkeys(secrets, "hunter2-hunter2") | {"PATH": "/usr/bin", "COMMONSHELF_LOG_LEVEL": "DEBUG"}
    found = {}
    for process in processes(settings, tmp_path / "settings.json", env):
        assert "hunter2" not in " ".join(process.spec.argv) + repr(process.spec)
        assert {"PATH", "COMMONSHELF_LOG_LEVEL"} <= process.spec.env.keys()
        found[process.role.name] = process.spec.env.keys() & secrets
    assert found == {
        "ledger": {"COMMONSHELF_KAFKA_SASL_PASSWORD"},
        "agents": {"COMMONSHELF_KAFKA_SASL_PASSWORD", "COMMONSHELF_VAULT_PASSWORD"},
        "connectors": {"COMMONSHELF_KAFKA_SASL_PASSWORD", "ANNA_SECRET"},
        "settlement": {"COMMONSHELF_KAFKA_SASL_PASSWORD", "COMMONSHELF_SETTLEMENT_PASSWORD"},
        "restock": {"COMMONSHELF_KAFKA_SASL_PASSWORD"},
        "exporter": {
            "COMMONSHELF_KAFKA_SASL_PASSWORD",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OTEL_EXPORTER_OTLP_HEADERS",
        },
        "http": {"COMMONSHELF_KAFKA_SASL_PASSWORD"},
    }


def test_connectors_stop_before_the_workers_and_these_before_the_pages(tmp_path):
    settings = Settings.model_validate({
        "pools": [{"id": "p", "name": "P"}],
        "stores": [{"id": "a", "name": "A", "connectors": [{"kind": "drop_folder", "folder": str(tmp_path)}]}],
        "http": NO_PORTS,
    })  # fmt: skip
    ranks = {process.spec.name: process.spec.stop_order for process in processes(settings, tmp_path, {})}
    assert ranks["connectors"] < ranks["ledger-1"] == ranks["agents"] < ranks["http"]
