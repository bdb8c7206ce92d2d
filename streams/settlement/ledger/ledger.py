"""The ledger of one pool: from each journal entry, in order, to the transactions that follow from it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from schemas.types.agreement import Agreement, Dispute
from streams.pool.journal import facts
from streams.settlement.ledger import closing, goods, lots, orders, returns
from streams.settlement.ledger.books import LATE_LIMIT, NEWEST, Books
from streams.settlement.ledger.debts import Debt, debt_of, kept
from streams.settlement.ledger.entries import AMOUNT_MAX_MINOR, About, Entry, Step
from streams.settlement.ledger.restating import restate

History = Callable[[], Iterable[Entry]]
"""The pool's journal from its first entry on; read up to the entry at hand when an agreement is dated back."""
_NO_PRICE_ENDS = ("none", "lost_lot")
"""Claims that no price ends: one takes an agreement that is dated back, or a dispute, the other ends with that of the
goods that were lost."""


class Ledger:
    """Pure but for `history`, which only reads what was posted already. Entries come in order, each once."""

    def __init__(self, pool: str, history: History, known: Mapping[str, Agreement] | None = None) -> None:
        """Known: agreements by version that hold from the start, whatever the journal says of agreements."""
        self._pool = pool
        self._history = history
        self._books = Books(pool)
        self._is_told = known is not None
        self._books.agreements.put_all(known or {})

    @classmethod
    def load(cls, pool: str, history: History, rows: Iterable[tuple[str, str]]) -> "Ledger":
        """The ledger that a store has kept by `take_changes`."""
        ledger = cls(pool, history)
        ledger._books.tables.load(rows)
        return ledger

    def take_changes(self) -> dict[str, str | None]:
        """Rows that changed since the last call; None for those that are gone. Together they are the ledger."""
        return self._books.tables.take_changes()

    def net_positions(self) -> dict[tuple[str, str], int]:
        """(Party, currency) → what others owe it less what it owes, minor units."""
        return self._books.net_positions()

    def post(self, entry: Entry) -> Step:
        """All that follows from the next entry of the pool."""
        books, fact = self._books, entry.fact
        books.begin(entry)
        if fact[0] == facts.CONFIG_CHANGE:
            change = fact[1]["change"]
            if change[0] == "commonshelf.Agreement":
                self._agree(change[1], entry)
            elif change[0] == "commonshelf.Dispute":
                self._dispute(change[1], entry)
            elif change[0] == "commonshelf.StoreSettings":
                books.stores[change[1]["store"]] = 1
            elif change[0] == "commonshelf.PoolSettings":
                books.currency["currency"] = change[1]["currency"]
                books.times[LATE_LIMIT] = change[1]["late_limit_ms"]
        elif fact[0] == facts.CATALOG_ITEM:
            books.items[fact[1]["sku"]] = fact[1]
            self._price_what_waits()
        elif fact[0] == facts.TICK:
            closing.tick(books, fact[1]["at_ms"])
        else:
            self._settle(entry)
        return books.step

    def _settle(self, entry: Entry) -> None:
        books, fact = self._books, entry.fact
        for move in books.movements.of(fact):
            if move.order is not None and move.cause in returns.RETURNS:
                returns.settle_return(books, move)
            goods.settle_movement(books, move)
            books.note_sale(move)
        if fact[0] == facts.SALE_RECORDED:
            return
        at_ms, corrections = entry.appended_at_ms, []
        if fact[0] == facts.FULFILMENT_REPORT_DECIDED:
            at_ms = fact[1]["report"]["occurred_at_ms"]
            order, corrections = fact[1]["order"], fact[1]["corrections"]
            if order is not None and fact[1]["report"]["reason"] == "not_collected":
                orders.settle_no_show(books, order, [fact[1]["report"]["store"]], at_ms)
        elif fact[0] == facts.ORDER_REQUEST_DECIDED or fact[0] == facts.ORDER_CHANGED:
            order = fact[1]["order"]
            if order is not None and fact[0] == facts.ORDER_CHANGED and fact[1]["kind"] == "not_collected":
                late = [task["store"] for task in fact[1]["tasks"] if task["status"] == "late"]
                orders.settle_no_show(books, order, late, at_ms)
        elif fact[0] == facts.LENDING_MESSAGE_DECIDED:
            order = fact[1]["order"]
        else:
            return
        if order is not None:
            orders.settle_order(books, order, at_ms, corrections)

    # --- prices that come late -------------------------------------------------------------------------------

    def _price_what_waits(self) -> None:
        """Post what waited for a price that is known now, in the order of the facts."""
        books = self._books
        for name in sorted(books.unpriced):
            claim = books.unpriced.get(name)
            if claim is None or claim["claim"] in _NO_PRICE_ENDS:
                continue
            about = About(*claim["about"])
            agreement = books.agreement_at(about.occurred_at_ms)
            if agreement is None or claim["unit"] != books.unit_of(about.sku):
                continue
            if claim["claim"] == "refund":
                amount = books.retail_minor(str(about.sku), about.quantity_milli or 0)
                if amount is None or abs(amount) > AMOUNT_MAX_MINOR:
                    continue
                returns.price_refund(books, name, claim, about, amount, agreement)
            else:
                rate = orders.order_rate(books, about, agreement)
                if isinstance(rate, str):
                    continue
                self._price(name, claim, about, rate, agreement)
            books.end_claim(name)

    def _price(
        self, name: tuple[int, int], claim: dict[str, Any], about: About, rate: Any, agreement: Agreement
    ) -> None:
        books = self._books
        if claim["claim"] == "order":
            orders.price_claim(books, name, claim, about, rate)
        elif claim["claim"] == "lot":
            lots.price_lot(books, name, claim, about, rate)
        elif claim["claim"] == "transfer":
            goods.price_transfer(books, name, claim, about, rate, agreement)
        elif claim["claim"] == "transit":
            goods.price_transit_loss(books, name, claim, about, rate, agreement)
        elif claim["claim"] == "own_loss":
            goods.price_own_loss(books, name, about, rate, agreement)
        else:
            returns.price_return(books, name, claim, about, rate, agreement)

    # --- agreements ------------------------------------------------------------------------------------------

    def _agree(self, agreement: Agreement, entry: Entry) -> None:
        """Take an agreement. One dated back is applied as if it had always been known, and the difference posted."""
        books = self._books
        version = str(agreement["version"])
        if self._is_told or books.agreements.get(version) == agreement:
            return
        if agreement["effective_from_ms"] > books.times.get(NEWEST, 0):
            books.agreements[version] = agreement
            self._price_what_waits()
            return
        again = Ledger(self._pool, self._history, {**books.agreements, version: agreement})
        for before in self._history():
            if before.position >= entry.position:
                break
            again.post(before)
        restate(books, again._books, agreement)

    # --- disputes --------------------------------------------------------------------------------------------

    def _dispute(self, dispute: Dispute, entry: Entry) -> None:
        """A dispute opens, or ends: what it was settled with is posted, and taken back when it is settled otherwise."""
        books = self._books
        before = books.disputes.get(dispute["dispute"])
        row: dict[str, Any] = {"dispute": dispute, "debt": None, "at": None}
        if before is not None and before["debt"] is not None:
            about = About("dispute", entry.appended_at_ms, dispute=dispute["dispute"])
            sentence = f"Dispute {dispute['dispute']} is settled otherwise"
            books.owe(about, 0, debt_of(before["debt"]).negated(), sentence, tuple(before["at"]))
        resolution = dispute["resolution"]
        if dispute["status"] == "resolved" and resolution is not None:
            debt = Debt(
                resolution["creditor"], resolution["debtor"], books.currency.get("currency", ""),
                {"goods": resolution["amount_minor"]},
            )  # fmt: skip
            about = About("dispute", entry.appended_at_ms, dispute["store"], dispute=dispute["dispute"])
            disputed = (dispute["posted_position"], dispute["sequence"])
            at = books.owe(about, 0, debt, f"Dispute {dispute['dispute']} is settled", disputed)
            row |= {"debt": kept(debt), "at": list(at)}
        books.disputes[dispute["dispute"]] = row
