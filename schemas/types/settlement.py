"""The records of `schemas/records/settlement`. Made by `python -m schemas.generate`; change these."""

from typing import Literal, TypedDict

AccountName = Literal[
    "receivable",
    "payable",
    "goods",
    "stock_lent",
    "fees",
    "delivery",
    "shrink",
    "fund",
    "tax",
    "insurance",
    "refunds",
]
"""receivable: What others owe the party.
payable: What it owes.
goods: Goods that it took over or gave.
stock_lent: Value of its goods that others keep.
fees: Fees for handling, pickup, referral, lending and no-shows.
delivery: Deliveries.
shrink: Goods that are missing, or were lost on their way.
fund: Shares of the mutual fund.
tax: Tax in or on a transfer price.
insurance: Premiums.
refunds: What was paid back to customers for another store.
"""

TransactionKind = Literal[
    "goods_sold",
    "handling_fee",
    "pickup_fee",
    "referral_fee",
    "delivery",
    "lending_fee",
    "transfer",
    "lot_lent",
    "lot_sold",
    "lot_returned",
    "shrink",
    "transit_loss",
    "refund",
    "return",
    "no_show",
    "premium",
    "fund_share",
    "dispute",
    "restated",
]
"""goods_sold: Goods of an order that another store handed over.
handling_fee: For handing over another store's order.
pickup_fee: For a customer who collects there.
referral_fee: To the store that sold, when the customer pays the other.
delivery: A delivery's cost.
lending_fee: For goods lent between pools.
transfer: Goods that passed to the store that received them.
lot_lent: Goods that stay their owner's came to another store.
lot_sold: That store sold some of them.
lot_returned: What it had sold of them came back.
shrink: Goods that are missing.
transit_loss: Goods that were lost or broken on their way.
refund: A customer was paid back for another store.
return: Goods of an order that came back to a shelf.
no_show: Goods that nobody collected.
premium: An insurance premium.
fund_share: A member's share of what the fund paid.
dispute: What a dispute ended with.
restated: An agreement that holds from before: the difference to what was posted.
"""


class LedgerPosting(TypedDict):
    """An amount on an account of a party."""

    party: str
    account: AccountName
    counterparty: str | None
    amount_minor: int
    currency: str


class NettedPayment(TypedDict):
    """An amount that one party pays another to settle a window."""

    payer: str
    payee: str
    amount_minor: int


class PublishedUntil(TypedDict):
    """How far a pool's settlement is published: written in the transaction that publishes it."""

    pool: str
    posted_position: int
    sequence: int
    windows_until_ms: int
    postings_topic: str
    statements_topic: str


class StatementTotal(TypedDict):
    """All transactions of a statement that are of one kind and belong to one window."""

    kind: TransactionKind
    belongs_to_ms: int
    amount_minor: int
    transactions: int


class LedgerTransaction(TypedDict):
    """Balanced postings that follow from one fact of a pool's journal: they sum to zero for each party and currency."""

    pool: str
    posted_position: int
    sequence: int
    position: int
    kind: TransactionKind
    occurred_at_ms: int
    store: str | None
    order: str | None
    transfer: str | None
    sku: str | None
    quantity_milli: int | None
    dispute: str | None
    window_ms: int
    belongs_to_ms: int
    agreement: int
    corrects_position: int | None
    corrects_sequence: int | None
    sentence: str
    postings: list[LedgerPosting]


class SettlementStatement(TypedDict):
    """A party's balance over a settlement window that has closed, in one currency; it never changes."""

    pool: str
    party: str
    currency: str
    start_ms: int
    end_ms: int
    closed_position: int
    agreement: int
    opening_minor: int
    totals: list[StatementTotal]
    closing_minor: int
    lent_minor: int
    payments: list[NettedPayment]
