"""What restock cannot read or fold is set aside, or waits for an operator who has it stepped over."""

import pytest

from schemas.codec import BadMessage, topic_codec
from schemas.models.config import AcceptedGap, ConfigChange, ParkedOffset
from schemas.topics import POOL_CONFIG, POOL_JOURNAL, POS_HISTORY, RESTOCK_ANSWERS, dead_letter_topic
from streams.restock.history.pool import PoolHistory
from streams.runtime.contract import Gap, InputRecord
from streams.runtime.settings import LocalStoreBroken
from tests.support.pool import DAY_MS, MILK, NOON_MS, POOL, STORE, headers_of, line
from tests.support.restock_bench import RestockBench, pages, restock_pool, sell_days


def tell(bench, change, pool=POOL, key=None):
    """A setting, on its topic."""
    event = ConfigChange(pool=pool, recorded_at_ms=NOON_MS, origin="test", change=change)
    value = topic_codec(POOL_CONFIG.name).encode(event.to_avro())
    bench.partition.apply(InputRecord(POOL_CONFIG.name, 0, 0, NOON_MS, (key or event.key).encode(), value))


def park(bench, topic, offset):
    tell(bench, ParkedOffset(topic=topic, partition=0, offset=offset, reason="fails since 1.2"))


def letters(bench, topic):
    bench.commit()
    return [one for one in bench.outputs if one.topic == dead_letter_topic(topic)]


@pytest.fixture
def poisoned(monkeypatch):
    """A journal of three pages, with a sale of 13 units in the second, at which the fold fails."""
    move = PoolHistory.move

    def failing(self, movement, handed_milli):
        if movement.quantity_milli == -13_000:
            raise ZeroDivisionError
        move(self, movement, handed_milli)

    monkeypatch.setattr(PoolHistory, "move", failing)
    pool = restock_pool()
    pool.commit()
    pool.sell("s1", line(13_000))
    pool.sell("s2", line(2_000))
    pool.commit()
    pool.sell("s3", line(1_000))
    return pages(pool)


def on_hand(bench):
    bench.commit()
    return bench.row(f"shelf/{POOL}/{STORE}/{MILK}")["on_hand_milli"]


def test_a_page_at_which_the_fold_fails_stops_the_partition_and_says_which_entry_it_is(poisoned):
    bench = RestockBench()
    bench.follow(poisoned[:-2])
    with pytest.raises(ZeroDivisionError) as failed:
        bench.follow(poisoned[-2:])
    assert failed.value.__notes__ == [f"pool {POOL}, position 7, commonshelf.SaleRecorded"]


@pytest.mark.parametrize("restarts", [False, True])
def test_of_a_parked_page_what_fails_is_left_out_and_all_else_counts(poisoned, restarts):
    bench = RestockBench()
    park(bench, POOL_JOURNAL.name, len(poisoned) - 2)
    if restarts:
        bench.restart()
    record = InputRecord(POOL_JOURNAL.name, 0, len(poisoned) - 2, NOON_MS, None, b"")
    assert bench.partition.is_parked(record)
    assert not bench.partition.is_parked(record._replace(offset=0))
    bench.follow(poisoned)
    assert on_hand(bench) == -3_000


def test_a_broken_store_is_no_fault_of_a_parked_page(poisoned, monkeypatch):
    bench = RestockBench()
    park(bench, POOL_JOURNAL.name, 0)

    def broken(*_):
        raise LocalStoreBroken(0, OSError())

    monkeypatch.setattr(PoolHistory, "take_change", broken)
    with pytest.raises(LocalStoreBroken):
        bench.follow(poisoned)


def test_a_journal_record_that_is_no_page_stops_the_partition_unless_it_is_parked():
    bench = RestockBench()
    with pytest.raises(BadMessage):
        bench.put(POOL_JOURNAL.name, b"\xff")
    park(bench, POOL_JOURNAL.name, 1)
    bench.put(POOL_JOURNAL.name, b"\xff")
    bench.follow(pages(restock_pool()))
    assert bench.partition.look_up({"pool": POOL})["position"] > 0


@pytest.mark.parametrize("topic", [POS_HISTORY.name, RESTOCK_ANSWERS.name])
def test_bytes_that_are_no_event_are_a_dead_letter_of_restock_s(topic):
    bench = RestockBench()
    bench.put(topic, b"\x01not avro")
    (letter,) = letters(bench, topic)
    headers = headers_of(letter)
    assert letter.value == b"\x01not avro"
    assert headers["commonshelf.reason"] == "not_avro"
    assert headers["__connect.errors.connector.name"] == "restock"
    assert headers["__connect.errors.class.name"] == "streams.restock.processor.RestockProcessor"


@pytest.mark.parametrize("topic", [POS_HISTORY.name, RESTOCK_ANSWERS.name])
def test_a_parked_record_of_the_other_inputs_is_kept_as_a_dead_letter(topic):
    bench = RestockBench()
    park(bench, topic, 0)
    bench.put(topic, b"poison")
    bench.put(topic, None if topic == POS_HISTORY.name else b"")
    reasons = [headers_of(one)["commonshelf.reason"] for one in letters(bench, topic)]
    assert reasons[0] == "parked"


def test_a_past_sale_of_a_pool_that_nobody_has_configured_waits_as_a_dead_letter():
    bench = RestockBench()
    bench.past_sale("p1", 3, 2_000)
    (letter,) = letters(bench, POS_HISTORY.name)
    assert headers_of(letter)["commonshelf.reason"] == "unknown_pool"
    bench.follow(pages(restock_pool()))
    bench.put(POS_HISTORY.name, letter.value)
    bench.commit()
    assert bench.days()[-3]["sold_milli"] == 2_000


def test_a_gap_that_an_operator_accepts_is_accepted_also_after_a_restart():
    bench = RestockBench()
    gap = Gap(POOL_JOURNAL.name, 0, 5, 9, "cluster/topic")
    assert not bench.partition.is_gap_accepted(gap)
    tell(bench, AcceptedGap(**gap._asdict(), reason="restored from an older backup"))
    bench.restart()
    assert bench.partition.is_gap_accepted(gap)
    assert not bench.partition.is_gap_accepted(gap._replace(offset=4))


def test_other_settings_come_by_the_journal_alone():
    bench, pool = RestockBench(), restock_pool()
    tell(bench, ParkedOffset(topic="pos.sales.v1", partition=0, offset=1, reason="x"), key=f"{POOL}/store/x")
    bench.partition.apply(InputRecord(POOL_CONFIG.name, 0, 1, NOON_MS, f"{POOL}/parked/x/0/1".encode(), b"\xff"))
    bench.commit()
    assert bench.outputs == []
    assert bench.rows == {}
    sell_days(pool, 2, {(STORE, MILK): 1})
    bench.follow(pages(pool))
    assert bench.partition.look_up({"pool": POOL})["clock_ms"] >= NOON_MS + DAY_MS
