"""Claims on the insurer: what was lost of goods at another store's, or on their way there, above the deductible."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from schemas.types.agreement import Agreement
from schemas.types.settlement import AccountName, TransactionKind
from streams.settlement.ledger.entries import Party, Transaction

_LOST_FROM: dict[TransactionKind, AccountName] = {"shrink": "stock_lent", "transit_loss": "goods"}
"""The account of its owner that a loss takes the value from."""
_Loss = tuple[int, Party, Party, str | None, str, str]


class Claim(NamedTuple):
    """A loss of lent goods, and what of it the insurer covers."""

    position: int
    """Journal position that posted it; with the other names it names the claim."""
    owner: Party
    keeper: Party
    """The store where they are missing, or to which they were on their way."""
    transfer: str | None
    """That on which they were lost; None for goods on a shelf."""
    sku: str
    quantity_milli: int
    occurred_at_ms: int
    currency: str
    loss_minor: int
    """Left with the owner when others bore their part; below zero for goods that were found again."""
    claim_minor: int
    """Above the deductible, up to the cover; 0 for what was found again, or is not insured."""
    agreement: int
    """Version whose insurance holds; 0 for none."""


def claims(transactions: Iterable[Transaction], agreements: Sequence[Agreement]) -> list[Claim]:
    """The losses of lent goods and of goods on their way, in the order in which they were posted."""
    losses: dict[_Loss, int] = defaultdict(int)
    lent: dict[_Loss, list[int]] = {}
    for one in transactions:
        about = one.about
        if about.kind not in _LOST_FROM or about.store is None or about.sku is None:
            continue
        for posting in one.postings:
            key = (one.posted_position, posting.party, about.store, about.transfer, about.sku, posting.currency)
            if posting.account == "shrink":
                losses[key] += posting.amount_minor
            elif posting.account == _LOST_FROM[about.kind] and posting.counterparty is None:
                found = lent.setdefault(key, [0, about.occurred_at_ms])
                found[0] += about.quantity_milli or 0
    made = []
    for key, (milli, occurred_at_ms) in lent.items():
        position, owner, keeper, transfer, sku, currency = key
        loss, version, amount = losses[key], 0, 0
        terms = max(
            (one for one in agreements if one["effective_from_ms"] <= occurred_at_ms),
            key=lambda one: (one["effective_from_ms"], one["version"]), default=None,
        )  # fmt: skip
        if terms is not None and terms["currency"] == currency:
            insurance, version = terms["insurance"], terms["version"]
            amount = min(max(loss - insurance["deductible_minor"], 0), insurance["cover_minor"])
        if loss:
            made.append(
                Claim(position, owner, keeper, transfer, sku, milli, occurred_at_ms, currency, loss, amount, version)
            )
    return made
