"""What the torture test finds wrong with proposals, without Kafka."""

import pytest

from messaging.journal import read_page
from tests.proof.faults.auditor import Audit
from tests.proof.restock.judge import Derivation, wrong_rows
from tests.proof.torture.restocked import _pages, compare_proposals
from tests.support.pool import MILK, OTHER_STORE, STORE
from tests.support.restock_bench import RestockBench, pages, restock_pool, sell_days, stock_of

A, B = b"north/anna/MILK", b"north/bert/MILK"


def test_entries_in_pages_of_other_sizes_lead_to_the_same_rows_and_proposals():
    pool, bench, derivation = restock_pool(), RestockBench(), Derivation()
    stock_of(pool, STORE, MILK, 14)
    sell_days(pool, 4, {(STORE, MILK): 3, (OTHER_STORE, MILK): 1})
    written = pages(pool)
    for page in written:
        bench.follow([page])
    entries = [entry for page in written for entry in read_page(page.value)]
    told = [one for record in _pages(entries) for one in derivation.take([record])]
    assert told == bench.outputs
    assert told != []
    assert wrong_rows(bench.rows, derivation.rows) == []
    changed = dict(bench.rows)
    changed.popitem()
    assert len(wrong_rows(changed, derivation.rows)) == 1


@pytest.mark.parametrize(
    ("told", "lost", "repeated"),
    [
        ({A: [b"1", b"2", b"3"], B: [b"1"]}, 0, 0),
        ({A: [b"3"], B: [b"1"]}, 0, 0),
        ({A: [b"1", b"3"], B: []}, 1, 0),
        ({A: [b"1", b"2"], B: [b"1"]}, 1, 0),
        ({A: [b"1", b"2", b"2", b"3"], B: [b"1"]}, 0, 1),
        ({A: [b"2", b"1", b"3"], B: [b"1"]}, 0, 1),
        ({A: [b"3"], B: [b"1"], b"north/cora/MILK": [b"1"]}, 0, 1),
    ],
    ids=["all", "compacted", "one missing", "the newest missing", "one twice", "out of order", "of nothing"],
)
def test_the_newest_must_stand_and_older_ones_may_be_gone_but_not_come_twice(told, lost, repeated):
    audit = Audit()
    compare_proposals(audit, {A: [b"1", b"2", b"3"], B: [b"1"]}, {key: some for key, some in told.items() if some})
    assert (audit.lost, audit.repeated) == (lost, repeated)
