"""The clock against a Faust app that only remembers what it was told to send."""

import asyncio
from types import SimpleNamespace

import pytest
from faust.types import TP
from prometheus_client import CollectorRegistry

from schemas.codec import topic_codec
from schemas.models.config import ConfigChange, PoolSettings
from schemas.partition import partition_of
from schemas.topics import POOL_CONFIG, POOL_TICKS
from streams.clock.agent import Clock

PARTITIONS = 4


class FakeApp:
    """As much of a Faust app as the clock touches."""

    def __init__(self, assigned=range(PARTITIONS)) -> None:
        self.sent = []
        self.refused = set()
        self.consumer = SimpleNamespace(assignment=lambda: {TP(POOL_CONFIG.name, number) for number in assigned})
        self.producer = self

    def topic(self, *names, **options):
        return names[0]

    def agent(self, topic, **options):
        return lambda function: function

    def task(self, function):
        return function

    async def send_and_wait(self, topic, key, value, partition, *timestamp_and_headers):
        if key in self.refused:
            raise ConnectionError("broker gone")
        self.sent.append((topic, key, value, partition))


def make_clock(app, **options):
    metrics = CollectorRegistry()
    clock = Clock(app, metrics, partitions=PARTITIONS, interval_ms=1000, now_ms=lambda: 5000, **options)
    for pool in ("north", "south", "west", "demo"):
        change = ConfigChange(pool=pool, recorded_at_ms=1, origin="test", change=PoolSettings(name=pool))
        clock.apply(change.key.encode(), topic_codec(POOL_CONFIG.name).encode(change.to_avro()))
    return clock, metrics


def tick_once(clock):
    asyncio.run(clock._tick_all(clock._assigned_partitions()))


def ticked(app):
    return sorted(key.decode() for _, key, _, _ in app.sent)


def test_every_pool_is_ticked_with_the_time_on_its_own_partition():
    app = FakeApp()
    clock, metrics = make_clock(app)
    tick_once(clock)
    assert ticked(app) == ["demo", "north", "south", "west"]
    for topic, key, value, partition in app.sent:
        assert topic == POOL_TICKS.name
        assert partition == partition_of(key.decode(), PARTITIONS)
        expected = {"pool": key.decode(), "at_ms": 5000, "origin": "agents"}
        assert topic_codec(POOL_TICKS.name).decode(value) == expected
    assert metrics.get_sample_value("commonshelf_clock_ticks_sent_total") == 4


def test_a_pool_on_its_data_s_clock_is_left_alone():
    app = FakeApp()
    clock, metrics = make_clock(app, data_clock_pools=frozenset({"demo"}))
    tick_once(clock)
    assert ticked(app) == ["north", "south", "west"]
    assert metrics.get_sample_value("commonshelf_clock_pools") == 4
    assert metrics.get_sample_value("commonshelf_clock_ticked_pools") == 3


def test_a_worker_ticks_only_the_pools_on_its_partitions():
    mine = partition_of("north", PARTITIONS)
    app = FakeApp(assigned=[mine])
    clock, _ = make_clock(app)
    tick_once(clock)
    assert ticked(app) == [p for p in ("demo", "north", "south", "west") if partition_of(p, PARTITIONS) == mine]


def test_a_tick_that_cannot_be_sent_is_counted_and_stops_no_other():
    app = FakeApp()
    app.refused = {b"north"}
    clock, metrics = make_clock(app)
    tick_once(clock)
    assert ticked(app) == ["demo", "south", "west"]
    assert metrics.get_sample_value("commonshelf_clock_ticks_failed_total") == 1
    assert metrics.get_sample_value("commonshelf_clock_ticks_sent_total") == 3


def test_no_time_passes_for_readiness_while_no_tick_goes_out(monkeypatch):
    app = FakeApp()
    now_s = [100.0]
    monkeypatch.setattr("streams.clock.agent.time.monotonic", lambda: now_s[0])
    clock, metrics = make_clock(app)
    clock._caught_up = True
    app.refused = {b"demo", b"north", b"south", b"west"}
    now_s[0] += 6
    tick_once(clock)
    assert clock.waiting_for() == "no tick reached pool.ticks.v1 for 6 s"
    assert metrics.get_sample_value("commonshelf_clock_last_tick_age_seconds") == 6
    app.refused = set()
    tick_once(clock)
    assert clock.waiting_for() is None


def test_the_clock_is_not_ready_before_it_has_read_the_config():
    clock, _ = make_clock(FakeApp())
    assert clock.waiting_for() == "pool.config.v1 is being read"


@pytest.mark.parametrize("value", [b"", b"{}", b"\x00\x00\x00\x00\x03junk", b"\x00\x00\x00\x00\x04"])
def test_a_bad_config_record_is_passed_over_and_counted(value):
    clock, metrics = make_clock(FakeApp())
    clock.apply(b"x/pool", value)
    assert metrics.get_sample_value("commonshelf_clock_bad_config_total") == 1
    assert metrics.get_sample_value("commonshelf_clock_pools") == 4
