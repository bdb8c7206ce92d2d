"""One visit of a page: who comes, of which pool, in which language; and how pages and acts become routes."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from confluent_kafka import KafkaException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from commonshelf.stack.connection import Connection
from commonshelf.web.board import paths, render
from commonshelf.web.board.said import SAID
from commonshelf.web.board.texts import Texts, language_of
from commonshelf.web.board.visitors import Form, FormRefused, Sessions, Visitor, form_of
from commonshelf.web.callers import Caller, Sight
from commonshelf.web.views.pool_views import PoolViews
from messaging.errors import UserError
from messaging.view import ViewDamaged, ViewFailed
from schemas.models.access import Scope
from schemas.types.config import PoolSettings, StoreSettings

_GONE: Final = "There is no such page, or not any more."
_NOT_YOURS: Final = "Your key does not open this page: it is another store's, or for the consortium's operators."
_STARTING: Final = "The board has just started and reads what it shows. Look again in a moment."
_LOOK_AGAIN_S: Final = "2"
_NO_KAFKA: Final = "Kafka does not answer now. Nothing was done that you were not told of. Try again in a moment."


class NotThere(Exception):
    """Nothing of that name is there."""


class NotAllowed(Exception):
    """The visitor may not see this, or not do it."""


class Refused(UserError):
    """An act that was not done; the sentence says why and what to do."""


@dataclass
class Board:
    """All that pages are made of. connection: of the desks, which act as they do for the command line."""

    connection: Connection
    views: PoolViews
    sessions: Sessions
    streams: int = 0
    """How many streams of pages are open."""


@dataclass
class Visit:
    """A request to the board. error: what went wrong with the form that was sent from this page."""

    board: Board
    request: Request
    visitor: Visitor
    t: Texts
    pool: str
    settings: PoolSettings | None
    error: str = ""
    form: Form = field(default_factory=dict)
    """What was typed into the form that could not be used."""

    @property
    def views(self) -> PoolViews:
        return self.board.views

    @property
    def zone(self) -> tzinfo:
        """Of the pool's wall clocks."""
        return UTC if self.settings is None else ZoneInfo(self.settings["time_zone"])

    @property
    def calendar(self) -> str:
        """Time zone of the pool's calendar."""
        return "UTC" if self.settings is None else self.settings["time_zone"]

    @property
    def caller(self) -> Caller:
        """The holder of a key, or the public."""
        return self.visitor.caller

    @property
    def is_member(self) -> bool:
        """Whether the key is of this pool."""
        return self.caller.pool == self.pool

    @property
    def is_operator(self) -> bool:
        """Whether the key is of this pool as a whole."""
        return self.is_member and self.caller.is_service

    def sight(self) -> Sight:
        """What of the pool's shelves may be shown."""
        return Sight.of(self.views, self.caller, self.pool)

    def may(self, scope: Scope, store: str | None = None) -> bool:
        """Whether the key allows something here; of a store, whether it speaks for that one."""
        return self.caller.may(scope, self.pool, store)

    def need(self, scope: Scope, store: str | None = None) -> None:
        """Raises NotAllowed for whoever may not do this."""
        if not self.may(scope, store):
            raise NotAllowed

    def need_operator(self) -> None:
        """Raises NotAllowed for whoever has no key of the whole pool."""
        if not self.is_operator:
            raise NotAllowed

    def need_store(self) -> StoreSettings:
        """The store that the address names. Raises NotThere."""
        found = self.views.store(self.pool, str(self.request.path_params["store"]))
        if found is None:
            raise NotThere
        return found

    def asked(self, name: str) -> str:
        """A parameter of the address; empty when it is not there."""
        return self.request.query_params.get(name, "")[:200].strip()

    def page(self, template: str, here: str = "", live: str = "", **values: object) -> Response:
        """A page of this pool."""
        text = render.page(
            template, {"form": self.form, **values}, t=self.t, visitor=self.visitor, zone=self.zone, pool=self.pool,
            pool_name="" if self.settings is None else self.settings["name"] or self.pool, error=self.t(self.error),
            notice=self.t(SAID[self.asked("said")]) if self.asked("said") in SAID else "", here=here, live=live,
        )  # fmt: skip
        return render.answer(text, 409 if self.error else 200)

    def sorry(self, status: int, title: str, text: str) -> Response:
        """A page that says what is wrong."""
        made = render.page(
            "error.html", {"title": self.t(title), "text": self.t(text)}, t=self.t, visitor=self.visitor, zone=self.zone
        )
        return render.answer(made, status)


Page = Callable[[Visit], Response]
Act = Callable[[Visit, Form], Response | str]
"""Does what a form asks for; the answer, or the address to go to after. Raises Refused."""


def page_route(board: Board, path: str, page: Page) -> Route:
    """The route of a page, for whoever opens it."""

    async def endpoint(request: Request) -> Response:
        return await asyncio.to_thread(_answered, board, request, page)

    return Route(path, endpoint, methods=["GET"])


def act_route(board: Board, path: str, act: Act, page: Page) -> Route:
    """The route of a form. page: shown anew, with what is wrong, when the act was refused."""

    async def endpoint(request: Request) -> Response:
        visitor = await asyncio.to_thread(board.sessions.visitor, request)
        try:
            form = await form_of(request, visitor)
        except FormRefused as refused:
            reason = str(refused)
            return await asyncio.to_thread(_answered, board, request, lambda visit: _not_taken(visit, reason))
        return await asyncio.to_thread(_answered, board, request, lambda visit: _acted(visit, form, act, page))

    return Route(path, endpoint, methods=["POST"])


def after(path: str, said: str) -> str:
    """The address of a page that says what was done. said: a key of SAID."""
    where, _, mark = path.partition("#")
    return f"{where}{'&' if '?' in where else '?'}said={said}" + (f"#{mark}" if mark else "")


def visit_of(board: Board, request: Request) -> Visit:
    """The visit that a request is. Raises NotThere for a pool that is not configured."""
    t = Texts(language_of(request.headers.get("accept-language", "")))
    pool = str(request.path_params.get("pool", ""))
    settings = board.views.settings(pool) if pool else None
    if pool and settings is None:
        raise NotThere
    return Visit(board, request, board.sessions.visitor(request), t, pool, settings)


def _acted(visit: Visit, form: Mapping[str, str], act: Act, page: Page) -> Response:
    try:
        done = act(visit, form)
    except UserError as refused:
        visit.error, visit.form = _sentence(str(refused)), form
        return page(visit)
    return RedirectResponse(done, 303, headers=render.HEADERS) if isinstance(done, str) else done


def _not_taken(visit: Visit, reason: str) -> Response:
    return visit.sorry(403, "Not taken", reason)


def _answered(board: Board, request: Request, page: Page) -> Response:
    """The page, or the one that says why there is none."""
    try:
        if not board.views.ready().ok:
            return _not_yet(request)
        return page(visit_of(board, request))
    except NotThere:
        return _public(board, request).sorry(404, "Not here", _GONE)
    except NotAllowed:
        public = _public(board, request)
        if public.caller.is_public and request.method == "GET":
            return RedirectResponse(paths.sign_in(request.url.path), 303, headers=render.HEADERS)
        return public.sorry(403, "Not yours", _NOT_YOURS)
    except (ViewDamaged, ViewFailed):
        return _not_yet(request)
    except KafkaException:
        return _public(board, request).sorry(503, "One moment", _NO_KAFKA)


def _not_yet(request: Request) -> Response:
    """A page that opens itself again: the tables that pages are made of are being read."""
    t = Texts(language_of(request.headers.get("accept-language", "")))
    said = {"title": t("One moment"), "text": t(_STARTING)}
    text = render.page("error.html", said, t=t, visitor=Visitor(None, Caller("")), zone=UTC)
    answer = render.answer(text, 503)
    answer.headers["Refresh"] = _LOOK_AGAIN_S
    return answer


def _public(board: Board, request: Request) -> Visit:
    t = Texts(language_of(request.headers.get("accept-language", "")))
    return Visit(board, request, board.sessions.visitor(request), t, "", None)


def _sentence(text: str) -> str:
    whole = text[:1].upper() + text[1:]
    return whole if whole.endswith((".", "!", "?")) else f"{whole}."
