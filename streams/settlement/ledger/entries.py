"""The ledger's entries: postings, transactions, what cannot be priced yet, windows that closed."""

from typing import Literal, NamedTuple, Protocol

from schemas.types.journal import Fact
from schemas.types.settlement import AccountName, TransactionKind

Party = str
"""A store's id; `@fund`, the mutual fund; `@insurer`; `@pool:hillside`, another pool."""
FUND: Party = "@fund"
INSURER: Party = "@insurer"

UnpricedReason = Literal[
    "no_agreement", "no_cost", "no_price", "no_list_price", "other_currency", "kit_price", "too_large"
]
"""kit_price: the till told what the whole kit costs, and not its parts. too_large: it comes to more than
`AMOUNT_MAX_MINOR`. A price for another unit is none."""
AMOUNT_MAX_MINOR = 10**14
"""Minor units that goods of one fact may come to before tax: sums of thousands of them fit into 64 bits."""


class Entry(Protocol):
    """A journal entry, as `messaging.journal` reads it."""

    @property
    def position(self) -> int:
        """Counts the pool's entries from 1."""

    @property
    def appended_at_ms(self) -> int:
        """When its cause reached the broker, ms since 1970 UTC."""

    @property
    def fact(self) -> Fact:
        """What happened."""


class Posting(NamedTuple):
    """An amount on an account of a party. Above zero a debit, below a credit."""

    party: Party
    account: AccountName
    counterparty: Party | None
    amount_minor: int
    currency: str


class About(NamedTuple):
    """The subject of a transaction."""

    kind: TransactionKind
    occurred_at_ms: int
    """When the fact happened, ms since 1970 UTC."""
    store: str | None = None
    order: str | None = None
    transfer: str | None = None
    sku: str | None = None
    quantity_milli: int | None = None
    dispute: str | None = None


class Transaction(NamedTuple):
    """Balanced postings that follow from one fact. They sum to zero for each party and currency."""

    pool: str
    position: int
    """Journal position of the fact."""
    posted_position: int
    """Journal position of the entry that posted it: the fact's own, or of the price, the agreement or the tick that
    it waited for."""
    sequence: int
    """Its index among those that the entry posted; (pool, posted_position, sequence) names a transaction."""
    about: About
    window_ms: int
    """Start of the settlement window that it counts in, ms since 1970 UTC."""
    belongs_to_ms: int
    """Start of the window in which the fact happened; an earlier one than `window_ms` had closed: it is restated."""
    agreement: int
    """Version of the agreement that priced it; 0 for what no agreement prices."""
    corrects: tuple[int, int] | None
    """(posted position, sequence) of the transaction that it takes back, wholly or in part."""
    sentence: str
    postings: tuple[Posting, ...]


class Unpriced(NamedTuple):
    """A fact that moves value and cannot be priced yet."""

    pool: str
    position: int
    item: int
    """Its index among what the entry could not price."""
    reason: UnpricedReason
    about: About


class ClosedWindow(NamedTuple):
    """A settlement window that closed; what is posted later counts in a later one."""

    pool: str
    start_ms: int
    end_ms: int
    position: int
    """Of the tick that closed it."""
    agreement: int


class Step(NamedTuple):
    """All that follows from one journal entry."""

    transactions: list[Transaction]
    unpriced: list[Unpriced]
    priced: list[tuple[int, int]]
    """(position, item) of what was unpriced and is posted now."""
    closed: list[ClosedWindow]
