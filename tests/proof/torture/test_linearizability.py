"""The checker of histories, judged by all orders of small ones."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.proof.torture.linearizability import Operation, Outcome, check


class Register:
    """Holds a number; a lost `write` of None may be anything."""

    def first(self):
        return 0

    def after(self, state, what):
        verb, value = what
        if verb == "write":
            return [value]
        if verb == "scramble":
            return [1, 2]
        return [state] if value == state else []


class Counter:
    """Ways of adding that lead to one state tell whether the memory of what was tried is sound."""

    def first(self):
        return 0

    def after(self, state, what):
        verb, value = what
        return [state + value] if verb == "add" else [state] if value == state else []


def history(*told):
    return [Operation(called, returned, (verb, value)) for called, returned, verb, value in told]


def outcome(model, *told):
    return check(history(*told), model).outcome


def test_a_read_sees_the_write_that_ended_before_it():
    assert outcome(Register(), (0, 1, "write", 1), (2, 3, "read", 1)) == Outcome.linearizable


def test_a_read_of_what_was_overwritten_before_it_began_is_told():
    told = (0, 1, "write", 1), (2, 3, "write", 2), (4, 5, "read", 1)
    assert outcome(Register(), *told) == Outcome.not_linearizable


def test_a_read_beside_a_write_may_see_either():
    for seen in (0, 1):
        assert outcome(Register(), (0, 9, "write", 1), (2, 3, "read", seen)) == Outcome.linearizable


def test_two_reads_one_after_the_other_do_not_go_back():
    told = (0, 9, "write", 1), (2, 3, "read", 1), (4, 5, "read", 0)
    assert outcome(Register(), *told) == Outcome.not_linearizable


def test_what_was_never_answered_may_count_late_or_never():
    for seen in (0, 1):
        assert outcome(Register(), (0, None, "write", 1), (20, 21, "read", seen)) == Outcome.linearizable


def test_what_was_never_answered_does_not_count_before_it_was_asked():
    assert outcome(Register(), (5, None, "write", 1), (0, 1, "read", 1)) == Outcome.not_linearizable


def test_an_operation_with_several_outcomes_had_one_of_them():
    for seen in (1, 2):
        assert outcome(Register(), (0, None, "scramble", None), (2, 3, "read", seen)) == Outcome.linearizable
    told = (0, 1, "scramble", None), (2, 3, "read", 1), (4, 5, "read", 2)
    assert outcome(Register(), *told) == Outcome.not_linearizable


def test_the_longest_order_and_what_no_state_allows_then_are_told():
    verdict = check(history((0, 1, "write", 1), (2, 3, "read", 1), (4, 5, "read", 7)), Register())
    assert (verdict.outcome, verdict.order, verdict.stuck) == (Outcome.not_linearizable, (0, 1), (2,))


def test_a_search_without_an_end_is_undecided():
    told = [(0, 100, "add", 1 << n) for n in range(12)]
    assert check(history(*told, (0, 100, "read", -1)), Counter(), states_max=100).outcome == Outcome.undecided


def by_all_orders(operations, model):
    """Every order of every choice of what was never answered, one after the other."""
    answered = [at for at, one in enumerate(operations) if one.returned is not None]
    for size in range(len(answered), len(operations) + 1):
        for order in permutations(range(len(operations)), size):
            if set(answered) <= set(order) and _keeps_time(operations, order) and _is_allowed(operations, order, model):
                return Outcome.linearizable
    return Outcome.not_linearizable


def _keeps_time(operations, order):
    return all(
        operations[later].returned is None or operations[later].returned >= operations[earlier].called
        for place, earlier in enumerate(order)
        for later in order[place + 1 :]
    )


def _is_allowed(operations, order, model):
    states = {model.first()}
    for at in order:
        states = {after for state in states for after in model.after(state, operations[at].what)}
    return bool(states)


@st.composite
def histories(draw, verbs):
    operations = []
    for _ in range(draw(st.integers(1, 6))):
        called = draw(st.integers(0, 12))
        lasted = draw(st.one_of(st.none(), st.integers(0, 8)))
        what = draw(st.sampled_from(verbs)), draw(st.integers(0, 2))
        operations.append(Operation(called, None if lasted is None else called + lasted, what))
    return operations


@pytest.mark.parametrize(("model", "verbs"), [(Register(), ["write", "read", "read", "scramble"]),
                                              (Counter(), ["add", "add", "read"])])  # fmt: skip
def test_the_verdict_is_that_of_trying_all_orders(model, verbs):
    seen = set()

    @given(histories(verbs))
    def agrees(operations):
        expected = by_all_orders(operations, model)
        seen.add(expected)
        assert check(operations, model).outcome == expected

    agrees()
    assert seen == {Outcome.linearizable, Outcome.not_linearizable}
