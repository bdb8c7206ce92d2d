"""Two agreements on the same facts: what changes for whom."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

from schemas.models.agreement import Agreement
from schemas.types import agreement as types
from streams.settlement.ledger.entries import Entry
from streams.settlement.ledger.ledger import Ledger


class Change(NamedTuple):
    """A party's net position over the time that is looked at, minor units."""

    party: str
    currency: str
    old_minor: int
    new_minor: int


def compare(pool: str, journal: Sequence[Entry], old: Agreement, new: Agreement, since_ms: int) -> list[Change]:
    """The net position of each party from what happened since, had the one or the other agreement held all along."""
    before, after = _net(pool, journal, old, since_ms), _net(pool, journal, new, since_ms)
    return [
        Change(party, currency, before.get((party, currency), 0), after.get((party, currency), 0))
        for party, currency in sorted({*before, *after})
    ]


def _net(pool: str, journal: Iterable[Entry], agreement: Agreement, since_ms: int) -> dict[tuple[str, str], int]:
    always = agreement.model_copy(update={"effective_from_ms": 0})
    record = cast("types.Agreement", always.to_avro())
    ledger = Ledger(pool, lambda: (), {str(agreement.version): record})
    found: dict[tuple[str, str], int] = {}
    for entry in journal:
        for one in ledger.post(entry).transactions:
            if one.about.occurred_at_ms >= since_ms:
                for posting in one.postings:
                    if posting.account in ("receivable", "payable"):
                        key = (posting.party, posting.currency)
                        found[key] = found.get(key, 0) + posting.amount_minor
    return found
