"""The settlement process as a test has it killed: forked from a server that has imported everything.

Its journal is a list of pages in place of Kafka, so that a start is a matter of milliseconds.
"""

import multiprocessing
import os
import random
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace

from confluent_kafka import KafkaError

from streams.runtime import failpoints
from streams.runtime import sink as sink_module
from streams.settlement.store import history as history_module
from streams.settlement.store import publisher as publisher_module
from streams.settlement.store import worker as worker_module
from streams.settlement.store.backlog import Backlog
from streams.settlement.store.database import postgresql_engine, sqlite_engine
from streams.settlement.store.outlook import Outlook
from streams.settlement.store.worker import Settlement, SettlementSettings
from tests.support.kafka_message import kafka_message
from tests.support.pool import POOL
from tests.support.waiting import PATIENCE_S, until

SMALL_BATCH_BYTES = 1_000
"""So that a short journal takes many transactions."""
TOPIC = "journal"
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([__name__])


class PagesConsumer:
    """A consumer of one partition that holds these pages."""

    def __init__(self, pages):
        self._left = [kafka_message(TOPIC, at, page, POOL.encode()) for at, page in enumerate(pages)]
        end = KafkaError(KafkaError._PARTITION_EOF)
        self._left.append(kafka_message(TOPIC, len(pages), None, error=end))

    def assign(self, parts):
        [part] = parts
        self._left = [one for one in self._left if one.offset() >= part.offset]

    def poll(self, timeout_s):
        if self._left:
            return self._left.pop(0)
        time.sleep(0.01)
        return None

    def consume(self, most, timeout_s):
        found, self._left = self._left[:most], self._left[most:]
        return found

    def close(self):
        pass


def with_pages(pages):
    """Have this process read these pages for the journal, write them in small transactions, and publish nothing."""
    sink_module.Consumer = lambda _: PagesConsumer(pages)
    sink_module.topic_identity = lambda *_: SimpleNamespace(name="the-one")
    sink_module.BATCH_BYTES = SMALL_BATCH_BYTES
    worker_module.keep_published = lambda _make, stop: stop.wait()
    history_module.read_log = lambda *_: PagesConsumer(pages).consume(len(pages), 0)


def engine_of(database):
    """An address of PostgreSQL, or a file of SQLite."""
    return postgresql_engine(database, None) if "://" in database else sqlite_engine(Path(database))


def settlement_of(database):
    return Settlement(
        SettlementSettings({}, 1, "127.0.0.1", 0, lambda: engine_of(database), TOPIC), Outlook(), Backlog()
    )


def play(pages, database, armed, killed_log, caught_up, is_away=None):
    """Be the process: go on until killed. `is_away` is set when its page says that the database does not serve."""
    with_pages(pages)
    os.environ["COMMONSHELF_FAILPOINT_LOG"] = killed_log  # the server that forks has the environment of its start
    failpoints._armed = failpoints._parse(armed)
    settlement = settlement_of(database)
    threading.Thread(target=settlement.run, args=(threading.Event(),), daemon=True).start()
    while not (now := settlement.ready()).ok:
        if is_away is not None and "does not serve" in str(now.facts.get("reason")):
            is_away.set()
        time.sleep(0.01)
    caught_up.set()
    threading.Event().wait()


def publish(kafka_options, partitions, database, armed, killed_log, published):
    """Be a process that publishes a few transactions at a time, to the end or until killed."""
    publisher_module._AT_ONCE = 5
    os.environ["COMMONSHELF_FAILPOINT_LOG"] = killed_log
    failpoints._armed = failpoints._parse(armed)
    publisher = publisher_module.Publisher(kafka_options, partitions, engine_of(database))
    while publisher.publish():
        pass
    published.set()


def publish_and_die(kafka_options, partitions, database, armed, killed_log) -> bool:
    """Whether a process that is to die there, if it comes so far, published all there is."""
    published = _forks.Event()
    process = _forks.Process(target=publish, args=(kafka_options, partitions, database, armed, killed_log, published))
    process.start()
    until(lambda: published.is_set() or not process.is_alive())
    process.kill()
    process.join(PATIENCE_S)
    return published.is_set()


def kill_at_random(pages, database, kills, seed, killed_log, begin_anew):
    """Start the process and kill it, so many times: at a failpoint, or after any while. Returns the failpoints hit.

    `begin_anew` empties the database of a process that came to the journal's end: there is work to be killed in again.
    """
    chance = random.Random(seed)
    for number in range(kills):
        armed = ""
        if number % 2 == 0:
            armed = f"{chance.choice(('before_commit', 'after_commit'))}=kill:{chance.randint(1, 2)}"
        caught_up = _forks.Event()
        process = _forks.Process(target=play, args=(pages, database, armed, str(killed_log), caught_up), daemon=True)
        process.start()
        if armed:
            until(lambda one=process, end=caught_up: not one.is_alive() or end.is_set())
        else:
            time.sleep(chance.uniform(0, 0.3))
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
        process.join(PATIENCE_S)
        if caught_up.is_set() and number < kills - 1:
            begin_anew()
    return killed_log.read_text().count("\n")


class HeldProcess:
    """A process that stands still before a commit, until `go_on`; then it goes on to the journal's end."""

    def __init__(self, pages, database, hit, log):
        self._log = log
        self.is_away, self.caught_up = _forks.Event(), _forks.Event()
        armed = f"before_commit=stop:{hit}"
        arguments = (pages, database, armed, str(log), self.caught_up, self.is_away)
        self._process = _forks.Process(target=play, args=arguments, daemon=True)

    def __enter__(self):
        self._process.start()
        until(lambda: self._log.exists() and self._log.read_text().count("SIGSTOP"), "the commit")
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.join(PATIENCE_S)

    def go_on(self):
        os.kill(self._process.pid, signal.SIGCONT)


def catch_up(pages, database):
    """One process, to the journal's end."""
    caught_up = _forks.Event()
    process = _forks.Process(target=play, args=(pages, database, "", "", caught_up), daemon=True)
    process.start()
    assert caught_up.wait(PATIENCE_S)
    process.kill()
    process.join(PATIENCE_S)
