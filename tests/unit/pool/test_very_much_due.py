"""A tick that makes very much due at once: each input brings about a part of it, in order, until all is done."""

from itertools import chain

import pytest

from schemas.models.config import StoreSettings
from streams.pool import reactions
from streams.pool.journal.facts import ORDER_CHANGED
from streams.pool.orders import hand_overs
from streams.pool.state import forgetting
from streams.pool.tasks import react as task_reactions
from tests.support.orders import stocked
from tests.support.pool import BREAD, DAY_MS, FLOUR, MILK, NOON_MS, STORE, furnished, line, wanted

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


def test_a_count_of_the_whole_store_ends_its_recounts_part_by_part(monkeypatch):
    monkeypatch.setattr(task_reactions, "_ENDED_AT_ONCE", 2)
    bench, skus = furnished(), (MILK, BREAD, FLOUR)
    bench.report("received", "r1", *(line(1_000, sku) for sku in skus))
    bench.sell("s1", *(line(2_000, sku) for sku in skus))
    bench.report("counted", "c1", *(line(5_000, sku) for sku in skus))
    ended = [entry.fact[1]["tasks"] for entry in bench.journal() if entry.fact[1].get("kind") == "counted"]
    assert [[task["lines"][0]["sku"] for task in tasks] for tasks in ended[-2:]] == [[MILK, BREAD], [FLOUR]]
    assert {task["status"] for task in bench.tasks().values()} == {"done"}


def test_a_store_is_asked_for_very_many_hand_overs_by_several_tasks(monkeypatch):
    monkeypatch.setattr(hand_overs, "_ASKED_AT_ONCE", 1)
    bench = stocked()
    bench.configure(StoreSettings(store=STORE, name=STORE, rings_up_hand_overs=True))
    bench.request("placed", "o1", wanted(1_000), wanted(2_000, BREAD))
    bench.request("confirmed", "o1")
    for kind in ("pick", "hand_over"):
        bench.fulfil("done", bench.task(kind))
    bench.pass_time(NOON_MS + DAY_MS)
    asked = [task["lines"] for task in bench.tasks().values() if task["kind"] == "ring_up"]
    assert [[(one["sku"], one["quantity_milli"]) for one in lines] for lines in asked] == [
        [(BREAD, 2_000)], [(MILK, 1_000)],
    ]  # fmt: skip
    bench.restart()
    bench.pass_time(NOON_MS + DAY_MS + 1)
    assert len([task for task in bench.tasks().values() if task["kind"] == "ring_up"]) == 2
