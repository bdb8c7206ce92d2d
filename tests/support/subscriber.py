"""A subscriber of the API's webhooks: checks signatures, keeps each message once by its key, and answers as told."""

import json
import time
from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from connectors.http.signature import HEADER, SignatureRefused, verify

Point = Callable[[str], None]


class Subscriber:
    """An app for `serving`. answers: statuses of the next calls, 200 after them. at_point: hears of each step."""

    def __init__(self, at_point: Point = lambda _: None) -> None:
        self.secrets: list[bytes] = []
        self.calls: list[dict[str, Any]] = []
        self.taken: dict[str, dict[str, Any]] = {}
        """Idempotency key → message, as it came first."""
        self.answers: list[int] = []
        self.unsigned = 0
        self._at_point = at_point

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            part = await receive()
            if part["type"] == "http.disconnect":  # killed as it was sending
                return
            body, more = body + part.get("body", b""), part.get("more_body", False)
        headers = dict(scope["headers"])
        self._at_point("before")
        status = self._heard(headers, body)
        await Response(status_code=status)(scope, receive, send)
        self._at_point("after")

    def _heard(self, headers: dict[bytes, bytes], body: bytes) -> int:
        message = json.loads(body)
        assert headers[b"idempotency-key"].decode() == message["id"]
        try:
            verify([headers[HEADER.lower().encode()]], body, self.secrets, time.time())
        except SignatureRefused:
            self.unsigned += 1
            return 401
        self.calls.append(message)
        status = self.answers.pop(0) if self.answers else 200
        if status < 300:
            known = self.taken.setdefault(message["id"], message)
            assert known == message, "one key, one content"
        return status

    def told(self, kind: str) -> list[dict[str, Any]]:
        """What it has been told of a kind, each once, in the order in which it came first."""
        return [message["data"] for message in self.taken.values() if message["kind"] == kind]
