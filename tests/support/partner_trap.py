"""A server in front of a partner's, on which calls go wrong as they do on real ones. It notes each call."""

import json
import random
import threading
import time
from collections import defaultdict
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

import httpx

_PASSED_ON = ("Content-Type", "Commonshelf-Signature", "Idempotency-Key")
_PATIENCE_S = 30.0


class Mood(StrEnum):
    """What is wrong with it."""

    well = "well"
    away = "away"
    """Nobody listens."""
    slow = "slow"
    """It takes a call, and answers when nobody waits any more."""
    failing = "failing"
    """It answers 500, whether it has taken the call or not."""
    twice = "twice"
    """It gives each answer twice on its connection, and takes one call of two: the other is answered 500."""


class PartnerTrap:
    """Hands calls on to the server at `url`. slow_s: longer than the caller waits."""

    def __init__(self, url: str, slow_s: float, chance: random.Random) -> None:
        self.told: defaultdict[tuple[str, int], set[tuple[str, str]]] = defaultdict(set)
        """Item and number → the keys and contents under which it came: one of each, if all is well."""
        self.hits = 0
        """Calls that met a mood, other than that nobody listens."""
        self._url, self._slow_s, self._chance = url, slow_s, chance
        self._mood = Mood.well
        self._lock = threading.Lock()
        self._client = httpx.Client(base_url=url, timeout=_PATIENCE_S)
        self._port = 0
        self._listen()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._mood is not Mood.away:
            self._hang_up()
        self._client.close()

    def turn(self, mood: Mood) -> None:
        """From now on it is like that."""
        before, self._mood = self._mood, mood
        if (before is Mood.away) != (mood is Mood.away):
            self._hang_up() if mood is Mood.away else self._listen()

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> bytes:
        """The bytes to send back."""
        mood = self._mood
        self._note(json.loads(body), headers["Idempotency-Key"], is_hit=mood is not Mood.well)
        is_taken = mood not in (Mood.failing, Mood.twice) or self._chance.random() < 0.5
        status, content = 500, b"{}"
        if is_taken:
            answer = self._client.post(path, headers=headers, content=body)
            status, content = answer.status_code, answer.content
        if mood is Mood.failing:
            status = 500
        elif mood is Mood.slow:
            time.sleep(self._slow_s)
        head = f"HTTP/1.1 {status} It is so\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        return (head.encode() + content) * (2 if mood is Mood.twice else 1)

    def _note(self, message: dict[str, object], key: str, *, is_hit: bool) -> None:
        item = message.get("task") or f"{message['order']}/{message['store']}"
        with self._lock:
            self.hits += is_hit
            self.told[str(item), int(str(message["sequence"]))].add((key, json.dumps(message, sort_keys=True)))

    def _listen(self) -> None:
        self._server = _Server(("127.0.0.1", self._port), _handler(self))
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, name="partner", daemon=True).start()

    def _hang_up(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64


def _handler(trap: PartnerTrap) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name: self.headers[name] for name in _PASSED_ON}
            try:
                self.wfile.write(trap.answer(self.path, headers, body))
            except OSError:  # the caller is gone
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    return Handler
