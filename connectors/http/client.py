"""HTTP to a vendor's API: patient with what passes, clear about what does not.

    client = api_client("https://connect.squareupsandbox.com", Bearer(token_source), timeout_s=5)
    orders = call(client, "POST", "/v2/orders/search", json={…})

A vendor's SDK that takes an httpx client is given this one. Retries here are few and short: what lasts longer is raised
as Unavailable, upon which a webhook answers 503 and the poll waits, for it can be stopped and resumes at its position.
"""

import json
import threading
import time
from collections.abc import Callable, Generator, Mapping
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity import wait_exponential_jitter as backoff

from connectors.contract import AccessRefused, Unavailable
from connectors.specs import SecretSource, SecretUnusable

ATTEMPTS = 3
WAIT_MAX_S = 2.0
RETRY_AFTER_MAX_S = 3_600
RESPONSE_MAX_BYTES = 32 * 1024 * 1024
SENT_ONCE = "commonshelf.sent_once"
"""Of a request's extensions: it is not tried again here, for the vendor would carry it out twice."""
_RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})


class ApiToken(Protocol):
    """A token that requests are sent with. Thread-safe. Both methods may raise AccessRefused and Unavailable."""

    def current(self) -> str:
        """The token to send."""

    def replaced(self, refused: str) -> str | None:
        """Another token than the one that the vendor refused, or None when there is none."""


class Token:
    """A token that lasts until somebody ends it: read again from its source when the vendor refuses it."""

    def __init__(self, source: SecretSource, what: str) -> None:
        self._source = source
        self._what = what
        self._token = self._read()
        self._lock = threading.Lock()  # fetches run beside the poll, and all hear of the refusal at once

    def current(self) -> str:
        return self._token

    def replaced(self, refused: str) -> str | None:
        with self._lock:
            if self._token == refused:
                try:
                    self._token = self._read()
                except SecretUnusable as error:
                    raise AccessRefused(str(error)) from error
            return self._token if self._token != refused else None

    def _read(self) -> str:
        return self._source.read(self._what, "get it from the vendor").decode()


class TokenAuth(httpx.Auth):
    """Sends the token, and tries once more with another one when it is refused. encode: what is sent of the token."""

    def __init__(
        self,
        token: ApiToken,
        header: str = "Authorization",
        prefix: str = "Bearer ",
        encode: Callable[[str], str] = str,
    ) -> None:
        self._token = token
        self._header = header
        self._prefix = prefix
        self._encode = encode

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = self._token.current()
        request.headers[self._header] = self._prefix + self._encode(token)
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            other = self._token.replaced(token)
            if other is not None:
                request.headers[self._header] = self._prefix + self._encode(other)
                yield request


class PatientTransport(httpx.BaseTransport):
    """Tries again after 429, 5xx and broken connections, as long as the vendor asks for no more than 2 s."""

    sleep = staticmethod(time.sleep)

    def __init__(self, inner: httpx.BaseTransport | None = None) -> None:
        self._inner = inner or httpx.HTTPTransport(retries=0)
        self._retrying = Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=_wait_s,
            retry=retry_if_exception_type(_Passing),
            reraise=True,
            sleep=self.sleep,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Raises Unavailable."""
        try:
            if request.extensions.get(SENT_ONCE):
                return self._send(request)
            return self._retrying.copy()(self._send, request)
        except _Passing as passing:
            raise Unavailable(str(passing), passing.retry_after_s or 5) from passing

    def close(self) -> None:
        self._inner.close()

    def _send(self, request: httpx.Request) -> httpx.Response:
        what = f"{request.method} {request.url.host}{request.url.path}"
        try:
            response = self._inner.handle_request(request)
            if response.status_code not in _RETRIED_STATUSES:
                _read_bounded(response, what)
                return response
            response.close()
        except httpx.TransportError as error:
            raise _Passing(f"{what}: {type(error).__name__}; is the address right, and the vendor up?") from error
        retry_after_s = _retry_after_s(response.headers)
        problem = f"{what}: {response.status_code} {response.reason_phrase}"
        if retry_after_s > WAIT_MAX_S:
            raise Unavailable(problem, retry_after_s)
        raise _Passing(problem, retry_after_s)


class _Passing(Exception):
    """Worth another attempt at once."""

    def __init__(self, reason: str, retry_after_s: int = 0) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


def api_client(
    base_url: str,
    auth: httpx.Auth | None,
    *,
    timeout_s: float,
    headers: Mapping[str, str] | None = None,
    transport: PatientTransport | None = None,
) -> httpx.Client:
    """A client for one vendor and store. It follows no redirect: a token goes to the vendor's host alone."""
    return httpx.Client(
        base_url=base_url,
        auth=auth,
        timeout=timeout_s,
        headers={"User-Agent": "commonshelf", **(headers or {})},
        transport=transport or PatientTransport(),
        follow_redirects=False,
        trust_env=False,
    )


def call(client: httpx.Client, method: str, path: str, **request: Any) -> Any:
    """The JSON that the vendor answers, numbers with a fraction as Decimal.

    request: as of httpx.Client.request. Raises Unavailable, AccessRefused; NotFound for 404.
    """
    return answer_of(client.request(method, path, **request))


class NotFound(Exception):
    """The vendor has nothing under that id, any more."""


def answer_of(response: httpx.Response) -> Any:
    """The JSON of a response. Raises as `call`."""
    what = f"{response.request.method} {response.request.url.path}"
    if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise AccessRefused(
            f"{what}: {response.status_code} {response.reason_phrase}; give the connector a token with the rights "
            "that docs/connectors/README.md names"
        )
    if response.status_code == httpx.codes.NOT_FOUND:
        raise NotFound(what)
    if not response.is_success:
        # The body is not shown: vendors put what was sent into it.
        raise Unavailable(f"{what}: {response.status_code} {response.reason_phrase}", 60)
    try:
        return json.loads(response.content, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Unavailable(f"{what}: the answer is not JSON ({type(error).__name__})", 60) from error


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not a number")


def _read_bounded(response: httpx.Response, what: str) -> None:
    """Read the body, and no more than a bounded part of it."""
    stream = response.stream
    if not isinstance(stream, httpx.SyncByteStream):
        raise TypeError("an asynchronous stream in a synchronous client")
    chunks: list[bytes] = []
    size_bytes = 0
    try:
        for chunk in stream:
            size_bytes += len(chunk)
            if size_bytes > RESPONSE_MAX_BYTES:
                raise Unavailable(f"{what}: the answer is larger than {RESPONSE_MAX_BYTES} bytes", 60)
            chunks.append(chunk)
    finally:
        stream.close()
    response.stream = httpx.ByteStream(b"".join(chunks))


def _retry_after_s(headers: httpx.Headers) -> int:
    """Seconds that the vendor asks us to wait, 0 when it does not say. RFC 9110, 10.2.3: seconds or a date."""
    text = headers.get("retry-after", "").strip()
    if text.replace(".", "", 1).isdigit():
        return min(RETRY_AFTER_MAX_S, -int(-float(text) // 1))
    try:
        at = parsedate_to_datetime(text)
        now = parsedate_to_datetime(headers["date"])
    except (KeyError, TypeError, ValueError):
        return 0
    return min(RETRY_AFTER_MAX_S, max(0, round((at - now).total_seconds())))


def _wait_s(state: RetryCallState) -> float:
    failure = state.outcome.exception() if state.outcome else None
    asked_s = failure.retry_after_s if isinstance(failure, _Passing) else 0
    return max(asked_s, min(WAIT_MAX_S, backoff(multiplier=0.2, jitter=0.2)(state)))
