"""What a pool promises, judged from histories: each law, real ones, planted bugs."""

import json
import random
from collections import Counter
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.proof.simulation.mutants import MUTANTS
from tests.proof.torture.history import Recorder, check_history
from tests.proof.torture.linearizability import check
from tests.proof.torture.played import SKUS, play
from tests.proof.torture.promises import Promises
from tests.proof.torture.test_linearizability import by_all_orders

UNIT = 1_000
HERE, THERE = "corner", "hill"


class Telling:
    """A history told by hand: `told` is asked and answered at once, one after the other."""

    def __init__(self, path, *on_hand):
        self.path, self._now_ns, self._numbers = path, 0, count(1)
        self.recorder = Recorder(path, lambda: self._now_ns)
        shelves = zip((HERE, THERE), on_hand, strict=False)
        self.recorder.opens("p", {("rye", store): units * UNIT for store, units in shelves})

    def asks(self, kind, order="", key=None, at_ns=None, **fields):
        self._now_ns = self._now_ns + 10 if at_ns is None else at_ns
        self.recorder.asks("p", key or f"{order}/{kind}", kind, order, **fields)

    def hears(self, kind, order, status, *holds, key=None, given_up=0, at_ns=None, reason=""):
        self._now_ns = self._now_ns + 10 if at_ns is None else at_ns
        self.recorder.hears({
            "pool": "p", "order": order, "position": next(self._numbers), "kind": kind, "reason": reason, "key": key,
            "status": status, "lines": [{"line_id": "1", "unfilled_milli": given_up * UNIT}],
            "holds": [{"line_id": "1", "sku": "rye", "store": store, "state": state, "quantity_milli": units * UNIT}
                      for store, state, units in holds],
        })  # fmt: skip

    def places(self, order, units, *holds, given_up=0, **fields):
        self.asks("placed", order, lines=[("1", "rye", units * UNIT)], **fields)
        kind, status = ("allocated", "tentative") if holds else ("unfilled", "ended")
        self.hears(kind, order, status, *holds, key=f"{order}/placed", given_up=given_up)

    def request(self, kind, order, status, *holds):
        self.asks(kind, order)
        self.hears(kind, order, status, *holds, key=f"{order}/{kind}")

    def refused(self, kind, order, reason):
        self.asks(kind, order)
        self.hears("refused", order, "", key=f"{order}/{kind}", reason=reason)

    def report(self, kind, order, status, *holds, short=0, reason="", store=HERE):
        key = f"{order}/{kind}/{store}"
        self.asks(kind, order, key, store=store, reason=reason, lines=[("1", "rye", short * UNIT)] if short else [])
        self.hears(kind, order, status, *holds, key=key)

    def sells(self, units, store=HERE):
        self.asks("sold", "", f"sale-{self._now_ns}", store=store, lines=[("1", "rye", units * UNIT)])

    def verdict(self):
        return check_history(self.path)


@pytest.fixture
def told(tmp_path):
    """One unit of rye here, one there."""
    return Telling(tmp_path / "history.jsonl", 1, 1)


def test_an_order_gets_what_is_there_and_the_next_gets_the_rest(told):
    told.places("a", 1, (HERE, "tentative", 1))
    told.places("b", 2, (THERE, "tentative", 1), given_up=1)
    told.places("c", 1, given_up=1)
    assert told.verdict().is_linearizable, told.verdict()


def test_the_same_unit_twice_is_told(told):
    told.places("a", 1, (HERE, "tentative", 1))
    told.places("b", 1, (HERE, "tentative", 1))
    assert "no state allows" in str(told.verdict())


def test_the_same_unit_twice_is_told_of_orders_that_overlap(told):
    told.asks("placed", "a", at_ns=10, lines=[("1", "rye", 2 * UNIT)])
    told.asks("placed", "b", at_ns=11, lines=[("1", "rye", 2 * UNIT)])
    both = (HERE, "tentative", 1), (THERE, "tentative", 1)
    for order in "ab":
        told.hears("allocated", order, "tentative", *both, key=f"{order}/placed")
    assert not told.verdict().is_linearizable


def test_a_no_while_a_unit_lies_there_is_told(told):
    told.places("a", 1, given_up=1)
    assert not told.verdict().is_linearizable


def test_all_or_nothing_is_refused_what_would_be_part(told):
    told.places("a", 3, given_up=3, is_all_or_nothing=True)
    told.places("b", 3, (HERE, "tentative", 1), (THERE, "tentative", 1), given_up=1)
    assert told.verdict().is_linearizable, told.verdict()


def test_all_or_nothing_in_part_is_told(told):
    told.places("a", 3, (HERE, "tentative", 1), (THERE, "tentative", 1), given_up=1, is_all_or_nothing=True)
    assert not told.verdict().is_linearizable


def test_what_was_cancelled_is_free_again(told):
    told.places("a", 2, (HERE, "tentative", 1), (THERE, "tentative", 1))
    told.request("cancelled", "a", "ended")
    told.places("b", 1, (THERE, "tentative", 1))
    assert told.verdict().is_linearizable, told.verdict()


def test_a_lost_cancel_is_told(told):
    told.places("a", 2, (HERE, "tentative", 1), (THERE, "tentative", 1))
    told.request("cancelled", "a", "ended")
    told.places("b", 1, given_up=1)
    assert not told.verdict().is_linearizable


def test_a_cancel_that_nobody_answered_may_have_counted_or_not(told):
    told.places("a", 2, (HERE, "tentative", 1), (THERE, "tentative", 1))
    told.asks("cancelled", "a")
    told.places("b", 1, given_up=1)
    told.places("c", 1, (HERE, "tentative", 1))
    assert told.verdict().is_linearizable, told.verdict()
    told.places("d", 2, given_up=2)
    assert not told.verdict().is_linearizable


def test_an_order_that_nobody_answered_may_hold_goods_or_not(told):
    told.asks("placed", "a", lines=[("1", "rye", UNIT)])
    told.places("b", 2, (THERE, "tentative", 1), given_up=1)
    assert told.verdict().is_linearizable, told.verdict()
    told.places("c", 2, given_up=2)
    assert told.verdict().is_linearizable, told.verdict()


def test_a_stale_answer_is_told(told):
    """The hold here broke and went there; who confirms later hears of it where it was."""
    told.places("a", 1, (HERE, "tentative", 1))
    told.sells(1)
    told.hears("broken", "a", "tentative")
    told.hears("rerouted", "a", "tentative", (THERE, "tentative", 1))
    told.request("confirmed", "a", "confirmed", (HERE, "confirmed", 1))
    assert not told.verdict().is_linearizable


def test_an_order_that_was_answered_is_not_unknown(told):
    told.places("a", 1, (HERE, "tentative", 1))
    told.refused("confirmed", "a", "unknown_order")
    assert not told.verdict().is_linearizable


def test_a_sale_breaks_a_hold_which_goes_elsewhere(told):
    told.places("a", 1, (HERE, "tentative", 1))
    told.sells(1)
    told.hears("broken", "a", "tentative")
    told.hears("rerouted", "a", "tentative", (THERE, "tentative", 1))
    told.request("confirmed", "a", "confirmed", (THERE, "confirmed", 1))
    assert told.verdict().is_linearizable, told.verdict()


def test_a_hold_that_breaks_without_a_sale_is_told(told):
    told.places("a", 1, (HERE, "tentative", 1))
    told.hears("broken", "a", "tentative")
    told.hears("rerouted", "a", "tentative", (THERE, "tentative", 1))
    assert not told.verdict().is_linearizable


def test_a_confirmed_hold_that_breaks_before_a_tentative_one_is_told(tmp_path):
    for broken, is_right in (("b", True), ("a", False)):
        told = Telling(tmp_path / f"{broken}.jsonl", 2)
        told.places("a", 1, (HERE, "tentative", 1))
        told.request("confirmed", "a", "confirmed", (HERE, "confirmed", 1))
        told.places("b", 1, (HERE, "tentative", 1))
        told.sells(1)
        status = "tentative" if broken == "b" else "confirmed"
        told.hears("broken", broken, status)
        told.hears("unfilled", broken, "ended", given_up=1)
        assert told.verdict().is_linearizable is is_right, broken


def test_a_line_does_not_go_back_to_the_store_that_lost_it(tmp_path):
    told = Telling(tmp_path / "history.jsonl", 2, 0)
    told.places("a", 1, (HERE, "tentative", 1))
    told.request("confirmed", "a", "confirmed", (HERE, "confirmed", 1))
    told.report("short", "a", "confirmed", short=1, reason="not_found")
    told.hears("rerouted", "a", "confirmed", (HERE, "confirmed", 1))
    assert not told.verdict().is_linearizable


def test_damaged_goods_are_gone_and_those_not_found_are_promised_to_nobody(tmp_path):
    for reason, is_right in (("damaged", True), ("not_found", True), ("sold", False)):
        told = Telling(tmp_path / f"{reason}.jsonl", 1, 0)
        told.places("a", 1, (HERE, "tentative", 1))
        told.request("confirmed", "a", "confirmed", (HERE, "confirmed", 1))
        told.report("short", "a", "confirmed", short=1, reason=reason)
        told.hears("unfilled", "a", "ended", given_up=1)
        told.places("b", 1, given_up=1)
        assert told.verdict().is_linearizable is is_right, reason


def test_goods_handed_over_are_gone(told):
    told.places("a", 1, (HERE, "tentative", 1))
    told.request("confirmed", "a", "confirmed", (HERE, "confirmed", 1))
    told.report("picked", "a", "confirmed", (HERE, "picked", 1))
    told.report("collected", "a", "ended", (HERE, "collected", 1))
    told.places("b", 2, (THERE, "tentative", 1), given_up=1)
    assert told.verdict().is_linearizable, told.verdict()
    told.refused("cancelled", "b", "order_ended")
    assert not told.verdict().is_linearizable


def test_holds_that_expire_are_free_and_not_before_their_time(tmp_path):
    for at_ms, is_right in ((60_000, True), (40_000, False)):
        told = Telling(tmp_path / f"{at_ms}.jsonl", 1, 0)
        told.places("a", 1, (HERE, "tentative", 1), ttl_ms=50_000)
        told.hears("expired", "a", "ended", at_ns=at_ms * 1_000_000)
        told.refused("confirmed", "a", "holds_expired")
        told.places("b", 1, (HERE, "tentative", 1))
        assert told.verdict().is_linearizable is is_right, told.verdict()


def test_an_answer_that_comes_twice_is_told(told):
    told.places("a", 1, (HERE, "tentative", 1))
    told.hears("allocated", "a", "tentative", (HERE, "tentative", 1), key="a/placed")
    assert "nobody asked for" in str(told.verdict())


def test_who_asks_again_is_told_that_it_is_a_repeat(told):
    told.places("a", 1, (HERE, "tentative", 1))
    told.asks("placed", "a", lines=[("1", "rye", UNIT)])
    told.hears("repeated", "a", "", key="a/placed")
    assert told.verdict().is_linearizable, told.verdict()


def test_a_repeat_of_what_was_never_taken_is_told(told):
    told.asks("placed", "a", lines=[("1", "rye", UNIT)])
    told.hears("repeated", "a", "", key="a/placed")
    assert not told.verdict().is_linearizable


@pytest.mark.parametrize("seed", range(15))
def test_what_the_pool_s_decisions_tell_is_linearizable(tmp_path, seed):
    play(tmp_path / "history.jsonl", seed)
    verdict = check_history(tmp_path / "history.jsonl", is_drained=True)
    assert verdict.is_linearizable, verdict


TOLD = (
    "held goods are promised again", "a till's sale breaks no hold", "the shelf does not follow what is held",
    "a repeated request is taken again", "a report may come on a task that has ended", "a hand-over moves nothing",
    "damaged goods stay on the shelf", "released goods stay held",
    "what is short is neither rerouted nor given up", "a record is skipped", "a record is applied twice",
)  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
def test_a_planted_bug_of_the_decisions_is_told(tmp_path, monkeypatch, name):
    MUTANTS[name](monkeypatch)
    for seed in range(50):
        path = tmp_path / f"{seed}.jsonl"
        play(path, seed, steps=90, overlap=3)
        verdict = check_history(path, is_drained=True, states_max=3_000)
        if verdict.problems and not any("undecided" in problem for problem in verdict.problems):
            return
    pytest.fail("50 histories with this bug, and none was found to be wrong")


def _changed(path, chance):
    """The history, and the same with one answer changed."""
    rows = [json.loads(line) for line in path.open()]
    heard = [row["hears"] for row in rows if "hears" in row]
    if heard:
        one = chance.choice(heard)
        other = chance.choice(heard)
        for name in chance.choice([("holds",), ("holds", "given_up", "status", "kind"), ("status",), ("kind",)]):
            one[name] = other[name]
    return rows


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(seed=st.integers(0, 10_000), is_changed=st.booleans())
def test_small_histories_are_judged_as_trying_all_orders_does(tmp_path, seed, is_changed):
    from tests.proof.torture.history import _PoolHistory

    path = tmp_path / f"{seed}.jsonl"
    path.unlink(missing_ok=True)
    chance = random.Random(seed)
    play(path, seed, steps=7, overlap=3)
    rows = _changed(path, chance) if is_changed else [json.loads(line) for line in path.open()]
    pool = _PoolHistory()
    for row in sorted(rows, key=lambda row: row["at_ns"]):
        (what,) = row.keys() - {"at_ns"}
        getattr(pool, what)(row["at_ns"], row[what])
    for skus, part in pool.parts():
        on_hand = {shelf: milli for shelf, milli in pool.shelves.items() if shelf[0] in skus}
        forgetful = Promises(on_hand, Counter(one.what.order for one in part))
        assert skus <= set(SKUS)
        assert check(part, forgetful).outcome == by_all_orders(part, Promises(on_hand))
