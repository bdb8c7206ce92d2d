"""The settlement process when what it needs is away, or cannot be read on."""

import threading

import pytest
from sqlalchemy.exc import OperationalError

from messaging.cluster import UnreachableError
from streams.runtime.sink import SinkSettings, SinkStopped, SinkWorker
from streams.settlement.store.backlog import Backlog
from streams.settlement.store.database import migrate, sqlite_engine
from streams.settlement.store.outlook import Outlook
from streams.settlement.store.worker import Settlement, SettlementSettings
from tests.support.settlement_store import sink


@pytest.fixture
def settlement(tmp_path, monkeypatch):
    monkeypatch.setattr("streams.settlement.store.worker._PAUSE_S", 0)
    monkeypatch.setattr("streams.settlement.store.worker.keep_published", lambda _make, stop: stop.wait())
    settings = SettlementSettings({}, 1, "127.0.0.1", 0, lambda: sqlite_engine(tmp_path / "settlement.sqlite3"))
    return Settlement(settings, Outlook(), Backlog())


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (UnreachableError("no broker answers"), "Kafka does not serve: no broker answers"),
        (
            OperationalError("INSERT", {}, Exception("disk is full")),
            "the settlement database does not serve: disk is full",
        ),
    ],
)
def test_what_is_away_is_told_and_tried_again_from_what_the_database_has(settlement, monkeypatch, error, says):
    stop, workers, told = threading.Event(), [], []

    def run(worker, _stop):
        workers.append(worker)
        if len(workers) == 2:
            told.append(settlement.health().ok)
            stop.set()
            return
        raise error

    waited = settlement._wait
    monkeypatch.setattr(settlement, "_wait", lambda *given: (waited(*given), told.append(settlement.ready().facts)))
    monkeypatch.setattr(SinkWorker, "run", run)
    settlement.run(stop)
    assert told == [{"reason": says}, True]
    assert workers[0] is not workers[1]


def test_what_the_publisher_cannot_get_over_ends_it(settlement, monkeypatch):
    def fail(_make, _stop):
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr("streams.settlement.store.worker.keep_published", fail)
    monkeypatch.setattr(SinkWorker, "run", lambda _worker, stop: stop.wait())
    with pytest.raises(ZeroDivisionError, match="a fault of ours"):
        settlement.run(threading.Event())


def test_what_does_not_pass_by_itself_ends_it(settlement, monkeypatch):
    def run(_worker, _stop):
        raise SinkStopped("a gap")

    monkeypatch.setattr(SinkWorker, "run", run)
    with pytest.raises(SinkStopped, match="a gap"):
        settlement.run(threading.Event())


def test_bytes_that_are_no_page_stop_it_and_nothing_is_written(tmp_path):
    engine = sqlite_engine(tmp_path / "settlement.sqlite3")
    migrate(engine)
    with pytest.raises(SinkStopped, match=r"cannot be read: no Confluent wire format .*; restore pool\.journal"):
        SinkWorker(sink([]), engine, SinkSettings({}, 1))._store([b"no page"], {0: 1})
    assert SinkWorker(sink([]), engine, SinkSettings({}, 1))._stored() == {}
    engine.dispose()
