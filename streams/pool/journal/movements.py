"""Movements of goods, read from the journal: one shape for sales, receipts, counts, hand-overs, transfers and loans.

Whoever wants to know what moved, or what it was worth, reads them, and derives nothing from the facts again.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, cast

from schemas.types.journal import Fact
from schemas.types.lending import LoanRow
from schemas.types.orders import OrderRow
from schemas.types.pos import SaleLineKind, StockReportKind
from schemas.types.stock import (
    AppliedLine,
    Correction,
    CorrectionKind,
    ReversedLine,
    SaleRecorded,
    StockReportRecorded,
)
from schemas.types.transfers import Discrepancy, DiscrepancyKind, TransferRow
from streams.pool.journal.elsewhere import BORROWER, elsewhere, is_elsewhere, loan_name
from streams.pool.journal.facts import (
    COUNT_WITHDRAWN,
    FULFILMENT_REPORT_DECIDED,
    LENDING_CHANGED,
    LENDING_MESSAGE_DECIDED,
    ORDER_CHANGED,
    ORDER_REQUEST_DECIDED,
    SALE_RECORDED,
    STOCK_REPORT_RECORDED,
    TRANSFER_CHANGED,
    told_milli,
)

Cause = (
    SaleLineKind
    | StockReportKind
    | Literal[
        "collected",
        "damaged",
        "transfer_out",
        "transfer_in",
        "transfer_back",
        "lost_in_transit",
        "damaged_in_transit",
        "borrowed",
        "drawn",
        "revised",
    ]
)
_CORRECTIONS: dict[CorrectionKind, Cause] = {
    "collected": "collected", "damaged": "damaged", "shipped": "transfer_out", "received": "transfer_in",
    "returned": "transfer_back",
}  # fmt: skip
"""What a correction is as a movement; goods not found move nothing."""
_NO_SALE = ("stock", COUNT_WITHDRAWN)
"""Kinds of reversed lines that are no sale's."""
_IN_TRANSIT: dict[DiscrepancyKind, Cause] = {"lost": "lost_in_transit", "damaged": "damaged_in_transit"}


class Movement(NamedTuple):
    """Goods that came to a store or left it."""

    store: str
    """As the pool calls it: `store@pool` lends to the pool."""
    sku: str
    quantity_milli: int
    """Thousandths of the unit: above zero for what came, below for what left."""
    books_milli: int
    """What of it changed the books of the store's shelf. Less than the quantity when goods moved before under another
    cause, when a count had seen them, or when they never were on the shelf."""
    cause: Cause
    occurred_at_ms: int
    reason: str = ""
    """Why stock was adjusted."""
    is_undone: bool = False
    """A revision takes back what the version before said."""
    counterparty_store: str | None = None
    """The other store of a transfer."""
    order: str | None = None
    transfer: str | None = None
    price_minor: int | None = None
    """As on the till's line; None where nobody told, and for the parts of a kit, whose price is that of the whole."""
    currency: str | None = None
    value_minor: int | None = None
    """At cost, of what was lost or came broken."""
    is_kit_part: bool = False
    """The till's line is of a kit with other parts, too."""


@dataclass
class Movements:
    """Reads the movements of one pool's facts, from its first on. What it remembers are plain rows, to be kept: so many
    as the pool has shelves, loans and orders that go on.

    Of an item whose unit changed while its shelf was empty, it takes what is late of the time before for a change of
    the books, which begin anew then.
    """

    counted_at_ms: dict[tuple[str, str], int] = field(default_factory=dict)
    """(store, sku) → time of the last count: what occurred until then is in it."""
    borrowed_milli: dict[str, int] = field(default_factory=dict)
    """Loan → what was borrowed and not given back, drawn goods included."""
    drawn: dict[str, set[tuple[str, str, int]]] = field(default_factory=dict)
    """Order → line id, store and position of its holds of lent goods that have left the borrowed shelf.

    Of orders that go on: an ended one draws nothing more.
    """

    def of(self, fact: Fact) -> list[Movement]:
        """The movements of the next fact, in the order in which the books change."""
        return self._of_sale(fact[1]) if fact[0] == SALE_RECORDED else list(self._of(fact))

    def _of(self, fact: Fact) -> Iterator[Movement]:
        if fact[0] == STOCK_REPORT_RECORDED:
            yield from self._of_report(fact[1])
        elif fact[0] == FULFILMENT_REPORT_DECIDED or fact[0] == TRANSFER_CHANGED:
            order = fact[1]["order"] if fact[0] == FULFILMENT_REPORT_DECIDED else None
            for correction in fact[1]["corrections"]:
                yield from self._of_correction(correction, order, fact[1]["transfer"])
            yield from _of_discrepancies(fact[1]["discrepancies"], fact[1]["transfer"])
            yield from self._of_order(order)
        elif fact[0] == ORDER_REQUEST_DECIDED or fact[0] == ORDER_CHANGED:
            yield from self._of_order(fact[1]["order"])
        elif fact[0] == LENDING_MESSAGE_DECIDED or fact[0] == LENDING_CHANGED:
            if fact[0] == LENDING_MESSAGE_DECIDED:
                yield from self._of_order(fact[1]["order"])
            for loan in fact[1]["loans"]:
                yield from self._of_loan(loan, fact[1]["message"]["recorded_at_ms"])

    def _in_books(self, store: str, sku: str, occurred_at_ms: int, delta_milli: int) -> int:
        return delta_milli if occurred_at_ms > self.counted_at_ms.get((store, sku), 0) else 0

    def _of_sale(self, fact: SaleRecorded) -> list[Movement]:
        """Of a sale, which most facts are: where the time goes."""
        event, applied_lines = fact["event"], fact["applied"]
        store, at_ms, lines = event["store"], event["occurred_at_ms"], event["lines"]
        found = [self._of_reversed(store, line) for line in fact["reversed"] if line["kind"] not in _NO_SALE]
        kits = _kits(applied_lines) if len(applied_lines) > 1 else ()
        for applied in applied_lines:
            number, sku = applied["line"], applied["sku"]
            told = lines[number]
            books = self._in_books(store, sku, at_ms, applied["delta_milli"])
            price, is_kit_part = (None, True) if number in kits else (told["price_minor"], False)
            found.append(Movement(
                store, sku, told_milli(applied, told), books, told["kind"], at_ms, "", False, None,
                event["order_ref"], None, price, event["currency"], None, is_kit_part,
            ))  # fmt: skip
        return found

    def _of_reversed(self, store: str, line: ReversedLine) -> Movement:
        milli, then_ms, moved = line["delta_milli"], line["occurred_at_ms"], line.get("moved_milli")
        if moved is not None:
            moved = moved if line["kind"] == "sale" else -moved
        return Movement(
            store, line["sku"], milli if moved is None else moved,
            self._in_books(store, line["sku"], then_ms, milli), cast("Cause", line["kind"]), then_ms, is_undone=True,
            order=line.get("order"),
        )  # fmt: skip

    def _of_report(self, fact: StockReportRecorded) -> Iterator[Movement]:
        event = fact["event"]
        store, kind, occurred_at_ms, lines = event["store"], event["kind"], event["occurred_at_ms"], event["lines"]
        for line in fact["reversed"]:
            if line["kind"] != COUNT_WITHDRAWN:
                at_ms, milli = line["occurred_at_ms"], line["delta_milli"]
                books = self._in_books(store, line["sku"], at_ms, milli)
                yield Movement(store, line["sku"], milli, books, "revised", at_ms, is_undone=True)
        for applied in fact["applied"]:
            milli, reason = applied["delta_milli"], lines[applied["line"]]["reason"] or ""
            books = self._in_books(store, applied["sku"], occurred_at_ms, milli)
            yield Movement(store, applied["sku"], milli, books, kind, occurred_at_ms, reason)
        for counted in fact["counted"]:
            if counted["applied"]:
                drift = counted["drift_milli"]
                self.counted_at_ms[store, counted["sku"]] = occurred_at_ms
                yield Movement(store, counted["sku"], drift, drift, kind, occurred_at_ms)

    def _of_correction(
        self, correction: Correction, order: OrderRow | None, transfer: TransferRow | None
    ) -> Iterator[Movement]:
        cause = _CORRECTIONS.get(correction["kind"])
        if cause is None:
            return
        store, sku, milli = correction["store"], correction["sku"], correction["delta_milli"]
        yield Movement(
            store, sku, milli, self._in_books(store, sku, correction["occurred_at_ms"], milli), cause,
            correction["occurred_at_ms"], counterparty_store=_other_store(store, transfer),
            order=None if order is None else order["order"],
            transfer=None if transfer is None else transfer["transfer"],
        )  # fmt: skip

    def _of_order(self, order: OrderRow | None) -> Iterator[Movement]:
        """Lent goods leave the borrowed shelf when the order is confirmed that draws them."""
        if order is None:
            return
        if order["status"] == "ended":
            self.drawn.pop(order["order"], None)
            return
        for hold in order["holds"]:
            place = (hold["line_id"], hold["store"], hold["position"])
            if hold["state"] == "tentative" or not is_elsewhere(hold["store"]):
                continue
            drawn = self.drawn.setdefault(order["order"], set())
            if place not in drawn:
                drawn.add(place)
                milli = -hold["quantity_milli"]
                yield Movement(
                    hold["store"], hold["sku"], milli, milli, "drawn", order["placed_at_ms"], order=order["order"]
                )

    def _of_loan(self, loan: LoanRow, recorded_at_ms: int) -> Iterator[Movement]:
        if loan["side"] != BORROWER:
            return
        name = loan_name(loan["side"], loan["peer"], loan["store"], loan["sku"])
        borrowed = loan["granted_milli"] - loan["returned_milli"]
        milli = borrowed - self.borrowed_milli.get(name, 0)
        self.borrowed_milli[name] = borrowed
        if milli:
            yield Movement(
                elsewhere(loan["store"], loan["peer"]), loan["sku"], milli, milli, "borrowed", recorded_at_ms
            )


def _kits(applied_lines: Iterable[AppliedLine]) -> set[int]:
    """Lines that were applied in several parts."""
    return {line for line, parts in Counter(applied["line"] for applied in applied_lines).items() if parts > 1}


def _of_discrepancies(found: list[Discrepancy], transfer: TransferRow | None) -> Iterator[Movement]:
    """Goods that were lost on their way, or came broken: they had left the sender's shelf, and reach no other."""
    for one in found if transfer is not None else ():
        cause = _IN_TRANSIT.get(one["kind"])
        if transfer is not None and cause is not None:
            yield Movement(
                transfer["to_store"], one["sku"], -one["quantity_milli"], 0, cause,
                transfer["shipped_at_ms"] or transfer["placed_at_ms"], counterparty_store=transfer["from_store"],
                transfer=transfer["transfer"], value_minor=one["value_minor"],
            )  # fmt: skip


def _other_store(store: str, transfer: TransferRow | None) -> str | None:
    if transfer is None:
        return None
    return transfer["to_store"] if store == transfer["from_store"] else transfer["from_store"]
