"""Messages of settlement to other services: transactions, and the statements of windows that have closed."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from schemas.types.settlement import LedgerTransaction, SettlementStatement, StatementTotal, TransactionKind
from streams.settlement.ledger.entries import ClosedWindow, Transaction
from streams.settlement.netting import Netted

PartyCurrency = tuple[str, str]


class WindowTotal(NamedTuple):
    """All that transactions of one kind, which belong to one window, added to a party's balance in a window."""

    party: str
    currency: str
    kind: TransactionKind
    belongs_to_ms: int
    """Start of the window in which it happened."""
    amount_minor: int
    transactions: int


class WindowSums(NamedTuple):
    """The sums of a window, of all parties."""

    opening_minor: dict[PartyCurrency, int]
    lent_minor: dict[PartyCurrency, int]
    totals: Sequence[WindowTotal]


def transaction_message(one: Transaction) -> LedgerTransaction:
    """The value of a record of `settlement.postings.v1`."""
    about = one.about
    corrects_position, corrects_sequence = one.corrects or (None, None)
    return {
        "pool": one.pool, "posted_position": one.posted_position, "sequence": one.sequence, "position": one.position,
        "kind": about.kind, "occurred_at_ms": about.occurred_at_ms, "store": about.store, "order": about.order,
        "transfer": about.transfer, "sku": about.sku, "quantity_milli": about.quantity_milli, "dispute": about.dispute,
        "window_ms": one.window_ms, "belongs_to_ms": one.belongs_to_ms, "agreement": one.agreement,
        "corrects_position": corrects_position, "corrects_sequence": corrects_sequence, "sentence": one.sentence,
        "postings": [
            {
                "party": posting.party, "account": posting.account, "counterparty": posting.counterparty,
                "amount_minor": posting.amount_minor, "currency": posting.currency,
            }
            for posting in one.postings
        ],
    }  # fmt: skip


def statement_messages(
    window: ClosedWindow, sums: WindowSums, netted: Iterable[Netted]
) -> Iterator[SettlementStatement]:
    """The values of the records of `settlement.statements.v1`, one for each party and currency, in their order."""
    totals: dict[PartyCurrency, list[StatementTotal]] = defaultdict(list)
    for one in sums.totals:
        totals[one.party, one.currency].append({
            "kind": one.kind, "belongs_to_ms": one.belongs_to_ms, "amount_minor": one.amount_minor,
            "transactions": one.transactions,
        })  # fmt: skip
    payments = {(one.currency, payment) for one in netted for payment in one.payments}
    for party, currency in sorted({*sums.opening_minor, *sums.lent_minor, *totals}):
        opening, added = sums.opening_minor.get((party, currency), 0), totals[party, currency]
        yield {
            "pool": window.pool, "party": party, "currency": currency, "start_ms": window.start_ms,
            "end_ms": window.end_ms, "closed_position": window.position, "agreement": window.agreement,
            "opening_minor": opening, "totals": added,
            "closing_minor": opening + sum(one["amount_minor"] for one in added),
            "lent_minor": sums.lent_minor.get((party, currency), 0),
            "payments": [
                {"payer": one.payer, "payee": one.payee, "amount_minor": one.amount_minor}
                for of, one in sorted(payments) if of == currency and party in (one.payer, one.payee)
            ],
        }  # fmt: skip


def statement_key(one: SettlementStatement) -> str:
    """Compaction key: pool/party/currency/start."""
    return f"{one['pool']}/{one['party']}/{one['currency']}/{one['start_ms']}"
