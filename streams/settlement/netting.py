"""Netting: the fewest payments that bring all parties' net positions to zero, and the debts that each comes from."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from streams.settlement.ledger.entries import Party

Pair = tuple[Party, Party]
EXACT_UP_TO = 16
"""Parties whose position is not zero. Up to so many the payments are the fewest there can be; the search looks at each
of their subsets. Of more there are at most as many payments as debts, and one less than parties."""


class Owed(NamedTuple):
    """All that is open between two parties in one currency, as it stands in the book of one of them."""

    party: Party
    counterparty: Party
    currency: str
    amount_minor: int
    """Owed to the party less what it owes."""
    postings: int
    """Of how many it is the sum."""


class BilateralDebt(NamedTuple):
    """All that `debtor` owes `creditor`, less what it is owed by it."""

    debtor: Party
    creditor: Party
    amount_minor: int
    postings: int
    """Of how many it is the sum."""


class Payment(NamedTuple):
    """An amount that one party pays another."""

    payer: Party
    payee: Party
    amount_minor: int


class Netted(NamedTuple):
    """The payments of one currency."""

    currency: str
    positions: dict[Party, int]
    """Party → what others owe it less what it owes, minor units; only those that are not zero."""
    payments: list[Payment]
    bilateral: list[BilateralDebt]

    def trail(self, payment: Payment) -> list[BilateralDebt]:
        """The debts that make up the payer's and the payee's positions.

        What the payer owes less what it is owed is the sum of its payments; of the payee it is the other way round.
        """
        two = {payment.payer, payment.payee}
        return [debt for debt in self.bilateral if two & {debt.debtor, debt.creditor}]


def net(owed: Iterable[Owed]) -> list[Netted]:
    """The payments that the debts come to, by currency. Of each pair one of the two books is enough."""
    pairs: dict[str, dict[Pair, Owed]] = defaultdict(dict)
    for one in owed:
        first, second = sorted((one.party, one.counterparty))
        if one.party == first:  # the other's book has the same amount, turned round
            pairs[one.currency][first, second] = one
    return [_netted(currency, of) for currency, of in sorted(pairs.items())]


def _netted(currency: str, pairs: Mapping[Pair, Owed]) -> Netted:
    positions: dict[Party, int] = defaultdict(int)
    bilateral = []
    for (first, second), one in sorted(pairs.items()):
        amount = one.amount_minor
        positions[first] += amount
        positions[second] -= amount
        if amount:
            debtor, creditor = (second, first) if amount > 0 else (first, second)
            bilateral.append(BilateralDebt(debtor, creditor, abs(amount), one.postings))
    open_positions = {party: amount for party, amount in sorted(positions.items()) if amount}
    groups = [open_positions] if len(open_positions) <= EXACT_UP_TO else _by_debts(open_positions, bilateral)
    payments = [payment for group in groups for payment in fewest_payments(group)]
    return Netted(currency, open_positions, payments, bilateral)


def _by_debts(positions: Mapping[Party, int], debts: Iterable[BilateralDebt]) -> list[dict[Party, int]]:
    """Parties that no debt ties together, not even by others, apart: each group's positions sum to zero."""
    group_of: dict[Party, set[Party]] = {}
    for debt in debts:
        joined = group_of.get(debt.debtor, {debt.debtor}) | group_of.get(debt.creditor, {debt.creditor})
        group_of |= dict.fromkeys(joined, joined)
    found: dict[int, dict[Party, int]] = {}
    for party, amount in positions.items():
        found.setdefault(id(group_of[party]), {})[party] = amount
    return list(found.values())


def fewest_payments(positions: Mapping[Party, int]) -> list[Payment]:
    """Payments after which every position is zero. The same positions always give the same payments.

    Raises ValueError when the positions do not sum to zero.
    """
    if sum(positions.values()):
        raise ValueError(f"the net positions sum to {sum(positions.values())}, not to zero")
    open_positions = [(party, amount) for party, amount in sorted(positions.items()) if amount]
    groups = _even_groups([amount for _, amount in open_positions]) if len(open_positions) <= EXACT_UP_TO else None
    if groups is None:
        groups = [list(range(len(open_positions)))]
    return [payment for group in groups for payment in _settle([open_positions[at] for at in group])]


def _even_groups(amounts: list[int]) -> list[list[int]]:
    """The most disjoint groups that each sum to zero: a group of n is settled by n - 1 payments, none by fewer."""
    everybody = (1 << len(amounts)) - 1
    sums, most = [0] * (everybody + 1), [0] * (everybody + 1)
    last = [0] * (everybody + 1)
    """Of each subset the member that is added last on the way to the most groups."""
    for subset in range(1, everybody + 1):
        lowest = (subset & -subset).bit_length() - 1
        sums[subset] = sums[subset & (subset - 1)] + amounts[lowest]
        best, rest = -1, subset
        while rest:
            bit = rest & -rest
            if most[subset ^ bit] > best:
                best, last[subset] = most[subset ^ bit], bit
            rest ^= bit
        most[subset] = best + (sums[subset] == 0)
    groups: list[list[int]] = []
    subset = everybody
    while subset:
        if sums[subset] == 0:
            groups.append([])
        groups[-1].append(last[subset].bit_length() - 1)
        subset ^= last[subset]
    return [sorted(group) for group in reversed(groups)]


def _settle(positions: list[tuple[Party, int]]) -> Iterable[Payment]:
    """Each payment makes its payer or its payee even, the last one both: one less than positions at most."""
    left = dict(positions)
    largest_first = sorted(left, key=lambda party: (-abs(left[party]), party))
    debtors = [party for party in largest_first if left[party] < 0]
    creditors = [party for party in largest_first if left[party] > 0]
    while debtors:
        payer, payee = debtors[0], creditors[0]
        amount = min(-left[payer], left[payee])
        yield Payment(payer, payee, amount)
        left[payer] += amount
        left[payee] -= amount
        debtors = debtors if left[payer] else debtors[1:]
        creditors = creditors if left[payee] else creditors[1:]
