"""Goods that stay their owner's at another store: lots, which a keeper sells first, oldest first, and loses last."""

from typing import Any

from schemas.types.agreement import Agreement
from streams.pool.journal.movements import Movement
from streams.settlement.ledger.books import Books
from streams.settlement.ledger.debts import Debt, Rate, debt_of, kept
from streams.settlement.ledger.entries import About, Posting
from streams.settlement.money import scaled

OWNER, MILLI, VALUE, CURRENCY = range(4)
"""Of a lot: its owner, thousandths, their value when they came, and the currency."""


def receive_lot(books: Books, move: Movement, rate: Rate, agreement: Agreement) -> None:
    """Goods of a transfer stay the sender's."""
    keeper, owner, milli = move.store, str(move.counterparty_store), move.quantity_milli
    value = sum(rate.parts(milli).values())
    lots = books.lots.get((keeper, move.sku), [])
    lots.append([owner, milli, value, agreement["currency"]])
    books.lots[keeper, move.sku] = lots
    about = About("lot_lent", move.occurred_at_ms, keeper, None, move.transfer, move.sku, milli)
    _lend(books, about, agreement["version"], owner, value, agreement["currency"], f"{keeper} keeps goods of {owner}")


def sell_lots(books: Books, move: Movement, milli: int) -> None:
    """The keeper sold so much: what it keeps of others goes first."""
    place = (move.store, move.sku)
    lots, sold = books.lots.get(place, []), books.sold_lots.get(place, [])
    agreement = books.agreement_at(move.occurred_at_ms)
    for part in _take(lots, milli, newest_first=False):
        about = About("lot_sold", move.occurred_at_ms, move.store, move.order, None, move.sku, part[MILLI])
        version = 0 if agreement is None else agreement["version"]
        _lend(
            books,
            about,
            version,
            part[OWNER],
            -part[VALUE],
            part[CURRENCY],
            f"{move.store} sold goods of {part[OWNER]}",
        )
        sold.append([*part, *_price(books, about, part, move.store, agreement), move.occurred_at_ms])
    _put(books.lots, place, lots)
    _put(books.sold_lots, place, sold)


def return_lots(books: Books, move: Movement, milli: int) -> None:
    """So much came back to the keeper's shelf: what was taken of lots last is there again, at its price."""
    place = (move.store, move.sku)
    lots, sold = books.lots.get(place, []), books.sold_lots.get(place, [])
    while milli and sold:
        owner, of_milli, value, currency, debt, version, at, _ = piece = sold.pop()
        back = min(milli, of_milli)
        milli -= back
        part_value = value - scaled(value, of_milli - back, of_milli)
        gone = None if debt is None else debt_of(debt).part(back, of_milli)
        if back < of_milli:
            rest = None if debt is None or gone is None else kept(debt_of(debt).less(gone))
            sold.append([owner, of_milli - back, value - part_value, currency, rest, version, at, piece[-1]])
        about = About("lot_returned", move.occurred_at_ms, move.store, move.order, None, move.sku, back)
        if gone is not None:
            sentence = f"{move.store} did not sell goods of {owner} after all"
            books.owe(about, version, gone.negated(), sentence, tuple(at))
        elif at is not None:
            books.unpriced.pop(tuple(at), None)
            books.step.priced.append(tuple(at))
        _lend(books, about, version, owner, part_value, currency, f"{move.store} keeps goods of {owner} again")
        lots.insert(0, [owner, back, part_value, currency])
    _put(books.lots, place, lots)
    _put(books.sold_lots, place, sold)


def lose_lots(books: Books, move: Movement, milli: int) -> list[list[Any]]:
    """Take lost goods off the lots, newest first, and return them; their value is their owners' loss for now."""
    place = (move.store, move.sku)
    lots = books.lots.get(place, [])
    lost = _take(lots, milli, newest_first=True)
    for part in lost:
        about = About("shrink", move.occurred_at_ms, move.store, None, None, move.sku, part[MILLI])
        postings = _value(books, part[OWNER], -part[VALUE], part[CURRENCY], "shrink")
        books.post(about, 0, postings, f"Goods of {part[OWNER]} are missing at {move.store}")
    _put(books.lots, place, lots)
    return lost


def find_lot(books: Books, move: Movement, part: list[Any]) -> None:
    """Lost goods are there after all."""
    place = (move.store, move.sku)
    books.lots[place] = [*books.lots.get(place, []), part[:4]]
    about = About("shrink", move.occurred_at_ms, move.store, None, None, move.sku, -part[MILLI])
    postings = _value(books, part[OWNER], part[VALUE], part[CURRENCY], "shrink")
    books.post(about, 0, postings, f"Goods of {part[OWNER]} were found at {move.store}")


def kept_milli(books: Books, store: str, sku: str) -> int:
    """Thousandths of others' goods on a store's shelf."""
    return sum(lot[MILLI] for lot in books.lots.get((store, sku), ()))


def price_lot(books: Books, name: tuple[int, int], claim: dict[str, Any], about: About, rate: Rate) -> None:
    """Post what a keeper owes for goods that it sold before they had a price."""
    place = (str(about.store), str(about.sku))
    sold = books.sold_lots[place]
    at = next(number for number, piece in enumerate(sold) if piece[4] is None and piece[6] and tuple(piece[6]) == name)
    agreement = books.agreement_at(about.occurred_at_ms)
    assert agreement is not None  # a rate comes from one
    debt = Debt(sold[at][OWNER], str(about.store), agreement["currency"], rate.parts(sold[at][MILLI]))
    posted = books.owe(
        about, agreement["version"], debt, f"{about.store} sold goods of {claim['owner']}", position=name[0]
    )
    sold[at][4:7] = [kept(debt), agreement["version"], list(posted)]
    books.sold_lots[place] = sold


def _price(
    books: Books, about: About, part: list[Any], keeper: str, agreement: Agreement | None
) -> tuple[list[Any] | None, int, list[int]]:
    rate = books.rate(str(about.sku), agreement)
    if isinstance(rate, str) or agreement is None:
        name = books.wait_for_price(
            rate if isinstance(rate, str) else "no_agreement", about, {"claim": "lot", "owner": part[OWNER]}
        )
        return None, 0, list(name)
    debt = Debt(part[OWNER], keeper, agreement["currency"], rate.parts(part[MILLI]))
    at = books.owe(about, agreement["version"], debt, f"{keeper} owes {part[OWNER]} for its goods")
    return kept(debt), agreement["version"], list(at)


def _lend(books: Books, about: About, version: int, owner: str, value: int, currency: str, sentence: str) -> None:
    books.post(about, version, _value(books, owner, value, currency, "goods"), sentence)


def _value(books: Books, owner: str, value: int, currency: str, against: str) -> list[Posting]:
    """Move value between what an owner has lent and another of its accounts; what is lent accrues a premium."""
    lent, since_ms, accrued = books.exposures.get(owner, [0, books.clock_ms, 0])
    now_ms = max(books.clock_ms, since_ms)
    books.exposures[owner] = [lent + value, now_ms, accrued + lent * (now_ms - since_ms)]
    return [
        Posting(owner, "stock_lent", None, value, currency),
        Posting(owner, against, None, -value, currency),  # type: ignore[arg-type]  # goods or shrink
    ]


def _take(lots: list[Any], milli: int, *, newest_first: bool) -> list[list[Any]]:
    """Up to `milli` off the lots; a lot that is more is divided, its value with it."""
    taken = []
    while milli and lots:
        at = -1 if newest_first else 0
        lot = lots[at]
        part = min(milli, lot[MILLI])
        value = lot[VALUE] - scaled(lot[VALUE], lot[MILLI] - part, lot[MILLI])
        taken.append([lot[OWNER], part, value, lot[CURRENCY]])
        milli -= part
        if part == lot[MILLI]:
            lots.pop(at)
        else:
            lots[at] = [lot[OWNER], lot[MILLI] - part, lot[VALUE] - value, lot[CURRENCY]]
    return taken


def _put(table: dict[tuple[str, str], list[Any]], place: tuple[str, str], rows: list[Any]) -> None:
    if rows:
        table[place] = rows
    elif place in table:
        del table[place]
