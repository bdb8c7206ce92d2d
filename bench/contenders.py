"""The engines that are compared: how each is started, and where it keeps its sums."""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from bench import kafka_streams
from bench.audit import last_values
from bench.child import BenchProcess, module_command
from bench.cluster import Cluster
from bench.faust_table import TABLE
from bench.ledger import Ledger
from bench.peer import NUMBER, Job
from bench.quix_env import quix_python
from schemas.topics import POS_SALES

Start = Callable[[Cluster, Job, int | None], BenchProcess]
"""Starts the job on a core."""
Sums = dict[str, int]
"""What was sold, in thousandths of a unit, by store/SKU."""


@dataclass(frozen=True)
class Contender:
    """One engine in one form."""

    name: str
    about: str
    start: Start
    sums: Callable[[Cluster, Job], Sums] | None = None
    """Reads the peer's changelog; None for ours, which has an audit of its own."""
    journal: bool = False
    """Whether the peer writes the same journal as ours."""
    timed_by_changelog: Callable[[Job], str] | None = None
    """For a peer that commits late and writes each change: its changelog, which then times it."""


def _start_ours(cluster: Cluster, job: Job, core: int | None) -> Ledger:
    return Ledger(cluster, job.folder, job.group, batch_records=job.batch_records, core=core)


def _start_faust(cluster: Cluster, job: Job, core: int | None) -> BenchProcess:
    changelog = _faust_changelog(job)
    if not cluster.has_topic(changelog):  # as Faust would make it, but stamped by the broker
        cluster.create_topic(changelog, compacted=True)
    return BenchProcess(module_command("bench.faust_table", job.to_json()), job.log, core)


def _start_quix(_: Cluster, job: Job, core: int | None) -> BenchProcess:
    return BenchProcess(module_command("bench.quix", job.to_json(), quix_python()), job.log, core)


def _start_kafka_streams(threads: int, _: Cluster, job: Job, core: int | None) -> BenchProcess:
    return BenchProcess(kafka_streams.command(job, threads), job.log, core)


def _faust_changelog(job: Job) -> str:
    return f"{job.group}-{TABLE}-changelog"


def _faust_sums(cluster: Cluster, job: Job) -> Sums:
    rows = last_values(cluster, _faust_changelog(job))
    return _shelves({json.loads(key): json.loads(value) for key, value in rows.items()})


def _quix_sums(cluster: Cluster, job: Job) -> Sums:
    """Keys there are `record key|"state key"`."""
    rows = last_values(cluster, f"changelog__{job.group}--{POS_SALES.name}--default")
    return _shelves({json.loads(key.partition(b"|")[2]): json.loads(value) for key, value in rows.items()})


def _kafka_streams_sums(cluster: Cluster, job: Job) -> Sums:
    rows = last_values(cluster, f"{job.group}-sold-changelog")
    return _shelves({key.decode(): struct.unpack(">q", value)[0] for key, value in rows.items()})


def _shelves(rows: Sums) -> Sums:
    return {key: value for key, value in rows.items() if not key.startswith(NUMBER)}


OURS = Contender("ours", "ours, exactly once", _start_ours)
FAUST = Contender(
    "faust_table", "Faust agent with a Table", _start_faust, _faust_sums, timed_by_changelog=_faust_changelog
)
QUIX = Contender("quix", "Quix Streams", _start_quix, _quix_sums)
KAFKA_STREAMS = Contender(
    "kafka_streams", "Kafka Streams, one thread", partial(_start_kafka_streams, 1), _kafka_streams_sums
)
TWO_THREADS = Contender(
    "kafka_streams_two_threads", "Kafka Streams, two threads", partial(_start_kafka_streams, 2), _kafka_streams_sums
)


def same_outputs(peer: Contender) -> Contender:
    """The peer, writing the journal, too."""
    return replace(peer, name=f"{peer.name}_same_outputs", about=f"{peer.about}, same journal", journal=True)
