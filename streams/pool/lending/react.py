"""Reactions of loans and draws, and messages to other pools: `next_lending(state, now_ms)`. Pure.

All that changed is looked at within the same input, so that what another pool hears was decided together with it.
"""

from typing import Any

from streams.pool.journal.facts import CATALOG_ITEM, CONFIG_CHANGE, LENDING_CHANGED, TICK, Fact, Fields
from streams.pool.lending.decide import given_back
from streams.pool.lending.index import LOAN, USE
from streams.pool.lending.loans import (
    BORROWER,
    LENDER,
    at_home,
    elsewhere,
    is_settled,
    lent_milli,
    loan_name,
    new_channel,
    new_loan,
    new_use,
    row_name,
    told,
    use_name,
)
from streams.pool.orders.holds import COLLECTED, ENDED, PICKED, held_milli, is_in_use
from streams.pool.state.pool_state import PoolState
from streams.pool.state.reaction_limit import STOPPED
from streams.pool.state.shelf import available_milli

Row = dict[str, Any]
_WHOLE = {"contribution": {"kind": "share", "value": 1000}, "safety_stock_milli": 0}
"""Of what a store lends, the borrower may promise all."""


def look_at_quotas(state: PoolState, fact: Fact) -> None:
    """Mark the loans that a setting, an item or the clock may change."""
    kind, fields = fact
    looked_at = state.lending.loans
    if kind == CONFIG_CHANGE:
        of, change = fields["change"]
        if of == "commonshelf.LentQuota":
            looked_at[loan_name(LENDER, change["to_pool"], change["store"], change["sku"])] = True
        elif of == "commonshelf.StoreSettings":
            for peer, store, sku in state.catalog.lent_quotas:
                if store == change["store"]:
                    looked_at.setdefault(loan_name(LENDER, peer, store, sku), False)
    elif kind in (TICK, CATALOG_ITEM):
        for peer, store, sku in state.catalog.lent_quotas:
            looked_at.setdefault(loan_name(LENDER, peer, store, sku), False)


def next_lending(state: PoolState, now_ms: int) -> Fact | None:
    """The next entry about loans and uses; None when all is told. It must be folded before the next is asked for."""
    index = state.lending
    while index.orders:
        order = next(iter(index.orders))
        fact = _about_order(state, order, now_ms)
        if fact is not None:
            return fact
        del index.orders[order]
    while index.loans:
        name = next(iter(index.loans))
        fact = _about_loan(state, name, now_ms)
        if fact is not None:
            return fact
        del index.loans[name]
    for entity, name in index.answers:
        return _told_again(state, entity, name, now_ms, is_answer=True)
    due = index.alarms.due(state.row["clock_ms"])
    return None if due is None else _told_again(state, *due, now_ms, is_answer=False)


def _send(
    state: PoolState, kind: str, peer: str, row: Row, body: Row, now_ms: int, *, waits: bool, loans: list[Row]
) -> Fact:
    """The entry with its message; `row` is the loan or the use that it is about, `loans` those that change besides."""
    channel = state.tables.channels.get((state.pool, peer)) or new_channel(state.pool, peer)
    number = channel["sent_sequence"] + 1
    row = told(row, number, now_ms, state.catalog.pool["resend_after_ms"], waits=waits)
    is_use = "parts" in row
    word = "Status" if (row["side"] == BORROWER) == is_use else "Ack"
    fields: Fields = {
        "kind": kind,
        "message": {
            "pool": peer, "from_pool": state.pool, "sequence": number, "answers": row["received_sequence"],
            "recorded_at_ms": now_ms, "body": (f"commonshelf.{'Draw' if is_use else 'Loan'}{word}", body),
        },
        "loans": loans if is_use else [*loans, row], "draw": row if is_use else None,
    }  # fmt: skip
    return LENDING_CHANGED, fields


def _some(row: Row, *names: str) -> Row:
    return {name: row[name] for name in names}


# --- loans --------------------------------------------------------------------------------------------------

_TOLD = (
    "store", "sku", "unit", "granted_milli", "limit_milli", "covered_milli", "counted_at_ms", "discrepancies",
    "settings",
)  # fmt: skip
_DECIDED = ("unit", "granted_milli", "limit_milli", "covered_milli", "settings", "reason")
"""What the lender tells when it changes; how sure its books are goes along."""


def _tell_loan(state: PoolState, kind: str, loan: Row, now_ms: int) -> Fact:
    if loan["side"] == LENDER:
        body, waits = _some(loan, *_TOLD), True
    else:
        body, waits = _some(loan, "store", "sku", "returned_milli", "reason"), False
    return _send(state, kind, loan["peer"], loan, body, now_ms, waits=waits, loans=[])


def _about_loan(state: PoolState, name: str, now_ms: int) -> Fact | None:
    side, peer, store, sku = name.split("/", 3)
    before = state.tables.loans.get((state.pool, name))
    if side == BORROWER:
        after = None if before is None else given_back(state, before)
        if before is None or after is None or after == before:
            return None
        return _tell_loan(state, "returned", after, now_ms)
    after = _as_it_should_be(state, name, peer, store, sku, before)
    if after is None or (before is not None and all(after[each] == before[each] for each in _DECIDED)):
        return None
    was_granted = 0 if before is None else before["granted_milli"]
    was_to_keep = 0 if before is None else before["limit_milli"]
    if after["granted_milli"] > was_granted:
        kind = "granted"
    elif after["limit_milli"] < was_to_keep or after["covered_milli"] is not None:
        kind = "called_back"
    else:
        kind = "changed"
    return _tell_loan(state, kind, after, now_ms)


def _as_it_should_be(state: PoolState, name: str, peer: str, store: str, sku: str, before: Row | None) -> Row | None:
    """The lender's loan by its settings and its shelf; None when there is nothing to lend yet."""
    catalog = state.catalog
    quota, unit, settings = catalog.lent_quotas.get((peer, store, sku), 0), catalog.unit(sku), catalog.stores.get(store)
    shelf, terms = state.tables.shelves.get((state.pool, sku, store)), catalog.terms(store, sku)
    loan = before
    if unit is None or settings is None or shelf is None:
        return None
    if loan is None:
        loan = new_loan(state.pool, LENDER, peer, store, sku, unit)
    reason = "" if state.lending.loans.get(name) else loan["reason"]
    wanted = 0 if reason else min(quota - lent_milli(loan), available_milli(shelf, terms))
    step = _step(unit)
    granted = loan["granted_milli"] + max(wanted - wanted % step, 0)
    if before is None and not granted:
        return None
    return {
        **loan, "unit": unit, "granted_milli": granted, "limit_milli": quota, "reason": reason,
        "covered_milli": _covered_milli(state, name, sku, store, step), "settings": {**settings, **_WHOLE},
        "counted_at_ms": shelf.counted_at_ms, "discrepancies": shelf.negatives + shelf.short_picks,
    }  # fmt: skip


def _step(unit: str) -> int:
    return 1000 if unit == "each" else 1


def _covered_milli(state: PoolState, name: str, sku: str, store: str, step: int) -> int | None:
    """What of the loan its shelf covers, None for all. What is lent gives way before an order's goods do.

    Of several loans the last by the borrower's name gives way first.
    """
    missing = shortage_milli(state, sku, store)
    lent = state.lending.lent.get((sku, store), {})
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
    shelf = state.tables.shelves.get((state.pool, sku, store))
    if shelf is None or shelf.held_milli <= shelf.on_hand_milli:
        return 0
    picked = 0
    for name in state.order_index.holding.get((sku, store), ()):
        order = state.tables.orders.get((state.pool, name))
        for hold in order["holds"] if order is not None else ():
            if (hold["sku"], hold["store"], hold["state"]) == (sku, store, PICKED):
                picked += held_milli(hold)
    return shelf.held_milli - max(shelf.on_hand_milli, picked)


# --- uses ---------------------------------------------------------------------------------------------------


def _about_order(state: PoolState, name: str, now_ms: int) -> Fact | None:
    order = state.tables.orders.get((state.pool, name))
    if order is not None and order["for_pool"] is not None:
        return _acknowledged(state, order, now_ms)
    peers = {at_home(hold["store"])[1] for hold in order["holds"] if is_in_use(hold)} if order is not None else set()
    peers |= {use.split("/")[1] for use in state.lending.uses_of.get(name, ())}
    for peer in sorted(peers):
        fact = _used(state, name, order, peer, now_ms)
        if fact is not None:
            return fact
    return None


def _used(state: PoolState, name: str, order: Row | None, peer: str, now_ms: int) -> Fact | None:
    """The borrower tells what an order uses of a lender's goods, and what it does not want any more."""
    use = state.tables.uses.get((state.pool, use_name(BORROWER, peer, name)))
    is_over = order is None or order["status"] == ENDED
    if use is None:
        if order is None or is_over:
            return None
        use = new_use(state.pool, BORROWER, peer, name, order["terms"])
    holds = {
        (hold["line_id"], hold["store"], hold["position"]): hold
        for hold in (order["holds"] if order is not None else ())
        if is_in_use(hold) and at_home(hold["store"])[1] == peer
    }
    parts, known = [], set()
    for part in use["parts"]:
        place = (part["line_id"], elsewhere(part["store"], peer), part["position"])
        known.add(place)
        has_come = part["collected_milli"] + part["gone_milli"] >= part["quantity_milli"]
        parts.append({**part, "withdrawn": part["withdrawn"] or (place not in holds and not has_come)})
    loans: dict[str, Row] = {}
    for place, hold in sorted(holds.items()):
        if place not in known:
            parts.append(_part(len(parts) + 1, hold))
            _take_from_loan(state, loans, peer, hold)
    after = {**use, "parts": parts}
    if is_over and is_settled(after):
        after["closed"] = True
    if after == use:
        return None
    kind = "closed" if after["closed"] else "drawn" if loans else "withdrawn"
    return _tell_use(state, kind, after, now_ms, list(loans.values()))


def _part(number: int, hold: Row) -> Row:
    return {
        "part": number, **_some(hold, "line_id", "position", "sku", "quantity_milli"),
        "store": at_home(hold["store"])[0], "withdrawn": False, "picked_milli": 0, "collected_milli": 0,
        "gone_milli": 0, "reason": "",
    }  # fmt: skip


def _take_from_loan(state: PoolState, loans: dict[str, Row], peer: str, hold: Row) -> None:
    name = loan_name(BORROWER, peer, at_home(hold["store"])[0], hold["sku"])
    loan = loans.get(name) or state.tables.loans.get((state.pool, name))
    if loan is None:
        raise LookupError(f"goods of {hold['store']} are held, and no loan {name} is known")
    loans[name] = {**loan, "drawn_milli": loan["drawn_milli"] + hold["quantity_milli"]}


def _tell_use(state: PoolState, kind: str, use: Row, now_ms: int, loans: list[Row]) -> Fact:
    body = _some(use, "order", "mode", "deadline_ms", "address_ref", "customer_ref", "parts", "closed")
    return _send(state, kind, use["peer"], use, body, now_ms, waits=not use["closed"], loans=loans)


def _acknowledged(state: PoolState, order: Row, now_ms: int) -> Fact | None:
    """The lender tells how far its store has come, when it has."""
    name, peer = at_home(order["order"])
    use = state.tables.uses.get((state.pool, use_name(LENDER, peer, name)))
    if use is None:
        return None
    lines = {line["line_id"]: line for line in order["lines"]}
    parts = [_come_so_far(order, part, lines.get(str(part["part"]))) for part in use["parts"]]
    return None if parts == use["parts"] else _answer_use(state, {**use, "parts": parts}, now_ms)


def _come_so_far(order: Row, part: Row, line: Row | None) -> Row:
    if line is None:
        return part
    milli = {PICKED: 0, COLLECTED: 0}
    for hold in order["holds"]:
        if hold["line_id"] == line["line_id"] and hold["state"] in milli:
            milli[hold["state"]] += hold["quantity_milli"]
    return {
        **part, "picked_milli": milli[PICKED], "collected_milli": milli[COLLECTED],
        "gone_milli": line["unfilled_milli"], "reason": line["reason"],
    }  # fmt: skip


def _answer_use(state: PoolState, use: Row, now_ms: int) -> Fact:
    body = _some(use, "order", "parts")
    return _send(state, "acknowledged", use["peer"], use, body, now_ms, waits=False, loans=[])


# --- again --------------------------------------------------------------------------------------------------


def _told_again(state: PoolState, entity: str, name: str, now_ms: int, *, is_answer: bool) -> Fact:
    """A loan or a use as it stands, to answer a message or because no answer came."""
    row = (state.tables.loans if entity == LOAN else state.tables.uses).get((state.pool, name))
    if row is None:
        raise LookupError(f"{entity} {name} is to be told and has no row")
    if entity == LOAN:
        return _tell_loan(state, "accepted" if is_answer else "resent", row, now_ms)
    if row["side"] == LENDER:
        return _answer_use(state, row, now_ms)
    return _tell_use(state, "resent", row, now_ms, [])


def stopped_lending(state: PoolState, moving: Fields, now_ms: int) -> Fact:
    """A loan or a use that was told in circles: told once more as it stands, and then not until something changes."""
    entity, row = (LOAN, moving["loans"][-1]) if moving["draw"] is None else (USE, moving["draw"])
    kind, fields = _told_again(state, entity, row_name(row), now_ms, is_answer=True)
    told_last = fields["loans"][-1] if moving["draw"] is None else fields["draw"]
    told_last.update(resend_at_ms=0, tries=0)
    return kind, {**fields, "kind": STOPPED}
