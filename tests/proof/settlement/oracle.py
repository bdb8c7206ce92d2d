"""Who owes whom by a pool's journal, worked out in another way than the ledger does.

Nothing is posted step by step. Of each order its last row is looked at, of each transfer what came, and what that is
worth is summed up; only goods that one store keeps for another are followed through time, as runs of owners without a
value. That takes terms under which sums do not depend on steps: one version of the agreement that holds from the start,
one price of each item, and, where goods stay their owner's, prices that come out even for each thousandth.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from messaging.journal import JournalEntry
from streams.pool.journal.facts import (
    CATALOG_ITEM,
    CONFIG_CHANGE,
    FULFILMENT_REPORT_DECIDED,
    ORDER_CHANGED,
    SALE_RECORDED,
    STOCK_REPORT_RECORDED,
    TICK,
)

Row = dict[str, Any]
Shelf = tuple[str, str]
"""(Store, SKU)."""
FUND = "@fund"


class Account(NamedTuple):
    """A sum of postings: what it is in a party's book, with whom, and about which order or transfer."""

    subject: str
    party: str
    account: str
    counterparty: str


@dataclass
class _Run:
    owner: str
    milli: int


class SettlementOracle:
    """Reads one pool's journal, entry by entry."""

    def __init__(self) -> None:
        self.agreement: Row | None = None
        self.items: dict[str, Row] = {}
        self.sums: Counter[Account] = Counter()
        """What must be posted, minor units; of orders only after `end`."""
        self.fund_minor = 0
        """What the fund bears, which members give back at the ends of windows."""
        self._orders: dict[str, Row] = {}
        self._handed: Counter[tuple[str, str, str]] = Counter()
        self._no_shows: dict[tuple[str, str], None] = {}
        self._counted_at_ms: dict[Shelf, int] = {}
        self._on_hand: Counter[Shelf] = Counter()
        self._kept: defaultdict[Shelf, list[_Run]] = defaultdict(list)
        self._sold: defaultdict[Shelf, list[_Run]] = defaultdict(list)
        self._missing: defaultdict[Shelf, list[_Run]] = defaultdict(list)
        self._lost: defaultdict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
        """(Transfer, SKU) → thousandths that were lost on their way, and their value."""
        self._open: list[JournalEntry] = []

    def read(self, entries: Iterable[JournalEntry]) -> None:
        """The next entries."""
        self._open += entries

    def end(self) -> Counter[Account]:
        """All that must be posted of what was read, sums of zero left out."""
        for entry in self._open:  # terms first, whenever they were told
            kind, fact = entry.fact
            if kind == CATALOG_ITEM and fact["cost_minor"] is not None:
                self.items[fact["sku"]] = fact
            elif kind == CONFIG_CHANGE and fact["change"][0] == "commonshelf.Agreement":
                self.agreement = fact["change"][1]
        if self.agreement is not None:
            for entry in self._open:
                self._follow(entry)
            for order in self._orders.values():
                self._order(order, self.agreement)
        self._open.clear()
        return Counter({account: minor for account, minor in self.sums.items() if minor})

    # --- money ------------------------------------------------------------------------------------------

    def _rounded(self, over: int, under: int) -> int:
        """Half of a unit away from nothing."""
        return (2 * abs(over) + under) // (2 * under) * (1 if over >= 0 else -1)

    def _price(self, sku: str, milli: int) -> dict[str, int]:
        agreement, item = self._terms, self.items[sku]
        net = self._rounded(item["cost_minor"] * (1000 + agreement["transfer_price"]["permille"]) * milli, 1_000_000)
        tax = self._rounded(net * (item["tax_permille"] or 0), 1000) if agreement["tax"] == "added" else 0
        return {"goods": net, "tax": tax}

    @property
    def _terms(self) -> Row:
        assert self.agreement is not None
        return self.agreement

    def _owe(self, subject: str, creditor: str, debtor: str, parts: dict[str, int]) -> None:
        if creditor == debtor:
            return
        for account, minor in parts.items():
            self.sums[Account(subject, creditor, account, debtor)] -= minor
            self.sums[Account(subject, debtor, account, creditor)] += minor
            self.sums[Account(subject, creditor, "receivable", debtor)] += minor
            self.sums[Account(subject, debtor, "payable", creditor)] -= minor

    def _lend(self, owner: str, sku: str, milli: int, against: str) -> None:
        minor = sum(self._price(sku, milli).values())
        self.sums[Account("", owner, "stock_lent", "")] += minor
        self.sums[Account("", owner, against, "")] -= minor

    # --- facts ------------------------------------------------------------------------------------------

    def _follow(self, entry: JournalEntry) -> None:
        kind, fact = entry.fact
        if kind in (SALE_RECORDED, STOCK_REPORT_RECORDED):
            self._lines(kind, fact)
            return
        if kind in (TICK, CONFIG_CHANGE, CATALOG_ITEM):
            return
        order, transfer = fact.get("order"), fact.get("transfer")
        for one in fact.get("corrections", ()):
            if one["kind"] == "collected" and order is not None:
                self._handed[order["order"], one["sku"], one["store"]] -= one["delta_milli"]
            if one["kind"] == "received" and transfer is not None:
                self._receive(transfer, one)
            cause = {"collected": "sale", "damaged": "missing"}.get(one["kind"], "")
            self._move(one["store"], one["sku"], one["occurred_at_ms"], one["delta_milli"], cause)
        for one in fact.get("discrepancies", ()) if transfer is not None else ():
            if one["kind"] in ("lost", "damaged"):
                self._lose_on_the_way(transfer, one)
        if order is not None:
            self._note_order(kind, fact, order)

    def _note_order(self, kind: str, fact: Row, order: Row) -> None:
        """A no-show is a hand-over that nobody came for, by its time or by the store's word."""
        if kind == ORDER_CHANGED and fact["kind"] == "not_collected":
            late = [one for one in fact["tasks"] if one["kind"] == "hand_over" and one["status"] == "late"]
            self._no_shows.update({(order["order"], one["store"]): None for one in late})
        elif kind == FULFILMENT_REPORT_DECIDED and fact["report"]["reason"] == "not_collected":
            self._no_shows[order["order"], fact["report"]["store"]] = None
        self._orders[order["order"]] = order

    def _lines(self, kind: str, fact: Row) -> None:
        event = fact["event"]
        store, at_ms = event["store"], event["occurred_at_ms"]
        for one in fact["reversed"]:
            if kind == SALE_RECORDED and one["kind"] not in ("stock", "count_withdrawn"):
                self._move(store, one["sku"], one["occurred_at_ms"], one["delta_milli"], "sale")
            elif kind != SALE_RECORDED and one["kind"] != "count_withdrawn":
                self._move(store, one["sku"], one["occurred_at_ms"], one["delta_milli"], "revised")
        for one in fact["applied"]:
            told = event["lines"][one["line"]]
            cause = ""
            if kind != SALE_RECORDED and event["kind"] == "adjusted":
                cause = "missing" if told["reason"] in _STOLEN else "spoilt" if told["reason"] in _SPOILT else "found"
            if kind == SALE_RECORDED:
                cause = "" if told["kind"] == "return_not_restocked" else "sale"
            self._move(store, one["sku"], at_ms, one["delta_milli"], cause)
        for one in fact.get("counted", ()):
            if one["applied"]:
                self._counted_at_ms[store, one["sku"]] = at_ms
                self._move(store, one["sku"], at_ms + 1, one["drift_milli"], "missing")

    # --- goods that stay their owner's --------------------------------------------------------------------

    def _move(self, store: str, sku: str, at_ms: int, milli: int, cause: str) -> None:
        """A change of a shelf, unless a count has seen it already."""
        shelf = (store, sku)
        if not milli or at_ms <= self._counted_at_ms.get(shelf, 0):
            return
        if cause == "sale" and milli < 0:
            taken = _take(self._kept[shelf], -milli, first=True)
            for run in taken:
                self._lend(run.owner, sku, -run.milli, "goods")
                self._owe("", run.owner, store, self._price(sku, run.milli))
            self._sold[shelf] += taken
        elif cause == "sale":
            for run in _take(self._sold[shelf], milli):
                self._lend(run.owner, sku, run.milli, "goods")
                self._owe("", run.owner, store, {name: -of for name, of in self._price(sku, run.milli).items()})
                self._kept[shelf].insert(0, run)
        elif cause in ("missing", "spoilt", "found", "revised") and milli > 0:
            for run in _take(self._missing[shelf], milli):
                self._miss(shelf, run, -1)
                if run.owner != store:
                    self._kept[shelf].append(run)
        elif cause in ("missing", "spoilt"):
            own = max(self._on_hand[shelf] - sum(run.milli for run in self._kept[shelf]), 0)
            missing = _take(self._kept[shelf], max(-milli - own, 0))
            if cause == "missing" and self._terms["shrink"]["covers"] == "all" and min(-milli, own):
                missing.append(_Run(store, min(-milli, own)))
            for run in missing:
                self._miss(shelf, run, 1)
            self._missing[shelf] += missing
        self._on_hand[shelf] += milli

    def _miss(self, shelf: Shelf, run: _Run, sign: int) -> None:
        store, sku = shelf
        bearer = self._terms["shrink"]["bearer"]
        minor = sum(self._price(sku, run.milli).values())
        if run.owner != store:
            self._lend(run.owner, sku, -sign * run.milli, "shrink")
        if bearer == "keeper":
            self._owe("", run.owner, store, {"shrink": sign * minor})
        elif bearer == "fund":
            self._owe("", run.owner, FUND, {"shrink": sign * minor})
            self.fund_minor += sign * minor

    # --- transfers --------------------------------------------------------------------------------------

    def _receive(self, transfer: Row, one: Row) -> None:
        sku, milli, sender = one["sku"], one["delta_milli"], transfer["from_store"]
        if sku not in self.items or milli <= 0:
            return
        if self._terms["ownership"] == "owner":
            self._lend(sender, sku, milli, "goods")
            self._kept[one["store"], sku].append(_Run(sender, milli))
        else:
            self._owe(transfer["transfer"], sender, one["store"], self._price(sku, milli))

    def _lose_on_the_way(self, transfer: Row, one: Row) -> None:
        """Below nothing are goods that are there after all: the last ones that were lost."""
        sku, name, sender = one["sku"], transfer["transfer"], transfer["from_store"]
        if sku not in self.items:
            return
        lost, milli = self._lost[name, sku], one["quantity_milli"]
        losses = []
        if milli > 0:
            losses.append(sum(self._price(sku, milli).values()))
            lost.append((milli, losses[0]))
        while milli < 0 and lost:
            there, minor = lost.pop()
            left = max(there + milli, 0)
            milli += there - left
            kept = self._rounded(minor * left, there)
            losses.append(kept - minor)
            if left:
                lost.append((left, kept))
        for minor in losses:
            self.sums[Account(name, sender, "shrink", "")] += minor
            self.sums[Account(name, sender, "goods", "")] -= minor
            if self._terms["transit_loss"] == "half":
                self._owe(name, sender, transfer["to_store"], {"shrink": minor // 2})

    # --- orders -----------------------------------------------------------------------------------------

    def _order(self, order: Row, terms: Row) -> None:
        name, seller = order["order"], order["terms"]["preferred_store"]
        wanted: Counter[Shelf] = Counter()
        gone: Counter[Shelf] = Counter()
        for hold in order["holds"]:
            shelf = (hold["store"], hold["sku"])
            wanted[shelf] += hold["quantity_milli"]
            gone[shelf] += hold["sold_at_till_milli"]
        given: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for (store, sku), milli in wanted.items():
            out = min(milli, gone[store, sku] + self._handed[name, sku, store])
            if out and store != (seller or store):
                given[store][sku] = out
        for store, goods in given.items():
            for sku, milli in goods.items():
                if sku not in self.items:
                    continue
                if terms["customer_pays"] == "selling":
                    self._owe(name, store, seller, self._price(sku, milli))
                else:
                    share = self.items[sku]["price_minor"] * terms["referral_permille"] * milli
                    self._owe(name, seller, store, {"fees": self._rounded(share, 1_000_000)})
            fees = terms["handling_fee_minor"]
            fees += terms["pickup_fee_minor"] if order["terms"]["mode"] == "pickup" else 0
            self._owe(name, store, seller, {"fees": fees})
        for one in [store for of, store in self._no_shows if of == name and seller]:
            self._owe(name, one, seller, {"fees": terms["no_show_fee_minor"]})


_STOLEN = ("damage", "theft")
_SPOILT = ("waste", "expiry", "other")
"""Own goods that spoil are a store's own affair."""


def _take(runs: list[_Run], milli: int, *, first: bool = False) -> list[_Run]:
    """So much, or all there is, from one end."""
    taken = []
    while milli > 0 and runs:
        run = runs[0 if first else -1]
        part = min(milli, run.milli)
        taken.append(_Run(run.owner, part))
        run.milli -= part
        milli -= part
        if not run.milli:
            runs.pop(0 if first else -1)
    return taken
