"""Movements and counts whose sum is known: what says how many units there are, in any order of hearing it."""

from typing import Any, NamedTuple

from hypothesis import strategies as st

from schemas.topics import (
    POS_SALES,
    POS_STOCK,
)
from tests.support.pool import (
    BREAD,
    MILK,
    MINUTE_MS,
    NOON_MS,
    line,
    sale,
    stock,
)
from tests.support.worlds import STORES, Published


class Movement(NamedTuple):
    """A version of a till transaction or a receipt. What it says follows from its name, as a sane source has it."""

    source_id: str
    version: int

    def published(self, part: int = 0) -> Published:
        """Part 1 is the first line alone, 2 the second, 0 both."""
        told = [line(**fields) for fields in self.lines()]
        named = [{**fields, "line_id": f"l{at}"} for at, fields in enumerate(told)]
        chosen = named if part == 0 else [named[part - 1]]
        head = {"store": self.store, "version": self.version, "occurred_at_ms": self.occurred_at_ms}
        if self.is_sale:
            return Published(POS_SALES.name, sale(self.source_id, *chosen, **head), NOON_MS + 30 * MINUTE_MS)
        return Published(POS_STOCK.name, stock("received", self.source_id, *chosen, **head), NOON_MS + 30 * MINUTE_MS)

    @property
    def seed(self) -> int:
        return int(self.source_id) * 7 + self.version * 5

    @property
    def is_sale(self) -> bool:
        return int(self.source_id) % 3 != 0

    @property
    def store(self) -> str:
        return STORES[int(self.source_id) % 2]

    @property
    def occurred_at_ms(self) -> int:
        return NOON_MS + (self.seed % 13 - 6) * MINUTE_MS

    def lines(self) -> list[dict[str, Any]]:
        kinds = ("sale", "return", "sale", "void", "return_not_restocked")
        told: list[dict[str, Any]] = []
        for at in range(2):
            fields = {"quantity_milli": (1 + (self.seed + at) % 4) * 1_000, "sku": (MILK, BREAD)[(self.seed + at) % 2]}
            told.append(fields | ({"kind": kinds[(self.seed + at) % 5]} if self.is_sale else {}))
        return told

    def deltas(self) -> list[tuple[str, int]]:
        signs = {"sale": -1, "return": 1, "void": 1, "return_not_restocked": 0, None: 1}
        return [(fields["sku"], signs[fields.get("kind")] * fields["quantity_milli"]) for fields in self.lines()]


class Count(NamedTuple):
    """A physical count of one shelf; its minute names it, so that no two of a shelf are of the same time."""

    store: str
    sku: str
    minute: int

    @property
    def as_of_ms(self) -> int:
        return NOON_MS + self.minute * MINUTE_MS

    @property
    def quantity_milli(self) -> int:
        return (20 + self.minute) * 1_000

    def published(self, part: int = 0) -> Published:
        name = f"{self.store}-{self.sku}-{self.minute}"
        value = stock(
            "counted", name, line(self.quantity_milli, self.sku), store=self.store, occurred_at_ms=self.as_of_ms
        )
        return Published(POS_STOCK.name, value, NOON_MS + 30 * MINUTE_MS)


movements = st.builds(Movement, st.sampled_from("123456"), st.integers(1, 3))
counts = st.builds(Count, st.sampled_from(STORES), st.sampled_from([MILK, BREAD]), st.integers(-8, 8))
