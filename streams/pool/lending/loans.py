"""Loans between pools: what their rows are called, and what they say. Rows are never changed in place.

The lender is the home pool of the store that has the goods, the borrower the pool that may promise them. To the
borrower the store is called `store@lender`; to the lender the order is called `order@borrower`.
"""

from typing import Any

Row = dict[str, Any]
LENDER, BORROWER = "lender", "borrower"
_AT = "@"
"""No name of a store, an order or a pool has it."""
_TRIES_MAX = 8


def loan_name(side: str, peer: str, store: str, sku: str) -> str:
    """Names a loan among those of one pool."""
    return f"{side}/{peer}/{store}/{sku}"


def use_name(side: str, peer: str, order: str) -> str:
    """Names the lent goods of one order, by the borrower's id, among those of one pool."""
    return f"{side}/{peer}/{order}"


def row_name(row: Row) -> str:
    """The name of a loan's or a use's row."""
    if "parts" in row:
        return use_name(row["side"], row["peer"], row["order"])
    return loan_name(row["side"], row["peer"], row["store"], row["sku"])


def elsewhere(name: str, pool: str) -> str:
    """What a store or an order of `pool` is called in another pool."""
    return f"{name}{_AT}{pool}"


def is_elsewhere(name: str) -> bool:
    """Is it a store, or an order, of another pool?"""
    return _AT in name


def at_home(name: str) -> tuple[str, str]:
    """(name there, the other pool)."""
    own, _, pool = name.rpartition(_AT)
    return own, pool


def lent_milli(loan: Row) -> int:
    """What is lent now: the lender's shelf holds it, the borrower may promise it."""
    return int(loan["granted_milli"] - loan["returned_milli"] - loan["drawn_milli"])


def is_waiting(loan: Row) -> bool:
    """Does the lender still wait for an answer, or for goods that it called back?"""
    lent = lent_milli(loan)
    cover = lent if loan["covered_milli"] is None else loan["covered_milli"]
    return bool(loan["acked_sequence"] < loan["sequence"] or lent > min(loan["limit_milli"], cover))


def is_settled(use: Row) -> bool:
    """Is every part handed over or gone?"""
    return all(part["collected_milli"] + part["gone_milli"] >= part["quantity_milli"] for part in use["parts"])


def told(row: Row, number: int, now_ms: int, resend_after_ms: int, *, waits: bool) -> Row:
    """The row after message `number` about it; told again, ever more rarely, as long as it `waits` for an answer."""
    tries = min(row["tries"] + 1, _TRIES_MAX) if waits else 0
    resend_at_ms = now_ms + (resend_after_ms << tries - 1) if waits else 0
    return {**row, "sequence": number, "tries": tries, "resend_at_ms": resend_at_ms}


def heard(row: Row, message: Row) -> Row:
    """The row after a message of the other pool about it."""
    return {
        **row, "received_sequence": message["sequence"],
        "acked_sequence": max(row["acked_sequence"], message["answers"]),
    }  # fmt: skip


def new_loan(pool: str, side: str, peer: str, store: str, sku: str, unit: str) -> Row:
    """Nothing is lent yet."""
    return {
        "pool": pool, "side": side, "peer": peer, "store": store, "sku": sku, "unit": unit, "granted_milli": 0,
        "returned_milli": 0, "drawn_milli": 0, "limit_milli": 0, "covered_milli": None, "counted_at_ms": 0,
        "discrepancies": 0, "settings": None, "reason": "", **_UNTOLD,
    }  # fmt: skip


def new_use(pool: str, side: str, peer: str, order: str, terms: Row) -> Row:
    """Nothing is used yet; `terms` has the order's mode, deadline and references."""
    return {
        "pool": pool, "side": side, "peer": peer, "order": order,
        **{name: terms[name] for name in ("mode", "deadline_ms", "address_ref", "customer_ref")},
        "parts": [], "closed": False, **_UNTOLD,
    }  # fmt: skip


def new_channel(pool: str, peer: str) -> Row:
    """Nothing was told yet."""
    return {"pool": pool, "peer": peer, "sent_sequence": 0, "received_sequence": 0, "gaps": 0}


_UNTOLD = {"sequence": 0, "received_sequence": 0, "acked_sequence": 0, "resend_at_ms": 0, "tries": 0}
