"""Debts: amounts that one party owes another, for what, and the postings that say so in both parties' books."""

from collections.abc import Mapping
from typing import NamedTuple

from schemas.types.settlement import AccountName
from streams.settlement.ledger.entries import Party, Posting
from streams.settlement.money import Rounding, scaled


class Debt(NamedTuple):
    """An amount that `debtor` owes `creditor`; below zero what it owes no more."""

    creditor: Party
    debtor: Party
    currency: str
    parts: Mapping[AccountName, int]
    """Amounts in minor units by what they are for."""

    @property
    def total_minor(self) -> int:
        """Of all parts."""
        return sum(self.parts.values())

    @property
    def is_nothing(self) -> bool:
        """No part is above or below zero, or nobody else owes it."""
        return self.creditor == self.debtor or not any(self.parts.values())

    def negated(self) -> "Debt":
        """The debt that takes this one back."""
        return self._replace(parts={account: -amount for account, amount in self.parts.items()})

    def part(self, milli: int, of_milli: int) -> "Debt":
        """What falls on `milli` of the quantity; with the rest of it, it makes the whole."""
        return self._replace(
            parts={name: amount - scaled(amount, of_milli - milli, of_milli) for name, amount in self.parts.items()}
        )

    def less(self, other: "Debt") -> "Debt":
        """What is left without `other`, a part of it."""
        return self._replace(parts={name: amount - other.parts.get(name, 0) for name, amount in self.parts.items()})

    def postings(self) -> list[Posting]:
        """In the books of both: they sum to zero for each."""
        if self.is_nothing:
            return []
        creditor, debtor, currency, parts = self
        found = []
        for account, amount in parts.items():
            if amount:
                found.append(Posting(creditor, account, debtor, -amount, currency))
                found.append(Posting(debtor, account, creditor, amount, currency))
        total_minor = self.total_minor
        if total_minor:
            found.append(Posting(creditor, "receivable", debtor, total_minor, currency))
            found.append(Posting(debtor, "payable", creditor, -total_minor, currency))
        return found


class Rate(NamedTuple):
    """The price of one unit as a fraction of minor units, so that a quantity is rounded once."""

    numerator: int
    denominator: int
    tax_permille: int
    tax_is_included: bool
    rounding: Rounding
    account: AccountName = "goods"

    def parts(self, milli: int) -> dict[AccountName, int]:
        """What so many thousandths cost, the tax apart."""
        amount = scaled(self.numerator * milli, 1, self.denominator * 1000, self.rounding)
        if not self.tax_permille:
            return {self.account: amount}
        if self.tax_is_included:
            tax = scaled(amount, self.tax_permille, 1000 + self.tax_permille, self.rounding)
            return {self.account: amount - tax, "tax": tax}
        return {self.account: amount, "tax": scaled(amount, self.tax_permille, 1000, self.rounding)}


def kept(debt: Debt) -> list[object]:
    """A debt as a row keeps it."""
    return [debt.creditor, debt.debtor, debt.currency, dict(debt.parts)]


def debt_of(row: list[object]) -> Debt:
    """The debt that a row keeps."""
    return Debt(*row)  # type: ignore[arg-type]  # made by `kept`
