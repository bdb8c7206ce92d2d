"""An agreement that is dated back: the books go on as if it had always been known, and the difference is posted."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from schemas.types.agreement import Agreement
from streams.settlement.ledger.books import NOT_POSTED, Books
from streams.settlement.ledger.entries import About, Posting, Unpriced

_Subject = tuple[str, Any]
"""A table and the row's key."""


def restate(books: Books, known: Books, agreement: Agreement) -> None:
    """Post the difference to `known`, and go on from it; windows stay as they closed."""
    postings = []
    for key in sorted({*known.balances, *books.balances}):
        party, account, counterparty, currency = key
        difference = known.balances.get(key, 0) - books.balances.get(key, 0)
        postings.append(Posting(party, account, counterparty or None, difference, currency))
    waiting, posted = set(books.unpriced), _posted(books)
    books.adopt(known)
    sentence = f"Version {agreement['version']} of the agreement holds from before: the difference to what was posted"
    about = About("restated", agreement["effective_from_ms"])
    name = books.post(about, agreement["version"], postings, sentence)
    for subject, row, at in _names(books):
        if row[at][1] != NOT_POSTED and tuple(row[at]) not in posted[subject]:
            row[at] = list(name)
    books.step.priced.extend(sorted(waiting - set(books.unpriced)))
    for (position, item), claim in sorted(books.unpriced.items()):
        if (position, item) not in waiting:
            books.step.unpriced.append(Unpriced(books.pool, position, item, claim["reason"], About(*claim["about"])))


def _posted(books: Books) -> defaultdict[_Subject, set[tuple[int, int]]]:
    """The transactions that stand about each subject."""
    found: defaultdict[_Subject, set[tuple[int, int]]] = defaultdict(set)
    for subject, row, at in _names(books):
        found[subject].add(tuple(row[at]))
    return found


def _names(books: Books) -> Iterator[tuple[_Subject, list[Any], int]]:
    """Where a row names the transaction that posted a part of it: (subject, the list, its place there).

    A dispute's is not among them: agreements do not change it.
    """
    for order, row in books.orders.items():
        subject = ("orders", order)
        for place in row["pieces"].values():
            yield from ((subject, part, 4) for part in place["parts"] if part[1] is not None)
        yield from ((subject, fee, 2) for fee in row["fees"].values())
        yield from ((subject, debt, 3) for back in row["returns"] for debt in back["debts"])
    for table, debt, at in ((books.sold_lots, 4, 6), (books.lost_lots, 4, 6), (books.in_transit, 2, 4)):
        for key, pieces in table.items():
            yield from (((table.name, key), piece, at) for piece in pieces if piece[debt] is not None)
