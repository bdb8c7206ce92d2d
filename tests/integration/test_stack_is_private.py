"""Between the users of a machine, and from the ports outward: a running stack shows no more than it must."""

import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.support.living_files import entries
from tests.support.shelf import SECRET, CommandFolder, make_shelf, until


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandFolder]:
    made = make_shelf(tmp_path_factory.mktemp("shelf"))
    made.env |= {"COMMONSHELF_KAFKA_SASL_PASSWORD": "canary-of-kafka", "COMMONSHELF_VAULT_KEY": "canary-of-the-vault"}
    made.data_dir.mkdir(mode=0o755)  # as an earlier release left it
    made.up()
    yield made
    made.end(signal.SIGTERM)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_nobody_else_may_read_any_file_of_it(shelf):
    shelf.drop("anna", "opening-1.csv", "gtin,quantity\n4006381333931,7\n")
    until(lambda: shelf.available_milli("MILK") == 7_000, "the opening stock")
    found = dict(entries(shelf.data_dir, mode_of)) | {shelf.data_dir: mode_of(shelf.data_dir)}
    assert {str(path): oct(mode) for path, mode in found.items() if mode & 0o077} == {}
    assert len(found) > 20


def test_its_kafka_asks_for_a_password_that_is_in_its_owner_s_file_alone(shelf):
    address = {"bootstrap.servers": shelf.runtime.bootstrap_servers, "log_level": 0}
    with pytest.raises(KafkaException):
        AdminClient(address).list_topics(timeout=2)
    assert AdminClient(shelf.kafka_options).list_topics(timeout=10).topics
    password = shelf.kafka_options["sasl.password"]
    holders = {path.name for path in shelf.files_with(password)}
    assert holders == {"client.properties", "kafka-password", "server.properties"}
    processes = [*shelf.runtime.process_pids.values(), *shelf.runtime.kafka_pids]
    assert all(password not in " ".join(psutil.Process(pid).cmdline()) for pid in processes)


def test_commands_get_in_by_the_stack_s_note_also_when_its_address_is_named(shelf):
    named = shelf.call("topics", "--bootstrap", shelf.runtime.bootstrap_servers)
    assert (named.returncode, named.stderr) == (0, "")


def test_each_process_has_its_own_secrets_and_no_other(shelf):
    held = {
        name: {secret for secret in (SECRET, "canary-of-kafka", "canary-of-the-vault") if secret in environment(pid)}
        for name, pid in shelf.runtime.process_pids.items()
    }
    assert held == {
        "ledger-1": {"canary-of-kafka"},
        "agents": {"canary-of-kafka"},
        "connectors": {"canary-of-kafka", SECRET},
        "settlement": {"canary-of-kafka"},
        "restock": {"canary-of-kafka"},
        "http": {"canary-of-kafka"},
    }
    assert all("canary" not in environment(pid) for pid in shelf.runtime.kafka_pids)


def environment(pid: int) -> str:
    return Path(f"/proc/{pid}/environ").read_text()


@pytest.mark.parametrize("path", ["/metrics", "/ready", "/availability"])
def test_the_port_that_faces_the_world_has_the_webhooks_alone(shelf, path):
    world = shelf.runtime.urls["webhooks"].removesuffix("/webhooks/v1")
    assert httpx.get(f"{world}{path}", trust_env=False).status_code == 404
    assert httpx.get(f"{shelf.runtime.urls['connectors']}/metrics", trust_env=False).status_code == 200


@pytest.mark.parametrize("process", ["ledger-1", "agents", "connectors", "settlement", "restock", "http"])
def test_a_page_in_an_operator_s_browser_cannot_ask_under_a_name_of_its_own(shelf, process):
    url = f"{shelf.runtime.urls[process]}/ready"
    ours = ("localhost:1", "[::1]:8080", "10.0.0.7")
    theirs = ("attacker.example:8080", "127.0.0.1.attacker.example")
    asked = {
        host: httpx.get(url, headers={"Host": host}, trust_env=False).status_code != 421 for host in (*ours, *theirs)
    }
    assert asked == dict.fromkeys(ours, True) | dict.fromkeys(theirs, False)


@pytest.mark.skipif(sys.platform != "linux", reason="needs another user of this machine")
def test_another_user_of_this_machine_sees_nothing(shelf):
    def as_nobody(*command: object) -> int:
        return subprocess.run(
            [str(word) for word in command], user=65534, group=65534, extra_groups=[], capture_output=True, check=False
        ).returncode

    if psutil.Process().uids().real != 0:
        pytest.skip("only root may act as another user")
    assert as_nobody("/bin/ls", shelf.data_dir) != 0
    assert as_nobody("/bin/cat", shelf.data_dir / "run" / "kafka-password") != 0
