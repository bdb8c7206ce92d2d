"""The route of the consumer's search: who near me has it, in bands only, by when, and how to collect."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final, TypedDict

from starlette.responses import Response

from commonshelf.web.board.finding import Offer, offers
from commonshelf.web.board.items_page import matching
from commonshelf.web.board.now import name_of
from commonshelf.web.board.visit import Board, Visit, page_route
from commonshelf.web.board.words import BAND_WORDS
from schemas.types.catalog import CatalogItem
from streams.directory.bands import shown_to_public

_ITEMS_SHOWN: Final = 12


class Shown(TypedDict):
    """A search as the page shows it. stores: those from which distances may be asked, by name."""

    q: str
    near: str
    found: Sequence[tuple[CatalogItem, list[Offer]]]
    band_words: Mapping[str, str]
    stores: Mapping[str, str]


class SearchPage:
    """The search of all pools."""

    def __init__(self, board: Board) -> None:
        self.routes = [page_route(board, "/pool/{pool}/search", self._page)]

    def _page(self, visit: Visit) -> Response:
        shown = shown_to(visit, visit.asked("q"), visit.asked("near"))
        return visit.page("search.html", here="search", **shown)


def shown_to(visit: Visit, wanted: str, near: str) -> Shown:
    """What a search shows to a visitor: items with these words, each with the stores that show that they have it."""
    listings, stores = visit.views.listings(visit.pool), visit.views.stores(visit.pool)
    alike = islice(matching(visit.views.items(visit.pool), wanted), 5 * _ITEMS_SHOWN) if wanted else ()
    found = [
        (item, offers(visit, item, near))
        for item in alike
        if visit.is_member or any(shown_to_public(listing, item["category"]) for listing in listings.values())
    ]
    listed = {one: name_of(stores, one) for one in stores if visit.is_member or one in listings}
    return {
        "q": wanted, "near": near, "found": sorted(found, key=lambda one: not one[1])[:_ITEMS_SHOWN],
        "band_words": BAND_WORDS, "stores": dict(sorted(listed.items(), key=lambda pair: pair[1])),
    }  # fmt: skip
