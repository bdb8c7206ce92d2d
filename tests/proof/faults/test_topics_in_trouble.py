"""Topics that refuse, lose or no longer fit what a worker writes: nothing is committed half, and the log says why."""

import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_END, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from commonshelf.embedded_kafka import broker
from commonshelf.embedded_kafka.kafka import EmbeddedKafka
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
from tests.proof.faults.stage import INPUTS, wait_until
from tests.proof.faults.topic_log import GroupView, read_topics
from tests.proof.faults.worker import GROUP
from tests.support.pool import MILK, NOON_MS, POOL, STORE, line, sale, stock
from tests.support.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[3]
OPENING = 1_000
_AUTHORIZER = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """On a Kafka that asks who may write; everybody may, until a test says otherwise. Each test mends what it broke."""
    with pytest.MonkeyPatch.context() as patch:
        properties = broker.server_properties
        patch.setattr(broker, "server_properties", lambda *given: properties(*given) | _AUTHORIZER)
        with EmbeddedKafka() as kafka, TillAndWorker(kafka.bootstrap_servers, tmp_path_factory.mktemp("shop")) as shop:
            yield shop


@pytest.fixture(scope="module")
def wrecked(tmp_path_factory):
    """A stopped worker's topics, which no test mends: each breaks more of them, and a worker must refuse them all."""
    with EmbeddedKafka() as kafka, TillAndWorker(kafka.bootstrap_servers, tmp_path_factory.mktemp("wrecked")) as shop:
        shop.stop()
        yield shop


class TillAndWorker:
    """A till, and one worker that keeps its books. Each sale is of one unit."""

    def __init__(self, bootstrap_servers, folder):
        self.servers, self._folder = bootstrap_servers, folder
        self.admin = AdminClient({"bootstrap.servers": bootstrap_servers})
        ensure_topics({"bootstrap.servers": bootstrap_servers}, 1)
        self._producer = Producer({"bootstrap.servers": bootstrap_servers, "enable.idempotence": True, "linger.ms": 0})
        self._group = GroupView(bootstrap_servers, GROUP, INPUTS, 1)
        self._numbers = count(1)
        self.sold = 0
        self.log = folder / "log.txt"
        self._worker = None

    def __enter__(self):
        for change in (PoolSettings(name="North"), StoreSettings(store=STORE, name="Corner")):
            event = ConfigChange(pool=POOL, recorded_at_ms=NOON_MS, origin="test", change=change)
            self._say(POOL_CONFIG.name, topic_codec(POOL_CONFIG.name).encode(event.to_avro()))
        item = CatalogItem(pool=POOL, sku=MILK, name=MILK, recorded_at_ms=NOON_MS)
        self._say(CATALOG_ITEMS.name, topic_codec(CATALOG_ITEMS.name).encode(item.to_avro()))
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

    def _say(self, topic, value):
        self._producer.produce(topic, value, POOL, 0)
        assert self._producer.flush(PATIENCE_S) == 0

    def sell(self, receipts):
        for _ in range(receipts):
            unit = line(1_000, kind="sale")
            self._say(POS_SALES.name, sale(f"s{next(self._numbers)}", unit, occurred_at_ms=now_ms()))
            self.sold += 1

    def behind(self):
        return self._group.behind(self._group.ends())

    def wait_served(self):
        wait_until("all sales are worked off", lambda: self.behind() == 0, PATIENCE_S)

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


def commits_nothing_of(shop, sales, entries):
    assert shop.behind() == sales
    assert shop.entries() == entries


def goes_on_as_if_nothing_had_been(shop):
    if not shop.is_running():
        assert shop.exit_status() == 1
        shop.start()
    shop.wait_served()
    assert shop.on_hand() == OPENING - shop.sold


@pytest.mark.parametrize("topic", [POOL_CHANGELOG.name, POOL_JOURNAL.name])
def test_when_the_right_to_write_is_taken_away_nothing_is_committed_until_it_is_back(shop, topic):
    entries, said = shop.entries(), len(shop.said())
    with shop.forbidden(topic):
        shop.sell(20)
        wait_until("the worker says so", lambda: "authorization failed" in shop.said()[said:], PATIENCE_S)
        commits_nothing_of(shop, 20, entries)
    goes_on_as_if_nothing_had_been(shop)


def test_a_record_that_the_broker_finds_too_large_is_not_left_out_and_written_once_it_may_be(shop):
    entries, said = shop.entries(), len(shop.said())
    shop.set_topic(POOL_JOURNAL.name, "max.message.bytes", "150")
    shop.sell(20)
    wait_until("the worker says so", lambda: "too large" in shop.said()[said:].lower(), PATIENCE_S)
    commits_nothing_of(shop, 20, entries)
    shop.set_topic(POOL_JOURNAL.name, "max.message.bytes", None)
    goes_on_as_if_nothing_had_been(shop)


def is_refused(shop, why):
    said = len(shop.said())
    shop.start()
    assert shop.exit_status() == 1
    assert why in shop.said()[said:]


def test_a_changelog_that_lost_its_oldest_rows_is_refused(wrecked):
    wrecked.drop_state()
    wrecked.delete_changelog_until(3)
    is_refused(wrecked, "its oldest rows were deleted")


def test_a_changelog_that_lost_all_its_rows_is_refused(wrecked):
    wrecked.drop_state()
    wrecked.delete_changelog_until(OFFSET_END)
    is_refused(wrecked, "its oldest rows were deleted")


def test_a_changelog_that_was_made_anew_is_refused_with_a_local_store_and_without(wrecked):
    for done in wrecked.admin.delete_topics([POOL_CHANGELOG.name]).values():
        done.result()
    wait_until(
        "it is gone", lambda: POOL_CHANGELOG.name not in wrecked.admin.list_topics(timeout=15).topics, PATIENCE_S
    )
    for done in wrecked.admin.create_topics([NewTopic(POOL_CHANGELOG.name, 1, 1)]).values():
        done.result()
    is_refused(wrecked, "state is missing")
    wrecked.drop_state()
    is_refused(wrecked, "state is missing")


def test_an_input_with_more_partitions_than_the_others_is_refused(wrecked):
    for done in wrecked.admin.create_partitions([NewPartitions(POS_SALES.name, 2)]).values():
        done.result()
    wait_until("the group gives the old worker up", lambda: wrecked.members() == 0, PATIENCE_S)
    is_refused(wrecked, "inputs must be held together")
