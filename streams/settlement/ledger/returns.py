"""Goods of orders that customers bring back, to whatever store: the refund, and whose they are then."""

from typing import Any

from schemas.types.agreement import Agreement
from streams.pool.journal.movements import Movement
from streams.settlement.ledger.books import Books
from streams.settlement.ledger.debts import Debt, Rate, debt_of, kept
from streams.settlement.ledger.entries import AMOUNT_MAX_MINOR, About, Party, UnpricedReason
from streams.settlement.ledger.orders import PLACE, party_of

RETURNS = ("return", "return_not_restocked")


def settle_return(books: Books, move: Movement) -> None:
    """Post a return line that names an order, or take it back when a revision does."""
    row = books.orders.get(str(move.order))
    if row is None:
        return
    if move.is_undone:
        _undo(books, row, move)
    else:
        left = move.quantity_milli
        for place in sorted(row["pieces"], key=lambda place: (place.rpartition(PLACE)[2] != move.store, place)):
            if row["pieces"][place]["sku"] == move.sku and left:
                milli = min(left, _not_returned(row, place))
                left -= milli
                if milli:
                    _bring_back(books, row, place, move, milli)
    books.orders[row["order"]] = row


def _not_returned(row: dict[str, Any], place: str) -> int:
    given: int = sum(piece[0] for piece in row["pieces"][place]["parts"])
    back: int = sum(one["milli"] for one in row["returns"] if one["place"] == place)
    return given - back


def _bring_back(books: Books, row: dict[str, Any], place: str, move: Movement, milli: int) -> None:
    agreement = books.agreement_at(move.occurred_at_ms)
    giving_store = place.rpartition(PLACE)[2]
    giver, taker = party_of(giving_store), party_of(move.store)
    seller = row["selling"] or giver
    back: dict[str, Any] = {
        "place": place,
        "store": move.store,
        "sku": move.sku,
        "milli": milli,
        "debts": [],
        "waits": [],
    }
    row["returns"].append(back)
    about = About("refund", move.occurred_at_ms, move.store, row["order"], None, move.sku, milli)
    if agreement is None:
        back["waits"].append(list(books.wait_for_price("no_agreement", about, {"claim": "none"})))
        return
    paid = seller if agreement["customer_pays"] == "selling" else giver
    if paid != taker:
        refund = _refund(books, move, milli, agreement)
        if isinstance(refund, str):
            claim = {
                "claim": "refund" if refund in ("no_price", "too_large") else "none",
                "paid": paid,
                "order": row["order"],
            }
            back["waits"].append(list(books.wait_for_price(refund, about, claim)))
        else:
            _pay_back(books, back, about, paid, refund, agreement)
    owner = seller
    if giver != seller and "fulfilling" in (agreement["returns_to"], agreement["customer_pays"]):
        owner = giver
        for gone in _posted_part(row, place, milli):
            _owe(books, back, about._replace(kind="return"), agreement, gone.negated(),
                 f"Goods of order {row['order']} are {giver}'s again")  # fmt: skip
    if move.cause == "return" and owner != taker:
        rate = books.rate(move.sku, milli, agreement)
        about = about._replace(kind="return")
        if isinstance(rate, str):
            claim = {"claim": "return", "owner": owner, "taker": taker, "order": row["order"]}
            back["waits"].append(list(books.wait_for_price(rate, about, claim)))
        else:
            _owe(books, back, about, agreement, Debt(owner, taker, agreement["currency"], rate.parts(milli)),
                 f"{move.store} has goods of {owner} on its shelf that a customer brought back")  # fmt: skip


def price_return(
    books: Books, name: tuple[int, int], claim: dict[str, Any], about: About, rate: Rate, agreement: Agreement
) -> None:
    """Post whose goods they are again that waited for their price."""
    row, back = _waiting(books, name, claim)
    debt = Debt(claim["owner"], claim["taker"], agreement["currency"], rate.parts(about.quantity_milli or 0))
    _owe(books, back, about, agreement, debt,
         f"{about.store} has goods of {claim['owner']} on its shelf that a customer brought back", name[0])  # fmt: skip
    books.orders[claim["order"]] = row


def price_refund(
    books: Books, name: tuple[int, int], claim: dict[str, Any], about: About, amount_minor: int, agreement: Agreement
) -> None:
    """Post a refund that waited for the catalogue's price."""
    row, back = _waiting(books, name, claim)
    _pay_back(books, back, about, claim["paid"], amount_minor, agreement, name[0])
    books.orders[claim["order"]] = row


def _waiting(books: Books, name: tuple[int, int], claim: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The order's row, and its return that waits for a price so named, and waits no more."""
    row = books.orders[claim["order"]]
    back = next(one for one in row["returns"] if list(name) in one["waits"])
    back["waits"].remove(list(name))
    return row, back


def _pay_back(
    books: Books, back: dict[str, Any], about: About, paid: Party, amount_minor: int, agreement: Agreement,
    position: int | None = None,
) -> None:  # fmt: skip
    debt = Debt(party_of(str(about.store)), paid, agreement["currency"], {"refunds": amount_minor})
    sentence = f"{about.store} paid a customer of {paid} back for order {about.order}"
    _owe(books, back, about, agreement, debt, sentence, position)


def _posted_part(row: dict[str, Any], place: str, milli: int) -> list[Debt]:
    """What was posted for the newest `milli` that have not come back yet."""
    already = sum(one["milli"] for one in row["returns"][:-1] if one["place"] == place)
    parts = []
    for piece in reversed(row["pieces"][place]["parts"]):
        skipped = min(already, piece[0])
        already -= skipped
        here = min(milli, piece[0] - skipped)
        milli -= here
        if here and piece[1] is not None:
            debt = debt_of(piece[1])
            parts.append(debt.part(skipped + here, piece[0]).less(debt.part(skipped, piece[0])))
    return parts


def _refund(books: Books, move: Movement, milli: int, agreement: Agreement) -> int | UnpricedReason:
    """What the till's line says, of the part that was the order's, else the catalogue's price; or why there is none."""
    own = books.currency.get("currency", agreement["currency"])
    if agreement["currency"] != own or (move.price_minor is not None and move.currency not in (None, own)):
        return "other_currency"
    if move.is_kit_part:
        return "kit_price"
    if move.price_minor is None:
        retail = books.retail_minor(move.sku, milli)
        if retail is not None and abs(retail) > AMOUNT_MAX_MINOR:
            return "too_large"
        return "no_price" if retail is None else retail
    return Debt("", "-", "", {"refunds": abs(move.price_minor)}).part(milli, move.quantity_milli).parts["refunds"]


def _owe(
    books: Books, back: dict[str, Any], about: About, agreement: Agreement, debt: Debt, sentence: str,
    position: int | None = None,
) -> None:  # fmt: skip
    if debt.is_nothing:
        return
    at = books.owe(about, agreement["version"], debt, sentence, position=position)
    back["debts"].append([about.kind, kept(debt), agreement["version"], list(at)])


def _undo(books: Books, row: dict[str, Any], move: Movement) -> None:
    """A revision says that so much did not come back: the newest returns there are taken back."""
    left = abs(move.quantity_milli)
    for at in range(len(row["returns"]) - 1, -1, -1):
        back = row["returns"][at]
        if back["store"] != move.store or back["sku"] != move.sku or not left:
            continue
        part = min(left, back["milli"])
        left -= part
        for waiting in back["waits"]:
            books.waits_no_more(tuple(waiting), part)
        rest = []
        for kind, row_debt, version, name in back["debts"]:
            debt = debt_of(row_debt)
            gone = debt.part(part, back["milli"])
            about = About(kind, move.occurred_at_ms, move.store, row["order"], None, move.sku, -part)
            sentence = f"The return at {move.store} of order {row['order']} was taken back"
            books.owe(about, version, gone.negated(), sentence, tuple(name))
            rest.append([kind, kept(debt.less(gone)), version, name])
        if part == back["milli"]:
            row["returns"].pop(at)
        else:
            back |= {"milli": back["milli"] - part, "debts": rest}
