"""Bugs planted to go in circles: each ends within its input, says so, loses nothing, and the pool goes on."""

from typing import Any

import pytest

from messaging.journal import read_page
from streams.pool.journal.facts import LENDING_CHANGED, ORDER_CHANGED, TRANSFER_CHANGED
from streams.pool.lending import react as lending_react
from streams.pool.orders import react as order_react
from streams.pool.orders.allocating import Allocated
from streams.pool.orders.index import ORDERS
from streams.pool.orders.rows import find_order
from streams.pool.state.reaction_limit import REACTIONS_MAX, ReactionLoopError
from streams.pool.tasks import react as task_react
from streams.pool.transfers import react as transfer_react
from streams.pool.transfers.index import TRANSFERS
from streams.pool.transfers.rows import find_transfer
from tests.proof.faults.replay import fold_again
from tests.support.lending import AWAY, HOME, Pools
from tests.support.orders import kept, kinds, stocked
from tests.support.pool import DAY_MS, HOUR_MS, MILK, NOON_MS, OTHER_STORE, POOL, STORE, PoolBench, line, plant, wanted
from tests.support.transfers import TRANSFER, place, row
from tests.support.transfers import stocked as stocked_for_transfers


def folded(bench: PoolBench) -> dict[str, bytes]:
    """The rows that the published journal gives."""
    bench.commit()
    pages = [o for o in bench.outputs if o.topic == "pool.journal.v1"]
    entries = [entry for page in pages for entry in read_page(page.value)]
    return fold_again(entries)


def entries_of_the_last_input(bench: PoolBench) -> list[Any]:
    last = bench.inputs[-1]
    return [entry for entry in bench.journal() if entry.cause == last[:3]]


def assert_stopped_once(bench: PoolBench) -> None:
    followed = [entry.fact[1]["kind"] for entry in entries_of_the_last_input(bench)[1:]]
    assert followed.count("stopped") == 1
    assert REACTIONS_MAX < len(followed) <= REACTIONS_MAX + 3
    assert bench.partition.look_up({"pool": POOL})["reactions_stopped"] == 1
    assert folded(bench) == bench.committed.rows


def test_an_order_that_is_allocated_anew_for_ever_is_given_up(monkeypatch):
    monkeypatch.setattr(
        order_react, "allocate_open",
        lambda _state, order, _now_ms: Allocated({**order, "reroutes": 0}, None, is_placed=False),
    )  # fmt: skip
    bench = stocked()
    bench.request("placed", "o1", wanted(2_000))
    bench.request("placed", "o2", wanted(1_000), preferred_store=OTHER_STORE)
    bench.sell("s1", line(4_000))
    assert_stopped_once(bench)
    order = bench.order()
    assert (order["outcome"], order["holds"], order["lines"][0]["unfilled_milli"]) == ("unfilled", [], 2_000)
    [told] = [event for event in bench.events() if event["kind"] == "stopped"]
    assert (told["order"], told["reason"], told["outcome"]) == ("o1", "too_many_reactions", "unfilled")
    assert (bench.on_hand(), bench.available()) == (1_000, 1_000)
    bench.request("confirmed", "o2")
    assert kept(bench, "o2") == [(MILK, OTHER_STORE, 1, "confirmed")]
    assert kinds(bench)[-1] == "confirmed"
    assert len(entries_of_the_last_input(bench)) == 1


def test_goods_in_hand_of_an_order_that_is_stopped_stay_in_the_books(monkeypatch):
    plant(
        monkeypatch, order_react.break_hold, lambda state, key, *_: (
            (ORDER_CHANGED, {
                "kind": "broken", "reason": "sold", "order": find_order(state, "o1"), "tasks": [],
                "decision": None, "day": 0,
            }) if state[ORDERS].holding.get(key[1:]) else None
        ),
    )  # fmt: skip
    bench = stocked()
    bench.request("placed", "o1", wanted(2_000))
    bench.request("confirmed", "o1")
    bench.fulfil("done", bench.task("pick"))
    bench.sell("s1", line(5_000))
    assert_stopped_once(bench)
    assert (bench.on_hand(), bench.shelf()["available_milli"]) == (0, 0)
    assert bench.order()["outcome"] == "unfilled"
    statuses = {task["kind"]: task["status"] for task in bench.tasks().values() if task["order"] == "o1"}
    assert statuses == {"pick": "done", "hand_over": "cancelled", "put_back": "open"}
    bench.report("counted", "c1", line(2_000), occurred_at_ms=NOON_MS + 1)
    assert bench.available() == 2_000


def test_a_recount_that_is_due_for_ever_ends(monkeypatch):
    monkeypatch.setattr(task_react, "escalate", lambda state, task, _: {**task, "position": state.row["position"] + 1})
    bench = stocked()
    bench.request("placed", "o1", wanted(2_000))
    bench.request("confirmed", "o1")
    bench.fulfil("refused", bench.task("pick"), reason="not_found")
    recount = bench.task("recount")
    bench.fulfil("done", bench.task("pick", OTHER_STORE))
    bench.fulfil("done", bench.task("hand_over", OTHER_STORE))
    bench.pass_time(NOON_MS + 2 * DAY_MS)
    assert_stopped_once(bench)
    assert (bench.tasks()[recount]["status"], bench.tasks()[recount]["reason"]) == ("late", "too_many_reactions")
    bench.pass_time(NOON_MS + 2 * DAY_MS + HOUR_MS)
    assert len(entries_of_the_last_input(bench)) == 1


def test_a_pick_that_becomes_urgent_for_ever_ends_with_its_order(monkeypatch):
    monkeypatch.setattr(task_react, "escalate", lambda state, task, _: {**task, "position": state.row["position"] + 1})
    bench = stocked()
    bench.request("placed", "o1", wanted(2_000), deadline_ms=NOON_MS + 20 * HOUR_MS)
    bench.request("confirmed", "o1")
    due_ms = bench.tasks()[bench.task("pick")]["claim_by_ms"]
    bench.pass_time(due_ms)
    assert_stopped_once(bench)
    assert (bench.order()["outcome"], bench.available()) == ("unfilled", 5_000)
    assert {task["status"] for task in bench.tasks().values()} == {"cancelled"}


def test_a_transfer_that_breaks_for_ever_is_called_off(monkeypatch):
    def broken(state, key, _known, _trigger):
        if not state[TRANSFERS].holding.get(key[1:]):
            return None
        transfer = find_transfer(state, TRANSFER)
        fields = {"reason": "sold", "transfer": transfer, "tasks": [], "corrections": [], "discrepancies": []}
        return TRANSFER_CHANGED, {"kind": "broken", **fields}

    plant(monkeypatch, transfer_react.break_transfer, broken)
    bench = stocked_for_transfers()
    place(bench, wanted(6_000))
    bench.sell("s1", line(7_000))
    assert_stopped_once(bench)
    assert (row(bench)["status"], row(bench)["outcome"]) == ("ended", "not_shipped")
    assert (bench.on_hand(), bench.available()) == (3_000, 3_000)


@pytest.mark.parametrize("side", [HOME, AWAY])
def test_a_loan_or_a_use_that_is_told_for_ever_is_told_no_more(side, monkeypatch):
    pools = Pools()
    pools.lend(6_000)
    pools.settle()
    pools.order(AWAY, "o1", 2_000)
    pools.request(AWAY, "confirmed", "o1")
    pools.settle()
    if side == HOME:
        come_so_far = lending_react._come_so_far
        monkeypatch.setattr(
            lending_react, "_come_so_far",
            lambda order, part, told: {**come_so_far(order, part, told), "position": part["position"] + 1},
        )  # fmt: skip
        pools.fulfil("done", pools.task("pick")["task"])
    else:
        monkeypatch.setattr(
            lending_react, "give_back", lambda _, loan: {**loan, "discrepancies": loan["discrepancies"] + 1}
        )
        pools.order(AWAY, "o2", 1_000)
    bench = pools.benches[side]
    last = bench.inputs[-1]
    facts = [e.fact for e in bench.journal(side) if e.cause == last[:3]]
    moved = [fields["kind"] for kind, fields in facts if kind == LENDING_CHANGED]
    assert (moved[-1], len(moved)) == ("stopped", REACTIONS_MAX + 1)
    assert bench.partition.look_up({"pool": side})["reactions_stopped"] == 1
    monkeypatch.undo()
    pools.settle()
    if side == HOME:
        pools.fulfil("done", pools.task("hand_over")["task"])
        pools.settle()
    on_hand, lent, available = (8_000, 4_000, 4_000) if side == HOME else (10_000, 6_000, 2_000)
    assert (pools.lent(HOME), pools.lent(AWAY)) == (lent, lent)
    assert (pools.on_hand_at_home(), pools.available_at_home()) == (on_hand, available)


def test_what_moves_on_after_it_was_stopped_stops_the_partition_before_that_input(monkeypatch):
    bench = stocked()
    bench.request("placed", "o1", wanted(2_000))
    bench.commit()
    before = dict(bench.committed.rows)
    order = bench.order()
    told = {"kind": "broken", "reason": "sold", "order": order, "tasks": [], "decision": None, "day": 0}
    plant(monkeypatch, order_react.break_hold, lambda *_: (ORDER_CHANGED, told))
    bench.restart()
    with pytest.raises(ReactionLoopError, match="order o1 was stopped"):
        bench.sell("s1", line(4_000))
    bench.restart()
    assert bench.committed.rows == before
    assert bench.available(MILK, STORE) == 3_000
