"""The board's routes, put together."""

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from commonshelf.stack.connection import Connection
from commonshelf.web.board.changes import changes_route
from commonshelf.web.board.items_page import ItemPages
from commonshelf.web.board.now_page import NowPages
from commonshelf.web.board.ops_page import OpsPage
from commonshelf.web.board.orders_page import OrderPages
from commonshelf.web.board.render import FOLDER
from commonshelf.web.board.search_page import SearchPage
from commonshelf.web.board.set_aside import SetAside
from commonshelf.web.board.sign_in import SignIn
from commonshelf.web.board.store_page import StorePages
from commonshelf.web.board.till_page import TillPages
from commonshelf.web.board.visit import Board
from commonshelf.web.board.visitors import Sessions
from commonshelf.web.board.widget_page import WidgetPage
from commonshelf.web.views.pool_views import PoolViews

_ASSET_S: Final = 300


def board_routes(connection: Connection, views: PoolViews) -> list[BaseRoute]:
    """All that the board serves. connection: of the desks; views: what pages show."""
    board = Board(connection, views, Sessions(views))
    set_aside = SetAside(connection)
    return [
        *NowPages(board).routes,
        *SignIn(board).routes,
        *StorePages(board, set_aside).routes,
        *OrderPages(board).routes,
        *ItemPages(board).routes,
        *OpsPage(board, set_aside).routes,
        *SearchPage(board).routes,
        *WidgetPage(board).routes,
        *TillPages(board, set_aside).routes,
        changes_route(board),
        Route("/board/style.css", _asset("style.css", "text/css")),
        Route("/board/live.js", _asset("live.js", "text/javascript")),
        Route("/board/widget.js", _asset("widget.js", "text/javascript", for_other_sites=True)),
    ]


def _asset(name: str, media_type: str, *, for_other_sites: bool = False) -> Callable[[Request], Awaitable[Response]]:
    @cache
    def text() -> str:
        return (FOLDER / name).read_text(encoding="utf-8")

    async def serve(_request: Request) -> Response:
        headers = {"Cache-Control": f"max-age={_ASSET_S}", "X-Content-Type-Options": "nosniff"}
        if for_other_sites:
            headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return Response(text(), media_type=media_type, headers=headers)

    return serve
