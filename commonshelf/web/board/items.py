"""The product master of a visit's pool as a mapping; each item is looked up when it is asked for."""

from collections.abc import Iterator, Mapping

from commonshelf.web.views.pool_views import PoolViews
from schemas.types.catalog import CatalogItem


class Items(Mapping[str, CatalogItem]):
    """SKU → item. name_of tells what people call it."""

    def __init__(self, views: PoolViews, pool: str) -> None:
        self._views = views
        self._pool = pool

    def __getitem__(self, sku: str) -> CatalogItem:
        found = self._views.item(self._pool, sku)
        if found is None:
            raise KeyError(sku)
        return found

    def __iter__(self) -> Iterator[str]:
        return (item["sku"] for item in self._views.items(self._pool))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def name_of(self, sku: str) -> str:
        """An item's name; of one that the product master lacks, its SKU."""
        item = self.get(sku)
        return sku if item is None else item["name"] or sku
