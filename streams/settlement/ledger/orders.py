"""Goods of orders: what the store that sold owes the stores that hand over, and what a return takes back."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from schemas.types.agreement import Agreement
from schemas.types.orders import Hold, OrderRow
from schemas.types.settlement import TransactionKind
from schemas.types.stock import Correction
from streams.pool.journal.elsewhere import is_elsewhere
from streams.settlement.ledger.books import NOT_POSTED, OPEN_START, Books
from streams.settlement.ledger.debts import Debt, Rate, debt_of, kept
from streams.settlement.ledger.entries import About, Party, UnpricedReason
from streams.settlement.ledger.pieces import Columns, take
from streams.settlement.money import scaled

_PART = Columns(0, debt=1)
"""A part of an order's goods: thousandths, the debt, its rate, the agreement's version, the transaction."""
_ENDS: Final = ("ended_at_ms", "forget_at_ms", "told_at_ms")
"""When an order ended, until when the pool keeps it, and when it was told of it last, ms since 1970 UTC."""
PLACE = "|"
"""Between an item and its store in a row's key; no store has it in its id."""


def party_of(store: str) -> Party:
    """The party that answers for a store: the store, or the pool that lends its goods."""
    return f"@pool:{store.rpartition('@')[2]}" if is_elsewhere(store) else store


def settle_order(books: Books, order: OrderRow, at_ms: int, corrections: Iterable[Correction] = ()) -> None:
    """Post by how much of the order more, or less, has left the shelves for the customer than was posted.

    corrections: of the books, when the entry is a report that goods were handed over.
    """
    row = _known(books, order)
    if row is None:
        if all(hold["state"] != "picked" and not _has_left(hold) for hold in order["holds"]):
            return
        if is_over(books, order, books.times.get(OPEN_START, 0)):
            return
        row = _new_row(order)
    for one in corrections:
        if one["kind"] == "collected":
            place = f"{one['sku']}{PLACE}{one['store']}"
            row["handed"][place] = row["handed"].get(place, 0) - one["delta_milli"]
    now = _left_the_shelf(order, row["handed"])
    row |= {name: order[name] for name in _ENDS}
    for place in sorted({*now, *row["pieces"]}):
        change = now.get(place, 0) - sum(piece[0] for piece in row["pieces"].get(place, {}).get("parts", ()))
        if change > 0:
            _hand_over(books, row, place, place.rpartition(PLACE)[0], change, at_ms)
        elif change < 0:
            _take_back(books, row, place, -change, at_ms)
    _settle_fees(books, row, at_ms)
    books.orders[order["order"]] = row


def settle_no_show(books: Books, order: OrderRow, stores: Iterable[str], at_ms: int) -> None:
    """Nobody collected what these stores kept ready."""
    row, agreement = _known(books, order), books.agreement_at(at_ms)
    if row is None or agreement is None:
        return
    for store in stores:
        _fee(books, row, store, "no_show", agreement["no_show_fee_minor"], agreement, at_ms)
    books.orders[order["order"]] = row


def is_over(books: Books, order: Mapping[str, Any], closed_until_ms: int) -> bool:
    """The order's goods may come back no more, by any agreement, and the pool knows it no more, and changes nothing.

    order: the ledger's row, or the pool's. One that is forgotten so is not begun anew: it was posted once.
    """
    ended_at_ms: int = order["ended_at_ms"]
    if not ended_at_ms or order["forget_at_ms"] > books.clock_ms:
        return False
    longest_ms: int = max((one["returns_within_ms"] for one in books.agreements.values()), default=0)
    told_at_ms: int = max(order["told_at_ms"], ended_at_ms)
    return ended_at_ms + longest_ms < closed_until_ms and told_at_ms < books.remembered_since_ms


def _known(books: Books, order: OrderRow) -> dict[str, Any] | None:
    """The ledger's row of an order.

    Of another one that had its name, which the pool has forgotten, what waits for a price goes on under a name apart.
    """
    name = order["order"]
    row = books.orders.get(name)
    if row is None or row["placed_at_ms"] == order["placed_at_ms"]:
        return row
    apart = f"{name}{PLACE}{row['placed_at_ms']}"
    waiting = [(claim, told) for claim, told in books.unpriced.items() if told.get("order") == name]
    for claim, told in waiting:
        books.unpriced[claim] = told | {"order": apart}
    del books.orders[name]
    if waiting:
        books.orders[apart] = row
    return None


def _has_left(hold: Hold) -> bool:
    return hold["state"] == "collected" or hold["sold_at_till_milli"] > 0


def _left_the_shelf(order: OrderRow, handed: Mapping[str, int]) -> dict[str, int]:
    """Item and store → thousandths that the customer has.

    Goods leave a shelf once, rung up or handed over, whichever comes first; a void brings back what was rung up. What
    another pool hands over, it alone knows: its word is the hold's state.
    """
    wanted: dict[str, int] = {}
    left: dict[str, int] = {}
    for hold in order["holds"]:
        place = f"{hold['sku']}{PLACE}{hold['store']}"
        wanted[place] = wanted.get(place, 0) + hold["quantity_milli"]
        has_it = is_elsewhere(hold["store"]) and hold["state"] == "collected"
        left[place] = left.get(place, 0) + (hold["quantity_milli"] if has_it else hold["sold_at_till_milli"])
    found = {place: min(wanted[place], milli + handed.get(place, 0)) for place, milli in left.items()}
    return {place: milli for place, milli in found.items() if milli}


def _new_row(order: OrderRow) -> dict[str, Any]:
    for_pool, preferred = order["for_pool"], order["terms"]["preferred_store"]
    return {
        "order": order["order"], "selling": f"@pool:{for_pool}" if for_pool else preferred and party_of(preferred),
        "mode": order["terms"]["mode"], "pieces": {}, "handed": {}, "fees": {}, "returns": [],
        "placed_at_ms": order["placed_at_ms"], **dict.fromkeys(_ENDS, 0),
    }  # fmt: skip


def _hand_over(books: Books, row: dict[str, Any], place: str, sku: str, milli: int, at_ms: int) -> None:
    store = place.rpartition(PLACE)[2]
    seller, giver = row["selling"] or party_of(store), party_of(store)
    agreement = books.agreement_at(at_ms)
    parts = row["pieces"].setdefault(place, {"sku": sku, "parts": []})["parts"]
    is_referral = agreement is not None and agreement["customer_pays"] == "fulfilling"
    if seller == giver or (agreement is not None and is_referral and not agreement["referral_permille"]):
        parts.append([milli, kept(Debt(giver, seller, "", {})), None, 0, [books.position, NOT_POSTED]])
        return
    about = About("referral_fee" if is_referral else "goods_sold", at_ms, store, row["order"], None, sku, milli)
    rate = order_rate(books, about, agreement)
    if isinstance(rate, str) or agreement is None:
        claim = {"claim": "order", "order": row["order"], "place": place}
        name = books.wait_for_price(rate if isinstance(rate, str) else "no_agreement", about, claim)
        parts.append([milli, None, None, 0, list(name)])
        return
    parts.append(_priced_piece(books, parts, about, giver, seller, rate, agreement, books.position))


def _priced_piece(
    books: Books, parts: list[Any], about: About, giver: Party, seller: Party, rate: Rate, agreement: Agreement,
    position: int,
) -> list[Any]:  # fmt: skip
    """Post a piece so that all pieces at one rate cost together what their quantity costs."""
    if about.kind == "referral_fee":
        creditor, debtor, sentence = seller, giver, f"{about.store} was paid for goods of order {about.order}"
        sentence += f" that {seller} sold"
    else:
        creditor, debtor = giver, seller
        sentence = f"{about.store} handed over goods of order {about.order} that {seller} sold"
    same = [piece for piece in parts if piece[1] is not None and piece[2] == list(rate)]
    before_milli, milli = sum(piece[0] for piece in same), about.quantity_milli or 0
    whole, before = rate.parts(before_milli + milli), rate.parts(before_milli)
    debt = Debt(creditor, debtor, agreement["currency"], {name: whole[name] - before.get(name, 0) for name in whole})
    at = books.owe(about, agreement["version"], debt, sentence, position=position)
    return [milli, kept(debt), list(rate), agreement["version"], list(at)]


def order_rate(books: Books, about: About, agreement: Agreement | None) -> Rate | UnpricedReason:
    """What one unit of an order's goods costs between stores, or its referral share, or why there is no price."""
    sku, milli = str(about.sku), about.quantity_milli or 0
    if agreement is not None and about.kind == "referral_fee":
        return books.referral_rate(sku, milli, agreement)
    return books.rate(sku, milli, agreement)


def price_claim(books: Books, name: tuple[int, int], claim: dict[str, Any], about: About, rate: Rate) -> None:
    """Post a piece of an order that waited for its price."""
    row, place = books.orders[claim["order"]], claim["place"]
    agreement = books.agreement_at(about.occurred_at_ms)
    assert agreement is not None  # a rate comes from one
    parts = row["pieces"][place]["parts"]
    at = next(number for number, piece in enumerate(parts) if piece[1] is None and tuple(piece[4]) == name)
    waited = about._replace(quantity_milli=parts[at][0])
    giver = party_of(str(about.store))
    parts[at] = _priced_piece(books, parts, waited, giver, row["selling"] or giver, rate, agreement, name[0])
    books.orders[claim["order"]] = row


def _take_back(books: Books, row: dict[str, Any], place: str, milli: int, at_ms: int) -> None:
    """The newest pieces first, at the price at which they were posted."""
    for piece in take(row["pieces"][place]["parts"], milli, _PART):
        kind: TransactionKind = "referral_fee" if piece[2] and Rate(*piece[2]).account == "fees" else "goods_sold"
        store, sku = place.rpartition(PLACE)[2], row["pieces"][place]["sku"]
        about = About(kind, at_ms, store, row["order"], None, sku, -piece[0])
        if piece[1] is None:
            books.waits_no_more(tuple(piece[4]), piece[0])
        else:
            books.owe(
                about, piece[3], debt_of(piece[1]).negated(),
                f"{about.store} did not hand over goods of order {row['order']} after all", tuple(piece[4]),
            )  # fmt: skip


# --- fees ----------------------------------------------------------------------------------------------------


def _settle_fees(books: Books, row: dict[str, Any], at_ms: int) -> None:
    """Fees for handing over, once for each store; none any more where nothing was handed over after all."""
    giving: dict[str, int] = {}
    for place, pieces in row["pieces"].items():
        store = place.rpartition(PLACE)[2]
        giving[store] = giving.get(store, 0) + sum(piece[0] for piece in pieces["parts"])
    agreement = books.agreement_at(at_ms)
    for store, milli in sorted(giving.items()):
        if milli and agreement is not None:
            _fee(books, row, store, "handling_fee", agreement["handling_fee_minor"], agreement, at_ms)
            if row["mode"] == "pickup":
                _fee(books, row, store, "pickup_fee", agreement["pickup_fee_minor"], agreement, at_ms)
            elif row["ended_at_ms"]:
                split = agreement["delivery_split"]["selling_permille"]
                amount = scaled(agreement["delivery_fee_minor"], split, 1000, agreement["rounding"])
                _fee(books, row, store, "delivery", amount, agreement, at_ms)
            _lending_fee(books, row, store, milli, agreement, at_ms)
        elif not milli:
            for kind in [
                name for name in row["fees"] if name.endswith(PLACE + store) and not name.startswith("no_show")
            ]:
                debt, version, at = row["fees"].pop(kind)
                about = About(kind.partition(PLACE)[0], at_ms, store, row["order"])
                books.owe(about, version, debt_of(debt).negated(), f"No fee: {store} handed nothing over", tuple(at))


def _fee(
    books: Books,
    row: dict[str, Any],
    store: str,
    kind: Literal["handling_fee", "pickup_fee", "delivery", "no_show"],
    amount_minor: int,
    agreement: Agreement,
    at_ms: int,
) -> None:
    name, seller, giver = f"{kind}{PLACE}{store}", row["selling"] or party_of(store), party_of(store)
    if name in row["fees"] or seller == giver or not amount_minor:
        return
    debt = Debt(giver, seller, agreement["currency"], {"delivery" if kind == "delivery" else "fees": amount_minor})
    about = About(kind, at_ms, store, row["order"])
    at = books.owe(about, agreement["version"], debt, f"{_FEES[kind]} of {store} for order {row['order']} of {seller}")
    row["fees"][name] = [kept(debt), agreement["version"], list(at)]


_FEES = {
    "handling_fee": "Handling fee", "pickup_fee": "Pickup fee", "delivery": "Delivery cost",
    "no_show": "Fee for goods that nobody collected",
}  # fmt: skip


def _lending_fee(books: Books, row: dict[str, Any], store: str, milli: int, agreement: Agreement, at_ms: int) -> None:
    """Between pools, for each unit; the difference to what was posted."""
    seller, giver = row["selling"] or party_of(store), party_of(store)
    other = next((party for party in (seller, giver) if party.startswith("@pool:")), None)
    terms = next((one for one in agreement["lending"] if other == f"@pool:{one['pool']}"), None)
    if terms is None or seller == giver:
        return
    name = f"lending_fee{PLACE}{store}"
    before = (
        debt_of(row["fees"][name][0]) if name in row["fees"] else Debt(giver, seller, terms["currency"], {"fees": 0})
    )
    whole = Debt(giver, seller, before.currency, {
        "fees": scaled(terms["fee_minor_per_unit"] * milli, 1, 1000, agreement["rounding"])
    })  # fmt: skip
    if whole.parts == before.parts:
        return
    about = About("lending_fee", at_ms, store, row["order"], None, None, milli)
    at = books.owe(about, agreement["version"], whole.less(before), f"Fee for goods lent for order {row['order']}")
    row["fees"][name] = [kept(whole), agreement["version"], list(at)]
