"""Decides a message of another pool.

Every message tells how things stand, in counts that only grow, so that one that comes twice changes nothing and a
later one makes up for one that was lost.
"""

from typing import Literal

from schemas.types.journal import Fact
from schemas.types.lending import (
    DrawAck,
    DrawPart,
    DrawStatus,
    LendingMessage,
    LendingMessageDecided,
    LendingOutcome,
    LoanAck,
    LoanObstacle,
    LoanRow,
    LoanStatus,
    OrderProgress,
)
from schemas.types.orders import Hold, HoldState, OrderLineState, OrderRow
from schemas.types.pos import Unit
from schemas.types.requests import OrderLine, OrderTerms
from streams.pool.journal import rejections
from streams.pool.journal.elsewhere import BORROWER, LENDER, elsewhere, loan_name
from streams.pool.journal.facts import LENDING_MESSAGE_DECIDED
from streams.pool.lending.check import RefusedError, check_message
from streams.pool.lending.rows import (
    channel_to,
    draw_name,
    find_draw,
    find_loan,
    is_over,
    is_waiting,
    lent_milli,
    new_draw,
    new_loan,
    receive_draw,
    receive_loan,
)
from streams.pool.orders.allocating import today
from streams.pool.orders.holds import (
    COLLECTED,
    CONFIRMED,
    ENDED,
    PICKED,
    close,
    close_if_done,
    fail_lines,
    held_milli,
    is_kept,
    open_milli,
    reduce,
)
from streams.pool.orders.reports import NOT_COLLECTED
from streams.pool.orders.rows import find_order
from streams.pool.orders.tasks import tasks_for
from streams.pool.state.pool_state import PoolState

NOT_LENT = "not_lent"
"""Why a part of a draw is gone: the borrower has used up what it was lent."""
WITHDRAWN = "withdrawn"
"""Why a part of a draw is gone: the borrower's order was cancelled, changed, or went elsewhere."""


def decide_lending(state: PoolState, message: LendingMessage, appended_at_ms: int) -> Fact:
    """The message's fact: accepted, with every row after it; repeated; or refused."""
    skew_ms = state.config.pool["future_skew_ms"]
    now_ms = max(state.row["clock_ms"], min(message["recorded_at_ms"], appended_at_ms + skew_ms))
    decided: LendingMessageDecided = {
        "message": message, "outcome": "accepted", "reason": "", "channel": None, "loans": [], "draw": None,
        "order_progress": "", "order": None, "tasks": [], "day": today(state, now_ms),
    }  # fmt: skip
    try:
        check_message(state.pool, message)
        channel, sequence = channel_to(state, message["from_pool"]), message["sequence"]
        if sequence <= channel["received_sequence"]:
            return LENDING_MESSAGE_DECIDED, _mark(decided, "repeated")
        gaps = channel["gaps"] + sequence - channel["received_sequence"] - 1
        decided = {**decided, "channel": {**channel, "received_sequence": sequence, "gaps": gaps}}
        return LENDING_MESSAGE_DECIDED, _decide(state, message, decided, now_ms)
    except RefusedError as refused:
        return LENDING_MESSAGE_DECIDED, _mark({**decided, "reason": refused.reason}, "refused")


def _mark(decided: LendingMessageDecided, outcome: LendingOutcome) -> LendingMessageDecided:
    return {**decided, "outcome": outcome}


def _decide(
    state: PoolState, message: LendingMessage, decided: LendingMessageDecided, now_ms: int
) -> LendingMessageDecided:
    body = message["body"]
    if body[0] == "commonshelf.LoanStatus":
        return {**decided, "loans": [_take_loan_status(state, message, body[1])]}
    if body[0] == "commonshelf.LoanAck":
        return {**decided, "loans": [_take_loan_ack(state, message, body[1])]}
    if body[0] == "commonshelf.DrawStatus":
        return _take_draw_status(state, message, body[1], decided, now_ms)
    return _take_draw_ack(state, message, body[1], decided, now_ms)


# --- the borrower receives what is lent, the lender what came back ------------------------------------------


def _take_loan_status(state: PoolState, message: LendingMessage, body: LoanStatus) -> LoanRow:
    peer, store, sku = message["from_pool"], body["store"], body["sku"]
    known = find_loan(state, loan_name(BORROWER, peer, store, sku))
    loan = known or new_loan(state.pool, BORROWER, peer, store, sku, body["unit"])
    loan = {
        **loan, "unit": body["unit"], "granted_milli": max(loan["granted_milli"], body["granted_milli"]),
        "limit_milli": body["limit_milli"], "covered_milli": body["covered_milli"],
        "counted_at_ms": body["counted_at_ms"], "discrepancies": body["discrepancies"], "settings": body["settings"],
        "reason": _obstacle(state, sku, body["unit"]),
    }  # fmt: skip
    return give_back(state, receive_loan(loan, message))


def _obstacle(state: PoolState, sku: str, unit: Unit) -> LoanObstacle | Literal[""]:
    own = state.config.unit(sku)
    if own is None:
        return "unknown_item"
    return "" if own == unit else "wrong_unit"


def give_back(state: PoolState, loan: LoanRow) -> LoanRow:
    """The borrower's loan, after giving back what it can of what it may not keep.

    What the lender's shelf no longer covers goes back also when it is promised; tentative holds break for it.
    """
    shelf = state.shelf(loan["sku"], elsewhere(loan["store"], loan["peer"]))
    held = 0 if shelf is None else shelf.held_milli
    lent = lent_milli(loan)
    back = 0 if loan["covered_milli"] is None else max(lent - loan["covered_milli"], 0)
    above = lent - back - (0 if loan["reason"] else loan["limit_milli"])
    back += max(min(above, lent - back - held), 0)
    return {**loan, "returned_milli": loan["returned_milli"] + back} if back else loan


def _take_loan_ack(state: PoolState, message: LendingMessage, body: LoanAck) -> LoanRow:
    loan = find_loan(state, loan_name(LENDER, message["from_pool"], body["store"], body["sku"]))
    if loan is None:
        raise RefusedError(rejections.UNKNOWN_LOAN)
    returned = max(loan["returned_milli"], body["returned_milli"])
    if returned + loan["drawn_milli"] > loan["granted_milli"]:
        raise RefusedError(rejections.MORE_THAN_LENT)
    loan = receive_loan({**loan, "returned_milli": returned, "reason": body["reason"]}, message)
    return loan if is_waiting(loan) else {**loan, "resend_at_ms": 0, "tries": 0}


# --- the lender receives what an order draws, the borrower how far the store has come -----------------------


def _take_draw_status(
    state: PoolState, message: LendingMessage, body: DrawStatus, decided: LendingMessageDecided, now_ms: int
) -> LendingMessageDecided:
    peer = message["from_pool"]
    draw = find_draw(state, draw_name(LENDER, peer, body["order"]))
    if draw is None:
        if body["closed"]:
            return decided
        draw = new_draw(state.pool, LENDER, peer, body["order"], body)
    draw = receive_draw({**draw, "closed": body["closed"]}, message)
    known = {part["part"]: part for part in draw["parts"]}
    withdrawn = {
        part["part"] for part in body["parts"]
        if part["withdrawn"] and part["part"] in known and not known[part["part"]]["withdrawn"]
    }  # fmt: skip
    loans, fresh, added = _claim(state, peer, [part for part in body["parts"] if part["part"] not in known])
    parts: list[DrawPart] = [
        {**part, "withdrawn": part["withdrawn"] or part["part"] in withdrawn} for part in draw["parts"]
    ]
    draw["parts"] = sorted(parts + added, key=lambda part: part["part"])
    decided = {**decided, "loans": loans, "draw": draw}
    name = elsewhere(body["order"], peer)
    order = find_order(state, name)
    if not fresh and (not withdrawn or order is None):
        return decided
    order = _with_parts(state, order or _new_order(state, name, peer, body, now_ms), fresh, withdrawn, now_ms)
    return {**decided, "order": order, "tasks": tasks_for(state, order, now_ms)}


def _claim(state: PoolState, peer: str, added: list[DrawPart]) -> tuple[list[LoanRow], list[DrawPart], list[DrawPart]]:
    """(loans after new parts of a draw, the parts that the store is to keep, all the new parts)."""
    loans: dict[str, LoanRow] = {}
    fresh: list[DrawPart] = []
    parts: list[DrawPart] = []
    for new in added:
        milli = new["quantity_milli"]
        part: DrawPart = {**new, "picked_milli": 0, "collected_milli": 0, "gone_milli": 0, "reason": ""}
        name = loan_name(LENDER, peer, part["store"], part["sku"])
        loan = loans.get(name) or find_loan(state, name)
        if loan is None or milli > lent_milli(loan) or part["part"] in {one["part"] for one in parts}:
            parts.append({**part, "gone_milli": milli, "reason": NOT_LENT})
            continue
        loans[name] = {**loan, "drawn_milli": loan["drawn_milli"] + milli}
        if part["withdrawn"]:
            part = {**part, "gone_milli": milli, "reason": WITHDRAWN}
        else:
            fresh.append(part)
        parts.append(part)
    return list(loans.values()), fresh, parts


def _new_order(state: PoolState, name: str, peer: str, body: DrawStatus, now_ms: int) -> OrderRow:
    terms: OrderTerms = {
        "mode": body["mode"], "preferred_store": None, "geohash": None, "address_ref": body["address_ref"],
        "customer_ref": body["customer_ref"], "deadline_ms": body["deadline_ms"], "may_split": True,
        "may_part_fill": True, "only_there": False, "hold_ttl_ms": None, "lines": [],
    }  # fmt: skip
    return {
        "pool": state.pool, "order": name, "status": CONFIRMED, "outcome": "", "terms": terms, "lines": [],
        "holds": [], "reroutes": 0, "placed_at_ms": now_ms, "expires_at_ms": 0, "ended_at_ms": 0, "told_at_ms": 0,
        "forget_at_ms": 0, "requests": [], "position": 0, "for_pool": peer,
    }  # fmt: skip


def _with_parts(state: PoolState, order: OrderRow, fresh: list[DrawPart], withdrawn: set[int], now_ms: int) -> OrderRow:
    """The lender's order with new parts, each a line of its own, and without those that are not wanted any more."""
    position = state.next_position
    unwanted: dict[str, int] = {}

    def withdraw(hold: Hold) -> int:
        if hold["line_id"] not in {str(part) for part in withdrawn}:
            return 0
        milli = held_milli(hold)
        unwanted[hold["line_id"]] = unwanted.get(hold["line_id"], 0) + milli
        return milli

    holds = reduce(order["holds"], withdraw)
    lines: list[OrderLineState] = [
        {**line, "unfilled_milli": line["unfilled_milli"] + unwanted[line["line_id"]], "reason": WITHDRAWN}
        if line["line_id"] in unwanted
        else line
        for line in order["lines"]
    ]
    for part in fresh:
        line_id, sku, milli = str(part["part"]), part["sku"], part["quantity_milli"]
        lines.append({
            "line_id": line_id, "sku": sku, "quantity_milli": milli, "unfilled_milli": 0, "reason": "",
            "declined_by": [],
        })  # fmt: skip
        holds.append({
            "line_id": line_id, "sku": sku, "quantity_milli": milli, "store": part["store"], "sold_at_till_milli": 0,
            "state": CONFIRMED, "position": position,
        })  # fmt: skip
    wanted: list[OrderLine] = [
        {"line_id": line["line_id"], "sku": line["sku"], "quantity_milli": line["quantity_milli"]} for line in lines
    ]
    terms: OrderTerms = {**order["terms"], "lines": wanted}
    order = {**order, "holds": holds, "lines": lines, "terms": terms, "position": position}
    if fresh:
        return {**order, "status": CONFIRMED, "outcome": "", "ended_at_ms": 0, "forget_at_ms": 0}
    if order["status"] == ENDED or open_milli(order) or any(is_kept(hold) for hold in holds):
        return order
    return close(order, "cancelled", now_ms, state.config.pool["ended_retention_ms"])


def _take_draw_ack(
    state: PoolState, message: LendingMessage, body: DrawAck, decided: LendingMessageDecided, now_ms: int
) -> LendingMessageDecided:
    peer = message["from_pool"]
    draw = find_draw(state, draw_name(BORROWER, peer, body["order"]))
    if draw is None:
        raise RefusedError(rejections.UNKNOWN_DRAW)
    told = {part["part"]: part for part in body["parts"]}
    order = find_order(state, body["order"])
    after, parts = order, []
    for part in draw["parts"]:
        now = _grow(part, told.get(part["part"], part))
        if after is not None and not part["withdrawn"]:
            after = _progress(after, elsewhere(part["store"], peer), part, now)
        parts.append(now)
    moved = _in_a_word(draw["parts"], parts)
    draw = receive_draw({**draw, "parts": parts}, message)
    if draw["acked_sequence"] >= draw["sequence"]:  # asked after when the goods should have been handed over
        overdue_ms = max(draw["deadline_ms"], now_ms) + state.config.pool["resend_after_ms"]
        draw = {**draw, "resend_at_ms": 0 if is_over(draw) else overdue_ms, "tries": 0}
    decided = {**decided, "draw": draw}
    if order is None or after is None or after == order:
        return decided
    after = {**after, "position": state.next_position}
    after = close_if_done(after, now_ms, state.config.pool["ended_retention_ms"])
    return {**decided, "order": after, "tasks": tasks_for(state, after, now_ms), "order_progress": moved}


def _grow(part: DrawPart, told: DrawPart) -> DrawPart:
    """The part after what the lender told of it."""
    collected = max(part["collected_milli"], told["collected_milli"])
    gone = max(part["gone_milli"], told["gone_milli"])
    if collected + gone + told["picked_milli"] > part["quantity_milli"]:
        raise RefusedError(rejections.MORE_THAN_LENT)
    return {
        **part, "picked_milli": told["picked_milli"], "collected_milli": collected, "gone_milli": gone,
        "reason": told["reason"],
    }  # fmt: skip


def _progress(order: OrderRow, store: str, before: DrawPart, now: DrawPart) -> OrderRow:
    """The borrower's order after one part has come further: gone goods are wanted elsewhere."""
    place = (before["line_id"], store, before["position"])
    hold = next((one for one in order["holds"] if (one["line_id"], one["store"], one["position"]) == place), None)
    if hold is None:  # released when another part failed
        return order
    gone = now["gone_milli"] - before["gone_milli"]
    left = hold["quantity_milli"] - gone
    holds = [one for one in order["holds"] if one is not hold or left > 0]
    if left > 0:
        is_picked = now["picked_milli"] + now["collected_milli"] == left
        reached: HoldState = COLLECTED if now["collected_milli"] == left else PICKED if is_picked else hold["state"]
        holds = [{**one, "quantity_milli": left, "state": reached} if one is hold else one for one in holds]
    after: OrderRow = {**order, "holds": holds}
    if not gone:
        return after
    comes_back = now["reason"] != NOT_COLLECTED
    return fail_lines(after, {before["line_id"]: gone}, store, now["reason"], comes_back=comes_back)


def _in_a_word(before: list[DrawPart], after: list[DrawPart]) -> OrderProgress:
    """How parts have come further, for the customers' side."""
    grown = [(part, now) for part, now in zip(before, after, strict=True) if not part["withdrawn"]]
    if any(now["gone_milli"] > part["gone_milli"] for part, now in grown):
        return "short"
    return "collected" if any(now["collected_milli"] > part["collected_milli"] for part, now in grown) else "picked"
