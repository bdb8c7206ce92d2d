"""The ledger as plain-text accounting: a journal for hledger and one for Beancount.

Each file ends with what it should come to, so that the program that reads it checks our balances by its own reckoning.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo

from schemas.currency import amount_text, currency_exponent
from schemas.types.settlement import AccountName
from streams.settlement.ledger.entries import Party, Posting, Transaction

_TYPES: dict[AccountName, str] = {
    "receivable": "Assets",
    "stock_lent": "Assets",
    "payable": "Liabilities",
}
"""Of accounting's five types; what is named nowhere is an expense, or income when it is below zero."""
_PLAIN = re.compile(r"[a-wyz0-9][a-z0-9]*(-[a-z0-9]+)*|x[a-z0-9]*(?!-)")


def account_name(posting: Posting) -> str:
    """Type, party, account, counterparty, such as Assets:Corner-shop:Receivable:Mill.

    Without a counterparty it ends with NOBODY, which no party is called: an account that has others below it would
    have their balances too.
    """
    other = "NOBODY" if posting.counterparty is None else component(posting.counterparty)
    account = posting.account.capitalize().replace("_", "-")
    return f"{_TYPES.get(posting.account, 'Expenses')}:{component(posting.party)}:{account}:{other}"


def component(party: Party) -> str:
    """A party as a part of an account's name; two parties never have the same.

    Beancount takes letters, digits and hyphens behind a capital or a digit. What has others is written out: X-, and
    each such character as its code point in hexadecimal between hyphens.
    """
    if _PLAIN.fullmatch(party):
        return party[0].upper() + party[1:]
    return "X-" + "".join(
        one if one.isascii() and (one.islower() or one.isdigit()) else f"-{ord(one):x}-" for one in party
    )


def day_of(transaction: Transaction, zone: tzinfo = UTC) -> date:
    """The day on which it counts: when it happened; of what is restated, the first of its window."""
    about, is_restated = transaction.about, transaction.belongs_to_ms < transaction.window_ms
    at_ms = transaction.window_ms if is_restated else about.occurred_at_ms
    return datetime.fromtimestamp(at_ms / 1000, zone).date()


def hledger_journal(transactions: Iterable[Transaction], zone: tzinfo = UTC) -> Iterator[str]:
    """Lines of an hledger journal, for `hledger check` and `hledger balance`; at its end each account's balance."""
    ordered = _by_day(transactions, zone)
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for currency in sorted({posting.currency for _, one in ordered for posting in one.postings}):
        decimals = currency_exponent(currency)
        yield f"commodity 1{'.' + '0' * decimals if decimals else '.'} {currency}"
    for name in _accounts(ordered):
        yield f"account {name}"
    for day, one in ordered:
        yield ""
        yield f"{day:%Y-%m-%d} ({_code(one)}) {_one_line(one.sentence).replace(';', ',')}"
        yield f"    ; {', '.join(f'{name}:{value}' for name, value in _tags(one))}"
        for posting in one.postings:
            sums[account_name(posting), posting.currency] += posting.amount_minor
            yield f"    {account_name(posting)}  {amount_text(posting.amount_minor, posting.currency)}"
    if ordered:
        yield ""
        yield f"{ordered[-1][0]:%Y-%m-%d} balances by the ledger itself"
        for (name, currency), amount in sorted(sums.items()):
            yield f"    {name}  {amount_text(0, currency)} = {amount_text(amount, currency)}"


def beancount_journal(transactions: Iterable[Transaction], zone: tzinfo = UTC) -> Iterator[str]:
    """Lines of a Beancount file, for `bean-check`; at its end each account's balance."""
    ordered = _by_day(transactions, zone)
    sums: dict[tuple[str, str], int] = defaultdict(int)
    if not ordered:
        return
    for name in _accounts(ordered):
        yield f"{ordered[0][0]:%Y-%m-%d} open {name}"
    for day, one in ordered:
        yield ""
        yield f"{day:%Y-%m-%d} * {_quoted(one.sentence)}"
        for name, value in (("entry", _code(one)), *_tags(one)):
            yield f"  {name}: {_quoted(value)}"
        for posting in one.postings:
            sums[account_name(posting), posting.currency] += posting.amount_minor
            yield f"  {account_name(posting)}  {amount_text(posting.amount_minor, posting.currency)}"
    after = ordered[-1][0] + timedelta(days=1)
    yield ""
    for (name, currency), amount in sorted(sums.items()):
        yield f"{after:%Y-%m-%d} balance {name}  {amount_text(amount, currency)}"


def _by_day(transactions: Iterable[Transaction], zone: tzinfo) -> list[tuple[date, Transaction]]:
    return sorted(((day_of(one, zone), one) for one in transactions), key=lambda each: each[0])


def _accounts(ordered: Sequence[tuple[date, Transaction]]) -> list[str]:
    return sorted({account_name(posting) for _, one in ordered for posting in one.postings})


def _code(one: Transaction) -> str:
    return f"{one.posted_position}.{one.sequence}"


def _tags(one: Transaction) -> Iterator[tuple[str, str]]:
    about = one.about
    yield "kind", about.kind
    yield "position", str(one.position)
    yield "agreement", str(one.agreement)
    for name, value in (("order", about.order), ("transfer", about.transfer), ("sku", about.sku)):
        if value is not None:
            yield name, _one_line(value).replace(",", " ")
    if one.corrects is not None:
        yield "corrects", f"{one.corrects[0]}.{one.corrects[1]}"


def _one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _quoted(text: str) -> str:
    return '"' + _one_line(text).replace("\\", "\\\\").replace('"', '\\"') + '"'
