"""A pool with one store on a real Kafka, as its operator and its till see it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from typer.testing import CliRunner

from commonshelf.cli import app
from commonshelf.config.pool_config import read_pool_config
from commonshelf.config.publishing import current, publish_settings
from commonshelf.dead_letters.desk import Desk
from commonshelf.dead_letters.letters import Filter, read_letters
from commonshelf.dead_letters.replays import replay
from commonshelf.stack.parent_watch import WATCH_STDIN_VARIABLE
from messaging.publisher import Publisher, publish_and_flush
from schemas.models.catalog import CatalogItem
from schemas.models.config import CodeMapping, ConfigChange
from schemas.models.pos import Sale, SaleLine, Source, StockLine, StockReport
from schemas.topics import POOL_AVAILABILITY
from tests.support.waiting import until

DAY_MS = 86_400_000
STORE = "corner"

_OF_THE_MOMENT = ("pool", "recorded_at_ms", "appended_at_ms", "position")


def write_settings(folder: Path, bootstrap_servers: str, partitions: int) -> Path:
    """A settings file for commands and for a worker on that Kafka."""
    file = folder / "shelf.toml"
    file.write_text(
        f'data_dir = "data"\npartitions = {partitions}\n'
        f'[kafka]\nbootstrap_servers = "{bootstrap_servers}"\n[http]\nledger_port = 0\n'
        "restock_port = 0\nexporter_port = 0\ndirectory_port = 0\n"
    )
    return file


@contextmanager
def ledger_worker(settings_file: Path) -> Iterator[None]:
    """The ledger worker, as `up` starts it; killed at the end."""
    with (settings_file.parent / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "commonshelf", "worker", "ledger", "--config", str(settings_file)],
            env={WATCH_STDIN_VARIABLE: "1"}, stdin=subprocess.PIPE, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield
        finally:
            process.kill()
            process.communicate()


class PoolWithShop:
    """Names are the test's own; `file` holds the settings for commands."""

    def __init__(self, kafka, partitions, pool, settings_file):
        self.options, self.partitions, self.pool, self.file = kafka.options, partitions, pool, settings_file
        self.now_ms = time.time_ns() // 1_000_000

    def configure(self, *changes):
        records = [
            ConfigChange(pool=self.pool, recorded_at_ms=self.now_ms, origin="test", change=change) for change in changes
        ]
        publish_settings(self.options, self.partitions, records)

    def stock(self, *skus):
        items = [CatalogItem(pool=self.pool, sku=sku, name=sku, recorded_at_ms=self.now_ms) for sku in skus]
        publish_settings(self.options, self.partitions, items)
        lines = [(f"sku:{sku}", 100_000) for sku in skus]
        self.publish(self.report("opening", "opening", *lines, at_ms=self.now_ms - 6 * DAY_MS))

    def map(self, code, sku):
        self.configure(CodeMapping(store=STORE, code=code, sku=sku))

    def head(self, source_id, at_ms=None, version=1):
        at_ms = self.now_ms if at_ms is None else at_ms
        source = Source(system="test", id=source_id, version=version)
        return {
            "pool": self.pool, "store": STORE, "source": source, "occurred_at_ms": at_ms, "recorded_at_ms": at_ms,
        }  # fmt: skip

    def sale(self, source_id, *lines, **head):
        told = tuple(SaleLine(line_id=str(n), code=code, quantity_milli=q) for n, (code, q) in enumerate(lines))
        return Sale(**self.head(source_id, **head), lines=told)

    def report(self, kind, source_id, *lines, **head):
        told = tuple(StockLine(line_id=str(n), code=code, quantity_milli=q) for n, (code, q) in enumerate(lines))
        return StockReport(**self.head(source_id, **head), kind=kind, lines=told)

    def publish(self, *events):
        with Publisher(self.options, self.partitions) as publisher:
            publish_and_flush(publisher, events)

    def letters(self, count=None, **wanted):
        """The pool's letters, once there are `count`."""
        found = []

        def are_there():
            found[:] = [one for one in read_letters(self.options) if Filter(pool=self.pool, **wanted).takes(one)]
            return count is None or len(found) == count

        until(are_there, lambda: [(one.place, one.reason, one.state) for one in found])
        return found

    def availability(self):
        """SKU → row, without what depends on when and in which pool it was."""
        rows = [row for row in current(self.options, POOL_AVAILABILITY.name) if row["pool"] == self.pool]
        return {
            row["sku"]: {
                k: v for k, v in row.items() if k not in ("pool", "recorded_at_ms", "appended_at_ms", "position")
            }
            for row in rows
        }

    def on_hand(self, sku, expected_milli):
        """Wait until the shelf holds so much; fails with what is available."""
        until(lambda: self.availability().get(sku, {}).get("on_hand_milli") == expected_milli, self.availability)

    def replay(self, letters=None):
        waiting = [one for one in self.letters() if one.is_waiting] if letters is None else letters
        return replay(self.options, self.partitions, waiting, read_pool_config(self.options), "test")

    def desk(self):
        return Desk(self.options, self.partitions, read_pool_config(self.options), time.time_ns() // 1_000_000)

    def call(self, *words, **more):
        return CliRunner().invoke(app, [*words, "--config", str(self.file)], env={"COLUMNS": "240"}, **more)
