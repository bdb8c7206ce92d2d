"""A thousand last units, each wanted in two pools while its loan is called back and workers are killed."""

import random
import time
from collections import Counter, defaultdict
from typing import Any

import pytest
from confluent_kafka import Producer

from commonshelf.config.publishing import current
from commonshelf.embedded_kafka.kafka import EmbeddedKafka
from messaging.journal import read_page
from messaging.log_reader import table_consumer
from messaging.topic_admin import ensure_topics
from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import ConfigChange, LentQuota, PoolSettings, StoreSettings
from schemas.models.pos import Source, StockLine, StockReport, StockReportKind
from schemas.models.requests import OrderLine, OrderRequest, OrderTerms
from schemas.partition import partition_of
from schemas.topics import CATALOG_ITEMS, ORDERS_REQUESTS, POOL_AVAILABILITY, POOL_CONFIG, POOL_JOURNAL, POS_STOCK
from streams.pool.journal.facts import LENDING_CHANGED
from tests.support.ledger_process import Crew
from tests.support.waiting import PATIENCE_S, until

PARTITIONS = 2
HOME, AWAY = "north", "south"
SHOP, FAR_SHOP = "corner", "hill"
CONTESTS = 1_000
KILLS = 5
CHUNK = 20
LATER = 15
"""The own pool orders again so many steps later."""
BEFORE, AFTER = -2, None
"""When the other pool orders: answered before the call back is sent, or when all is at rest. Between them it races."""
SKUS = [f"last-{n}" for n in range(CONTESTS)]


@pytest.fixture(scope="module")
def bootstrap_servers():
    with EmbeddedKafka() as kafka:
        ensure_topics({"bootstrap.servers": kafka.bootstrap_servers}, PARTITIONS)
        yield kafka.bootstrap_servers


class Speaker:
    """Publishes what both pools hear."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap_servers, "enable.idempotence": True, "linger.ms": 0})
        self.now_ms = time.time_ns() // 1_000_000

    def say(self, topic: str, event: Any, key: str | None = None) -> None:
        home = partition_of(event.pool, PARTITIONS)
        self._producer.produce(topic, topic_codec(topic).encode(event.to_avro()), key or event.pool, home)

    def set(self, pool: str, change: Any) -> None:
        event = ConfigChange(pool=pool, recorded_at_ms=self.now_ms, origin="test", change=change)
        self.say(POOL_CONFIG.name, event, event.key)

    def lend(self, sku: str, milli: int) -> None:
        self.set(HOME, LentQuota(store=SHOP, sku=sku, to_pool=AWAY, quantity_milli=milli))

    def order(self, pool: str, order: str, sku: str) -> None:
        terms = OrderTerms(
            mode="pickup", preferred_store=SHOP if pool == HOME else FAR_SHOP, deadline_ms=self.now_ms + 7_200_000,
            lines=(OrderLine(line_id="1", sku=sku, quantity_milli=1_000),),
        )  # fmt: skip
        for kind in ("placed", "confirmed"):
            request = OrderRequest(
                pool=pool, order=order, kind=kind, key=kind, recorded_at_ms=self.now_ms, origin="test",
                terms=terms if kind == "placed" else None,
            )  # fmt: skip
            self.say(ORDERS_REQUESTS.name, request)

    def flush(self) -> None:
        assert self._producer.flush(PATIENCE_S) == 0


def furnish(speaker: Speaker) -> None:
    for pool, store in ((HOME, SHOP), (AWAY, FAR_SHOP)):
        speaker.set(pool, PoolSettings(name=pool))
        speaker.set(pool, StoreSettings(store=store, name=store, orders_at_once_max=10_000, orders_per_day_max=10_000))
        for sku in SKUS:
            item = CatalogItem(pool=pool, sku=sku, name=sku, recorded_at_ms=speaker.now_ms)
            speaker.say(CATALOG_ITEMS.name, item, item.key)
    lines = tuple(StockLine(line_id=sku, code=f"sku:{sku}", quantity_milli=1_000) for sku in SKUS)
    speaker.flush()
    report = StockReport(
        pool=HOME, store=SHOP, source=Source(system="test", id="opening"), occurred_at_ms=speaker.now_ms,
        recorded_at_ms=speaker.now_ms, kind=StockReportKind.received, lines=lines,
    )  # fmt: skip
    speaker.say(POS_STOCK.name, report)
    speaker.flush()


def available(bootstrap_servers: str, pool: str) -> set[str]:
    """Items of which the pool can promise the one unit."""
    rows = current({"bootstrap.servers": bootstrap_servers}, POOL_AVAILABILITY.name)
    return {row["sku"] for row in rows if row["pool"] == pool and row["available_milli"] == 1_000}


class Watcher:
    """Follows the journal; `orders`: the last row of every order, by pool and name."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._consumer = table_consumer({"bootstrap.servers": bootstrap_servers}, POOL_JOURNAL.name)
        self.orders: dict[tuple[str, str], dict[str, Any]] = {}
        self._sent: Counter[str] = Counter()
        self._received: Counter[str] = Counter()

    def read(self) -> None:
        for message in self._consumer.consume(1_000, 0.1):
            for entry in read_page(message.value()) if message.error() is None else ():
                self._note(*entry.fact)

    def _note(self, kind: str, fields: dict[str, Any]) -> None:
        order = fields.get("order")
        if isinstance(order, dict):
            self.orders[order["pool"], order["order"]] = order
        if "message" in fields:
            message = fields["message"]
            tally = self._sent if kind == LENDING_CHANGED else self._received
            tally[message["from_pool"]] = max(tally[message["from_pool"]], message["sequence"])

    def wait_answered(self, asked: list[tuple[str, str]]) -> None:
        """Until each of these orders, as (pool, name), has been decided."""
        until(lambda: self.read() or all(order in self.orders for order in asked), "answers", pause_s=0)

    def wait_settled(self) -> None:
        """Until every message between the pools was heard."""
        until(lambda: self.read() or self._sent == self._received, "messages", pause_s=0)

    def own(self) -> dict[str, str]:
        """Name → item of the own pool's orders that hold something."""
        return {
            name: order["holds"][0]["sku"]
            for (pool, name), order in self.orders.items()
            if pool == HOME and "@" not in name and order["holds"]
        }


class Race:
    """Of each unit the loan is called back, the other pool orders before, with or after that, the own one twice."""

    def __init__(self, speaker: Speaker, watcher: Watcher, chance: random.Random) -> None:
        self._speaker, self._watcher, self._chance = speaker, watcher, chance
        self.asked: list[tuple[str, str]] = []
        self.when = {sku: chance.choice([BEFORE, -1, 0, 0, 1, 1, 2, AFTER]) for sku in SKUS}
        self._steps: dict[int, list[tuple[str, str]]] = defaultdict(list)
        for at, sku in enumerate(chance.sample(SKUS, CONTESTS)):
            begin = 2 + at // CHUNK
            self._steps[begin].append(("call back", sku))
            self._steps[begin + chance.choice([0, 1, 2])].append((HOME, sku))
            if self.when[sku] is not AFTER:
                self._steps[begin + self.when[sku]].append((AWAY, sku))
                self._steps[begin + LATER].append((HOME, sku))

    def run(self, crew: Crew) -> None:
        """Each step is sent once the one before the last is answered, so that what races does so at any speed."""
        answered_before: list[tuple[str, str]] = []
        for step in sorted(self._steps):
            asked = self._send(step, self._steps[step])
            if step % (max(self._steps) // KILLS) == 1:
                crew.kill(self._chance.choice(["one", "two"]))
            self._watcher.wait_answered(answered_before)
            answered_before = asked

    def finish(self, bootstrap_servers: str) -> None:
        """Let both pools order what nobody in the other pool has asked for, once it is all at home again."""
        late = self.with_away(AFTER)
        until(lambda: late <= available(bootstrap_servers, HOME) | set(self._watcher.own().values()), "what is at home")
        self._send(max(self._steps) + 1, [(pool, sku) for sku in sorted(late) for pool in (AWAY, HOME)])
        self._watcher.wait_answered(self.asked)
        self._watcher.wait_settled()

    def with_away(self, when: int | None) -> set[str]:
        """The items that the other pool orders then."""
        return {sku for sku, at in self.when.items() if at == when}

    def _send(self, step: int, acts: list[tuple[str, str]]) -> list[tuple[str, str]]:
        self._chance.shuffle(acts)
        asked = []
        for n, (who, sku) in enumerate(acts):
            if who == "call back":
                self._speaker.lend(sku, 0)
            else:
                self._speaker.order(who, f"{step}-{n}-{sku}", sku)
                asked.append((who, f"{step}-{n}-{sku}"))
        self._speaker.flush()
        self.asked += asked
        return asked


def test_a_last_unit_goes_to_one_order_of_one_pool_whatever_is_called_back_and_killed(bootstrap_servers, tmp_path):
    speaker, watcher = Speaker(bootstrap_servers), Watcher(bootstrap_servers)
    race = Race(speaker, watcher, random.Random(7))
    with Crew(bootstrap_servers, tmp_path, PARTITIONS) as crew:
        furnish(speaker)
        until(lambda: len(available(bootstrap_servers, HOME)) == CONTESTS, "the opening stock", 0.3)
        for sku in SKUS:
            speaker.lend(sku, 1_000)
        speaker.flush()
        until(lambda: len(available(bootstrap_servers, AWAY)) == CONTESTS, "the loans", 0.3)
        race.run(crew)
        race.finish(bootstrap_servers)

    orders = watcher.orders
    assert sum("@" not in name for _, name in orders) == 3 * CONTESTS
    kept: Counter = Counter()
    for (pool, _), order in orders.items():
        if pool == HOME:
            kept.update(hold["sku"] for hold in order["holds"])
    assert max(kept.values()) == 1
    away = {name: order["holds"][0]["sku"] for (pool, name), order in orders.items() if pool == AWAY and order["holds"]}
    at_home = {name.removesuffix(f"@{AWAY}") for pool, name in orders if pool == HOME and name.endswith(f"@{AWAY}")}
    assert away.keys() == at_home
    own = watcher.own()
    print(f"{len(away)} went to the borrower, {len(own)} stayed, {CONTESTS - len(away) - len(own)} nobody took")
    assert race.with_away(BEFORE) <= set(away.values())
    assert race.with_away(AFTER) <= set(own.values())
    assert len(away) > CONTESTS // 20
    assert len(own) > CONTESTS // 20
