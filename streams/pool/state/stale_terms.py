"""Terms that changed in a batch: shelves did not, but what they can promise must be published anew."""

from collections.abc import Iterable

from streams.pool.state.shelf import ShelfKey


class StaleTerms:
    """Terms of one pool that changed since the last batch was closed. Unlike the agenda it is emptied once a batch."""

    def __init__(self) -> None:
        self._terms: set[tuple[str | None, str | None]] = set()

    def add(self, sku: str | None, store: str | None) -> None:
        """Terms of an item in a store changed; None stands for all."""
        self._terms.add((sku, store))

    def __bool__(self) -> bool:
        return bool(self._terms)

    def skus(self) -> list[str] | None:
        """Items whose shelves are stale, sorted; None when whole stores are."""
        skus = {sku for sku, _ in self._terms}
        return None if None in skus else sorted(sku for sku in skus if sku is not None)

    def touch(self, keys: Iterable[ShelfKey]) -> list[ShelfKey]:
        """Those of the shelves whose terms changed."""
        skus, stores = {sku for sku, _ in self._terms}, {store for _, store in self._terms}
        return [key for key in keys if key[2] in stores or key[1] in skus]

    def clear(self) -> None:
        """The batch is closed."""
        self._terms.clear()
