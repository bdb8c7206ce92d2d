"""What settlement posts of the torture's worlds, without Kafka: the judge finds nothing, unless something is wrong."""

import pytest

from schemas.topics import POOL_CONFIG
from tests.proof.faults.auditor import Audit
from tests.proof.faults.world import FORGETFUL, TillWorld, pool_names, settings_records
from tests.proof.settlement.judge import DAY_MS, problems_of
from tests.proof.torture import settled
from tests.proof.torture.played import play
from tests.support.pool import NOON_MS, POOL, PoolBench
from tests.support.settlement_store import folded

EVENTS = 2_000
TORTURED = pool_names(1, 2)


@pytest.fixture(scope="module")
def tills():
    """The bench of pools in which tills and stores tell what they do under fault."""
    bench = PoolBench()
    world = TillWorld(TORTURED, 1, seed=1)
    for record in settings_records(TORTURED, NOON_MS):
        bench.put(record.topic, record.value, NOON_MS, record.key.encode())
    for change in settled.agreements(TORTURED, (), NOON_MS):
        bench.configure(change.change, change.pool)
    for number in range(EVENTS):
        now_ms = NOON_MS + 100 * number
        record = world.next(now_ms)
        if record.topic != POOL_CONFIG.name:
            bench.put(record.topic, record.value, now_ms, record.key.encode())
    return bench


def of_pool(bench, pool):
    entries = bench.journal(pool)
    found = folded(entries, pool)
    assert found["unpriced"] == []
    return entries, found["transactions"], found["closed"]


@pytest.mark.parametrize("pool", TORTURED)
def test_what_counts_find_missing_is_where_an_independent_fold_has_it(tills, pool):
    entries, posted, closed = of_pool(tills, pool)
    assert problems_of(entries, posted, closed) == []
    assert {one.about.kind for one in posted} >= {"shrink"}


def test_windows_close_in_the_pool_whose_days_pass_quickly(tills):
    _, posted, closed = of_pool(tills, FORGETFUL)
    assert closed
    assert any(one.about.kind == "fund_share" for one in posted)


@pytest.mark.parametrize("seed", range(2))
def test_what_crosses_stores_in_a_contest_is_settled_in_windows_of_a_minute(tmp_path, seed):
    bench = play(tmp_path / "history", seed, steps=300)
    bench.pass_time(NOON_MS + DAY_MS)
    entries, posted, closed = of_pool(bench, POOL)
    assert problems_of(entries, posted, closed, settled.MINUTE_MS) == []
    assert {one.about.kind for one in posted} >= {"goods_sold", "handling_fee"}
    assert closed
    for wrong in (posted[:-1], [*posted, posted[-1]]):
        assert problems_of(entries, wrong, closed, settled.MINUTE_MS) != []
    assert problems_of(entries, posted, closed[1:-1] + closed[:1], settled.MINUTE_MS) != []


def test_what_others_were_told_is_compared_with_what_is_posted():
    first, second = ({"posted_position": at, "sequence": 0, "sentence": "one"} for at in (1, 2))
    cases = (
        ([first, second], (0, 0, 0)), ([first], (1, 0, 0)), ([first, second, second], (0, 1, 0)),
        ([first, second | {"sentence": ""}], (0, 0, 1)),
    )  # fmt: skip
    for told, wanted in cases:
        audit = Audit()
        settled._compare(audit, POOL, [first, second], told)
        assert (audit.lost, audit.repeated, audit.wrong_rows) == wanted
