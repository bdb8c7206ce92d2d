"""The columnar lane beside the ordinary one: when it is taken, when it is left, and what is told of it."""

import pytest
from prometheus_client import REGISTRY

from schemas.topics import POS_SALES
from streams.pool.processor import PoolProcessor
from streams.pool.stock import sales_run
from streams.pool.stock.columnar import RUN_MIN, ColumnarLane
from streams.runtime.contract import InputRecord, StoppedAt
from streams.runtime.settings import LocalStoreBroken, Rejoin
from tests.support.pool import NOON_MS, POOL, STORE, CommittedRows, PoolBench, furnished, line, sale


def sales(*values: bytes) -> list[InputRecord]:
    return [InputRecord(POS_SALES.name, 0, at, NOON_MS, b"k", value) for at, value in enumerate(values)]


def plain(number: int) -> list[bytes]:
    return [sale(f"s{at}", line(1_000)) for at in range(number)]


def taken(lane: str) -> float:
    return REGISTRY.get_sample_value("commonshelf_pool_sales_total", {"lane": lane}) or 0.0


def taken_now(bench: PoolBench) -> tuple[int, int]:
    return bench.partition._sales.columnar, bench.partition._sales.ordinary


def duplicates() -> float:
    labels = {"pool": POOL, "store": STORE, "connector": "till"}
    return REGISTRY.get_sample_value("commonshelf_pool_lines_duplicate_total", labels) or 0.0


@pytest.fixture
def bench() -> PoolBench:
    bench = furnished()
    bench.report("received", "r", line(900_000))
    bench.commit()
    return bench


def test_each_lane_s_records_are_counted_when_they_are_committed(bench):
    before = taken("columnar"), taken("ordinary")
    bench.apply_run(sales(*plain(RUN_MIN), sale("bill", line(1_000), order_ref="o-1")))
    assert (taken("columnar"), taken("ordinary")) == before
    bench.commit()
    assert (taken("columnar") - before[0], taken("ordinary") - before[1]) == (RUN_MIN, 1)


def test_what_is_told_again_is_counted_in_either_lane(bench):
    before = duplicates()
    told = [sale(f"s{at}", line(1_000)) for at in range(RUN_MIN)]
    later = [sale(f"s{at}", line(1_000), recorded_at_ms=NOON_MS + 1) for at in range(RUN_MIN)]
    bench.apply_run(sales(*told, *later))
    assert (duplicates() - before, taken_now(bench)) == (RUN_MIN, (2 * RUN_MIN, 0))
    for record in sales(*later):
        bench.apply(record)
    assert duplicates() - before == 2 * RUN_MIN


def test_a_short_run_takes_the_ordinary_lane(bench, monkeypatch):
    monkeypatch.setattr(ColumnarLane, "take", lambda *_: pytest.fail("it was looked at by columns"))
    bench.apply_run(sales(*plain(RUN_MIN - 1)))
    assert bench.counts()["applied"] == RUN_MIN


def in_vain() -> ColumnarLane:
    """A lane that has just paused for the first time."""
    lane = ColumnarLane({})
    while lane.pause(0) == 1:
        pass
    return lane


def test_while_columns_are_in_vain_they_are_tried_more_and_more_rarely():
    lane = in_vain()
    assert [lane.pause(0) for _ in range(5)] == [128, 256, 512, 1_024, 1_024]
    assert lane.pause(1_024) == 1


def test_the_mean_of_what_was_taken_of_late_decides():
    often, seldom = ColumnarLane({}), ColumnarLane({})
    assert {often.pause(taken) for taken in (20, 180) * 100} == {1}
    assert [seldom.pause(taken) for taken in (10, 80) * 100][-1] == 1_024


def test_after_columns_were_long_in_vain_runs_are_not_even_read_by_them_for_a_while():
    lane, run = in_vain(), sales(*plain(1)) * 8_192
    assert lane.is_worth_it(run)
    for _ in range(4):
        lane.pause(0)
    assert [lane.is_worth_it(run) for _ in range(4)] == [False, False, True, True]


def test_a_record_of_a_run_on_which_the_fold_raises_is_named(bench, monkeypatch):
    def refuse(record: InputRecord) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(bench.partition, "apply", refuse)
    records = sales(*plain(RUN_MIN), sale("bill", line(1_000), order_ref="o-1"))
    with pytest.raises(StoppedAt) as stopped:
        bench.partition.runs[POS_SALES.name](records)
    assert (stopped.value.record, type(stopped.value.__cause__)) == (records[-1], ZeroDivisionError)


@pytest.mark.parametrize(("where", "name"), [(ColumnarLane, "take"), (sales_run, "read_plain_sales")])
def test_when_the_lane_itself_fails_the_batch_is_given_up_and_the_ordinary_lane_takes_all(where, name, monkeypatch):
    processor = PoolProcessor()
    partition = processor.open(0, 1, CommittedRows().view())
    monkeypatch.setattr(where, name, lambda *_: 1 // 0)
    with pytest.raises(Rejoin, match="columnar lane failed"):
        partition.runs[POS_SALES.name](sales(*plain(RUN_MIN)))
    assert processor.open(0, 1, CommittedRows().view()).runs == {}


def test_a_broken_local_store_is_no_fault_of_the_lane(bench, monkeypatch):
    def broken(*_: object) -> None:
        raise LocalStoreBroken(0, OSError("gone"))

    monkeypatch.setattr(ColumnarLane, "take", broken)
    with pytest.raises(LocalStoreBroken):
        bench.apply_run(sales(*plain(RUN_MIN)))
    assert bench.partition.runs


def test_a_worker_may_be_told_to_take_all_sales_in_the_ordinary_lane():
    assert PoolProcessor(columnar=False).open(0, 1, CommittedRows().view()).runs == {}
