"""Restores a backup onto a Kafka that has none of our topics: every record at its own offset, with its own time.

While it goes on, a topic says so, and nothing starts on it; what a restore that was ended had written is removed by the
next. State remembers which topics it has read, by their ids: those of a cluster that is gone become those of the new
topics, which hold the same at the same offsets.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # re-exported silently

from commonshelf.config.settings import Settings
from commonshelf.desks.backup import cluster
from commonshelf.desks.backup.exact import PartitionScript, write_exactly
from commonshelf.desks.backup.kafka_log import KafkaLog, Producers
from commonshelf.desks.backup.manifest import BackupError, Manifest, TopicCopy, check_files, read_manifest, records_file
from commonshelf.desks.backup.other_files import check_vault_is_missing, restore_vault
from commonshelf.desks.backup.records import Record, read_records
from commonshelf.stack.connection import Connection
from commonshelf.text import counted
from messaging.cluster import topic_identities
from messaging.topic_admin import RESTORING_TOPIC, ensure_topics
from schemas.topics import MESSAGE_MAX_BYTES, TOPICS
from streams.pool.processor import PoolProcessor
from streams.restock.processor import RestockProcessor
from streams.runtime.assignment import OFFSETS_ROW
from streams.runtime.contract import Processor, Reached

_FOREVER = str(2**63 - 1)
_WHILE_RESTORING = {
    "cleanup.policy": "delete",  # nothing is compacted away while records are missing
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "message.timestamp.type": "CreateTime",  # records keep the times that the broker gave them
    "message.timestamp.before.max.ms": _FOREVER,
    "message.timestamp.after.max.ms": _FOREVER,
    "max.message.bytes": str(MESSAGE_MAX_BYTES),
}
_WAIT_S = 60.0
_LOOK_S = 0.05
_PROCESSORS: tuple[Processor, ...] = (PoolProcessor(), RestockProcessor())
Tell = Callable[[str], None]


def open_backup(folder: Path, settings: Settings) -> Manifest:
    """Raises BackupError for a backup that is not whole, or that these settings do not fit; changes nothing."""
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    _check_fits(settings, manifest)
    return manifest


def restore_backup(connection: Connection, folder: Path, manifest: Manifest, tell: Tell) -> None:
    """Restore what `open_backup` has found sound. `tell` gets a line for each topic.

    Raises BackupError, before anything is changed, for a Kafka that has topics of ours; later that, KafkaException,
    TopicsError and OSError as they come: what is there then is removed by the next restore.
    """
    settings, options = connection.settings, connection.kafka_options
    admin = cluster.admin_of(options)
    _begin(admin, tell)
    _make_topics(admin, [topic.name for topic in manifest.topics], settings)
    now = topic_identities(options, [topic.name for topic in manifest.topics])
    renamed = {topic.name: _Renamed(topic.identity, now[topic.name].name) for topic in manifest.topics}
    producers = Producers(options)
    for topic in manifest.topics:
        _write(KafkaLog(producers, admin, topic.name), folder, topic, renamed)
        tell(f"{topic.name}: {counted(topic.records, 'record')}")
    for topic in manifest.topics:
        cluster.set_topic_config(admin, topic.name, topic.config, instead_of=_WHILE_RESTORING)
    cluster.commit_offsets(admin, manifest.offsets)
    restore_vault(settings, manifest, folder)
    _delete_topics(admin, [RESTORING_TOPIC])
    for line in ensure_topics(options, settings.partitions, replicas=settings.kafka.topic_replicas):
        tell(line)


class _Renamed(NamedTuple):
    """A topic's identity in the cluster that was backed up, and in this one."""

    was: str
    now: str


def _check_fits(settings: Settings, manifest: Manifest) -> None:
    if settings.partitions != manifest.partitions:
        raise BackupError(
            f"the backup has {manifest.partitions} partitions of each topic, and partitions is {settings.partitions}; "
            f"set partitions = {manifest.partitions}: where a pool lives follows from it"
        )
    unknown = [topic.name for topic in manifest.topics if topic.name not in TOPICS]
    if unknown:
        raise BackupError(
            f"the backup is of release {manifest.release}, with a topic {unknown[0]} that this one does not know; "
            "restore it with that release"
        )
    state = settings.data_dir / "state"
    if state.is_dir() and any(state.iterdir()):
        raise BackupError(
            f"{state} holds what workers knew of another Kafka; set data_dir to a folder that is not there yet"
        )
    check_vault_is_missing(settings, manifest)


def _begin(admin: AdminClient, tell: Tell) -> None:
    """Refuse a Kafka with topics of ours, unless a restore has left them; say that a restore goes on."""
    there = set(admin.list_topics(timeout=cluster.TIMEOUT_S).topics)
    ours = sorted(there & set(TOPICS))
    if RESTORING_TOPIC in there:
        tell("an earlier restore did not come to its end; what it wrote is removed")
        _delete_topics(admin, ours)
    elif ours:
        raise BackupError(
            f"this Kafka has topics of ours, such as {ours[0]}, and a restore needs one that has none: nothing was "
            "changed; name another Kafka, or another data_dir for the embedded one"
        )
    else:
        _await(admin.create_topics([NewTopic(RESTORING_TOPIC, 1)], operation_timeout=_WAIT_S))


def _make_topics(admin: AdminClient, names: Sequence[str], settings: Settings) -> None:
    wanted = [
        NewTopic(name, settings.partitions, settings.kafka.topic_replicas, config=_WHILE_RESTORING) for name in names
    ]
    _await(admin.create_topics(wanted, operation_timeout=_WAIT_S))
    _wait_until(lambda: set(names) <= set(admin.list_topics(timeout=cluster.TIMEOUT_S).topics), "topics to appear")


def _delete_topics(admin: AdminClient, names: Sequence[str]) -> None:
    if names:
        _await(admin.delete_topics(list(names), operation_timeout=_WAIT_S))
        _wait_until(
            lambda: not set(names) & set(admin.list_topics(timeout=cluster.TIMEOUT_S).topics), "topics to be gone"
        )


def _await(answers: Mapping[str, object]) -> None:
    for answer in answers.values():
        answer.result()  # type: ignore[attr-defined]


def _wait_until(is_so: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + _WAIT_S
    while not is_so():
        if time.monotonic() > deadline_s:
            raise BackupError(f"waited {_WAIT_S:.0f} s in vain for {what}; look into the brokers' logs")
        time.sleep(_LOOK_S)


def _write(log: KafkaLog, folder: Path, topic: TopicCopy, renamed: Mapping[str, _Renamed]) -> None:
    scripts = [
        PartitionScript(
            one.number,
            _renaming(topic.name, read_records(records_file(folder, topic.name, one.number)), renamed)
            if one.sha256 is not None
            else (),
            start=one.start,
            end=one.end,
            count=one.records,
        )
        for one in topic.partitions
    ]
    write_exactly(scripts, log)
    log.check_ends({one.number: one.end for one in topic.partitions})


def _renaming(topic: str, records: Iterator[Record], renamed: Mapping[str, _Renamed]) -> Iterator[Record]:
    """The records; in rows of a changelog that say which topics were read, the ids of the new ones."""
    processor = next((one for one in _PROCESSORS if one.changelog == topic), None)
    if processor is None:
        return records
    return (with_new_ids(processor, record, renamed) for record in records)


def with_new_ids(processor: Processor, record: Record, renamed: Mapping[str, tuple[str, str]]) -> Record:
    """A record of the processor's changelog. What it had read of another topic still is a gap that an operator closes.

    renamed: topic → its identity in the backup, and now.
    """
    if record.key != OFFSETS_ROW.encode() or record.value is None:
        return record
    reached = processor.decode_offsets(record.value)
    ids = dict(reached.topic_ids)
    for topic, known in ids.items():
        was, now = renamed.get(topic, ("", ""))
        if known == was:
            ids[topic] = now
    return record._replace(value=processor.encode_offsets(Reached(reached.next_offsets, ids)))
