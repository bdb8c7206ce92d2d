"""The times of the last successes outlive the process that reached them."""

import threading

from connectors.metrics import ConnectorMetrics
from connectors.milestones import Milestones
from messaging.publisher import PublishFailed
from tests.support.connectors import MemoryPositions
from tests.support.waiting import until

OF = ("north", "corner", "webhook")
NAMES = (
    "commonshelf_connector_last_success_timestamp_seconds",
    "commonshelf_connector_newest_event_age_seconds",
    "commonshelf_connector_reconciled_timestamp_seconds",
    "commonshelf_connector_reconciliation_lag_seconds",
)


def shown(metrics):
    labels = dict(zip(("pool", "store", "connector"), OF, strict=True))
    return [metrics.registry.get_sample_value(name, labels) for name in NAMES]


def stopped():
    stop = threading.Event()
    stop.set()
    return stop


def test_a_new_process_shows_the_successes_of_the_one_before():
    positions, before, after = MemoryPositions(), ConnectorMetrics(), ConnectorMetrics()
    before.of(*OF).published(3, 1_790_000_000_000)
    before.of(*OF).reconciled(1_790_000_100.5)
    Milestones(before, positions).run(stopped())
    after.of(*OF)
    Milestones(after, positions).run(stopped())
    assert shown(after)[0] == shown(before)[0] > 1_790_000_000
    assert shown(after)[2] == 1_790_000_100.5
    assert shown(after)[1] > 0
    assert shown(after)[3] > 0


def test_what_is_stored_never_replaces_a_later_success():
    positions, metrics = MemoryPositions(), ConnectorMetrics()
    positions.save(*OF, "metrics.last_success", 1_000)
    metrics.of(*OF).published(1, 1_790_000_000_000)
    now_s = shown(metrics)[0]
    Milestones(metrics, positions).run(stopped())
    assert shown(metrics)[0] == now_s
    assert positions.load(*OF, "metrics.last_success") == int(now_s * 1000)


def test_a_connector_without_any_success_says_so():
    metrics = ConnectorMetrics()
    metrics.of(*OF)
    Milestones(metrics, MemoryPositions()).run(stopped())
    assert shown(metrics)[2:] == [None, None]


def test_while_kafka_does_not_answer_it_tries_on(monkeypatch):
    class Failing(MemoryPositions):
        asked = 0

        def load(self, *key):
            self.asked += 1
            if self.asked < 3:
                raise PublishFailed("not now")
            return super().load(*key)

    monkeypatch.setattr("connectors.milestones.SAVED_EVERY_S", 0.01)
    positions, metrics, stop = Failing(), ConnectorMetrics(), threading.Event()
    metrics.of(*OF).published(1, 1_790_000_000_000)
    thread = threading.Thread(target=Milestones(metrics, positions).run, args=(stop,))
    thread.start()
    until(lambda: MemoryPositions.load(positions, *OF, "metrics.newest_event") == 1_790_000_000_000, positions)
    stop.set()
    thread.join()
