"""Indexes of a pool's loans and draws. Made from their rows alone, whenever these are loaded."""

from collections import defaultdict
from typing import Final

from schemas.types.lending import DrawRow, LoanRow
from streams.pool.journal.elsewhere import BORROWER, LENDER, elsewhere, loan_name
from streams.pool.state.agenda import LENT_ORDERS, LOANS, Work
from streams.pool.state.alarms import Alarms, Name
from streams.pool.state.groups import Group
from streams.pool.state.lent import LENT
from streams.pool.state.part import Part, Pool

LOAN: Final = "loan"
DRAW: Final = "draw"
ANSWERS: Work[Name, None] = Work("answers")
"""Loans and draws that were asked about: they are told as they stand."""


class LendingIndex:
    """Indexes of the loans and draws of one pool."""

    def __init__(self, state: Pool) -> None:
        self._lenders = state.config.lenders
        self._lent = state[LENT]
        self._agenda = state.agenda
        self._told_by: dict[str, int] = {}
        self.alarms = Alarms()
        """Loans and draws, by when they are told again."""
        self.of_order: Group[str] = defaultdict(dict)
        """Order, by the borrower's id → its draws from lenders."""

    def look_no_more(self, kind: str, name: str) -> None:
        """Whatever was to be looked at of a loan, or of the order of a draw, is left as it is."""
        if kind == LOAN:
            self._agenda[LOANS].pop(name, None)
        else:
            side, peer, order = name.split("/", 2)
            self._agenda[LENT_ORDERS].pop(order if side == BORROWER else elsewhere(order, peer), None)

    def put_loan(self, loan: LoanRow) -> None:
        """Take note of a loan's new row."""
        name = loan_name(loan["side"], loan["peer"], loan["store"], loan["sku"])
        if loan["side"] == LENDER:
            lent_milli = loan["granted_milli"] - loan["returned_milli"] - loan["drawn_milli"]
            self._lent.put(loan["sku"], loan["store"], name, lent_milli)
            self.alarms.set((LOAN, name), loan["resend_at_ms"] or None)
        elif loan["settings"] is not None:
            store = elsewhere(loan["store"], loan["peer"])
            if loan["received_sequence"] >= self._told_by.get(store, 0):  # each item's loan tells of the store
                self._told_by[store] = loan["received_sequence"]
                self._lenders[store] = loan["settings"]

    def put_draw(self, draw: DrawRow) -> None:
        """The same for a draw; one that is closed has left the state."""
        if draw["side"] != BORROWER:
            return
        name, order = f"{BORROWER}/{draw['peer']}/{draw['order']}", draw["order"]
        self.alarms.set((DRAW, name), None if draw["closed"] else draw["resend_at_ms"] or None)
        if not draw["closed"]:
            self.of_order[order][name] = None
        elif order in self.of_order:
            self.of_order[order].pop(name, None)
            if not self.of_order[order]:
                del self.of_order[order]


LENDING = Part(LendingIndex)
"""The indexes of a pool's loans and draws."""
