"""The end of a settlement window: the fund is made even, premiums are due, and what is long over is forgotten."""

from typing import Any

from streams.settlement.ledger.books import OPEN_END, Books
from streams.settlement.ledger.debts import Debt
from streams.settlement.ledger.entries import FUND, INSURER, About
from streams.settlement.ledger.lots import SOLD_AT_MS
from streams.settlement.ledger.orders import is_over
from streams.settlement.ledger.tables import RowTable
from streams.settlement.money import scaled, shares

DAY_MS = 86_400_000
_CLOSED_AT_ONCE = 1_000
"""Windows that one tick closes, however far the clock leaps."""
_KEPT_MS = 40 * DAY_MS
"""How long sold lots are known at least; goods that come back later, and no revision brings, are the keeper's own."""


def tick(books: Books, clock_ms: int) -> None:
    """The pool's time goes on; windows close whose end, and delay, is over: so many at most, the next tick goes on."""
    books.pass_time(clock_ms)
    if not books.agreements:
        return
    for _ in range(_CLOSED_AT_ONCE):
        start, end = books.open_window(books.clock_ms)
        agreement = books.agreement_at(start) or books.agreement_at(end - 1)
        delay_ms = 0 if agreement is None else agreement["window"]["closing_delay_ms"]
        if books.clock_ms < end + delay_ms:
            return
        _close(books, end, 0 if agreement is None else agreement["version"])


def _close(books: Books, end_ms: int, version: int) -> None:
    _even_the_fund(books, end_ms, version)
    _take_premiums(books, end_ms, version)
    _forget(books, end_ms)
    books.close_window(version)
    assert books.times[OPEN_END] > end_ms


def _even_the_fund(books: Books, end_ms: int, version: int) -> None:
    """What the fund paid in the window is borne by the members by their share of sales."""
    sold, paid = _taken(books.sales, end_ms), _taken(books.fund, end_ms)
    weights = sold or dict.fromkeys(books.stores, 1)
    for currency, net in paid.items():
        for member, part in shares(-net, weights).items() if weights else ():
            about = About("fund_share", end_ms - 1, member)
            debt = Debt(FUND, member, currency, {"fund": part})
            books.owe(about, version, debt, f"{member}'s share of what the fund paid in this window")
    _taken(books.fund, end_ms)  # the shares themselves
    if not weights:
        books.fund.put_all({(end_ms, currency): net for currency, net in paid.items() if net})


def _taken(sums: RowTable[tuple[int, str], int], end_ms: int) -> dict[str, int]:
    """Take the sums of windows until `end_ms` off a table: those of what is told ahead of the next ones stay."""
    found: dict[str, int] = {}
    for key in sorted(key for key in sums if key[0] < end_ms):
        found[key[1]] = found.get(key[1], 0) + sums.pop(key)
    return found


def _take_premiums(books: Books, end_ms: int, version: int) -> None:
    agreement = next((one for one in books.agreements.values() if one["version"] == version), None)
    for owner, (lent, since_ms, accrued) in sorted(books.exposures.items()):
        until_ms = max(end_ms, since_ms)
        whole = accrued + lent * (until_ms - since_ms)
        if agreement is not None and agreement["insurance"]["premium_ppm_per_day"]:
            rate = agreement["insurance"]["premium_ppm_per_day"]
            amount = scaled(whole, rate, 1_000_000 * DAY_MS, agreement["rounding"])
            debt = Debt(INSURER, owner, agreement["currency"], {"insurance": amount})
            books.owe(About("premium", end_ms - 1, owner), version, debt, f"Premium for goods that {owner} lent")
        if lent:
            books.exposures[owner] = [lent, until_ms, 0]
        else:
            del books.exposures[owner]


def _forget(books: Books, end_ms: int) -> None:
    """Orders that are over, and sold lots that no revision reaches."""
    for order, row in list(books.orders.items()):
        if is_over(books, row, end_ms) and not _waits(books, row):
            del books.orders[order]
    since_ms = min(end_ms - _KEPT_MS, books.remembered_since_ms)
    for place, sold in list(books.sold_lots.items()):
        rest = [piece for piece in sold if piece[SOLD_AT_MS] > since_ms or piece[4] is None]
        if len(rest) < len(sold):
            books.sold_lots[place] = rest


def _waits(books: Books, row: dict[str, Any]) -> bool:
    """Goods of the order, or of a return to it, wait for a price that may come."""
    names = [tuple(name) for back in row["returns"] for name in back["waits"]]
    return any(piece[1] is None for pieces in row["pieces"].values() for piece in pieces["parts"]) or any(
        books.unpriced[name]["claim"] != "none" for name in names
    )
