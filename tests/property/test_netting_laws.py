"""Laws of netting: every position is kept, and no fewer payments would do."""

from collections import Counter
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.settlement.netting import EXACT_UP_TO, Owed, Payment, fewest_payments, net

AMOUNTS = st.integers(-5, 5) | st.integers(-(10**12), 10**12)


def positions_of(amounts):
    parties = {f"s{at}": amount for at, amount in enumerate(amounts)}
    return parties | {"rest": -sum(amounts)}


def kept(payments):
    """What the payments bring each party to owe or to be owed no more."""
    found = Counter()
    for one in payments:
        assert one.amount_minor > 0
        assert one.payer != one.payee
        found[one.payee] += one.amount_minor
        found[one.payer] -= one.amount_minor
    return {party: amount for party, amount in found.items() if amount}


@given(st.lists(AMOUNTS, max_size=8))
def test_payments_keep_every_net_position(amounts):
    positions = positions_of(amounts)
    payments = fewest_payments(positions)
    assert kept(payments) == {party: amount for party, amount in positions.items() if amount}
    assert all(positions[one.payer] < 0 < positions[one.payee] for one in payments)


@given(st.lists(AMOUNTS.filter(bool), min_size=EXACT_UP_TO, max_size=60))
def test_many_parties_make_at_most_one_payment_less(amounts):
    positions = positions_of(amounts)
    payments = fewest_payments(positions)
    assert kept(payments) == {party: amount for party, amount in positions.items() if amount}
    assert len(payments) < len(positions)


def least(amounts):
    """By trying all: someone who owes pays somebody who is owed, all that one of them can take."""

    @cache
    def search(left):
        open_ones = tuple(sorted(one for one in left if one))
        if not open_ones:
            return 0
        first, others = open_ones[0], open_ones[1:]
        tried = []
        for at, other in enumerate(others):
            if (first < 0) != (other < 0):
                tried.append(1 + search((*others[:at], first + other, *others[at + 1 :])))
        return min(tried)

    return search(tuple(sorted(amounts)))


@given(st.lists(st.integers(-6, 6), max_size=6))
def test_no_fewer_payments_would_do(amounts):
    positions = positions_of(amounts)
    assert len(fewest_payments(positions)) == least(positions.values())


def test_sixteen_parties_that_are_eight_pairs_make_eight_payments():
    amounts = [1, 20, 300, 4_000, 50_000, 600_000, 7_000_000, 80_000_000]
    positions = {f"a{n}": n for n in amounts} | {f"b{n}": -n for n in amounts}
    assert {(one.payer, one.payee) for one in fewest_payments(positions)} == {(f"b{n}", f"a{n}") for n in amounts}


def test_positions_that_do_not_make_zero_are_refused():
    with pytest.raises(ValueError, match="sum to 1"):
        fewest_payments({"a": 3, "b": -2})


def owed(debts):
    """What debts (debtor, creditor, amount, currency) come to in both books of each pair."""
    sums, counts = Counter(), Counter()
    for debtor, creditor, amount, currency in debts:
        for book, sign in (((creditor, debtor, currency), 1), ((debtor, creditor, currency), -1)):
            sums[book] += sign * amount
            counts[book] += 1
    return [Owed(*book, sums[book], counts[book]) for book in counts]


DEBTS = st.lists(
    st.tuples(
        st.sampled_from("abcde"), st.sampled_from("abcde"), st.integers(-50, 50).filter(bool),
        st.sampled_from(["EUR", "CHF"]),
    ).filter(lambda one: one[0] != one[1]),
    max_size=12,
)  # fmt: skip


@given(DEBTS)
def test_each_payment_follows_from_its_trail(debts):
    """Of payer and payee, the bilateral debts of the trail make what all their payments come to."""
    for found in net(owed(debts)):
        sums = Counter()
        for debtor, creditor, amount, currency in debts:
            if currency == found.currency:
                sums[creditor] += amount
                sums[debtor] -= amount
        assert found.positions == {party: amount for party, amount in sums.items() if amount}
        assert kept(found.payments) == found.positions
        for payment in found.payments:
            for party in (payment.payer, payment.payee):
                trail = [debt for debt in found.trail(payment) if party in (debt.debtor, debt.creditor)]
                made = sum(debt.amount_minor * (1 if debt.creditor == party else -1) for debt in trail)
                assert made == found.positions[party]


def test_a_debt_that_goes_round_is_paid_by_nobody():
    [found] = net(owed([("a", "b", 10, "EUR"), ("b", "c", 10, "EUR"), ("c", "a", 10, "EUR")]))
    assert found.payments == []
    assert len(found.bilateral) == 3


def test_a_debt_counts_its_postings():
    [found] = net(owed([("a", "b", 10, "EUR"), ("b", "a", 4, "EUR")]))
    assert [(one.debtor, one.creditor, one.amount_minor, one.postings) for one in found.bilateral] == [("a", "b", 6, 2)]


def test_many_pairs_that_owe_each_other_nothing_else_pay_as_many_times_as_they_have_debts():
    """Of 20 parties all in one, the largest debtor paying the largest creditor, it would be 19 payments."""
    owed = [Owed(f"a{n}", f"b{n}", "EUR", 100 + n, 1) for n in range(10)]
    [netted] = net(owed)
    assert netted.payments == [Payment(f"b{n}", f"a{n}", 100 + n) for n in range(10)]
