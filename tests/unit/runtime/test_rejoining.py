"""A worker that loses its place again and again keeps nothing of the sessions before."""

import threading
import weakref

import pytest
from prometheus_client import CollectorRegistry

from streams.runtime import worker
from streams.runtime.garbage import spare_what_stays
from streams.runtime.lookups import Lookups
from streams.runtime.metrics import WorkerMetrics
from streams.runtime.settings import Rejoin, WorkerSettings


@pytest.mark.parametrize("is_assigned", [False, True])
def test_the_clients_of_a_lost_session_are_gone_when_the_next_one_begins(monkeypatch, tmp_path, is_assigned):
    begun: list[weakref.ref[object]] = []
    left: list[int] = []

    class LostSession:
        def __init__(self, *_: object) -> None:
            left.append(sum(one() is not None for one in begun))
            begun.append(weakref.ref(self))
            self.called_back = self.run  # as clients keep what they call

        def run(self) -> None:
            if is_assigned:
                spare_what_stays()
            if len(begun) < 3:
                raise Rejoin("cut off")

    monkeypatch.setattr(worker, "Session", LostSession)
    monkeypatch.setattr(worker.log, "disabled", True)  # pytest keeps what is logged, and the error with its frames
    settings = WorkerSettings("127.0.0.1:1", "group", "worker", tmp_path, 1)
    worker.run_sessions(None, settings, WorkerMetrics(CollectorRegistry()), Lookups(), threading.Event())
    assert left == [0, 0, 0]
