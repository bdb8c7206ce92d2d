"""Goods that move between stores, or go missing: transfers, losses on the way, losses from a shelf."""

from typing import Any

from schemas.types.agreement import Agreement
from streams.pool.journal.movements import Movement
from streams.settlement.ledger import lots
from streams.settlement.ledger.books import Books
from streams.settlement.ledger.debts import Debt, Rate, debt_of, kept
from streams.settlement.ledger.entries import FUND, About, Party, Posting
from streams.settlement.ledger.orders import party_of
from streams.settlement.ledger.pieces import Columns, take
from streams.settlement.money import scaled

_SOLD = ("sale", "collected", "return", "void")
_MISSING = ("theft", "damage")
_SPOILT = ("waste", "expiry", "damage", "theft", "other")
_COUNTED = ("counted", "level")
_LOST, _IN_TRANSIT = Columns(lots.MILLI, lots.VALUE, debt=4), Columns(0, 1, debt=2)
_AT = 6
"""Of a loss from a shelf, behind what a lot has, the debt and the version: the transaction, or the claim that waits for
a price while there is no debt."""


def settle_movement(books: Books, move: Movement) -> None:
    """Post what follows from goods that moved; orders' goods are settled by the order."""
    if move.cause == "transfer_in" and move.quantity_milli > 0:
        _receive(books, move)
    elif move.cause in ("lost_in_transit", "damaged_in_transit"):
        _lose_in_transit(books, move)
    elif move.books_milli:
        if move.cause in _SOLD or (move.is_undone and move.cause != "revised"):
            _sell(books, move)
        elif move.cause in _COUNTED or move.cause in ("damaged", "adjusted", "revised"):
            _miss(books, move)
    if move.books_milli:
        books.shelves.add((move.store, move.sku), move.books_milli)


def _receive(books: Books, move: Movement) -> None:
    agreement = books.agreement_at(move.occurred_at_ms)
    giver, taker = party_of(str(move.counterparty_store)), party_of(move.store)
    about = About("transfer", move.occurred_at_ms, move.store, None, move.transfer, move.sku, move.quantity_milli)
    rate = books.rate(move.sku, move.quantity_milli, agreement)
    if isinstance(rate, str) or agreement is None:
        claim = {"claim": "transfer", "giver": giver, "taker": taker}
        name = books.wait_for_price(rate if isinstance(rate, str) else "no_agreement", about, claim)
        if agreement is not None and agreement["ownership"] == "owner":
            lots.receive_unpriced(books, about, giver, taker, name)
    elif agreement["ownership"] == "owner":
        lots.receive_lot(books, about, giver, taker, rate, agreement)
    else:
        _buy(books, books.position, about, giver, taker, rate, agreement)


def price_transfer(
    books: Books, name: tuple[int, int], claim: dict[str, Any], about: About, rate: Rate, agreement: Agreement
) -> None:
    """Post a transfer that waited for its price, and what was lost of it meanwhile."""
    giver, taker = claim["giver"], claim["taker"]
    if agreement["ownership"] != "owner":
        _buy(books, name[0], about, giver, taker, rate, agreement)
        return
    for piece in lots.value_lot(books, name, about, giver, taker, rate, agreement):
        waited = tuple(piece[_AT])
        lost = About(*books.unpriced[waited]["about"])
        piece[_AT - 2 :] = _lose(books, lost, piece, books.agreement_at(lost.occurred_at_ms), waited[0])
        books.end_claim(waited)


def _buy(
    books: Books, position: int, about: About, giver: Party, taker: Party, rate: Rate, agreement: Agreement
) -> None:  # fmt: skip
    debt = Debt(giver, taker, agreement["currency"], rate.parts(about.quantity_milli or 0))
    sentence = f"{taker} received goods of {giver} by transfer {about.transfer}"
    books.owe(about, agreement["version"], debt, sentence, position=position)


def _sell(books: Books, move: Movement) -> None:
    if move.books_milli < 0 and (move.store, move.sku) in books.lots:
        lots.sell_lots(books, move, -move.books_milli)
    elif move.books_milli > 0 and (move.store, move.sku) in books.sold_lots:
        lots.return_lots(books, move, move.books_milli)


# --- losses ----------------------------------------------------------------------------------------------------


def _lose_in_transit(books: Books, move: Movement) -> None:
    """Above zero comes what had been lost and is there after all."""
    key = (str(move.transfer), move.sku)
    pieces = books.in_transit.get(key, [])
    if move.quantity_milli > 0:
        for milli, value, row_debt, version, at in take(pieces, move.quantity_milli, _IN_TRANSIT):
            if row_debt is None:
                books.waits_no_more(tuple(at), milli)
                continue
            about = About("transit_loss", move.occurred_at_ms, move.store, None, move.transfer, move.sku, -milli)
            sentence = f"Goods of transfer {move.transfer} are not lost after all"
            debt = debt_of(row_debt).negated()
            books.post(about, version, _sender_loses(debt, -value), sentence, corrects=tuple(at))
    else:
        pieces.append(_bear_transit_loss(books, move, -move.quantity_milli))
    if pieces:
        books.in_transit[key] = pieces
    else:
        books.in_transit.pop(key, None)


def _bear_transit_loss(books: Books, move: Movement, milli: int) -> list[Any]:
    agreement = books.agreement_at(move.occurred_at_ms)
    sender, receiver = party_of(str(move.counterparty_store)), party_of(move.store)
    about = About("transit_loss", move.occurred_at_ms, move.store, None, move.transfer, move.sku, milli)
    if agreement is None:
        return [milli, None, None, 0, list(books.wait_for_price("no_agreement", about, {"claim": "none"}))]
    rate = books.rate(move.sku, milli, agreement)
    if isinstance(rate, str):
        claim = {"claim": "transit", "sender": sender, "receiver": receiver}
        return [milli, None, None, 0, list(books.wait_for_price(rate, about, claim))]
    return _post_transit_loss(books, books.position, about, sender, receiver, rate, agreement)


def price_transit_loss(
    books: Books, name: tuple[int, int], claim: dict[str, Any], about: About, rate: Rate, agreement: Agreement
) -> None:
    """Post a loss on the way that waited for its price."""
    key = (str(about.transfer), str(about.sku))
    pieces = books.in_transit[key]
    at = next(number for number, piece in enumerate(pieces) if piece[2] is None and piece[4] == list(name))
    pieces[at] = _post_transit_loss(books, name[0], about, claim["sender"], claim["receiver"], rate, agreement)
    books.in_transit[key] = pieces


def _post_transit_loss(
    books: Books, position: int, about: About, sender: Party, receiver: Party, rate: Rate, agreement: Agreement
) -> list[Any]:  # fmt: skip
    """Post a loss on the way whose value is known, and return the piece to remember.

    Until they are received goods are the sender's, and so is their loss, less what another owes for it.
    """
    value, bearer = sum(rate.parts(about.quantity_milli or 0).values()), agreement["transit_loss"]
    debtor, amount = {
        "sender": (sender, 0),
        "receiver": (receiver, value),
        "half": (receiver, scaled(value, 1, 2, agreement["rounding"])),
        "fund": (FUND, _covered(value, agreement)),
    }[bearer]
    debt = Debt(sender, debtor, agreement["currency"], {"shrink": amount})
    sentence = (
        f"Goods of transfer {about.transfer} were lost: {debtor} bears {'half of them' if bearer == 'half' else 'them'}"
    )
    at = books.post(about, agreement["version"], _sender_loses(debt, value), sentence, position=position)
    return [about.quantity_milli, value, kept(debt), agreement["version"], list(at)]


def _sender_loses(debt: Debt, value: int) -> list[Posting]:
    """The creditor of a debt has lost goods of that value, for which it is owed so much."""
    own = [
        Posting(debt.creditor, "shrink", None, value, debt.currency),
        Posting(debt.creditor, "goods", None, -value, debt.currency),
    ]
    return [*own, *debt.postings()]


def _miss(books: Books, move: Movement) -> None:
    """A count, or a report, says that goods are gone, or that there are more."""
    place = (move.store, move.sku)
    if move.books_milli > 0:
        _find(books, move, place)
        return
    is_counted = move.cause in _COUNTED or move.cause == "damaged"
    if not is_counted and move.reason not in _SPOILT:
        return
    missing = -move.books_milli
    others = lots.kept_milli(books, *place)
    own = max(books.shelves.get(place, 0) - others, 0)
    agreement = books.agreement_at(move.occurred_at_ms)
    found = books.lost_lots.get(place, [])
    for part in lots.lose_lots(books, move, max(missing - own, 0)) if others else ():
        about = About("shrink", move.occurred_at_ms, move.store, None, None, move.sku, part[lots.MILLI])
        if part[lots.VALUE] is None:
            reason = books.unpriced[tuple(part[lots.CURRENCY])]["reason"]
            found.append([*part, None, 0, list(books.wait_for_price(reason, about, {"claim": "lost_lot"}))])
        else:
            found.append([*part, *_lose(books, about, part, agreement, books.position)])
    if agreement is not None and agreement["shrink"]["bearer"] == "fund" and agreement["shrink"]["covers"] == "all":
        mine = min(missing, own)
        if mine and (is_counted or move.reason in _MISSING):
            found.append(_bear_own(books, move, mine, agreement))
    if found:
        books.lost_lots[place] = found


def _lose(
    books: Books, about: About, part: list[Any], agreement: Agreement | None, position: int
) -> tuple[list[Any] | None, int, list[int] | None]:
    """Post the loss of others' goods, and what somebody else owes their owner for it."""
    lots.post_loss(books, about, part, position)
    if agreement is None or agreement["shrink"]["bearer"] == "owner":
        return None, 0, None
    owner, value = part[lots.OWNER], part[lots.VALUE]
    is_fund = agreement["shrink"]["bearer"] == "fund"
    debtor, amount = (FUND, _covered(value, agreement)) if is_fund else (str(about.store), value)
    debt = Debt(owner, debtor, part[lots.CURRENCY], {"shrink": amount})
    sentence = f"{debtor} bears goods of {owner} that are missing at {about.store}"
    at = books.owe(about, agreement["version"], debt, sentence, position=position)
    return kept(debt), agreement["version"], list(at)


def _bear_own(books: Books, move: Movement, milli: int, agreement: Agreement) -> list[Any]:
    rate = books.rate(move.sku, milli, agreement)
    about = About("shrink", move.occurred_at_ms, move.store, None, None, move.sku, milli)
    if isinstance(rate, str):
        return [None, milli, None, None, None, 0, list(books.wait_for_price(rate, about, {"claim": "own_loss"}))]
    return _post_own_loss(books, books.position, about, rate, agreement)


def price_own_loss(books: Books, name: tuple[int, int], about: About, rate: Rate, agreement: Agreement) -> None:
    """Post what the fund pays for goods that waited for their price."""
    place = (str(about.store), str(about.sku))
    pieces = books.lost_lots[place]
    at = next(number for number, piece in enumerate(pieces) if piece[_AT - 2] is None and piece[_AT] == list(name))
    pieces[at] = _post_own_loss(books, name[0], about, rate, agreement)
    books.lost_lots[place] = pieces


def _post_own_loss(books: Books, position: int, about: About, rate: Rate, agreement: Agreement) -> list[Any]:
    """Post what the fund pays a member for goods of its own, and return the piece to remember."""
    store, milli = str(about.store), about.quantity_milli or 0
    value = sum(rate.parts(milli).values())
    debt = Debt(store, FUND, agreement["currency"], {"shrink": _covered(value, agreement)})
    at = books.owe(
        about, agreement["version"], debt, f"The fund bears goods that are missing at {store}", position=position
    )
    return [None, milli, value, agreement["currency"], kept(debt), agreement["version"], list(at)]


def _find(books: Books, move: Movement, place: tuple[str, str]) -> None:
    """What was missing last is there again, and nobody owes for it any more."""
    found = books.lost_lots.get(place, [])
    for owner, back, value, currency, debt, version, at in take(found, move.books_milli, _LOST):
        if debt is not None:
            about = About("shrink", move.occurred_at_ms, move.store, None, None, move.sku, -back)
            sentence = f"Goods that were missing at {move.store} were found"
            books.owe(about, version, debt_of(debt).negated(), sentence, tuple(at))
        elif at is not None:
            books.waits_no_more(tuple(at), back)
        if owner is not None:
            lots.find_lot(books, move, [owner, back, value, currency])
    if found:
        books.lost_lots[place] = found
    else:
        books.lost_lots.pop(place, None)


def _covered(value: int, agreement: Agreement) -> int:
    rule = agreement["shrink"]
    return min(max(value - rule["deductible_minor"], 0), rule["cap_minor"])
