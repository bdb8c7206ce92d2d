"""Goods that shelves of the pool's own stores have lent to other pools. They count as held, and give way first."""

from collections.abc import Mapping

from streams.pool.state.part import Part, Pool


class Lent:
    """Thousandths that are lent, by shelf and loan. Made from the loans' rows."""

    def __init__(self, _: Pool) -> None:
        self._lent: dict[tuple[str, str], dict[str, int]] = {}

    def milli(self, sku: str, store: str) -> int:
        """What an own store has lent of an item to all other pools."""
        return sum(self.loans(sku, store).values())

    def loans(self, sku: str, store: str) -> Mapping[str, int]:
        """Loan → what is lent of the shelf by it; none with nothing."""
        return self._lent.get((sku, store), {})

    def of_store(self, store: str) -> int:
        """How many loans an own store has, of which something is out."""
        return sum(len(loans) for (_, of), loans in self._lent.items() if of == store)

    def put(self, sku: str, store: str, loan: str, milli: int) -> None:
        """So much is lent of the shelf by the loan now."""
        if milli:
            self._lent.setdefault((sku, store), {})[loan] = milli
        elif (sku, store) in self._lent:
            self._lent[sku, store].pop(loan, None)
            if not self._lent[sku, store]:
                del self._lent[sku, store]


LENT = Part(Lent)
"""What is lent of a pool's shelves."""
