"""The route of a till's view: one field that takes the scanner, who has it, and the customer is sent there."""

from itertools import islice
from typing import Final

from starlette.responses import Response

from commonshelf.config.catalog_files import parse_code
from commonshelf.web.board import paths
from commonshelf.web.board.acts import ask, milli_of
from commonshelf.web.board.finding import offers
from commonshelf.web.board.items_page import matching
from commonshelf.web.board.now import name_of
from commonshelf.web.board.orders_page import new_order
from commonshelf.web.board.set_aside import SetAside
from commonshelf.web.board.visit import Board, Refused, Visit, act_route, after, page_route
from commonshelf.web.board.visitors import Form
from commonshelf.web.board.words import BAND_WORDS
from connectors.contract import Refused as NoCode
from messaging.clock import wall_clock_ms
from schemas.types.catalog import CatalogItem

_KEPT_MS: Final = 4 * 3_600_000
_LIKE_IT: Final = 6


class TillPages:
    """The views of all stores' tills."""

    def __init__(self, board: Board, set_aside: SetAside) -> None:
        self._set_aside = set_aside
        path = "/pool/{pool}/till/{store}"
        self.routes = [page_route(board, path, self._page), act_route(board, path, self._send, self._page)]

    def _page(self, visit: Visit) -> Response:
        own = visit.need_store()["store"]
        visit.need("shelves:read", own)
        wanted = visit.asked("q") or visit.form.get("q", "")
        item = self._item(visit, own, wanted) if wanted else None
        alike = [] if item is not None or not wanted else _first(visit, wanted)
        stores = visit.views.stores(visit.pool)
        order = visit.asked("order")
        return visit.page(
            "till.html", here="till", own=own, own_name=name_of(stores, own), q=wanted, item=item, alike=alike,
            offers=[] if item is None else offers(visit, item, own), band_words=BAND_WORDS, order=order,
            may_order=visit.may("orders:write"),
        )  # fmt: skip

    def _send(self, visit: Visit, form: Form) -> str:
        """Reserves goods at a store, and confirms that at once: the customer goes there."""
        own = visit.need_store()["store"]
        visit.need("orders:write", own)
        sku, store = form.get("sku", ""), form.get("from", "")
        milli = milli_of(form.get("units", "1"), sku)
        if milli <= 0:
            raise Refused("say how many")
        order = new_order(visit)
        ask(visit, {
            "order": order, "kind": "placed", "terms": {
                "mode": "pickup", "preferred_store": store, "only_there": True, "may_part_fill": False,
                "deadline_ms": wall_clock_ms() + _KEPT_MS, "customer_ref": form.get("customer", "").strip() or None,
                "lines": [{"line_id": "1", "sku": sku, "quantity_milli": milli}],
            },
        })  # fmt: skip
        ask(visit, {"order": order, "kind": "confirmed"})
        return after(f"{paths.till(visit.pool, own)}?order={order}", "sent")

    def _item(self, visit: Visit, store: str, text: str) -> CatalogItem | None:
        """The item that a scanner's code, or a SKU, means in the store."""
        found = visit.views.item(visit.pool, text)
        if found is not None:
            return found
        try:
            sku = self._set_aside.meaning(visit.pool, store, parse_code(text))
        except NoCode:
            return None
        return None if sku is None else visit.views.item(visit.pool, sku)


def _first(visit: Visit, wanted: str) -> list[CatalogItem]:
    return list(islice(matching(visit.views.items(visit.pool), wanted), _LIKE_IT))
