"""Reactions of loans and draws, and the messages that other pools get of them.

All that changed is looked at within the same input, so that what another pool receives was decided together with it.
"""

from schemas.types.config import Contribution, StoreSettings
from schemas.types.journal import Fact
from schemas.types.lending import (
    DrawAck,
    DrawPart,
    DrawRow,
    DrawStatus,
    LendingBody,
    LendingChanged,
    LendingChangeKind,
    LendingMessage,
    LoanAck,
    LoanRow,
    LoanStatus,
)
from schemas.types.orders import Hold, HoldState, OrderLineState, OrderRow
from schemas.types.pos import Unit
from streams.pool.aggregate import Trigger
from streams.pool.journal.elsewhere import BORROWER, LENDER, at_home, elsewhere, loan_name
from streams.pool.journal.facts import LENDING_CHANGED
from streams.pool.lending.decide import give_back
from streams.pool.lending.index import DRAW, LENDING, LOAN
from streams.pool.lending.rows import (
    channel_to,
    draw_name,
    find_draw,
    find_loan,
    is_over,
    lent_milli,
    name_of_draw,
    name_of_loan,
    new_draw,
    new_loan,
    send_draw,
    send_loan,
)
from streams.pool.orders.holds import COLLECTED, ENDED, PICKED, held_milli, is_drawn
from streams.pool.orders.index import ORDERS
from streams.pool.orders.rows import find_order
from streams.pool.state.alarms import Name
from streams.pool.state.lent import LENT
from streams.pool.state.pool_state import PoolState
from streams.pool.state.reaction_limit import STOPPED
from streams.pool.state.shelf import available_milli

_WHOLE: Contribution = {"kind": "share", "value": 1000}
"""Of what a store lends, the borrower may promise all."""


def tell_of_order(state: PoolState, name: str, _: None, trigger: Trigger) -> Fact | None:
    """Tell a lender what an order draws, or the borrower how far the store has come with one of its orders."""
    order = find_order(state, name)
    if order is not None and order["for_pool"] is not None:
        return _acknowledge(state, order, trigger.now_ms)
    peers = {at_home(hold["store"])[1] for hold in order["holds"] if is_drawn(hold)} if order is not None else set()
    peers |= {draw.split("/")[1] for draw in state[LENDING].of_order.get(name, ())}
    for peer in sorted(peers):
        fact = _draw(state, name, order, peer, trigger.now_ms)
        if fact is not None:
            return fact
    return None


def tell_of_loan(state: PoolState, name: str, is_tried_anew: bool, trigger: Trigger) -> Fact | None:
    """Lend more or call back, or give back; `is_tried_anew`: a refusal of the borrower counts no more."""
    side, peer, store, sku = name.split("/", 3)
    before = find_loan(state, name)
    if side == BORROWER:
        after = None if before is None else give_back(state, before)
        if before is None or after is None or after == before:
            return None
        return _tell_loan(state, "returned", after, trigger.now_ms)
    after = _as_it_should_be(state, name, peer, store, sku, before, is_tried_anew=is_tried_anew)
    if after is None or (before is not None and _told_of(after) == _told_of(before)):
        return None
    was_granted = 0 if before is None else before["granted_milli"]
    was_limit = 0 if before is None else before["limit_milli"]
    kind: LendingChangeKind = "changed"
    if after["granted_milli"] > was_granted:
        kind = "granted"
    elif after["limit_milli"] < was_limit or after["covered_milli"] is not None:
        kind = "called_back"
    return _tell_loan(state, kind, after, trigger.now_ms)


def answer(state: PoolState, name: Name, _: None, trigger: Trigger) -> Fact:
    """Tell of a loan or a draw that another pool has asked about, as it stands."""
    return _tell_again(state, *name, trigger.now_ms, is_answer=True)


def tell_again(state: PoolState, trigger: Trigger) -> Fact | None:
    """Tell of a loan or a draw again, because no answer came."""
    due = state[LENDING].alarms.due(state.row["clock_ms"])
    return None if due is None else _tell_again(state, *due, trigger.now_ms, is_answer=False)


def subject(fact: Fact) -> str | None:
    """The loan or the draw that a reaction is about."""
    if fact[0] != LENDING_CHANGED:
        return None
    draw = fact[1]["draw"]
    return f"loan {name_of_loan(fact[1]['loans'][-1])}" if draw is None else f"draw {name_of_draw(draw)}"


def stop(state: PoolState, fact: Fact, now_ms: int) -> Fact:
    """Tell once more, as it stands, of a loan or a draw that moves in circles; then not until something changes."""
    if fact[0] != LENDING_CHANGED:
        raise LookupError(f"{fact[0]} is not about a loan")
    loans, draw = fact[1]["loans"], fact[1]["draw"]
    name = (LOAN, name_of_loan(loans[-1])) if draw is None else (DRAW, name_of_draw(draw))
    again = _tell_again(state, *name, now_ms, is_answer=True)
    if again[0] != LENDING_CHANGED:
        raise LookupError(f"{again[0]} is not about a loan")
    change: LendingChanged = {**again[1], "kind": STOPPED}
    loans, draw = change["loans"], change["draw"]
    if draw is None:
        change["loans"] = [*loans[:-1], {**loans[-1], "resend_at_ms": 0, "tries": 0}]
    else:
        change["draw"] = {**draw, "resend_at_ms": 0, "tries": 0}
    return LENDING_CHANGED, change


def _message(state: PoolState, peer: str, answers: int, body: LendingBody, now_ms: int) -> LendingMessage:
    return {
        "pool": peer, "from_pool": state.pool, "sequence": channel_to(state, peer)["sent_sequence"] + 1,
        "answers": answers, "recorded_at_ms": now_ms, "body": body,
    }  # fmt: skip


# --- loans --------------------------------------------------------------------------------------------------


def _tell_loan(state: PoolState, kind: LendingChangeKind, loan: LoanRow, now_ms: int) -> Fact:
    waits = loan["side"] == LENDER
    body: LendingBody
    if waits:
        status: LoanStatus = {
            "store": loan["store"], "sku": loan["sku"], "unit": loan["unit"],
            "granted_milli": loan["granted_milli"], "limit_milli": loan["limit_milli"],
            "covered_milli": loan["covered_milli"], "counted_at_ms": loan["counted_at_ms"],
            "discrepancies": loan["discrepancies"], "settings": loan["settings"],
        }  # fmt: skip
        body = "commonshelf.LoanStatus", status
    else:
        ack: LoanAck = {
            "store": loan["store"], "sku": loan["sku"], "returned_milli": loan["returned_milli"],
            "reason": loan["reason"],
        }  # fmt: skip
        body = "commonshelf.LoanAck", ack
    message = _message(state, loan["peer"], loan["received_sequence"], body, now_ms)
    resend_after_ms = state.config.pool["resend_after_ms"]
    loan = send_loan(loan, message["sequence"], now_ms, resend_after_ms, waits=waits)
    change: LendingChanged = {"kind": kind, "message": message, "loans": [loan], "draw": None}
    return LENDING_CHANGED, change


def _told_of(loan: LoanRow) -> tuple[Unit, int, int, int | None, StoreSettings | None, str]:
    """What the lender tells when it changes; how sure its books are goes along."""
    return (
        loan["unit"], loan["granted_milli"], loan["limit_milli"], loan["covered_milli"], loan["settings"],
        loan["reason"],
    )  # fmt: skip


def _as_it_should_be(
    state: PoolState, name: str, peer: str, store: str, sku: str, before: LoanRow | None, *, is_tried_anew: bool
) -> LoanRow | None:
    """The lender's loan by its settings and its shelf; None when there is nothing to lend yet."""
    config = state.config
    quota, unit, settings = config.lent_quotas.get((peer, store, sku), 0), config.unit(sku), config.stores.get(store)
    if store in config.away:  # all that is free is called back
        quota = 0
    shelf, terms = state.shelf(sku, store), config.terms(store, sku)
    loan = before
    if unit is None or settings is None or shelf is None:
        return None
    if loan is None:
        loan = new_loan(state.pool, LENDER, peer, store, sku, unit)
    reason = "" if is_tried_anew else loan["reason"]
    wanted = 0 if reason else min(quota - lent_milli(loan), available_milli(shelf, terms))
    step = _step(unit)
    granted = loan["granted_milli"] + max(wanted - wanted % step, 0)
    if before is None and not granted:
        return None
    lent_whole: StoreSettings = {
        **settings, "open": config.is_open(store), "contribution": _WHOLE, "safety_stock_milli": 0,
        "first_day": None, "last_day": None,
    }  # fmt: skip
    return {
        **loan, "unit": unit, "granted_milli": granted, "limit_milli": quota, "reason": reason,
        "covered_milli": _covered_milli(state, name, sku, store, step), "settings": lent_whole,
        "counted_at_ms": shelf.counted_at_ms, "discrepancies": shelf.negatives + shelf.short_picks,
    }  # fmt: skip


def _step(unit: Unit) -> int:
    return 1000 if unit == "each" else 1


def _covered_milli(state: PoolState, name: str, sku: str, store: str, step: int) -> int | None:
    """What of the loan its shelf covers, None for all. What is lent gives way before an order's goods do.

    Of several loans the last by the borrower's name gives way first.
    """
    missing = shortage_milli(state, sku, store)
    lent = state[LENT].loans(sku, store)
    if missing <= 0 or name not in lent:
        return None
    for other in sorted(lent, reverse=True):
        gone = min(-(-missing // step) * step, lent[other])
        if other == name:
            return lent[name] - gone if gone else None
        missing -= gone
        if missing <= 0:
            return None
    return None


def shortage_milli(state: PoolState, sku: str, store: str) -> int:
    """By how much the books fall below what the shelf holds; picked goods lie apart, whatever the books say."""
    shelf = state.shelf(sku, store)
    if shelf is None or shelf.held_milli <= shelf.on_hand_milli:
        return 0
    picked = 0
    for name in state[ORDERS].holding.get((sku, store), ()):
        order = find_order(state, name)
        for hold in order["holds"] if order is not None else ():
            if (hold["sku"], hold["store"], hold["state"]) == (sku, store, PICKED):
                picked += held_milli(hold)
    return shelf.held_milli - max(shelf.on_hand_milli, picked)


# --- draws --------------------------------------------------------------------------------------------------


def _draw(state: PoolState, name: str, order: OrderRow | None, peer: str, now_ms: int) -> Fact | None:
    """The borrower tells what an order draws of a lender's goods, and what it does not want any more."""
    draw = find_draw(state, draw_name(BORROWER, peer, name))
    is_ended = order is None or order["status"] == ENDED
    if draw is None:
        if order is None or is_ended:
            return None
        draw = new_draw(state.pool, BORROWER, peer, name, order["terms"])
    holds = {
        (hold["line_id"], hold["store"], hold["position"]): hold
        for hold in (order["holds"] if order is not None else ())
        if is_drawn(hold) and at_home(hold["store"])[1] == peer
    }
    parts: list[DrawPart] = []
    known = set()
    for part in draw["parts"]:
        place = (part["line_id"], elsewhere(part["store"], peer), part["position"])
        known.add(place)
        has_come = part["collected_milli"] + part["gone_milli"] >= part["quantity_milli"]
        parts.append({**part, "withdrawn": part["withdrawn"] or (place not in holds and not has_come)})
    loans: dict[str, LoanRow] = {}
    for place, hold in sorted(holds.items()):
        if place not in known:
            parts.append(_part(len(parts) + 1, hold))
            _draw_from_loan(state, loans, peer, hold)
    after: DrawRow = {**draw, "parts": parts}
    if is_ended and is_over(after):
        after["closed"] = True
    if after == draw:
        return None
    kind: LendingChangeKind = "closed" if after["closed"] else "drawn" if loans else "withdrawn"
    return _tell_draw(state, kind, after, now_ms, list(loans.values()))


def _part(number: int, hold: Hold) -> DrawPart:
    return {
        "part": number, "line_id": hold["line_id"], "position": hold["position"], "store": at_home(hold["store"])[0],
        "sku": hold["sku"], "quantity_milli": hold["quantity_milli"], "withdrawn": False, "picked_milli": 0,
        "collected_milli": 0, "gone_milli": 0, "reason": "",
    }  # fmt: skip


def _draw_from_loan(state: PoolState, loans: dict[str, LoanRow], peer: str, hold: Hold) -> None:
    name = loan_name(BORROWER, peer, at_home(hold["store"])[0], hold["sku"])
    loan = loans.get(name) or find_loan(state, name)
    if loan is None:
        raise LookupError(f"goods of {hold['store']} are held, and no loan {name} is known")
    loans[name] = {**loan, "drawn_milli": loan["drawn_milli"] + hold["quantity_milli"]}


def _tell_draw(state: PoolState, kind: LendingChangeKind, draw: DrawRow, now_ms: int, loans: list[LoanRow]) -> Fact:
    status: DrawStatus = {
        "order": draw["order"], "mode": draw["mode"], "deadline_ms": draw["deadline_ms"],
        "address_ref": draw["address_ref"], "customer_ref": draw["customer_ref"], "parts": draw["parts"],
        "closed": draw["closed"],
    }  # fmt: skip
    return _send_draw(
        state, kind, draw, ("commonshelf.DrawStatus", status), now_ms, waits=not draw["closed"], loans=loans
    )


def _send_draw(
    state: PoolState, kind: LendingChangeKind, draw: DrawRow, body: LendingBody, now_ms: int, *,
    waits: bool, loans: list[LoanRow],
) -> Fact:  # fmt: skip
    message = _message(state, draw["peer"], draw["received_sequence"], body, now_ms)
    draw = send_draw(draw, message["sequence"], now_ms, state.config.pool["resend_after_ms"], waits=waits)
    change: LendingChanged = {"kind": kind, "message": message, "loans": loans, "draw": draw}
    return LENDING_CHANGED, change


def _acknowledge(state: PoolState, order: OrderRow, now_ms: int) -> Fact | None:
    """The lender tells how far its store has come, when it has."""
    name, peer = at_home(order["order"])
    draw = find_draw(state, draw_name(LENDER, peer, name))
    if draw is None:
        return None
    lines = {line["line_id"]: line for line in order["lines"]}
    parts = [_come_so_far(order, part, lines.get(str(part["part"]))) for part in draw["parts"]]
    return None if parts == draw["parts"] else _answer_draw(state, {**draw, "parts": parts}, now_ms)


def _come_so_far(order: OrderRow, part: DrawPart, line: OrderLineState | None) -> DrawPart:
    if line is None:
        return part
    milli: dict[HoldState, int] = {PICKED: 0, COLLECTED: 0}
    for hold in order["holds"]:
        if hold["line_id"] == line["line_id"] and hold["state"] in milli:
            milli[hold["state"]] += hold["quantity_milli"]
    return {
        **part, "picked_milli": milli[PICKED], "collected_milli": milli[COLLECTED],
        "gone_milli": line["unfilled_milli"], "reason": line["reason"],
    }  # fmt: skip


def _answer_draw(state: PoolState, draw: DrawRow, now_ms: int) -> Fact:
    ack: DrawAck = {"order": draw["order"], "parts": draw["parts"]}
    return _send_draw(state, "acknowledged", draw, ("commonshelf.DrawAck", ack), now_ms, waits=False, loans=[])


# --- again --------------------------------------------------------------------------------------------------


def _tell_again(state: PoolState, kind: str, name: str, now_ms: int, *, is_answer: bool) -> Fact:
    """A loan or a draw as it stands, to answer a message or because no answer came."""
    if kind == LOAN:
        loan = find_loan(state, name)
        if loan is None:
            raise LookupError(f"loan {name} is to be told and has no row")
        return _tell_loan(state, "accepted" if is_answer else "resent", loan, now_ms)
    draw = find_draw(state, name)
    if draw is None:
        raise LookupError(f"draw {name} is to be told and has no row")
    if draw["side"] == LENDER:
        return _answer_draw(state, draw, now_ms)
    return _tell_draw(state, "resent", draw, now_ms, [])
