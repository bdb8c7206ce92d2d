"""Index of a pool's loans and draws. Made from their rows alone, whenever these are loaded."""

from collections import defaultdict
from typing import Any

from streams.pool.lending.loans import BORROWER, LENDER, elsewhere, lent_milli, loan_name, use_name
from streams.pool.orders.index import Alarms

Row = dict[str, Any]
LOAN, USE = "loan", "draw"


class LendingIndex:
    """Indices over the loans and uses of one pool. `lenders` is the catalog's table of stores that lend to it."""

    def __init__(self, lenders: dict[str, Row]) -> None:
        self._lenders = lenders
        self._told_by: dict[str, int] = {}
        self.alarms = Alarms()
        """Loans and uses, by when they are told again."""
        self.lent: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        """(sku, own store) → loan → what is lent of it."""
        self.uses_of: defaultdict[str, dict[str, None]] = defaultdict(dict)
        """Order, by the borrower's id → uses of it at lenders."""
        self.orders: dict[str, None] = {}
        """Orders that changed and have to do with lent goods. Empty between inputs, as are the next two."""
        self.loans: dict[str, bool] = {}
        """Loans that may have to be told otherwise; True when a refusal of the borrower counts no more."""
        self.answers: dict[tuple[str, str], None] = {}
        """Loans and uses that were asked about: they are told as they stand."""

    def lent_milli(self, sku: str, store: str) -> int:
        """What an own store has lent of an item to all other pools."""
        return sum(self.lent[sku, store].values()) if (sku, store) in self.lent else 0

    def look_again(self, sku: str, store: str) -> None:
        """What its shelf covers has changed."""
        for name in self.lent.get((sku, store), ()):
            self.loans.setdefault(name, False)

    def look_no_more(self, entity: str, name: str) -> None:
        """Whatever was to be looked at of a loan, or of the order of a use, is left as it is."""
        if entity == LOAN:
            self.loans.pop(name, None)
        else:
            side, peer, order = name.split("/", 2)
            self.orders.pop(order if side == BORROWER else elsewhere(order, peer), None)

    def put_loan(self, loan: Row) -> None:
        """Take note of a loan's new row."""
        name = loan_name(loan["side"], loan["peer"], loan["store"], loan["sku"])
        if loan["side"] == LENDER:
            self._put_lent((loan["sku"], loan["store"]), name, lent_milli(loan))
            self.alarms.set((LOAN, name), loan["resend_at_ms"] or None)
        elif loan["settings"] is not None:
            store = elsewhere(loan["store"], loan["peer"])
            if loan["received_sequence"] >= self._told_by.get(store, 0):  # each item's loan tells of the store
                self._told_by[store] = loan["received_sequence"]
                self._lenders[store] = loan["settings"]

    def _put_lent(self, shelf: tuple[str, str], name: str, milli: int) -> None:
        if milli:
            self.lent[shelf][name] = milli
        elif shelf in self.lent:
            self.lent[shelf].pop(name, None)
            if not self.lent[shelf]:
                del self.lent[shelf]

    def put_use(self, use: Row) -> None:
        """The same for a use; one that is closed has left the state."""
        if use["side"] != BORROWER:
            return
        name, order = use_name(BORROWER, use["peer"], use["order"]), use["order"]
        self.alarms.set((USE, name), None if use["closed"] else use["resend_at_ms"] or None)
        if not use["closed"]:
            self.uses_of[order][name] = None
        elif order in self.uses_of:
            self.uses_of[order].pop(name, None)
            if not self.uses_of[order]:
                del self.uses_of[order]
