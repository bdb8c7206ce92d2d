"""Decisions on messages of another pool: `decide_lending(state, message)` gives the fact. Pure.

Every message tells how things stand, in counts that only grow, so that one that comes twice changes nothing and a
later one makes up for one that was lost.
"""

import re
from typing import Any

from schemas.models.base import LINE_ID_MAX, NAME_PATTERN
from schemas.models.config import StoreSettings
from streams.pool.journal import rejections
from streams.pool.journal.facts import LENDING_MESSAGE_DECIDED, Fact
from streams.pool.lending.loans import (
    BORROWER,
    LENDER,
    elsewhere,
    heard,
    is_settled,
    is_waiting,
    lent_milli,
    loan_name,
    new_channel,
    new_loan,
    new_use,
    use_name,
)
from streams.pool.orders.allocating import today
from streams.pool.orders.holds import (
    COLLECTED,
    CONFIRMED,
    ENDED,
    PICKED,
    ended,
    fail_lines,
    held_milli,
    is_kept,
    open_milli,
    settled,
    without,
)
from streams.pool.orders.reports import NOT_COLLECTED
from streams.pool.state.pool_state import PoolState
from streams.pool.tasks.rows import tasks_after

Row = dict[str, Any]
NOT_LENT = "not_lent"
"""Why a part of a use is gone: the borrower has used up what it was lent."""
WITHDRAWN = "withdrawn"
"""Why a part of a use is gone: the borrower's order was cancelled, changed, or went elsewhere."""
UNKNOWN_ITEM, WRONG_UNIT = "unknown_item", "wrong_unit"
_COUNT_MAX = 2**53
_PARTS_MAX = 10_000
_TEXT_MAX = 200
_NAME = re.compile(NAME_PATTERN)
_COUNTS = ("granted_milli", "returned_milli", "limit_milli", "counted_at_ms", "discrepancies", "deadline_ms")
_PART_COUNTS = ("part", "position", "quantity_milli", "picked_milli", "collected_milli", "gone_milli")


class _RefusedError(Exception):
    """A business no: a reason from the closed list."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decide_lending(state: PoolState, message: Row, appended_at_ms: int) -> Fact:
    """The message's fact: accepted, with every row after it; repeated; or refused."""
    skew_ms = state.catalog.pool["future_skew_ms"]
    now_ms = max(state.row["clock_ms"], min(message["recorded_at_ms"], appended_at_ms + skew_ms))
    fields: Row = {
        "message": message, "outcome": "accepted", "reason": "", "channel": None, "loans": [], "draw": None,
        "order_progress": "", "order": None, "tasks": [], "day": today(state, now_ms),
    }  # fmt: skip
    try:
        _check(state, message)
        peer, sequence = message["from_pool"], message["sequence"]
        channel = state.tables.channels.get((state.pool, peer)) or new_channel(state.pool, peer)
        if sequence <= channel["received_sequence"]:
            fields["outcome"] = "repeated"
            return LENDING_MESSAGE_DECIDED, fields
        gaps = channel["gaps"] + sequence - channel["received_sequence"] - 1
        fields["channel"] = {**channel, "received_sequence": sequence, "gaps": gaps}
        kind, body = message["body"]
        fields |= _TAKE[kind](state, message, body, now_ms)
    except _RefusedError as refused:
        fields.update(outcome="refused", reason=refused.reason)
    return LENDING_MESSAGE_DECIDED, fields


def _check(state: PoolState, message: Row) -> None:
    body = message["body"][1]
    names = [message["from_pool"], *(body[name] for name in ("store", "order") if name in body)]
    parts = body.get("parts", ())
    names += [part["store"] for part in parts]
    texts = [body.get(name) for name in ("sku", "unit", "mode", "reason", "address_ref", "customer_ref")]
    texts += [part[name] for part in parts for name in ("sku", "reason")]
    if message["from_pool"] == state.pool or not all(_NAME.fullmatch(name) for name in names):
        raise _RefusedError(rejections.BAD_NAME)
    if any(len(text) > _TEXT_MAX for text in texts if text is not None):
        raise _RefusedError(rejections.BAD_NAME)
    if body.get("mode") not in (None, "pickup", "delivery"):
        raise _RefusedError(rejections.BAD_TERMS)
    if len(parts) > _PARTS_MAX or any(len(part["line_id"]) > LINE_ID_MAX for part in parts):
        raise _RefusedError(rejections.BAD_LINES)
    counts = [message["sequence"], message["answers"], *(body[name] for name in _COUNTS if name in body)]
    counts += [part[name] for part in parts for name in _PART_COUNTS]
    if body.get("covered_milli") is not None:
        counts.append(body["covered_milli"])
    if not all(0 <= count <= _COUNT_MAX for count in counts):
        raise _RefusedError(rejections.BAD_QUANTITY)
    if body.get("settings") is not None:
        try:
            StoreSettings.model_validate(body["settings"])
        except ValueError as error:
            raise _RefusedError(rejections.BAD_TERMS) from error


# --- the borrower hears of a loan, the lender of what came back -----------------------------------------


def _take_loan_told(state: PoolState, message: Row, body: Row, _: int) -> Row:
    peer, store, sku = message["from_pool"], body["store"], body["sku"]
    name = (state.pool, loan_name(BORROWER, peer, store, sku))
    loan = state.tables.loans.get(name) or new_loan(state.pool, BORROWER, peer, store, sku, body["unit"])
    granted = max(loan["granted_milli"], body["granted_milli"])
    loan = heard({**loan, **body, "granted_milli": granted, "reason": _useless(state, sku, body["unit"])}, message)
    return {"loans": [given_back(state, loan)]}


def _useless(state: PoolState, sku: str, unit: str) -> str:
    own = state.catalog.unit(sku)
    if own is None:
        return UNKNOWN_ITEM
    return "" if own == unit else WRONG_UNIT


def given_back(state: PoolState, loan: Row) -> Row:
    """The borrower's loan, after giving back what it can of what it may not keep.

    What the lender's shelf no longer covers goes back also when it is promised; tentative holds break for it.
    """
    shelf = state.tables.shelves.get((state.pool, loan["sku"], elsewhere(loan["store"], loan["peer"])))
    held = 0 if shelf is None else shelf.held_milli
    lent = lent_milli(loan)
    back = 0 if loan["covered_milli"] is None else max(lent - loan["covered_milli"], 0)
    above = lent - back - (0 if loan["reason"] else loan["limit_milli"])
    back += max(min(above, lent - back - held), 0)
    return {**loan, "returned_milli": loan["returned_milli"] + back} if back else loan


def _take_loan_answered(state: PoolState, message: Row, body: Row, _: int) -> Row:
    loan = state.tables.loans.get(
        (state.pool, loan_name(LENDER, message["from_pool"], body["store"], body["sku"]))
    )  # fmt: skip
    if loan is None:
        raise _RefusedError(rejections.UNKNOWN_LOAN)
    returned = max(loan["returned_milli"], body["returned_milli"])
    if returned + loan["drawn_milli"] > loan["granted_milli"]:
        raise _RefusedError(rejections.MORE_THAN_LENT)
    loan = heard({**loan, "returned_milli": returned, "reason": body["reason"]}, message)
    return {"loans": [loan if is_waiting(loan) else {**loan, "resend_at_ms": 0, "tries": 0}]}


# --- the lender hears what an order uses, the borrower how far the store has come ---------------------------


def _take_use_told(state: PoolState, message: Row, body: Row, now_ms: int) -> Row:
    peer = message["from_pool"]
    use = state.tables.uses.get((state.pool, use_name(LENDER, peer, body["order"])))
    if use is None:
        if body["closed"]:
            return {}
        use = new_use(state.pool, LENDER, peer, body["order"], body)
    use = heard({**use, "closed": body["closed"]}, message)
    known = {part["part"]: part for part in use["parts"]}
    withdrawn = {
        part["part"] for part in body["parts"]
        if part["withdrawn"] and part["part"] in known and not known[part["part"]]["withdrawn"]
    }  # fmt: skip
    loans, fresh, parts = _claim(state, peer, [part for part in body["parts"] if part["part"] not in known])
    parts = [{**part, "withdrawn": part["withdrawn"] or part["part"] in withdrawn} for part in use["parts"]] + parts
    use["parts"] = sorted(parts, key=lambda part: part["part"])
    name = elsewhere(body["order"], peer)
    order = state.tables.orders.get((state.pool, name))
    if not fresh and (not withdrawn or order is None):
        return {"loans": loans, "draw": use}
    order = _with_parts(state, order or _new_order(state, name, peer, body, now_ms), fresh, withdrawn, now_ms)
    return {"loans": loans, "draw": use, "order": order, "tasks": tasks_after(state, order, now_ms)}


def _claim(state: PoolState, peer: str, told: list[Row]) -> tuple[list[Row], list[Row], list[Row]]:
    """(loans after new parts of a use, the parts that the store is to keep, all the new parts)."""
    loans: dict[str, Row] = {}
    fresh: list[Row] = []
    parts: list[Row] = []
    for new in told:
        milli = new["quantity_milli"]
        part = {**new, "picked_milli": 0, "collected_milli": 0, "gone_milli": 0, "reason": ""}
        name = loan_name(LENDER, peer, part["store"], part["sku"])
        loan = loans.get(name) or state.tables.loans.get((state.pool, name))
        if loan is None or milli > lent_milli(loan) or part["part"] in {one["part"] for one in parts}:
            parts.append({**part, "gone_milli": milli, "reason": NOT_LENT})
            continue
        loans[name] = {**loan, "drawn_milli": loan["drawn_milli"] + milli}
        if part["withdrawn"]:
            part |= {"gone_milli": milli, "reason": WITHDRAWN}
        else:
            fresh.append(part)
        parts.append(part)
    return list(loans.values()), fresh, parts


def _new_order(state: PoolState, name: str, peer: str, body: Row, now_ms: int) -> Row:
    terms = {
        "mode": body["mode"], "preferred_store": None, "geohash": None, "address_ref": body["address_ref"],
        "customer_ref": body["customer_ref"], "deadline_ms": body["deadline_ms"], "may_split": True,
        "may_part_fill": True, "hold_ttl_ms": None, "lines": [],
    }  # fmt: skip
    return {
        "pool": state.pool, "order": name, "status": CONFIRMED, "outcome": "", "terms": terms, "lines": [],
        "holds": [], "reroutes": 0, "placed_at_ms": now_ms, "expires_at_ms": 0, "ended_at_ms": 0, "forget_at_ms": 0,
        "requests": [], "position": 0, "for_pool": peer,
    }  # fmt: skip


def _with_parts(state: PoolState, order: Row, fresh: list[Row], withdrawn: set[int], now_ms: int) -> Row:
    """The lender's order with new parts, each a line of its own, and without those that are not wanted any more."""
    number = state.row["position"] + 1
    released: dict[str, int] = {}

    def take(hold: Row) -> int:
        if hold["line_id"] not in {str(part) for part in withdrawn}:
            return 0
        milli = held_milli(hold)
        released[hold["line_id"]] = released.get(hold["line_id"], 0) + milli
        return milli

    holds = without(order["holds"], take)
    lines = [
        {**line, "unfilled_milli": line["unfilled_milli"] + released[line["line_id"]], "reason": WITHDRAWN}
        if line["line_id"] in released
        else line
        for line in order["lines"]
    ]
    for part in fresh:
        goods = {"line_id": str(part["part"]), "sku": part["sku"], "quantity_milli": part["quantity_milli"]}
        lines.append({**goods, "unfilled_milli": 0, "reason": "", "declined_by": []})
        kept = {"store": part["store"], "sold_at_till_milli": 0, "state": CONFIRMED, "position": number}
        holds.append({**goods, **kept})
    wanted = [{name: line[name] for name in ("line_id", "sku", "quantity_milli")} for line in lines]
    order = {**order, "holds": holds, "lines": lines, "terms": {**order["terms"], "lines": wanted}, "position": number}
    if fresh:
        return {**order, "status": CONFIRMED, "outcome": "", "ended_at_ms": 0, "forget_at_ms": 0}
    if order["status"] == ENDED or open_milli(order) or any(is_kept(hold) for hold in holds):
        return order
    return ended(order, "cancelled", now_ms, state.catalog.pool["ended_retention_ms"])


def _take_use_answered(state: PoolState, message: Row, body: Row, now_ms: int) -> Row:
    peer = message["from_pool"]
    use = state.tables.uses.get((state.pool, use_name(BORROWER, peer, body["order"])))
    if use is None:
        raise _RefusedError(rejections.UNKNOWN_DRAW)
    told = {part["part"]: part for part in body["parts"]}
    order = state.tables.orders.get((state.pool, body["order"]))
    after, parts = order, []
    for part in use["parts"]:
        now = _grown(part, told.get(part["part"], part))
        if after is not None and not part["withdrawn"]:
            after = _come_further(after, elsewhere(part["store"], peer), part, now)
        parts.append(now)
    moved = _moved(use["parts"], parts)
    use = heard({**use, "parts": parts}, message)
    if use["acked_sequence"] >= use["sequence"]:  # asked after when the goods should have been handed over
        overdue_ms = max(use["deadline_ms"], now_ms) + state.catalog.pool["resend_after_ms"]
        use |= {"resend_at_ms": 0 if is_settled(use) else overdue_ms, "tries": 0}
    if order is None or after is None or after == order:
        return {"draw": use}
    after = {**after, "position": state.row["position"] + 1}
    after = settled(after, now_ms, state.catalog.pool["ended_retention_ms"])
    return {"draw": use, "order": after, "tasks": tasks_after(state, after, now_ms), "order_progress": moved}


def _grown(part: Row, told: Row) -> Row:
    """The part after what the lender told of it."""
    collected = max(part["collected_milli"], told["collected_milli"])
    gone = max(part["gone_milli"], told["gone_milli"])
    if collected + gone + told["picked_milli"] > part["quantity_milli"]:
        raise _RefusedError(rejections.MORE_THAN_LENT)
    return {
        **part, "picked_milli": told["picked_milli"], "collected_milli": collected, "gone_milli": gone,
        "reason": told["reason"],
    }  # fmt: skip


def _come_further(order: Row, store: str, before: Row, now: Row) -> Row:
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
        reached = COLLECTED if now["collected_milli"] == left else PICKED if is_picked else hold["state"]
        holds = [{**one, "quantity_milli": left, "state": reached} if one is hold else one for one in holds]
    after = {**order, "holds": holds}
    if not gone:
        return after
    comes_back = now["reason"] != NOT_COLLECTED
    return fail_lines(after, {before["line_id"]: gone}, store, now["reason"], comes_back=comes_back)


def _moved(before: list[Row], after: list[Row]) -> str:
    """In one word, for the customers' side."""

    def grew(name: str) -> bool:
        return any(
            now[name] > part[name] for part, now in zip(before, after, strict=True) if not part["withdrawn"]
        )  # fmt: skip

    if grew("gone_milli"):
        return "short"
    return "collected" if grew("collected_milli") else "picked"


_TAKE = {
    "commonshelf.LoanStatus": _take_loan_told,
    "commonshelf.LoanAck": _take_loan_answered,
    "commonshelf.DrawStatus": _take_use_told,
    "commonshelf.DrawAck": _take_use_answered,
}
