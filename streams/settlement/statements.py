"""Statements: of a store and a window the balance before, what was posted and why, what is disputed, what is left.

A balance is what others owe the store less what it owes, minor units. Payments are made outside and not in the ledger.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from schemas.types.agreement import Dispute
from schemas.types.settlement import AccountName, TransactionKind
from streams.settlement.ledger.entries import Party, Transaction

OWED: tuple[AccountName, ...] = ("receivable", "payable")
"""The accounts of a party's balance."""
TITLES: dict[TransactionKind, str] = {
    "goods_sold": "Goods handed over for another store's order",
    "handling_fee": "Handling fees",
    "pickup_fee": "Pickup fees",
    "referral_fee": "Referral fees",
    "delivery": "Deliveries",
    "lending_fee": "Fees for goods lent between pools",
    "transfer": "Goods transferred",
    "lot_lent": "Goods kept for another store",
    "lot_sold": "Sold of goods kept for another store",
    "lot_returned": "Goods kept for another store that came back",
    "shrink": "Missing goods",
    "transit_loss": "Lost or broken on the way",
    "refund": "Refunds to customers",
    "return": "Goods returned",
    "no_show": "Goods that nobody collected",
    "premium": "Insurance premiums",
    "fund_share": "Shares of the mutual fund",
    "dispute": "Disputes settled",
    "restated": "Restated by a change of the agreement",
}
"""Headings of a statement, in its order."""


class StatementLine(NamedTuple):
    """The part of a transaction that is between the store and one other party."""

    transaction: Transaction
    counterparty: Party
    amount_minor: int
    """Above zero in the store's favour."""
    tax_minor: int
    """Of it; the same sign."""
    disputes: tuple[str, ...]
    """Open ones about the transaction."""


class Section(NamedTuple):
    """The lines of one kind."""

    kind: TransactionKind
    is_restated: bool
    """They happened in a window that had closed."""
    lines: tuple[StatementLine, ...]

    @property
    def total_minor(self) -> int:
        """Of its lines."""
        return sum(line.amount_minor for line in self.lines)


class DisputedLine(NamedTuple):
    """A transaction about which a dispute is open, of whatever window."""

    dispute: Dispute
    line: StatementLine


class CurrencyPart(NamedTuple):
    """All of a statement that is in one currency."""

    currency: str
    opening_minor: int
    sections: tuple[Section, ...]
    disputed: tuple[DisputedLine, ...]
    lent_minor: int
    """Value of the store's goods that others keep at the end; no part of the balance."""

    @property
    def closing_minor(self) -> int:
        """The balance at the window's end, or at the last entry known."""
        return self.opening_minor + sum(section.total_minor for section in self.sections)

    @property
    def disputed_minor(self) -> int:
        """Of the balance, by transactions that are disputed."""
        once = {
            (one.line.transaction.posted_position, one.line.transaction.sequence, one.line.counterparty): one
            for one in self.disputed
        }
        return sum(one.line.amount_minor for one in once.values())


class Window(NamedTuple):
    """A settlement window of a pool."""

    pool: str
    start_ms: int
    end_ms: int
    is_closed: bool
    """It takes nothing any more: a statement of it never changes, but for disputes."""


class Before(NamedTuple):
    """The sums that a statement goes on from: currency → minor units."""

    opening_minor: Mapping[str, int]
    """The store's balance when the window opens."""
    lent_minor: Mapping[str, int]
    """Value of its goods that others keep when the window ends."""


class Statement(NamedTuple):
    """A store's statement of one window."""

    pool: str
    store: Party
    start_ms: int
    end_ms: int
    is_closed: bool
    parts: tuple[CurrencyPart, ...]


def lines_of(transaction: Transaction, store: Party, disputes: Sequence[str] = ()) -> dict[str, list[StatementLine]]:
    """The transaction as the store sees it: currency → a line for each counterparty. Empty when its balance stays."""
    sums: dict[tuple[str, Party], list[int]] = defaultdict(lambda: [0, 0])
    for posting in transaction.postings:
        if posting.party == store and posting.counterparty is not None:
            both = sums[posting.currency, posting.counterparty]
            if posting.account in OWED:
                both[0] += posting.amount_minor
            elif posting.account == "tax":
                both[1] -= posting.amount_minor
    found: dict[str, list[StatementLine]] = {}
    for (currency, counterparty), (amount, tax) in sorted(sums.items()):
        if amount:
            line = StatementLine(transaction, counterparty, amount, tax, tuple(disputes))
            found.setdefault(currency, []).append(line)
    return found


def statement(
    window: Window,
    store: Party,
    before: Before,
    transactions: Iterable[Transaction],
    disputed: Iterable[tuple[Dispute, Transaction]] = (),
) -> Statement:
    """The statement of a window from its transactions, in the order in which they were posted.

    disputed: open disputes, and the transactions that they are about, of this window or of others.
    """
    open_disputes = list(disputed)
    names: dict[tuple[int, int], list[str]] = defaultdict(list)
    for dispute, _ in open_disputes:
        names[dispute["posted_position"], dispute["sequence"]].append(dispute["dispute"])
    lines: dict[str, list[StatementLine]] = defaultdict(list)
    for one in transactions:
        for currency, found in lines_of(one, store, names[one.posted_position, one.sequence]).items():
            lines[currency] += found
    contested: dict[str, list[DisputedLine]] = defaultdict(list)
    for dispute, one in open_disputes:
        for currency, found in lines_of(one, store).items():
            contested[currency] += [DisputedLine(dispute, line) for line in found]
    opening, lent = before.opening_minor, before.lent_minor
    parts = (
        CurrencyPart(
            currency, opening.get(currency, 0), _sections(lines[currency]), tuple(contested[currency]),
            lent.get(currency, 0),
        )
        for currency in sorted({*opening, *lines, *lent, *contested})
    )  # fmt: skip
    return Statement(window.pool, store, window.start_ms, window.end_ms, window.is_closed, tuple(parts))


def _sections(lines: Iterable[StatementLine]) -> tuple[Section, ...]:
    """By kind; what is restated stands behind all that happened in the window."""
    order = list(TITLES)
    groups: dict[tuple[bool, int], list[StatementLine]] = defaultdict(list)
    for line in lines:
        one = line.transaction
        groups[one.belongs_to_ms < one.window_ms, order.index(one.about.kind)].append(line)
    return tuple(Section(order[at], restated, tuple(found)) for (restated, at), found in sorted(groups.items()))
