"""The routes of signing in and out, by a key."""

from dataclasses import replace
from typing import Final

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.responses import RedirectResponse, Response

from commonshelf.web.board import render
from commonshelf.web.board.visit import Board, Refused, Visit, act_route, after, page_route
from commonshelf.web.board.visitors import COOKIE, Form
from commonshelf.web.callers import address_of

_UNKNOWN: Final = "This key is not known, or was taken back. Ask your consortium for one."
_TOO_MANY: Final = "Too many keys are tried at once. Wait a moment."
_TRIES: Final = RateLimitItemPerMinute(100)
"""Of one address, right ones among them: who guesses holds up nobody else."""


class SignIn:
    """The pages of signing in and out."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._tries = FixedWindowRateLimiter(MemoryStorage())
        self.routes = [
            page_route(board, "/signin", self._page),
            act_route(board, "/signin", self._sign_in, self._page),
            act_route(board, "/signout", self._sign_out, self._page),
        ]

    def _page(self, visit: Visit) -> Response:
        """The form. Whoever has no visit yet gets one, for the form's token."""
        begun = visit.visitor.session is None
        if begun:
            visit.visitor = replace(visit.visitor, session=self._board.sessions.begin())
        answer = visit.page("signin.html", next=_inside(visit.form.get("next") or visit.asked("next")))
        if begun:
            _remember(visit, answer)
        return answer

    def _sign_in(self, visit: Visit, form: Form) -> Response:
        if not self._tries.hit(_TRIES, address_of(visit.request)):
            raise Refused(_TOO_MANY)
        session = self._board.sessions.sign_in(visit.visitor.session, form.get("key", "").strip())
        if session is None:
            raise Refused(_UNKNOWN)
        visit.visitor = replace(visit.visitor, session=session)
        return _remember(visit, RedirectResponse(_inside(form.get("next", "")), 303, headers=render.HEADERS))

    def _sign_out(self, visit: Visit, _form: Form) -> Response:
        self._board.sessions.end(visit.visitor.session)
        answer = RedirectResponse(after("/", "signed_out"), 303, headers=render.HEADERS)
        answer.delete_cookie(COOKIE)
        return answer


def _remember(visit: Visit, answer: Response) -> Response:
    session = visit.visitor.session
    if session is not None:
        is_secure = visit.request.url.scheme == "https"
        answer.set_cookie(COOKIE, session.id, secure=is_secure, httponly=True, samesite="strict")
    return answer


def _inside(path: str) -> str:
    """A path of ours, to go to after; the first page for anything else."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and "\n" not in path and "\r" not in path
    return path if is_ours else "/"
