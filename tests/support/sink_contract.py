"""What a sink must do on any database: SQLite here, PostgreSQL where Debian's is installed."""

import json
import os
import subprocess
import sys
import threading
import uuid
from contextlib import contextmanager

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from messaging.client_options import producer_options
from schemas.registry import registry
from schemas.topics import POOL_JOURNAL
from streams.runtime import sink as sink_module
from streams.runtime.sink import SinkFenced, SinkSettings, SinkStopped, SinkWorker
from tests.support.pool import POOL, furnished, line
from tests.support.sale_counter import SaleCounter, counted
from tests.support.waiting import PATIENCE_S, until

SALES = 40


class JournalTopic:
    """A journal of one test's own, written page by page."""

    def __init__(self, options):
        self.options = options
        self.name = f"journal-{uuid.uuid4().hex[:12]}"
        admin = AdminClient(options)
        admin.create_topics([NewTopic(self.name, 1, 1)])[self.name].result(PATIENCE_S)
        self.producer = Producer(producer_options(options))
        self.bench = furnished()
        self.bench.commit()
        self.sold = 0

    def sell(self, sales):
        """A page for each sale of two lines."""
        written = len(self.bench.outputs)
        for _ in range(sales):
            self.sold += 1
            self.bench.sell(f"s{self.sold}", line(1_000), line(1_000))
            self.bench.commit()
        for output in self.bench.outputs[written:]:
            if output.topic == POOL_JOURNAL.name:
                self.producer.produce(self.name, output.value, output.key, 0)
        self.producer.flush(PATIENCE_S)

    @property
    def settings(self):
        return SinkSettings(self.options, 1, self.name)


@contextmanager
def running(worker):
    """The worker in a thread; gives what ended it, if something did."""
    stop, ended = threading.Event(), []

    def run():
        try:
            worker.run(stop)
        except Exception as error:
            ended.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield ended
    finally:
        stop.set()
        thread.join(PATIENCE_S)


class SinkContract:
    """Give `engine` and `database` (its address) as fixtures."""

    @pytest.fixture
    def journal(self, kafka):
        return JournalTopic(kafka.options)

    def worker(self, engine, journal):
        return SinkWorker(SaleCounter(), engine, journal.settings)

    def catch_up(self, engine, journal):
        """A worker of its own, from its start to the journal's end."""
        worker = self.worker(engine, journal)
        with running(worker):
            until(lambda: worker.ready().ok)

    def test_rows_follow_the_journal_and_a_restart_repeats_nothing(self, engine, journal):
        for rounds in (1, 2):
            journal.sell(SALES)
            self.catch_up(engine, journal)
            assert counted(engine) == {POOL: 2 * SALES * rounds}

    def test_a_backlog_is_written_in_as_many_transactions_as_its_size_needs(self, engine, journal, monkeypatch):
        monkeypatch.setattr(sink_module, "BATCH_BYTES", 1_000)
        journal.sell(SALES)
        written, store = [], SinkWorker._store
        monkeypatch.setattr(SinkWorker, "_store", lambda *given: (written.append(given[1]), store(*given))[1])
        self.catch_up(engine, journal)
        assert len(written) > 1
        assert max(sum(map(len, pages)) for pages in written if len(pages) > 1) <= 1_000
        assert counted(engine) == {POOL: 2 * SALES}

    def test_a_second_writer_is_fenced_and_changes_nothing(self, engine, journal):
        journal.sell(SALES)
        first, second = self.worker(engine, journal), self.worker(engine, journal)
        with running(first):
            until(lambda: first.ready().ok)
        with running(second) as ended:
            until(lambda: ended)
        assert isinstance(ended[0], SinkFenced)
        assert counted(engine) == {POOL: 2 * SALES}

    def test_a_writer_whose_position_was_moved_is_fenced(self, engine, journal):
        journal.sell(SALES)
        self.catch_up(engine, journal)
        second = self.worker(engine, journal)
        journal.sell(SALES)
        self.catch_up(engine, journal)
        with running(second) as ended:
            until(lambda: ended)
        assert isinstance(ended[0], SinkFenced)
        assert counted(engine) == {POOL: 4 * SALES}

    def test_a_journal_that_is_another_topic_is_refused(self, engine, journal):
        journal.sell(SALES)
        self.catch_up(engine, journal)
        anew = JournalTopic(journal.options)
        anew.sell(SALES)
        with running(self.worker(engine, anew)) as ended:
            until(lambda: ended)
        assert isinstance(ended[0], SinkStopped)
        assert "is not the topic that this database was filled from" in str(ended[0])
        assert counted(engine) == {POOL: 2 * SALES}

    def test_a_page_of_a_later_release_stops_it_and_is_not_passed_over(self, engine, journal):
        journal.sell(SALES)
        later = max(registry().by_id) + 1
        journal.producer.produce(journal.name, b"\0" + later.to_bytes(4, "big") + b"page", POOL, 0)
        journal.producer.flush(PATIENCE_S)
        with running(self.worker(engine, journal)) as ended:
            until(lambda: ended)
        assert isinstance(ended[0], SinkStopped)
        assert "start the release that writes it" in str(ended[0])

    @pytest.mark.parametrize("place", ["before_commit", "after_commit"])
    def test_a_kill_loses_and_repeats_nothing(self, engine, database, journal, place, tmp_path):
        journal.sell(SALES)
        killed = tmp_path / "killed"
        environment = os.environ | {
            "COMMONSHELF_FAILPOINTS": f"{place}=kill:1", "COMMONSHELF_FAILPOINT_LOG": str(killed),
        }  # fmt: skip
        command = [sys.executable, "-m", "tests.support.sale_counter"]
        subprocess.run(
            [*command, journal.options["bootstrap.servers"], journal.name, database],
            env=environment, check=False, timeout=PATIENCE_S,
        )  # fmt: skip
        assert json.loads(killed.read_text())["failpoint"] == place
        self.catch_up(engine, journal)
        assert counted(engine) == {POOL: 2 * SALES}
