"""However a worker cuts its batches, by number, by time, or in halves after failures, what it leaves is the same."""

import itertools
import threading
import time
from collections import deque
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from messaging.journal import read_page
from messaging.rocks import rocks_options
from schemas.topics import POOL_JOURNAL
from streams.runtime import session as session_module
from streams.runtime.assigned_partition import AssignedPartition
from streams.runtime.assignment import OFFSETS_ROW
from streams.runtime.contract import Reached, Rows
from streams.runtime.local_store import LocalStore
from streams.runtime.lookups import Lookups
from streams.runtime.metrics import WorkerMetrics
from streams.runtime.pace import Pace
from streams.runtime.session import Session
from streams.runtime.settings import WorkerSettings
from tests.property.test_replay_laws import played
from tests.support.pool import processor
from tests.support.worlds import make_small, order_worlds, worlds


def metrics():
    return WorkerMetrics(CollectorRegistry())


class Waiting(deque):
    """An inbox whose records stand in their order already."""

    broken = frozenset()
    waiting_bytes = 0

    def runs(self, blocked, most):
        while self:
            run = [self.popleft()]
            while self and len(run) < most(run[0].topic).records and self[0].topic == run[0].topic:
                run.append(self.popleft())
            yield run

    def starving(self):
        return []

    def oldest_ms(self):
        return None

    def waiting(self):
        return len(self)

    def backlog(self, topic):
        return 0


class Cluster:
    """Kafka: what was committed, and which commits fail. A record's changelog offset is its place among all."""

    def __init__(self, failures):
        self.committed, self._open, self._reports, self._failures = [], [], [], iter(failures)

    def __len__(self):
        return 0

    def begin_transaction(self):
        self._open = []

    def produce(self, topic, value, key, partition, headers=None, on_delivery=None):
        self._open.append((topic, key, value, headers))
        if on_delivery is not None:
            self._reports.append(on_delivery)

    def flush(self, timeout_s):
        for report in self._reports:
            report(None, SimpleNamespace(offset=lambda: len(self.committed) + len(self._open)))
        self._reports.clear()
        return 0

    def send_offsets_to_transaction(self, offsets, member, timeout_s):
        """They are in the changelog as well."""

    def commit_transaction(self, timeout_s):
        if next(self._failures, False):
            raise KafkaException(KafkaError(KafkaError.INVALID_PRODUCER_EPOCH))
        self.committed += self._open

    def consume(self, number, timeout):
        return []

    def close(self):
        """Nothing is open."""


class Worker:
    """One that joins again whenever a commit failed, with what is on its disk."""

    def __init__(self, folder, cluster, records, clock, limits):
        self._folder, self._cluster, self._records, self._limits = folder, cluster, records, limits
        self._clock = clock
        self._pace = Pace(limits["batch_records"], 5_000)

    def work_off(self):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(session_module, "make_producer", lambda *_: self._cluster)
            patch.setattr(session_module, "make_consumer", lambda *_: self._cluster)
            patch.setattr(session_module, "time", SimpleNamespace(monotonic=self._clock, time=time.time))
            while self._live():
                pass

    def _live(self):
        """A session's life. Whether records are left that are not committed."""
        store = LocalStore(self._folder, 0, rocks_options(1), processor().index_entries)
        row = store.fetch(OFFSETS_ROW)
        offsets, ids = Reached({}, {}) if row is None else processor().decode_offsets(row)
        work = processor().open(0, 1, Rows(store.fetch, store.scan, store.find_index))
        inbox = Waiting(self._records[sum(offsets.values()) :])
        settings = WorkerSettings("nowhere:1", "group", "one", self._folder, 1, **self._limits)
        session = Session(processor(), settings, metrics(), Lookups(), set(), threading.Event(), self._pace)
        session._held = {0: AssignedPartition(0, store, work, inbox, offsets, dict(offsets), dict(offsets), ids)}
        try:
            while inbox or session._in_flight:
                session._step()
        except KafkaException:
            return True
        finally:
            session._release()
        return False


def journal(committed):
    pages = [value for topic, _, value, _ in committed if topic == POOL_JOURNAL.name]
    return [entry for page in pages for entry in read_page(page)]


def letters(committed):
    return [(topic, value, headers) for topic, _, value, headers in committed if ".dlq." in topic]


@given(
    world=st.one_of(worlds, order_worlds),
    failures=st.lists(st.booleans(), max_size=12),
    batch_records=st.integers(1, 30),
    batch_rows=st.integers(1, 60),
    steps_s=st.lists(st.sampled_from([0.0, 0.1, 0.4, 1.5]), min_size=1, max_size=9),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_batches_by_number_rows_and_time_and_halves_of_failed_ones_leave_the_same_journal(
    world, failures, batch_records, batch_rows, steps_s, tmp_path_factory
):
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        whole = played(world)
        cluster, seconds = Cluster(failures), itertools.accumulate(itertools.cycle(steps_s))
        limits = {"batch_records": batch_records, "batch_rows": batch_rows}
        folder = tmp_path_factory.mktemp("worker")
        Worker(folder, cluster, whole.inputs, lambda: next(seconds), limits).work_off()

        assert journal(cluster.committed) == whole.journal()
        assert letters(cluster.committed) == [(one.topic, one.value, one.headers) for one in whole.dead_letters()]
        changelog = {key: value for topic, key, value, _ in cluster.committed if topic == processor().changelog}
        own = {key: value for key, value in changelog.items() if value is not None and key != OFFSETS_ROW}
        assert {key: value for key, value in own.items() if not key.startswith("stale/")} == whole.committed.rows
