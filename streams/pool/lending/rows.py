"""Rows of loans between pools, of the goods that orders draw from them, and of what pools have told each other.

The lender is the home pool of the store that has the goods, the borrower the pool that may promise them. To the
borrower the store is called `store@lender`; to the lender the order is called `order@borrower`. Rows are never changed
in place.
"""

from schemas.types.lending import DrawRow, DrawStatus, LendingChannel, LendingMessage, LendingSide, LoanRow
from schemas.types.pos import Unit
from schemas.types.requests import OrderTerms
from streams.pool.journal.elsewhere import loan_name
from streams.pool.lending.index import LENDING
from streams.pool.state.part import Pool
from streams.pool.state.pool_state import PoolState
from streams.pool.state.tables import EntityKey, TableSpec

_TRIES_MAX = 8


def _load_loan(state: Pool, row: LoanRow) -> None:
    state[LENDING].put_loan(row)


def _load_draw(state: Pool, row: DrawRow) -> None:
    state[LENDING].put_draw(row)


LOANS: TableSpec[EntityKey, LoanRow] = TableSpec("loan", "LoanRow", "/".join, load=_load_loan)
DRAWS: TableSpec[EntityKey, DrawRow] = TableSpec("draw", "DrawRow", "/".join, load=_load_draw)
CHANNELS: TableSpec[EntityKey, LendingChannel] = TableSpec("channel", "LendingChannel", "/".join, cached_rows_max=0)


def find_loan(state: PoolState, name: str) -> LoanRow | None:
    """The loan of that name."""
    return state.tables[LOANS].get((state.pool, name))


def find_draw(state: PoolState, name: str) -> DrawRow | None:
    """The draw of that name; None once it is closed."""
    return state.tables[DRAWS].get((state.pool, name))


def channel_to(state: PoolState, peer: str) -> LendingChannel:
    """How far the messages between this pool and another have come."""
    known = state.tables[CHANNELS].get((state.pool, peer))
    return known or {"pool": state.pool, "peer": peer, "sent_sequence": 0, "received_sequence": 0, "gaps": 0}


def name_of_loan(loan: LoanRow) -> str:
    """Names a loan among those of its pool."""
    return loan_name(loan["side"], loan["peer"], loan["store"], loan["sku"])


def draw_name(side: LendingSide, peer: str, order: str) -> str:
    """Names what one order, by the borrower's id, draws from one lender, among the draws of one pool."""
    return f"{side}/{peer}/{order}"


def name_of_draw(draw: DrawRow) -> str:
    """Names a draw among those of its pool."""
    return draw_name(draw["side"], draw["peer"], draw["order"])


def lent_milli(loan: LoanRow) -> int:
    """What is lent now: the lender's shelf holds it, the borrower may promise it."""
    return loan["granted_milli"] - loan["returned_milli"] - loan["drawn_milli"]


def is_waiting(loan: LoanRow) -> bool:
    """Does the lender still wait for an answer, or for goods that it called back?"""
    lent = lent_milli(loan)
    covered = lent if loan["covered_milli"] is None else loan["covered_milli"]
    return loan["acked_sequence"] < loan["sequence"] or lent > min(loan["limit_milli"], covered)


def is_over(draw: DrawRow) -> bool:
    """Is every part handed over or gone?"""
    return all(part["collected_milli"] + part["gone_milli"] >= part["quantity_milli"] for part in draw["parts"])


def send_loan(loan: LoanRow, sequence: int, now_ms: int, resend_after_ms: int, *, waits: bool) -> LoanRow:
    """The loan after a message about it; sent again, ever more rarely, as long as it waits for an answer."""
    tries, resend_at_ms = _resend(loan["tries"], now_ms, resend_after_ms, waits=waits)
    return {**loan, "sequence": sequence, "tries": tries, "resend_at_ms": resend_at_ms}


def send_draw(draw: DrawRow, sequence: int, now_ms: int, resend_after_ms: int, *, waits: bool) -> DrawRow:
    """The same for a draw."""
    tries, resend_at_ms = _resend(draw["tries"], now_ms, resend_after_ms, waits=waits)
    return {**draw, "sequence": sequence, "tries": tries, "resend_at_ms": resend_at_ms}


def _resend(tries: int, now_ms: int, resend_after_ms: int, *, waits: bool) -> tuple[int, int]:
    """(tries, when it is sent again; 0 for never)."""
    if not waits:
        return 0, 0
    tries = min(tries + 1, _TRIES_MAX)
    return tries, now_ms + (resend_after_ms << tries - 1)


def receive_loan(loan: LoanRow, message: LendingMessage) -> LoanRow:
    """The loan after a message of the other pool about it."""
    acked = max(loan["acked_sequence"], message["answers"])
    return {**loan, "received_sequence": message["sequence"], "acked_sequence": acked}


def receive_draw(draw: DrawRow, message: LendingMessage) -> DrawRow:
    """The same for a draw."""
    acked = max(draw["acked_sequence"], message["answers"])
    return {**draw, "received_sequence": message["sequence"], "acked_sequence": acked}


def new_loan(pool: str, side: LendingSide, peer: str, store: str, sku: str, unit: Unit) -> LoanRow:
    """Nothing is lent yet."""
    return {
        "pool": pool, "side": side, "peer": peer, "store": store, "sku": sku, "unit": unit, "granted_milli": 0,
        "returned_milli": 0, "drawn_milli": 0, "limit_milli": 0, "covered_milli": None, "counted_at_ms": 0,
        "discrepancies": 0, "settings": None, "reason": "",
        "sequence": 0, "received_sequence": 0, "acked_sequence": 0, "resend_at_ms": 0, "tries": 0,
    }  # fmt: skip


def new_draw(pool: str, side: LendingSide, peer: str, order: str, terms: OrderTerms | DrawStatus) -> DrawRow:
    """Nothing is drawn yet; `terms` has the order's mode, deadline and references."""
    return {
        "pool": pool, "side": side, "peer": peer, "order": order, "mode": terms["mode"],
        "deadline_ms": terms["deadline_ms"], "address_ref": terms["address_ref"],
        "customer_ref": terms["customer_ref"], "parts": [], "closed": False,
        "sequence": 0, "received_sequence": 0, "acked_sequence": 0, "resend_at_ms": 0, "tries": 0,
    }  # fmt: skip
