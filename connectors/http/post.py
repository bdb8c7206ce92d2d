"""Signed messages to a partner, with an idempotency key."""

from collections.abc import Callable, Sequence
from time import time
from typing import Protocol

import httpx

from connectors.contract import AccessRefused, Unavailable
from connectors.http.client import SENT_ONCE, PatientTransport, api_client
from connectors.http.signature import HEADER, sign_with_all
from connectors.outbound.contract import CallRefused
from messaging.traces import TRACING

KEY_HEADER = "Idempotency-Key"
_REFUSED = frozenset({400, 404, 405, 409, 410, 413, 415, 422})
"""The partner understood, and will not take it: the same again would be refused again."""
_ANSWER_SHOWN = 200


class Signing(Protocol):
    """The secrets of messages to one address."""

    def to_sign(self) -> Sequence[bytes]:
        """The secrets that sign the next message: one, or two while one replaces the other."""


class SignedPost:
    """Posts to one address. Thread-safe. A call that fails is not tried again here: whoever calls knows when.

    Each call has a connection of its own. On one that is used again, what a server says too much, such as an answer
    that it gives twice, would be taken for the answer to the next call.

    secrets: those that sign. now_s: the clock, Unix time. transport: of HTTP, for tests. shows_answers: whether an
    error has what the other side said.
    """

    def __init__(
        self,
        url: str,
        secrets: Signing,
        timeout_s: float,
        now_s: Callable[[], float] = time,
        transport: httpx.BaseTransport | None = None,
        *,
        shows_answers: bool = True,
    ) -> None:
        self._url = url
        self._shows_answers = shows_answers
        self._secrets = secrets
        self._now_s = now_s
        self._client = api_client("", None, timeout_s=timeout_s, transport=PatientTransport(transport))

    def __call__(self, key: str, body: bytes) -> None:
        """Return when the partner has answered that it has it. Raises CallRefused, AccessRefused, Unavailable."""
        response = self.send(key, body)
        if response.is_success:
            return
        status = f"{response.status_code} {response.reason_phrase}"
        if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise AccessRefused(f"{self._url}: {status}; does the partner have the same secret, and the right time?")
        if response.status_code in _REFUSED:
            said = f": {response.text[:_ANSWER_SHOWN]}" if self._shows_answers else ""
            raise CallRefused(f"{self._url}: {status}{said}")
        raise Unavailable(f"{self._url}: {status}", 0)

    def send(self, key: str, body: bytes) -> httpx.Response:
        """The answer, whatever its status but 429 and 5xx. Raises Unavailable for these, and when there is none."""
        signature = sign_with_all(self._secrets.to_sign(), body, int(self._now_s()))
        headers = {"Content-Type": "application/json", "Connection": "close", HEADER: signature, KEY_HEADER: key}
        headers |= TRACING.of_message(body)
        return self._client.post(self._url, content=body, headers=headers, extensions={SENT_ONCE: True})
