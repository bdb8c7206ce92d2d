"""Doctor's line about clocks: a broker behind the ticks that it stamps, or ahead of this machine, is told."""

from types import SimpleNamespace

import pytest

from commonshelf.stack import doctor
from commonshelf.stack.broker_clocks import Behind
from messaging.topic_admin import TopicsError

NOW_MS = 1_800_000_000_000
CONNECTION = SimpleNamespace(kafka_options={})


@pytest.fixture
def clocks(monkeypatch):
    def are(newest_ms: int, behind: Behind | None) -> doctor.Finding:
        monkeypatch.setattr(doctor, "wall_clock_ms", lambda: NOW_MS)
        monkeypatch.setattr(doctor, "newest_append_ms", lambda _: newest_ms)
        monkeypatch.setattr(doctor, "furthest_behind", lambda _: behind)
        return doctor._clock(CONNECTION)

    return are


@pytest.mark.parametrize("behind", [None, Behind(-200, 3), Behind(4_999, 3)])
def test_clocks_that_agree_are_well(clocks, behind):
    assert clocks(NOW_MS - 400, behind).is_well


def test_a_broker_behind_the_ticker_is_told_with_what_becomes_of_sales(clocks):
    found = clocks(NOW_MS - 400, Behind(9 * 86_400_000, 3))

    assert not found.is_well
    assert "partition 3, stamped its newest tick 777600 s before the time that the tick says" in found.found
    assert "beyond future_skew_ms (300 s unless set)" in found.found
    assert "in_the_future" in found.found


def test_a_broker_ahead_of_this_machine_is_told(clocks):
    assert clocks(NOW_MS + 60_000, Behind(-60_000, 3)).found == "Kafka's clock is 60 s ahead of this machine's"


def test_ticks_that_cannot_be_read_are_told(clocks, monkeypatch):
    def fail(_):
        raise TopicsError("Kafka did not tell its newest ticks: no leader")

    clocks(NOW_MS, None)
    monkeypatch.setattr(doctor, "furthest_behind", fail)

    assert doctor._clock(CONNECTION) == doctor.Finding("clock", False, "Kafka did not tell its newest ticks: no leader")
