"""A backup's folder: what is half, damaged or of another form is told by name, and nothing is restored."""

import json

import pytest

from commonshelf.desks.backup.manifest import (
    BackupError,
    Manifest,
    PartitionCopy,
    TopicCopy,
    check_files,
    read_manifest,
    records_file,
    write_manifest,
)
from commonshelf.desks.backup.on_disk import sha256_of
from commonshelf.desks.backup.records import Record, RecordsFile, read_records
from commonshelf.desks.backup.take import in_order
from schemas.topics import (
    CONNECTOR_POSITIONS,
    DLQ_OUTCOMES,
    ORDERS_REQUESTS,
    POOL_CONFIG,
    POOL_JOURNAL,
    POS_HISTORY,
    POS_SALES,
    TOPICS,
)

RECORDS = [
    Record(4, 1_700_000_000_000, b"key", b"\x00value", (("why", b"late"), ("nothing", None))),
    Record(9, 1_700_000_000_001, None, None),
]


@pytest.fixture
def folder(tmp_path):
    """A whole backup of one topic."""
    path = records_file(tmp_path, POS_SALES.name, 0)
    path.parent.mkdir(parents=True)
    with RecordsFile(path) as file:
        for record in RECORDS:
            file.write(record)
    partition = PartitionCopy(number=0, start=4, end=11, records=2, sha256=sha256_of(path))
    topic = TopicCopy(name=POS_SALES.name, identity="c/t", config={"retention.ms": "1"}, partitions=(partition,))
    made = Manifest(release="0.1.0", began_at_ms=1, partitions=1, topics=(topic,), offsets=(), files=())
    write_manifest(tmp_path, made)
    return tmp_path


def test_what_was_written_is_read(folder):
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    assert list(read_records(records_file(folder, POS_SALES.name, 0))) == RECORDS
    assert (manifest.records, manifest.topics[0].config) == (2, {"retention.ms": "1"})


def test_only_its_owner_may_read_it(folder):
    assert records_file(folder, POS_SALES.name, 0).stat().st_mode & 0o077 == 0


def test_a_folder_without_a_manifest_is_no_backup(folder):
    (folder / "manifest.json").unlink()
    with pytest.raises(BackupError, match=r"has no manifest\.json, so no backup in it came to its end"):
        read_manifest(folder)


@pytest.mark.parametrize(
    "change", [lambda told: told[: len(told) // 2], lambda told: told.replace('"format": 1', '"format": 2')]
)
def test_a_damaged_or_later_manifest_is_told(folder, change):
    path = folder / "manifest.json"
    path.write_text(change(path.read_text()))
    with pytest.raises(BackupError, match=r"manifest\.json is damaged, or of a release with another form"):
        read_manifest(folder)


def test_a_manifest_cannot_name_files_outside(folder):
    path = folder / "manifest.json"
    told = json.loads(path.read_text())
    told["files"] = [{"kind": "vault", "file": "vault/../../etc", "origin": "", "sha256": "0" * 64}]
    path.write_text(json.dumps(told))
    with pytest.raises(BackupError, match=r"files\.0\.file"):
        read_manifest(folder)


def test_a_damaged_file_is_named(folder):
    path = records_file(folder, POS_SALES.name, 0)
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    with pytest.raises(BackupError, match=r"pos\.sales\.v1/0000\.avro is damaged.*nothing was restored"):
        check_files(folder, read_manifest(folder))


def test_a_missing_file_is_named(folder):
    records_file(folder, POS_SALES.name, 0).unlink()
    with pytest.raises(BackupError, match=r"pos\.sales\.v1/0000\.avro is missing"):
        check_files(folder, read_manifest(folder))


def test_what_says_how_far_something_is_done_is_read_before_what_it_was_done_with():
    before, after = in_order(list(TOPICS.values()))
    assert {POOL_JOURNAL, CONNECTOR_POSITIONS, DLQ_OUTCOMES} <= set(before)
    assert {POS_SALES, ORDERS_REQUESTS, POOL_CONFIG, POS_HISTORY} <= set(after)
    assert set(before) | set(after) == set(TOPICS.values())
