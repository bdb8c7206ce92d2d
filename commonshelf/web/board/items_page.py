"""The routes of items: the list, and one item with each store's shelf and why it holds what it holds."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from starlette.responses import Response

from commonshelf.desks.history import history
from commonshelf.web.board import paths
from commonshelf.web.board.bands import best
from commonshelf.web.board.now import name_of
from commonshelf.web.board.visit import Board, NotThere, Visit, page_route
from commonshelf.web.board.why import because
from commonshelf.web.board.words import BAND_WORDS
from commonshelf.web.callers import Sight
from schemas.types.catalog import CatalogItem
from schemas.types.directory import Band
from schemas.types.stock import Availability

_ITEMS_SHOWN: Final = 60
_ITEMS_LOOKED_AT: Final = 20_000
WHY_LINES: Final = 60
"""The newest lines of a history that are shown."""


@dataclass(frozen=True)
class ShelfNow:
    """A store's shelf of an item: its numbers for who may see them, else its band; None of a closed store."""

    store: str
    name: str
    band: Band | None
    numbers: Availability | None
    shows_why: bool


@dataclass(frozen=True)
class ItemNow:
    """An item in the list. available_milli: of the pool, for who sees all its numbers."""

    item: CatalogItem
    band: Band
    available_milli: int | None


class ItemPages:
    """The pages of all items."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self.routes = [
            page_route(board, "/pool/{pool}/items", self._list),
            page_route(board, "/pool/{pool}/item/{sku:path}", self._one),
        ]

    def _list(self, visit: Visit) -> Response:
        visit.need("shelves:read")
        sight = visit.sight()
        wanted = visit.asked("q")
        found = list(islice(matching(visit.views.items(visit.pool), wanted), _ITEMS_SHOWN + 1))
        shown = []
        for item in found[:_ITEMS_SHOWN]:
            rows = visit.views.shelves(visit.pool, item["sku"])
            shown.append(ItemNow(item, best(bands(sight, item, rows)), total_milli(sight, rows)))
        return visit.page(
            "items.html", here="items", items=shown, more=len(found) > _ITEMS_SHOWN, q=wanted, band_words=BAND_WORDS
        )

    def _one(self, visit: Visit) -> Response:
        visit.need("shelves:read")
        sight = visit.sight()
        sku = str(visit.request.path_params["sku"])
        item = visit.views.item(visit.pool, sku)
        rows = visit.views.shelves(visit.pool, sku)
        if item is None:
            raise NotThere
        stores = visit.views.stores(visit.pool)
        shelves = sorted((shelf_now(visit, sight, item, row) for row in rows), key=lambda one: one.name)
        asked = visit.asked("why")
        why = self._why(visit, asked, sku) if sees_why(visit, asked) else None
        return visit.page(
            "item.html",
            here="items",
            hides_numbers=any(one.numbers is None for one in shelves),
            live="" if why is not None else paths.changes(visit.pool, sku=sku),
            sku=sku,
            item=item,
            name=item["name"] or sku,
            unit=item["unit"],
            shelves=shelves,
            total=total_milli(sight, rows),
            band=best(bands(sight, item, rows)),
            band_words=BAND_WORDS,
            why=why,
            why_store=name_of(stores, asked) if asked else "",
            lines_max=WHY_LINES,
        )

    def _why(self, visit: Visit, store: str, sku: str) -> list[object]:
        """The newest lines of a shelf's history, the newest first."""
        connection = self._board.connection
        lines = history(connection.kafka_options, connection.settings.partitions, visit.pool, store, sku)
        return list(reversed(because(deque(lines, maxlen=WHY_LINES), visit.t)))


def shelf_now(visit: Visit, sight: Sight, item: CatalogItem, row: Availability) -> ShelfNow:
    """A shelf as the visitor may see it: numbers of the key's own store, and of those that opened theirs by a grant."""
    store = row["store"]
    numbers = row if sight.has_numbers(store) else None
    return ShelfNow(store, name_of(sight.stores, store), sight.shelf(item, row), numbers, sees_why(visit, store))


def sees_why(visit: Visit, store: str) -> bool:
    """Whether a shelf's history may be shown: to whoever acts for the store and sees its numbers."""
    return bool(store) and visit.may("shelves:read", store) and visit.sight().has_numbers(store)


def total_milli(sight: Sight, rows: Sequence[Availability]) -> int | None:
    """The pool's sum, for who sees each of its parts."""
    sees_all = all(sight.has_numbers(row["store"]) for row in rows)
    return sum(row["available_milli"] for row in rows) if sees_all else None


def bands(sight: Sight, item: CatalogItem, rows: Iterable[Availability]) -> list[Band]:
    """The bands of an item's shelves that may be shown."""
    return [band for row in rows if (band := sight.shelf(item, row)) is not None]


def matching(items: Iterable[CatalogItem], wanted: str) -> Iterable[CatalogItem]:
    """The items whose name, SKU or barcode has each word that is looked for."""
    words = wanted.casefold().split()
    for item in islice(items, _ITEMS_LOOKED_AT):
        text = f"{item['name']} {item['sku']} {item['gtin'] or ''} {item['category']}".casefold()
        if all(word in text for word in words):
            yield item
