"""An operator may have the workers step over one record."""

import pytest

from schemas.models.config import AcceptedGap, ParkedOffset
from streams.runtime.contract import Gap, InputRecord
from tests.support.pool import NOON_MS, furnished, headers_of, line, sale

SALES = "pos.sales.v1"


def park(bench, offset):
    bench.configure(ParkedOffset(topic=SALES, partition=0, offset=offset, reason="crashes the fold"))


@pytest.mark.parametrize("same_batch", [True, False])
def test_a_parked_record_is_stepped_over_journaled_and_kept_as_a_dead_letter(same_batch):
    """Also in the batch that parks it: a halted partition reads the parking and the record together."""
    bench = furnished()
    park(bench, 1)
    if not same_batch:
        bench.commit()
        bench.restart()
    for n in range(3):
        bench.sell(f"s{n}", line(1_000))
    assert (bench.on_hand(), bench.reasons()) == (-2_000, ["parked"])
    (letter,) = bench.dead_letters()
    assert letter.value == sale("s1", line(1_000))
    assert headers_of(letter)["__connect.errors.exception.message"] == "crashes the fold"
    parked = [entry for entry in bench.journal() if entry.fact[0] == "commonshelf.Parked"]
    assert [(*entry.cause, entry.fact[1]) for entry in parked] == [(SALES, 0, 1, {"reason": "crashes the fold"})]


def test_bytes_that_are_no_event_can_be_parked_too():
    bench = furnished()
    park(bench, 0)
    bench.put(SALES, b"\xff")
    assert bench.reasons() == ["parked"]


@pytest.mark.parametrize("restarts", [False, True])
def test_the_runtime_is_told_which_record_is_parked(restarts):
    bench = furnished()
    record = InputRecord(SALES, 0, 7, NOON_MS, None, b"")
    before = bench.partition.is_parked(record)
    park(bench, 7)
    if restarts:
        bench.commit()
        bench.restart()
    others = record._replace(offset=8), record._replace(topic="pos.stock.v1")
    assert (before, bench.partition.is_parked(record)) == (False, True)
    assert [bench.partition.is_parked(other) for other in others] == [False, False]


def test_a_parked_record_that_was_applied_already_is_not_touched():
    bench = furnished()
    bench.sell("s0", line(1_000))
    bench.commit()
    park(bench, 0)
    assert bench.on_hand() == -1_000


@pytest.mark.parametrize("restarts", [False, True])
def test_the_runtime_is_told_which_gap_an_operator_has_accepted_and_the_journal_keeps_it(restarts):
    bench = furnished()
    gap = Gap(SALES, 0, 5, 9, "cluster/topic")
    assert not bench.partition.is_gap_accepted(gap)
    bench.configure(AcceptedGap(**gap._asdict(), reason="away for a month"))
    if restarts:
        bench.commit()
        bench.restart()
    assert bench.partition.is_gap_accepted(gap)
    others = gap._replace(offset=4), gap._replace(until=10), gap._replace(topic_id="cluster/another")
    assert not any(map(bench.partition.is_gap_accepted, others))
    assert bench.last_fact()["change"] == ("commonshelf.AcceptedGap", {**gap._asdict(), "reason": "away for a month"})
