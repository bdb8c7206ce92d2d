"""A tick that makes very much due at once: each input brings about a part of it, in order, until all is done."""

from itertools import chain

import pytest

from streams.pool import reactions
from streams.pool.journal.facts import ORDER_CHANGED
from streams.pool.state import forgetting
from tests.support.orders import stocked
from tests.support.pool import DAY_MS, NOON_MS, line, wanted

ORDERS, AT_ONCE = 25, 10


@pytest.fixture
def bench(monkeypatch):
    """Orders whose holds all expire at once."""
    monkeypatch.setattr(reactions, "DUE_MAX", AT_ONCE)
    monkeypatch.setattr(forgetting, "FORGOTTEN_MAX", AT_ONCE)
    bench = stocked(100_000)
    for n in range(ORDERS):
        bench.request("placed", f"o{n:02d}", wanted(1_000))
    bench.commit()
    return bench


def expired(bench):
    """Orders that the newest input ended."""
    cause = bench.inputs[-1][:3]
    facts = [entry.fact for entry in bench.journal() if entry.cause == cause and entry.fact[0] == ORDER_CHANGED]
    return [fact[1]["order"]["order"] for fact in facts if fact[1]["kind"] == "expired"]


@pytest.mark.parametrize("restarts", [False, True])
def test_each_input_goes_on_with_what_is_due_a_plain_sale_too(bench, restarts):
    bench.pass_time(NOON_MS + DAY_MS)
    told = [expired(bench)]
    for n in range(3):
        if restarts:
            bench.restart()
        bench.sell(f"s{n}", line(1_000), occurred_at_ms=NOON_MS)
        told.append(expired(bench))
    assert [len(some) for some in told] == [10, 10, 5, 0]
    assert list(chain(*told)) == [f"o{n:02d}" for n in range(ORDERS)]


def test_what_ended_long_ago_is_forgotten_tick_by_tick(bench):
    for n in range(3):
        bench.pass_time(NOON_MS + DAY_MS + n)
    kept = []
    for n in range(4):
        bench.pass_time(NOON_MS + 100 * DAY_MS + n)
        bench.commit()
        kept.append(sum(key.startswith("order/") for key in bench.committed.rows))
    assert kept == [15, 5, 0, 0]
