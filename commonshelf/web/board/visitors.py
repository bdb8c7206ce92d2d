"""Visitors of the board: who has signed in by which key, and that a form came from one of our own pages."""

import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request

from commonshelf.web.callers import Caller, UnknownToken, address_of, caller_of
from commonshelf.web.views.pool_views import PoolViews

COOKIE: Final = "commonshelf_session"
FORM_TOKEN: Final = "form_token"  # noqa: S105  a field
SESSION_S: Final = 12 * 3600
"""A shop's day; the cookie is gone with the browser."""
FORM_MAX_BYTES: Final = 16_384
_SESSIONS_MAX = 10_000
Form = Mapping[str, str]


class FormRefused(Exception):
    """The form cannot be used; the sentence is for who sent it."""


@dataclass(frozen=True)
class Session:
    """A browser's visit. key: by which it was signed in; empty before. token: goes with each form of the visit."""

    id: str
    token: str
    ends_at_s: float
    key: str = ""


@dataclass(frozen=True)
class Visitor:
    """Whoever opens a page. caller: whose key it is, or the public."""

    session: Session | None
    caller: Caller

    @property
    def token(self) -> str:
        """Goes with each form; empty for a visit without a cookie, from which no form is taken."""
        return "" if self.session is None else self.session.token


class Sessions:
    """The visits that are known, in memory: whoever comes after a restart signs in anew. Thread-safe."""

    def __init__(self, views: PoolViews, now_s: Callable[[], float] = time.monotonic) -> None:
        self._views = views
        self._now_s = now_s
        self._lock = threading.Lock()
        self._by_id: OrderedDict[str, Session] = OrderedDict()

    def begin(self) -> Session:
        """A new visit of the public."""
        made = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32), self._now_s() + SESSION_S)
        with self._lock:
            self._by_id[made.id] = made
            if len(self._by_id) > _SESSIONS_MAX:  # members stay: anyone can open pages by the thousand
                oldest = next(iter(self._by_id))
                del self._by_id[next((one.id for one in self._by_id.values() if not one.key), oldest)]
        return made

    def sign_in(self, before: Session | None, key: str) -> Session | None:
        """A new visit under a key that holds, in place of the one before; None for a key that does not."""
        if self._caller(key, "").is_public:
            return None
        self.end(before)
        made = replace(self.begin(), key=key)
        with self._lock:
            self._by_id[made.id] = made
        return made

    def end(self, session: Session | None) -> None:
        """Forget a visit."""
        if session is not None:
            with self._lock:
                self._by_id.pop(session.id, None)

    def visitor(self, request: Request) -> Visitor:
        """Whoever sends a request. A key that was taken back signs its visits out."""
        with self._lock:
            session = self._by_id.get(request.cookies.get(COOKIE, ""))
        address = address_of(request)
        if session is None or session.ends_at_s < self._now_s():
            return Visitor(None, Caller(address))
        return Visitor(session, self._caller(session.key, address))

    def _caller(self, key: str, address: str) -> Caller:
        """The holder of the key; the public for what is none, or is one no more."""
        try:
            return caller_of(self._views, key or None, address)
        except UnknownToken:
            return Caller(address)


async def form_of(request: Request, visitor: Visitor) -> Form:
    """The fields of a form that one of our pages sent for this visit. Raises FormRefused for any other."""
    if not _is_from_us(request):
        raise FormRefused("This form was sent from another site, so nothing was done.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_MAX_BYTES:
            raise FormRefused("This form is too large. Nothing was done.")
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=200)
    except ValueError:
        raise FormRefused("This form cannot be read. Look at the page again, and send it anew.") from None
    form = {name: values[0] for name, values in fields.items()}
    token = form.pop(FORM_TOKEN, "")
    if not visitor.token or not hmac.compare_digest(token.encode(), visitor.token.encode()):
        raise FormRefused("This form is of an earlier visit, so nothing was done. Open the page again, and send it.")
    return form


def _is_from_us(request: Request) -> bool:
    """By what browsers say of where a form comes from; who says nothing has the token alone."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host", "")
