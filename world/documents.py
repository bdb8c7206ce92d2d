"""Documents of tills and back offices, before any connector's format: receipts, openings, deliveries, waste, counts."""

from dataclasses import dataclass, replace
from typing import Literal, Self

DocumentKind = Literal["sale", "opening", "received", "adjusted", "counted"]


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """One line as the store says it.

    code is what the store calls the item, with its scheme: gtin:9520000000011 (13 digits), plu:4011, sku:1095275.
    kind is sale, return, return_not_restocked or void on a receipt, a reason on an adjustment, else empty.
    quantity_milli is positive on receipts; an adjustment's is signed. price_minor is the price of one unit.
    """

    line_no: int
    code: str
    quantity_milli: int
    unit: str = "each"
    kind: str = ""
    price_minor: int | None = None


@dataclass(frozen=True, slots=True)
class StoreDocument:
    """One receipt or stock report.

    number is unique per store, and a higher version replaces an earlier one. occurred_at_ms is when it happened,
    sent_at_ms when the store's machine sent it (ms since 1970 UTC, on the world's own clock); the difference is its
    lateness. is_last is False while more copies or versions of it will follow.
    """

    store: str
    kind: DocumentKind
    number: str
    occurred_at_ms: int
    sent_at_ms: int
    lines: tuple[DocumentLine, ...]
    register: str = "1"
    version: int = 1
    is_last: bool = True

    @property
    def key(self) -> tuple[str, str]:
        """The name that all its copies and versions share."""
        return self.store, self.number

    def at(self, occurred_at_ms: int, sent_at_ms: int) -> Self:
        """The same document with other times."""
        return replace(self, occurred_at_ms=occurred_at_ms, sent_at_ms=sent_at_ms)
