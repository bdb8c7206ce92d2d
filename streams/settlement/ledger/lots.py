"""Goods that stay their owner's at another store: lots, which a keeper sells first, oldest first, and loses last."""

from typing import Any

from schemas.types.agreement import Agreement
from streams.pool.journal.movements import Movement
from streams.settlement.ledger.books import Books
from streams.settlement.ledger.debts import Debt, Rate, debt_of, kept
from streams.settlement.ledger.entries import About, Party, Posting
from streams.settlement.ledger.pieces import Columns, take
from streams.settlement.money import scaled

OWNER, MILLI, VALUE, CURRENCY = range(4)
"""Of a lot: its owner, thousandths, their value when they came, and the currency. While what came waits for a price,
the value is None, and the name of the claim that waits has the place of the currency."""
_LOT, _SOLD = Columns(MILLI, VALUE), Columns(MILLI, VALUE, debt=4)
SOLD_AT_MS = 7
"""What was sold of a lot has behind that what the keeper owes, the version, the transaction, when, and a name."""


def receive_lot(
    books: Books, about: About, owner: Party, keeper: Party, rate: Rate, agreement: Agreement
) -> None:  # fmt: skip
    """Goods of a transfer stay the sender's."""
    place, milli, currency = (keeper, str(about.sku)), about.quantity_milli or 0, agreement["currency"]
    value = sum(rate.parts(milli).values())
    books.lots[place] = [*books.lots.get(place, []), [owner, milli, value, currency]]
    postings = _value(books, owner, value, currency, "goods")
    sentence = f"{keeper} keeps goods of {owner}"
    books.post(about._replace(kind="lot_lent"), agreement["version"], postings, sentence)


def receive_unpriced(books: Books, about: About, owner: Party, keeper: Party, name: tuple[int, int]) -> None:
    """Goods of a transfer stay the sender's; `name` is the claim that waits for their price."""
    place = (keeper, str(about.sku))
    books.lots[place] = [*books.lots.get(place, []), [owner, about.quantity_milli or 0, None, list(name)]]


def value_lot(
    books: Books, name: tuple[int, int], about: About, owner: Party, keeper: Party, rate: Rate, agreement: Agreement
) -> list[list[Any]]:  # fmt: skip
    """Value what came before it had a price, wherever it is now, and return what of it is missing.

    Of what was sold its debt has a claim of its own, and its value has come and gone.
    """
    place, currency = (keeper, str(about.sku)), agreement["currency"]
    piles = [books.sold_lots.get(place, []), books.lost_lots.get(place, []), books.lots.get(place, [])]
    sold, lost, still_kept = (
        [one for one in pile if one[VALUE] is None and one[CURRENCY] == list(name)] for pile in piles
    )
    value, milli = sum(rate.parts(about.quantity_milli or 0).values()), about.quantity_milli or 0
    for piece in (*sold, *lost, *still_kept):
        rest = scaled(value, milli - piece[MILLI], milli)
        piece[VALUE], piece[CURRENCY] = value - rest, currency
        value, milli = rest, milli - piece[MILLI]
    postings = _value(books, owner, sum(one[VALUE] for one in (*lost, *still_kept)), currency, "goods")
    sentence = f"{keeper} keeps goods of {owner}"
    books.post(about._replace(kind="lot_lent"), agreement["version"], postings, sentence, position=name[0])
    books.sold_lots.note(place, sold)
    _put(books.lost_lots, place, piles[1])
    _put(books.lots, place, piles[2])
    return lost


def sell_lots(books: Books, move: Movement, milli: int) -> None:
    """The keeper sold so much: what it keeps of others goes first."""
    place, at_ms = (move.store, move.sku), move.occurred_at_ms
    lots = books.lots.get(place, [])
    agreement = books.agreement_at(at_ms)
    version = 0 if agreement is None else agreement["version"]
    for part in take(lots, milli, _LOT, oldest_first=True):
        owner, sold_milli, value, currency = part
        about = About("lot_sold", at_ms, move.store, move.order, None, move.sku, sold_milli)
        if value is not None:
            _lend(books, about, version, owner, -value, currency, f"{move.store} sold goods of {owner}")
        price = _price(books, about, part, move.store, agreement)
        books.sold_lots.append(place, [*part, *price, at_ms, books.name_of_piece()])
    _put(books.lots, place, lots)


def return_lots(books: Books, move: Movement, milli: int) -> None:
    """So much came back to the keeper's shelf: what was taken of lots last is there again, at its price."""
    place = (move.store, move.sku)
    lots, taken = books.lots.get(place, []), take(books.sold_lots.get(place, []), milli, _SOLD)
    for owner, back, value, currency, debt, version, at, *_ in taken:
        about = About("lot_returned", move.occurred_at_ms, move.store, move.order, None, move.sku, back)
        if debt is not None:
            sentence = f"{move.store} did not sell goods of {owner} after all"
            books.owe(about, version, debt_of(debt).negated(), sentence, tuple(at))
        elif at is not None:
            books.waits_no_more(tuple(at), back)
        if value is not None:
            _lend(books, about, version, owner, value, currency, f"{move.store} keeps goods of {owner} again")
        lots.insert(0, [owner, back, value, currency])
    _put(books.lots, place, lots)
    books.sold_lots.note(place, taken)


def lose_lots(books: Books, move: Movement, milli: int) -> list[list[Any]]:
    """Take lost goods off the lots, newest first, and return them."""
    place = (move.store, move.sku)
    lots = books.lots.get(place, [])
    lost = take(lots, milli, _LOT)
    _put(books.lots, place, lots)
    return lost


def post_loss(books: Books, about: About, part: list[Any], position: int) -> None:
    """The value of lost goods is their owner's loss for now."""
    postings = _value(books, part[OWNER], -part[VALUE], part[CURRENCY], "shrink")
    sentence = f"Goods of {part[OWNER]} are missing at {about.store}"
    books.post(about, 0, postings, sentence, position=position)


def find_lot(books: Books, move: Movement, part: list[Any]) -> None:
    """Lost goods are there after all."""
    place = (move.store, move.sku)
    books.lots[place] = [*books.lots.get(place, []), part[:4]]
    if part[VALUE] is None:
        return
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
    books.sold_lots.note(place, (sold[at],))


def _price(
    books: Books, about: About, part: list[Any], keeper: str, agreement: Agreement | None
) -> tuple[list[Any] | None, int, list[int]]:
    rate = books.rate(str(about.sku), part[MILLI], agreement)
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


def _put(table: dict[tuple[str, str], list[Any]], place: tuple[str, str], rows: list[Any]) -> None:
    if rows:
        table[place] = rows
    elif place in table:
        del table[place]
