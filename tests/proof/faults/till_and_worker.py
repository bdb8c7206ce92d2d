"""A till and the one worker that keeps its books, on a Kafka that a test puts in trouble."""

import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourcePatternType,
    ResourceType,
)

from commonshelf.stack.parent_watch import WATCH_STDIN_VARIABLE
from messaging.topic_admin import ensure_topics
from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import ConfigChange, PoolSettings, StoreSettings
from schemas.topics import (
    CATALOG_ITEMS,
    POOL_AVAILABILITY,
    POOL_CHANGELOG,
    POOL_CONFIG,
    POOL_JOURNAL,
    POS_SALES,
    POS_STOCK,
)
from tests.proof.faults.stage import INPUTS, wait_none_left
from tests.proof.faults.topic_log import GroupView, read_topics
from tests.proof.faults.worker import GROUP
from tests.support.pool import MILK, NOON_MS, POOL, STORE, line, sale, stock
from tests.support.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[3]
OPENING = 1_000


class TillAndWorker:
    """A till, and one worker that keeps its books. Each sale is of one unit."""

    def __init__(self, bootstrap_servers, folder):
        self.servers, self._folder = bootstrap_servers, folder
        self.admin = AdminClient({"bootstrap.servers": bootstrap_servers})
        ensure_topics({"bootstrap.servers": bootstrap_servers}, 1)
        self._producer = self._new_producer()
        self._group = GroupView(bootstrap_servers, GROUP, INPUTS, 1)
        self._numbers = count(1)
        self.sold = 0
        self.log = folder / "log.txt"
        self._worker = None

    def _new_producer(self):
        return Producer({"bootstrap.servers": self.servers, "enable.idempotence": True, "linger.ms": 0})

    def __enter__(self):
        for change in (PoolSettings(name="North"), StoreSettings(store=STORE, name="Corner")):
            event = ConfigChange(pool=POOL, recorded_at_ms=NOON_MS, origin="test", change=change)
            self._say(POOL_CONFIG.name, topic_codec(POOL_CONFIG.name).encode(event.to_avro()), event.key)
        item = CatalogItem(pool=POOL, sku=MILK, name=MILK, recorded_at_ms=NOON_MS)
        self._say(CATALOG_ITEMS.name, topic_codec(CATALOG_ITEMS.name).encode(item.to_avro()), item.key)
        self._say(POS_STOCK.name, stock("received", "opening", line(OPENING * 1_000), occurred_at_ms=now_ms()))
        self.start()
        self.sell(5)
        self.wait_served()
        return self

    def __exit__(self, *_):
        self.stop()
        self._group.close()

    def start(self):
        command = [
            sys.executable, "-m", "tests.proof.faults.worker", "--bootstrap-servers", self.servers, "--instance", "one",
            "--state-dir", str(self._folder / "state"), "--partitions", "1",
        ]  # fmt: skip
        with self.log.open("ab") as log:
            self._worker = subprocess.Popen(
                command, cwd=ROOT, env={WATCH_STDIN_VARIABLE: "1"}, stdin=subprocess.PIPE, stdout=log, stderr=log
            )

    def stop(self):
        self._worker.kill()
        self._worker.communicate()

    def exit_status(self):
        """Of the worker, once it has ended."""
        return self._worker.wait(PATIENCE_S)

    def is_running(self):
        return self._worker.poll() is None

    def said(self):
        return self.log.read_text(errors="replace")

    def _say(self, topic, value, key=POOL):
        self._producer.produce(topic, value, key, 0)
        assert self._producer.flush(PATIENCE_S) == 0

    def sell(self, receipts):
        for _ in range(receipts):
            unit = line(1_000, kind="sale")
            self._say(POS_SALES.name, sale(f"s{next(self._numbers)}", unit, occurred_at_ms=now_ms()))
            self.sold += 1

    def behind(self):
        return self._group.behind(self._group.ends())

    def wait_served(self):
        wait_none_left("sales to be worked off", self.behind, PATIENCE_S)

    def on_hand(self):
        """As a reader of the compacted table sees it."""
        rows = read_topics(self.servers, [POOL_AVAILABILITY.name], 1)
        return topic_codec(POOL_AVAILABILITY.name).decode(rows[-1].value)["on_hand_milli"] // 1_000

    def entries(self):
        return len(read_topics(self.servers, [POOL_JOURNAL.name], 1))

    def drop_state(self):
        shutil.rmtree(self._folder / "state", ignore_errors=True)

    def members(self):
        """How many the group still counts: who comes back under its name before it is given up gets what it had."""
        [asked] = self.admin.describe_consumer_groups([GROUP]).values()
        return len(asked.result().members)

    def delete_changelog_until(self, offset):
        """Kafka deletes nothing of a topic that is only compacted, unless somebody sets it so."""
        self.set_topic(POOL_CHANGELOG.name, "cleanup.policy", "compact,delete")
        for done in self.admin.delete_records([TopicPartition(POOL_CHANGELOG.name, 0, offset)]).values():
            done.result()

    def set_topic(self, topic, name, value):
        kind = AlterConfigOpType.SET if value is not None else AlterConfigOpType.DELETE
        entry = ConfigEntry(name, value, incremental_operation=kind)
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
        for done in self.admin.incremental_alter_configs([resource]).values():
            done.result()

    @contextmanager
    def forbidden(self, topic):
        """Everybody may do anything with the topic but write to it."""
        who = (ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:ANONYMOUS", "*")
        rules = ((AclOperation.ALL, AclPermissionType.ALLOW), (AclOperation.WRITE, AclPermissionType.DENY))
        for done in self.admin.create_acls([AclBinding(*who, *rule) for rule in rules]).values():
            done.result()
        try:
            yield
        finally:
            for done in self.admin.delete_acls([AclBindingFilter(*who, *rule) for rule in rules]).values():
                done.result()


def now_ms():
    return time.time_ns() // 1_000_000
