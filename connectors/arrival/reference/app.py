"""The app as HTTP: it takes messages of appointments, shows pages, and reports what customers and counters say."""

import asyncio
import json
import secrets as random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final
from urllib.parse import parse_qs

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from connectors.arrival.reference.forms import Form, handed_lines
from connectors.arrival.reference.links import is_proven
from connectors.arrival.reference.pages import FOLDER, MINUTES, counter_page, customer_page, error_page
from connectors.arrival.reference.store import Appointments
from connectors.contract import Delivery, Unavailable
from connectors.http.limit import BodyBudget, Busy, ConcurrencyLimit, TokenBucket
from connectors.http.payload import PayloadRefused, parse
from connectors.http.reference import Uncounted
from connectors.http.secrets import Secrets
from connectors.http.signature import HEADER, verify
from connectors.http.signed import SenderRules, SignedRequests

FORM_MAX_BYTES: Final = 4_096
FIELDS_MAX: Final = 50
"""An order has at most 30 lines."""
FORMS_PER_S: Final = 50
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
Send = Callable[[str, bytes], httpx.Response]
"""Takes an id and a signed message's body; the answer. Raises Unavailable."""
Report = dict[str, object]
"""A message to the pool's side, as docs/arrival.md has it."""
_NO_PAGE = "This link is not known. Take the whole link that you were sent."
_GONE = "Nothing is known of this order yet, or any more. If you ordered just now, look again in a moment."
_BUSY = "Too much is asked at once. Go back, wait a moment, and try again."


@dataclass(frozen=True, slots=True)
class Partner:
    """One pool whose customers and counters the app serves. send: reports to the pool's side."""

    id: str
    secrets: Secrets
    appointments: Appointments
    send: Send


class ReferenceApp:
    """The app for its partners. now_s: the clock, Unix time."""

    def __init__(self, partners: Mapping[str, Partner], now_s: Callable[[], float] = time.time) -> None:
        self._partners = partners
        self._now_s = now_s
        self._forms = TokenBucket(FORMS_PER_S, FORMS_PER_S)
        self.app = Starlette(
            routes=[
                Route("/hooks/{partner}", self._hook, methods=["POST"]),
                Route("/{partner}/customer/{order}/{code}/{proof}", self._customer, methods=["GET", "POST"]),
                Route("/{partner}/counter/{place}/{proof}", self._counter, methods=["GET", "POST"]),
                Route("/style.css", _asset("style.css", "text/css")),
                Route("/refresh.js", _asset("refresh.js", "text/javascript")),
                Route("/health", _well),
                Route("/ready", _well),
            ],
            exception_handlers={404: _unknown},
        )
        limit, budget = ConcurrencyLimit(64, 503, "too many requests at once"), BodyBudget(4_194_304)
        self._hooks = {
            partner.id: SignedRequests(_rules(partner, now_s), Uncounted(), limit, budget, now_s)
            for partner in partners.values()
        }

    async def _hook(self, request: Request) -> Response:
        hook = self._hooks.get(request.path_params["partner"])
        if hook is None:
            return JSONResponse({"error": "there is no such partner here; check the address"}, 404)
        return await hook.receive(request)

    async def _customer(self, request: Request) -> Response:
        partner, order, code = self._proven(request, "customer", "order", "code")
        if partner is None:
            return _page(error_page("Unknown page", _NO_PAGE), 404)
        found = await asyncio.to_thread(partner.appointments.of_order, order)
        if not found:
            return _page(error_page("Nothing here yet", _GONE), 404)

        def page(said: str, error: str) -> str:
            return customer_page(order, "" if code == "-" else code, found, random.token_hex(8), said, error)

        def message(form: Form) -> Report | None:
            said: Report = {"kind": form.get("kind", ""), "order": order, "at": self._time(0)}
            if said["kind"] == "cancelled":
                return said
            if said["kind"] not in ("on_the_way", "arrived"):
                return None
            said["store"] = form.get("store", "")
            if said["kind"] == "on_the_way":
                minutes = form.get("minutes", "")
                if minutes not in map(str, MINUTES):
                    return None
                said["eta"] = self._time(int(minutes))
            return said

        return await self._answer(request, partner, page, message)

    async def _counter(self, request: Request) -> Response:
        partner, place, _ = self._proven(request, "counter", "place")
        if partner is None:
            return _page(error_page("Unknown page", _NO_PAGE), 404)
        found = await asyncio.to_thread(partner.appointments.at_place, place)

        def page(said: str, error: str) -> str:
            now = datetime.fromtimestamp(self._now_s(), UTC)
            return counter_page(place, found, now, random.token_hex(8), said, error)

        def message(form: Form) -> Report | None:
            known = {(one["order"], one["store"]): one for one in found}
            appointment = known.get((form.get("order", ""), form.get("store", "")))
            if form.get("kind") != "handed_over" or appointment is None:
                return None
            said: Report = {"kind": "handed_over", "order": form["order"], "store": form["store"], "at": self._time(0)}
            code = form.get("code", "").strip()
            if code:
                said["code"] = code
            if "goods" in form:
                lines = handed_lines(appointment, form)
                if lines is None:
                    return None
                said["lines"] = lines
            return said

        return await self._answer(request, partner, page, message)

    async def _answer(
        self,
        request: Request,
        partner: Partner,
        page: Callable[[str, str], str],
        message: Callable[[Form], Report | None],
    ) -> Response:
        """The page; or, of a form that was sent, where to see what came of it, or the page with what is wrong."""
        if request.method == "GET":
            return _page(page(request.query_params.get("said", ""), ""))
        try:
            self._forms.take()
        except Busy:
            return _page(error_page("Please wait", _BUSY), 429)
        form = await _form(request)
        told = None if form is None else message(form)
        if form is None or told is None or not 0 < len(form.get("id", "")) <= 100:
            return _page(page("", "This form cannot be used. Look at the page again, and send it anew."), 422)
        said, error = await asyncio.to_thread(_report, partner.send, {"id": form["id"], **told})
        if error:
            return _page(page("", error), 409)
        return RedirectResponse(f"{request.url.path}?said={said}", 303, headers=_HEADERS)

    def _proven(self, request: Request, kind: str, *names: str) -> tuple[Partner | None, str, str]:
        """The partner whose page it is, when the link is one of its, and what the link names."""
        values = [request.path_params[name] for name in names]
        partner = self._partners.get(request.path_params["partner"])
        if partner is None or not is_proven(partner.secrets.current(), request.path_params["proof"], kind, *values):
            partner = None
        first, second = (*values, "")[:2]
        return partner, first, second

    def _time(self, minutes: int) -> str:
        return (datetime.fromtimestamp(int(self._now_s()), UTC) + timedelta(minutes=minutes)).isoformat()


def _rules(partner: Partner, now_s: Callable[[], float]) -> SenderRules:
    def check(delivery: Delivery) -> None:
        now = delivery.received_at_ms / 1000
        verify(delivery.header(HEADER), delivery.body, partner.secrets.current(), now)

    async def take(delivery: Delivery) -> Response:
        message = parse(delivery.body)
        if message.get("kind") != "appointment":
            return JSONResponse({"note": "not of an appointment, so not for this app"}, 200)
        try:
            is_news = await asyncio.to_thread(partner.appointments.put, message, int(now_s()))
        except (KeyError, TypeError) as error:
            raise PayloadRefused(f"the message lacks {error}; see docs/arrival.md") from error
        return JSONResponse({"is_news": is_news}, 200)

    return SenderRules("partner", {"partner": partner.id}, check, take)


def _report(send: Send, message: Report) -> tuple[str, str]:
    """What a page says after a report: a word of SAID, or what went wrong."""
    try:
        answer = send(str(message["id"]), json.dumps(message).encode())
        told = answer.json()
    except Unavailable:
        return "", "The shop's system does not answer now. Nothing is lost: try again in a moment."
    except ValueError:
        return "", "The shop's system answered something that this page does not understand. Ask at the counter."
    if answer.is_success:
        return (str(message["kind"]) if told.get("outcome") == "accepted" else "pending"), ""
    if told.get("reason") == "appointment_ended":
        return "", "This appointment has ended already."
    text = str(told.get("error", "It was refused"))
    return "", f"{text[:1].upper()}{text[1:]}."


async def _form(request: Request) -> Form | None:
    """The fields of a form; None when it is too large or none."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_MAX_BYTES:
            return None
    try:
        fields = parse_qs(body.decode(), strict_parsing=True, keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        return None
    return {name: values[0] for name, values in fields.items()}


def _page(text: str, status: int = 200) -> Response:
    return HTMLResponse(text, status, headers=_HEADERS)


async def _unknown(_request: Request, _error: Exception) -> Response:
    return _page(error_page("Unknown page", _NO_PAGE), 404)


async def _well(_request: Request) -> Response:
    return JSONResponse({"ok": True})


def _asset(name: str, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    @cache
    def text() -> str:
        return (FOLDER / name).read_text(encoding="utf-8")

    async def serve(_request: Request) -> Response:
        headers = {"Cache-Control": "max-age=300", "X-Content-Type-Options": "nosniff"}
        return Response(text(), media_type=media_type, headers=headers)

    return serve
