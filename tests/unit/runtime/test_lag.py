"""The lag is the age of what was read and is not committed: it grows while nothing moves."""

from prometheus_client import CollectorRegistry

from streams.runtime import metrics as metrics_module
from streams.runtime.contract import InputRecord
from streams.runtime.merge import Inbox
from streams.runtime.metrics import WorkerMetrics


def test_lag_grows_during_a_stall_and_ends_with_it(monkeypatch):
    registry = CollectorRegistry()
    worker, now_s = WorkerMetrics(registry), [1_000.0]
    monkeypatch.setattr(metrics_module.time, "time", lambda: now_s[0])

    def shown():
        return registry.get_sample_value("commonshelf_worker_lag_seconds")

    told = [shown()]
    worker.waiting(998_000)
    told.append(shown())
    now_s[0] += 60
    told.append(shown())
    worker.waiting(None)
    assert (*told, shown()) == (0, 2, 62, 0)


def test_an_inbox_knows_its_oldest_record():
    inbox = Inbox((), ("a", "b"))
    assert inbox.oldest_ms() is None
    for topic, at_ms in (("a", 7), ("b", 5), ("b", 9)):
        inbox.add(InputRecord(topic, 0, 0, at_ms, None, None))
    assert inbox.oldest_ms() == 5
