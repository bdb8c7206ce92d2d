"""The route of the widget: *who has it?* in a frame of a town's page, for everybody and in bands only.

It is the one page that others may frame: it shows what the public sees whoever looks, and nothing can be done in it.
"""

from dataclasses import replace
from typing import Final

from starlette.responses import Response

from commonshelf.web.board import render
from commonshelf.web.board.search_page import shown_to
from commonshelf.web.board.visit import Board, Visit, page_route
from commonshelf.web.board.visitors import Visitor
from commonshelf.web.callers import Caller

POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors *"
)
"""Of its content: no scripts, and any page may frame it."""


class WidgetPage:
    """The widgets of all pools."""

    def __init__(self, board: Board) -> None:
        self.routes = [page_route(board, "/pool/{pool}/widget", _page)]


def _page(visit: Visit) -> Response:
    everybody = replace(visit, visitor=Visitor(None, Caller(visit.caller.name)))
    wanted, near = visit.asked("q"), visit.asked("near")
    made = render.page(
        "widget.html", shown_to(everybody, wanted, near), t=visit.t, visitor=everybody.visitor, zone=visit.zone,
        pool=visit.pool, pool_name="" if visit.settings is None else visit.settings["name"] or visit.pool,
    )  # fmt: skip
    answer = render.answer(made)
    answer.headers["Content-Security-Policy"] = POLICY
    return answer
