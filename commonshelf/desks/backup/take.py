"""Takes a backup of a cluster whose workers stand still, while edges may go on.

What says how far something is done is read before what it was done with: positions of connectors before what they
published, outcomes of dead letters before what was replayed. So a backup never says that something is done which it has
not got. An address is in the vault before an order names it, so the vault comes last.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from importlib.metadata import version
from pathlib import Path

from confluent_kafka.admin import AdminClient

from commonshelf.desks.backup import cluster
from commonshelf.desks.backup.manifest import (
    BackupError,
    Manifest,
    PartitionCopy,
    TopicCopy,
    records_file,
    write_manifest,
)
from commonshelf.desks.backup.on_disk import sha256_of
from commonshelf.desks.backup.other_files import copy_settings, copy_vault
from commonshelf.desks.backup.records import RecordsFile, record_of
from commonshelf.embedded_kafka.private_files import private_folder
from commonshelf.stack.connection import Connection
from commonshelf.text import counted
from messaging.client_options import ClientOptions
from messaging.clock import wall_clock_ms
from messaging.cluster import topic_identities
from messaging.kafka_errors import patiently
from messaging.log_reader import is_end, is_record, log_consumer
from messaging.offsets import Place, log_ends, log_starts
from messaging.topic_admin import refuse_half_restored
from schemas.topics import TOPICS, Topic

_AT_ONCE = 10_000
_POLL_S = 0.2
_PATIENCE_S = 120
"""Without any news of a topic; a transaction may be open for a minute."""
_SESSION_S = 20.0
"""Of a worker, 6 s, and what a busy broker needs to notice."""
_PROCESSORS = ("pool", "restock")
Tell = Callable[[str], None]


def make_folder(folder: Path) -> None:
    """Make it, this user's alone. Raises BackupError for one that holds anything, and OSError."""
    private_folder(folder)
    if any(folder.iterdir()):
        raise BackupError(f"{folder} is not empty, and a backup needs a folder of its own; name one that is not there")


def take_backup(connection: Connection, settings_file: Path | None, folder: Path, tell: Tell) -> Manifest:
    """Back up into a folder that `make_folder` has made. `tell` gets a line for each topic.

    Raises BackupError, TopicsError, and KafkaException and OSError as they come; there is no manifest then.
    """
    options, settings, began_at_ms = connection.kafka_options, connection.settings, wall_clock_ms()
    admin = cluster.admin_of(options)
    cluster.check_stopped(admin, _SESSION_S)
    there = set(admin.list_topics(timeout=cluster.TIMEOUT_S).topics)
    refuse_half_restored(there)
    found = [topic for topic in TOPICS.values() if topic.name in there]
    if not found:
        raise BackupError("this Kafka has none of our topics, so there is nothing to back up; check its address")
    offsets = cluster.group_offsets(admin)
    topics = [copy for some in in_order(found) for copy in _copy_topics(admin, options, some, folder, tell)]
    files = [*copy_settings(settings, settings_file, folder), *copy_vault(settings, folder)]
    cluster.check_stopped(admin)
    if cluster.group_offsets(admin) != offsets:
        raise BackupError("workers ran meanwhile, so this is no state of one moment; stop them, and back up anew")
    manifest = Manifest(
        release=version("commonshelf"), began_at_ms=began_at_ms, partitions=settings.partitions,
        topics=tuple(topics), offsets=tuple(offsets), files=tuple(files),
    )  # fmt: skip
    write_manifest(folder, manifest)
    return manifest


def in_order(topics: Sequence[Topic]) -> tuple[list[Topic], list[Topic]]:
    """Topics that say how far something is done, or are a processor's own; then what others tell the processors."""
    inputs = [topic for topic in topics if topic.writer not in _PROCESSORS and {*_PROCESSORS} & {*topic.readers}]
    return [topic for topic in topics if topic not in inputs], inputs


def _copy_topics(
    admin: AdminClient, options: ClientOptions, topics: Sequence[Topic], folder: Path, tell: Tell
) -> Iterator[TopicCopy]:
    names = [topic.name for topic in topics]
    identities, configs = topic_identities(options, names), cluster.topic_configs(admin, names)
    places = [(name, n) for name in names for n in identities[name].partitions]
    starts, ends = patiently(lambda: (log_starts(admin, places), log_ends(admin, places)))
    for name in names:
        copy = TopicCopy(
            name=name,
            identity=identities[name].name,
            config=configs[name],
            partitions=tuple(_copy_partitions(options, name, _of(name, starts), _of(name, ends), folder)),
        )
        tell(f"{name}: {counted(copy.records, 'record')}")
        yield copy


def _of(topic: str, offsets: Mapping[Place, int]) -> dict[int, int]:
    return {partition: offset for (name, partition), offset in offsets.items() if name == topic}


def _copy_partitions(
    options: ClientOptions, topic: str, starts: Mapping[int, int], at_least: Mapping[int, int], folder: Path
) -> Iterator[PartitionCopy]:
    """Each partition up to where it ends now. at_least: offsets up to which every transaction must be decided.

    A compacted topic would lose a key if it were read up to an earlier end, behind which its newer row is.
    """
    private_folder(records_file(folder, topic, 0).parent)
    ends: dict[int, int] = {}
    files: dict[int, RecordsFile] = {}
    with ExitStack() as open_files, closing(log_consumer(options, [topic])) as consumer:
        until_s = time.monotonic() + _PATIENCE_S
        while len(ends) < len(starts):
            messages = consumer.consume(_AT_ONCE, _POLL_S)
            if messages:
                until_s = time.monotonic() + _PATIENCE_S
            elif time.monotonic() > until_s:
                raise _stuck(topic, min((n, offset) for n, offset in at_least.items() if n not in ends))
            for message in messages:
                n = int(message.partition() or 0)
                if n in ends:
                    continue
                if is_record(message):
                    if n not in files:
                        files[n] = open_files.enter_context(RecordsFile(records_file(folder, topic, n)))
                    files[n].write(record_of(message))
                elif is_end(message) and int(message.offset() or 0) >= at_least[n]:
                    ends[n] = int(message.offset() or 0)
    for n, start in sorted(starts.items()):
        records, sha256 = (files[n].count, sha256_of(files[n].path)) if n in files else (0, None)
        yield PartitionCopy(number=n, start=start, end=ends[n], records=records, sha256=sha256)


def _stuck(topic: str, at: tuple[int, int]) -> BackupError:
    partition, offset = at
    return BackupError(
        f"{topic}[{partition}] could not be read up to offset {offset} within {_PATIENCE_S} s: a transaction is open "
        "there, or its broker does not answer; look with ./shelf doctor, then back up anew"
    )
