"""The state of one pool's ledger, and the transactions of the entry at hand."""

from collections.abc import Iterable
from typing import Any

from schemas.models.config import PoolSettings
from schemas.types.agreement import Agreement, SettlementWindow
from schemas.types.catalog import CatalogItem
from schemas.types.settlement import AccountName
from streams.pool.journal.movements import Movement, Movements
from streams.pool.state.horizon import MARGIN_MS
from streams.settlement.ledger.agreements import Agreements
from streams.settlement.ledger.debts import Debt, Rate
from streams.settlement.ledger.entries import (
    AMOUNT_MAX_MINOR,
    FUND,
    About,
    ClosedWindow,
    Entry,
    Posting,
    Step,
    Transaction,
    Unpriced,
    UnpricedReason,
)
from streams.settlement.ledger.tables import PileTable, RowTable, Tables
from streams.settlement.ledger.windows import LATEST_MS, window_of
from streams.settlement.money import scaled

CLOCK, OPEN_START, OPEN_END, NEWEST = "clock_ms", "open_start_ms", "open_end_ms", "newest_ms"
"""Rows of `times`: the pool's time, the window that is open, and when the newest fact happened that was settled."""
LATE_LIMIT, LATE_BEFORE = "late_limit_ms", "late_before_ms"
"""Rows of `times`: the pool's late limit, and its horizon: what was told a margin before it, the pool may forget."""
NOT_POSTED = -1
"""In place of a transaction's sequence, where there was nothing to post."""
_LATE_LIMIT_MS = PoolSettings(name="-").late_limit_ms
"""Of a pool that has told no settings yet."""


class Books:
    """The memory of a pool's ledger. The modules beside this one read and change it; `Ledger` alone is called."""

    def __init__(self, pool: str) -> None:
        self.pool = pool
        self.agreements = Agreements()
        """Version → agreement."""
        self.items: RowTable[str, CatalogItem] = RowTable("items")
        self.orders: RowTable[str, dict[str, Any]] = RowTable("orders")
        """Order → what was posted for it; see `orders`."""
        self.lots: RowTable[tuple[str, str], list[Any]] = RowTable("lots")
        """(Keeper, SKU) → others' goods that it keeps, oldest first; see `lots`."""
        self.sold_lots = PileTable("sold_lots")
        """(Keeper, SKU) → what was taken of lots, newest last."""
        self.lost_lots: RowTable[tuple[str, str], list[Any]] = RowTable("lost_lots")
        self.shelves: RowTable[tuple[str, str], int] = RowTable("shelves")
        """(Store, SKU) → thousandths that the pool's books say."""
        self.in_transit: RowTable[tuple[str, str], list[Any]] = RowTable("in_transit")
        """(Transfer, SKU) → losses on the way, newest last."""
        self.sales: RowTable[tuple[int, str], int] = RowTable("sales")
        """(Start of a window that has not closed, store) → retail value of what it sold in it."""
        self.fund: RowTable[tuple[int, str], int] = RowTable("fund")
        """(Start of a window that has not closed, currency) → what is owed to the fund less what it owes."""
        self.exposures: RowTable[str, list[int]] = RowTable("exposures")
        """Owner → value lent now, since when, and value times ms accrued in the open window."""
        self.unpriced: RowTable[tuple[int, int], dict[str, Any]] = RowTable("unpriced")
        """(Position, item) → what waits for a price."""
        self.disputes: RowTable[str, dict[str, Any]] = RowTable("disputes")
        self.balances: RowTable[tuple[str, AccountName, str, str], int] = RowTable("balances")
        """(Party, account, counterparty or empty, currency) → sum of all postings."""
        self.times: RowTable[str, int] = RowTable("times")
        self.stores: RowTable[str, int] = RowTable("stores")
        """The members, by id."""
        self.currency: RowTable[str, str] = RowTable("currency")
        """The pool's, under `currency`."""
        self._counted_at: RowTable[tuple[str, str], int] = RowTable("counted_at")
        self._borrowed: RowTable[str, int] = RowTable("borrowed")
        self._drawn: RowTable[str, set[tuple[str, str, int]]] = RowTable("drawn", lambda rows: set(map(tuple, rows)))
        self.movements = Movements(self._counted_at, self._borrowed, self._drawn)
        self.tables = Tables(
            (
                self.agreements, self.items, self.orders, self.lots, self.sold_lots, self.lost_lots, self.shelves,
                self.in_transit, self.sales, self.fund, self.exposures, self.unpriced, self.disputes, self.balances,
                self.times, self.stores, self.currency, self._counted_at, self._borrowed, self._drawn,
            )
        )  # fmt: skip
        self.step = Step([], [], [], [])
        self.position = 0
        self._pieces = 0

    # --- the entry at hand ---------------------------------------------------------------------------------

    def begin(self, entry: Entry) -> None:
        """Start anew for an entry."""
        self.step = Step([], [], [], [])
        self.position = entry.position
        self._pieces = 0

    def post(
        self,
        about: About,
        agreement: int,
        postings: Iterable[Posting],
        sentence: str,
        *,
        corrects: tuple[int, int] | None = None,
        position: int | None = None,
    ) -> tuple[int, int]:
        """Post a transaction and return its name, or NOT_POSTED in place of its sequence; postings of nothing are left
        out.

        postings: each on another account, or with another party. position: of the fact, when it is not the entry at
        hand.
        """
        found = tuple([one for one in postings if one.amount_minor])
        if not found:
            return self.position, NOT_POSTED
        name = (self.position, len(self.step.transactions))
        if corrects is not None and corrects[1] == NOT_POSTED:
            corrects = None
        add = self.balances.add
        window_ms, belongs_to_ms = self._windows(about.occurred_at_ms)
        for party, account, counterparty, amount, currency in found:
            add((party, account, counterparty or "", currency), amount)
            if party == FUND and account in ("receivable", "payable"):
                self.fund.add((window_ms, currency), amount)
        self._note_time(about)
        self.step.transactions.append(
            Transaction(
                self.pool, self.position if position is None else position, *name, about, window_ms, belongs_to_ms,
                agreement, corrects, sentence, found,
            )
        )  # fmt: skip
        return name

    def owe(
        self, about: About, agreement: int, debt: Debt, sentence: str, corrects: tuple[int, int] | None = None,
        position: int | None = None,
    ) -> tuple[int, int]:  # fmt: skip
        """Post a debt."""
        return self.post(about, agreement, debt.postings(), sentence, corrects=corrects, position=position)

    def wait_for_price(self, reason: UnpricedReason, about: About, claim: dict[str, Any]) -> tuple[int, int]:
        """Keep a claim that cannot be priced, tell of it, and return its name. It waits for a price of its unit."""
        item = len(self.step.unpriced)
        name = (self.position, item)
        self.unpriced[name] = {
            "reason": reason, "about": list(about), "unit": self.unit_of(about.sku), **claim,
        }  # fmt: skip
        self.step.unpriced.append(Unpriced(self.pool, self.position, item, reason, about))
        self._note_time(about)
        return name

    def name_of_piece(self) -> tuple[int, int]:
        """A name for one more piece that the entry at hand makes: of a `PileTable`."""
        self._pieces += 1
        return self.position, self._pieces

    def _note_time(self, about: About) -> None:
        if about.occurred_at_ms > self.times.get(NEWEST, 0):
            self.times[NEWEST] = about.occurred_at_ms

    def waits_no_more(self, name: tuple[int, int], milli: int) -> None:
        """So much of a claim needs no price any more."""
        claim = self.unpriced[name]
        left = claim["about"][6] - milli
        if left:
            claim["about"][6] = left
            self.unpriced[name] = claim
        else:
            self.end_claim(name)

    def end_claim(self, name: tuple[int, int]) -> None:
        """A claim waits no more."""
        del self.unpriced[name]
        self.step.priced.append(name)

    def adopt(self, known: "Books") -> None:
        """Go on from another's rows. Windows stay as they are, and what was posted stays posted."""
        self.tables.become(known.tables, but=("balances", "times", "fund"))

    def note_sale(self, move: Movement) -> None:
        """Sales at the catalogue's price are the weights of the fund; revisions take back what they took."""
        if move.order is None and (move.cause in ("sale", "return", "void") or move.is_undone):
            value = self.retail_minor(move.sku, -move.quantity_milli)
            if value:
                window_ms = self._windows(move.occurred_at_ms)[0] if self.agreements else 0
                self.sales.add((window_ms, move.store), value)

    # --- what holds ----------------------------------------------------------------------------------------

    @property
    def clock_ms(self) -> int:
        """The pool's time."""
        return self.times.get(CLOCK, 0)

    def pass_time(self, clock_ms: int) -> None:
        """The pool's time goes on, and with it its horizon; neither goes back."""
        clock_ms = max(min(clock_ms, LATEST_MS), self.clock_ms)
        late_before_ms = clock_ms - self.times.get(LATE_LIMIT, _LATE_LIMIT_MS)
        self.times[CLOCK] = clock_ms
        self.times[LATE_BEFORE] = max(late_before_ms, self.times.get(LATE_BEFORE, 0))

    @property
    def remembered_since_ms(self) -> int:
        """What was told since then the pool may still know, and change."""
        return self.times.get(LATE_BEFORE, 0) - MARGIN_MS

    def agreement_at(self, at_ms: int) -> Agreement | None:
        """The one in force at a time; None before the first."""
        return self.agreements.at(at_ms)

    def rate(self, sku: str, milli: int, agreement: Agreement | None) -> Rate | UnpricedReason:
        """The transfer price of one unit, or why so many thousandths have none."""
        reason = self._no_terms(agreement)
        if reason or agreement is None:
            return reason or "no_agreement"
        item, price = self.items.get(sku), agreement["transfer_price"]
        if price["kind"] == "list":
            listed = next((one["price_minor"] for one in agreement["list_prices"] if one["sku"] == sku), None)
            if listed is None:
                return "no_list_price"
            numerator, denominator = listed, 1
        elif price["kind"] == "cost_plus":
            if item is None or item["cost_minor"] is None:
                return "no_cost"
            numerator, denominator = item["cost_minor"] * (1000 + price["permille"]), 1000
        else:
            if item is None or item["price_minor"] is None:
                return "no_price"
            numerator, denominator = item["price_minor"] * price["permille"], 1000
        tax = (item["tax_permille"] or 0) if item is not None and agreement["tax"] != "none" else 0
        return _bounded(Rate(numerator, denominator, tax, agreement["tax"] == "included", agreement["rounding"]), milli)

    def referral_rate(self, sku: str, milli: int, agreement: Agreement) -> Rate | UnpricedReason:
        """The share of one unit's retail price that the store that sold gets when the customer pays another one."""
        reason, item = self._no_terms(agreement), self.items.get(sku)
        if reason:
            return reason
        if item is None or item["price_minor"] is None:
            return "no_price"
        numerator = item["price_minor"] * agreement["referral_permille"]
        return _bounded(Rate(numerator, 1000, 0, False, agreement["rounding"], "fees"), milli)

    def _no_terms(self, agreement: Agreement | None) -> UnpricedReason | None:
        if agreement is None:
            return "no_agreement"
        own = self.currency.get("currency", agreement["currency"])
        return None if agreement["currency"] == own else "other_currency"

    def unit_of(self, sku: str | None) -> str | None:
        """The unit in which an item is counted and priced; None for an item that is not known."""
        item = None if sku is None else self.items.get(sku)
        return None if item is None else item["unit"]

    def retail_minor(self, sku: str, milli: int) -> int | None:
        """What so many thousandths cost a customer by the catalogue; None for an item without a price."""
        item = self.items.get(sku)
        if item is None or item["price_minor"] is None:
            return None
        return scaled(item["price_minor"] * milli, 1, 1000)

    def net_positions(self) -> dict[tuple[str, str], int]:
        """(Party, currency) → what others owe it less what it owes, minor units; of those that are not even."""
        found: dict[tuple[str, str], int] = {}
        for (party, account, _, currency), balance in self.balances.items():
            if account in ("receivable", "payable"):
                found[party, currency] = found.get((party, currency), 0) + balance
        return {key: amount for key, amount in sorted(found.items()) if amount}

    # --- windows -------------------------------------------------------------------------------------------

    def _windows(self, occurred_at_ms: int) -> tuple[int, int]:
        """(Window to post in, window to which the time belongs), by their starts."""
        opened_ms = self.times.get(OPEN_START)
        if opened_ms is not None and opened_ms <= occurred_at_ms < self.times[OPEN_END]:  # as most are
            return opened_ms, opened_ms
        occurred_at_ms = min(occurred_at_ms, LATEST_MS)
        start, end = self.open_window(occurred_at_ms)
        if occurred_at_ms < start:
            return start, min(window_of(occurred_at_ms, self._window_terms(occurred_at_ms))[0], start)
        while occurred_at_ms >= end:  # windows follow one another from here; those under the same terms in one turn
            changes_at_ms = self.agreements.next_change_ms(end)
            last_ms = occurred_at_ms if changes_at_ms is None else min(occurred_at_ms, changes_at_ms - 1)
            begins, ends = window_of(last_ms, self._window_terms(end))
            start, end = max(end, begins), ends
        return start, start

    def open_window(self, at_ms: int) -> tuple[int, int]:
        """(Start, end) of the oldest window that has not closed; `at_ms` is in the first one there is."""
        if OPEN_START not in self.times:
            if not self.agreements:
                return at_ms, at_ms + 1
            window = window_of(max(at_ms, self.clock_ms), self._window_terms(at_ms))
            self.times[OPEN_START], self.times[OPEN_END] = window
        return self.times[OPEN_START], self.times[OPEN_END]

    def close_window(self, agreement: int) -> None:
        """The open window takes nothing any more; the next one opens."""
        start, end = self.times[OPEN_START], self.times[OPEN_END]
        self.step.closed.append(ClosedWindow(self.pool, start, end, self.position, agreement))
        self.times[OPEN_START], self.times[OPEN_END] = end, window_of(end, self._window_terms(end))[1]

    def _window_terms(self, at_ms: int) -> SettlementWindow:
        """Those in force at a time, or before any agreement those of the first; there is one when a window is open."""
        agreement = self.agreement_at(at_ms) or self.agreements.first()
        assert agreement is not None
        return agreement["window"]


def _bounded(rate: Rate, milli: int) -> Rate | UnpricedReason:
    """The rate, unless so many thousandths come to more than a fact may."""
    if abs(rate.numerator * milli) > AMOUNT_MAX_MINOR * rate.denominator * 1000:
        return "too_large"
    return rate
