"""A backup as its operator meets it: taken from one machine, and restored onto an empty one."""

import json
import re
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from commonshelf.desks.backup.give_back import with_new_ids
from commonshelf.desks.backup.manifest import Manifest, read_manifest, records_file
from commonshelf.desks.backup.records import Record, read_records
from messaging.topic_admin import RESTORING_TOPIC, TopicsError, ensure_topics, topic_problems
from schemas.topics import POOL_CHANGELOG, RESTOCK_CHANGELOG
from streams.pool.processor import PoolProcessor
from streams.restock.processor import RestockProcessor
from tests.support.shelf import AGREEMENT, CommandFolder, make_shelf
from tests.support.waiting import until

CATALOG = "sku,name,gtin,unit,cost,price,tax_percent\nMILK,Milk 1 l,4006381333931,each,1.00,1.50,7\n"
OFFSETS_OF = {POOL_CHANGELOG.name: PoolProcessor(), RESTOCK_CHANGELOG.name: RestockProcessor()}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> CommandFolder:
    """It has sold, filled an order, posted what is owed for it, and was stopped."""
    shelf = make_machine(tmp_path_factory.mktemp("machine"))
    shelf.up()
    try:
        told(shelf, "agreement", "publish", "riverside", "agreement.toml")
        shelf.drop("anna", "opening-1.csv", "gtin,quantity\n4006381333931,20\n")
        until(lambda: shelf.available_milli("MILK") == 20_000, "the opening stock")
        shelf.sell("sales-1.csv", receipt=1, units=3)
        until(lambda: shelf.available_milli("MILK") == 17_000, "the sale")
        fill_an_order(shelf, "R-1")
        until(lambda: net(shelf) == {"anna": 285, "bert": -285}, lambda: net(shelf))
    finally:
        shelf.end(signal.SIGTERM)
    return shelf


@pytest.fixture(scope="module")
def backup(machine: CommandFolder) -> Path:
    assert re.search(r"records of \d+ topics are in backup", told(machine, "backup", "backup"))
    return machine.folder / "backup"


@pytest.fixture(scope="module")
def half_restored(backup: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[CommandFolder, str]:
    """Another machine, whose restore was killed, and what it said to a start then."""
    shelf = make_machine(tmp_path_factory.mktemp("restored"))
    kill_a_restore(shelf, backup)
    refused = shelf.call("up", "--for", "1s")
    assert refused.returncode == 1
    return shelf, refused.stderr


@pytest.fixture(scope="module")
def restored(half_restored: tuple[CommandFolder, str], backup: Path) -> CommandFolder:
    shelf, _ = half_restored
    assert "are restored" in told(shelf, "restore", str(backup))
    return shelf


def make_machine(folder: Path) -> CommandFolder:
    shelf = make_shelf(folder)
    (folder / "catalog.csv").write_text(CATALOG)
    (folder / "agreement.toml").write_text(AGREEMENT)
    return shelf


def told(shelf: CommandFolder, *words: str) -> str:
    done = shelf.call(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def net(shelf: CommandFolder) -> dict[str, int]:
    done = shelf.call("settle", "balance", "riverside", "--json")
    return {one["party"]: one["amount_minor"] for one in json.loads(done.stdout)["net"]} if not done.returncode else {}


def fill_an_order(shelf: CommandFolder, order: str) -> None:
    """Two of milk, sold by Bert's and handed over by Anna's."""
    by = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    told(
        shelf, "order", "place", "riverside", "MILK=2", "--at", "bert", "--by", by, "--order", order, "--wait-s", "200"
    )
    told(shelf, "order", "confirm", "riverside", order, "--wait-s", "200")
    for kind in ("pick", "hand_over"):
        tasks = json.loads(told(shelf, "tasks", "anna", "--json"))
        told(shelf, "tasks", "done", *[one["task"] for one in tasks if one["kind"] == kind])


def kill_a_restore(shelf: CommandFolder, backup: Path) -> None:
    """When it has written a topic."""
    process = subprocess.Popen(
        [sys.executable, "-m", "commonshelf", "restore", str(backup)],
        cwd=shelf.folder, env=shelf.env, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    said = ""
    while "record" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    process.kill()
    process.communicate()


def records(folder: Path, manifest: Manifest) -> dict[tuple[str, int], list[Record]]:
    return {
        (topic.name, one.number): list(read_records(records_file(folder, topic.name, one.number)))
        for topic in manifest.topics
        for one in topic.partitions
        if one.sha256 is not None
    }


@pytest.mark.timeout(900)
def test_every_record_has_its_offset_its_time_and_its_headers_again(backup, restored):
    """The new machine's backup is the old one's, but for the ids of the topics."""
    told(restored, "backup", "again")
    was, now = read_manifest(backup), read_manifest(restored.folder / "again")
    renamed = {
        topic.name: (topic.identity, other.identity) for topic, other in zip(was.topics, now.topics, strict=True)
    }
    wanted = records(backup, was)
    for (topic, _), found in wanted.items():
        if topic in OFFSETS_OF:
            found[:] = [with_new_ids(OFFSETS_OF[topic], record, renamed) for record in found]
    assert records(restored.folder / "again", now) == wanted
    assert was.offsets == now.offsets != ()
    places = [
        [(topic.name, topic.config, [(one.start, one.end) for one in topic.partitions]) for topic in manifest.topics]
        for manifest in (was, now)
    ]
    assert places[0] == places[1]
    assert any(one.end - one.start > one.records for topic in was.topics for one in topic.partitions)


def test_nothing_starts_on_what_a_killed_restore_has_left(half_restored):
    _, said = half_restored
    assert "a restore goes on here, or was ended: the topics are not whole" in said


def test_a_machine_that_has_topics_is_no_place_for_a_restore(machine, backup):
    for folder in ("state", "vault"):
        shutil.rmtree(machine.data_dir / folder)
    refused = machine.call("restore", str(backup))
    assert refused.returncode == 1
    assert "this Kafka has topics of ours" in refused.stderr


def test_a_damaged_backup_is_refused_by_name_and_a_half_one_too(backup, tmp_path):
    shelf = make_machine(tmp_path)
    shutil.copytree(backup, tmp_path / "damaged")
    file = next((tmp_path / "damaged" / "topics" / "pos.sales.v1").glob("*.avro"))
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    refused = shelf.call("restore", "damaged")
    assert f"damaged/topics/pos.sales.v1/{file.name} is damaged" in refused.stderr
    (tmp_path / "damaged" / "manifest.json").unlink()
    assert "no backup in it came to its end" in shelf.call("restore", "damaged").stderr
    assert not shelf.data_dir.exists()


def test_a_backup_is_refused_while_a_worker_runs_and_names_its_group(kafka, worker, tmp_path):
    told = "the group commonshelf-pool has 1 member, so `worker ledger` runs"
    until(lambda: told in refusal(worker, tmp_path), "a member of the group")


def refusal(settings_file: Path, tmp_path: Path) -> str:
    shutil.rmtree(tmp_path / "backup", ignore_errors=True)
    done = CommandFolder(tmp_path).call("backup", "backup", "--config", str(settings_file))
    return done.stderr if done.returncode else ""


def test_nothing_starts_where_a_restore_goes_on(kafka, topics):
    admin = AdminClient(kafka.options)
    admin.create_topics([NewTopic(RESTORING_TOPIC, 1)])[RESTORING_TOPIC].result()
    try:
        until(lambda: RESTORING_TOPIC in admin.list_topics(timeout=10).topics, "the topic")
        for look in (ensure_topics, topic_problems):
            with pytest.raises(TopicsError, match="the topics are not whole"):
                look(kafka.options, topics)
    finally:
        admin.delete_topics([RESTORING_TOPIC])[RESTORING_TOPIC].result()
