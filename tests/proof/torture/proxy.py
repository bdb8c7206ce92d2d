"""A TCP proxy in front of each broker: what goes through it can be slowed, held one way or both, cut, and reset.

What is held is not lost, as on a real network: it arrives when the way is free again, unless its connection has ended.
The proxy knows requests by their API keys, so that a broker can be struck between a request and its answer.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

_CHUNK_BYTES = 65_536
_HOST = "127.0.0.1"
_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: on for 0 s, so that closing resets."""
_HEAD = struct.Struct(">ih")
"""A request's length without these 4 bytes, and its API key."""


class Requests:
    """Finds the requests in one connection's stream of pieces: a length of 4 bytes, then as many, the API key first."""

    def __init__(self) -> None:
        self._begun = b""
        self._left = 0

    def keys(self, piece: bytes) -> list[int]:
        """API keys of the requests whose first bytes are complete with this piece."""
        found: list[int] = []
        at = 0
        while at < len(piece):
            if self._left:
                step = min(self._left, len(piece) - at)
                self._left -= step
                at += step
                continue
            step = min(_HEAD.size - len(self._begun), len(piece) - at)
            self._begun += piece[at : at + step]
            at += step
            if len(self._begun) == _HEAD.size:
                length, key = _HEAD.unpack(self._begun)
                found.append(key)
                self._begun, self._left = b"", length - 2
        return found


@dataclass(eq=False)
class _Connection:
    """One of a client's, and ours to the broker behind it."""

    broker: int
    to_client: asyncio.StreamWriter
    to_broker: asyncio.StreamWriter
    may_answer: asyncio.Event


class Proxy:
    """Listens on `ports`, one for each broker, in a thread of its own. Its methods may be called from any thread."""

    def __init__(self, brokers: int) -> None:
        self._listeners = [socket.create_server((_HOST, 0)) for _ in range(brokers)]
        self.ports: list[int] = [listener.getsockname()[1] for listener in self._listeners]
        self.held_bytes = 0
        """What had to wait since the network was last disturbed."""
        self.ended = 0
        """Connections that were cut or reset since then."""
        self._delay_s = 0.0
        self._awaited: tuple[int, Future[int]] | None = None
        self._unanswered: _Connection | None = None
        """Where the awaited request went through."""
        self._connections: set[_Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._open = {"requests": asyncio.Event(), "answers": asyncio.Event()}
        for way in self._open.values():
            way.set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(f"{_HOST}:{port}" for port in self.ports)

    def start(self, targets: Sequence[int]) -> None:
        """Lead each port to its broker's."""
        self._thread.start()
        for broker, (listener, target) in enumerate(zip(self._listeners, targets, strict=True)):
            asyncio.run_coroutine_threadsafe(self._serve(listener, broker, target), self._loop).result(10)

    def stop(self) -> None:
        if self._thread.is_alive():
            self.end_connections()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def hold(self, *ways: str) -> None:
        """Let nothing through that goes these ways: "requests", "answers"."""
        self._call(self._disturb, ways, 0.0)

    def slow(self, delay_s: float) -> None:
        """Keep each piece back for so long."""
        self._call(self._disturb, (), delay_s)

    def await_request(self, api_key: int) -> Future[int]:
        """Let the next request of this kind through, and no answer on its connection until `clear`.

        The result is the number of the broker that has got it.
        """
        passed: Future[int] = Future()
        self._call(self._await, api_key, passed)
        return passed

    def lose_answer(self) -> None:
        """End the connection on which the awaited request went through; its answer comes to nobody."""
        self._call(self._lose_answer)

    def clear(self) -> None:
        """All as it was."""
        self._call(self._clear)

    def end_connections(self, *, reset: bool = False) -> None:
        """End all that are open."""
        self._call(self._end, reset)

    def _call(self, function: Any, *arguments: Any) -> None:
        async def call() -> None:
            function(*arguments)

        asyncio.run_coroutine_threadsafe(call(), self._loop).result(10)

    def _disturb(self, ways: Sequence[str], delay_s: float) -> None:
        self.held_bytes = 0
        self._delay_s = delay_s
        for way in ways:
            self._open[way].clear()

    def _await(self, api_key: int, passed: Future[int]) -> None:
        self._awaited = (api_key, passed)

    def _clear(self) -> None:
        self._delay_s = 0.0
        self._awaited = None
        if self._unanswered is not None:
            self._unanswered.may_answer.set()
            self._unanswered = None
        for way in self._open.values():
            way.set()

    def _lose_answer(self) -> None:
        if self._unanswered is not None:
            self._unanswered.to_client.transport.abort()
            self._unanswered.to_broker.transport.abort()

    def _end(self, reset: bool) -> None:
        self.ended = len(self._connections)
        for connection in self._connections:
            for writer in (connection.to_client, connection.to_broker):
                end = writer.get_extra_info("socket")
                if reset and end.fileno() >= 0:  # else the peer has just ended it
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                writer.transport.abort()

    async def _serve(self, listener: socket.socket, broker: int, target: int) -> None:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                broker_reader, broker_writer = await asyncio.open_connection(_HOST, target)
            except OSError:  # the broker is down, and so the client is told
                writer.transport.abort()
                return
            connection = _Connection(broker, writer, broker_writer, asyncio.Event())
            connection.may_answer.set()
            self._connections.add(connection)
            try:
                await asyncio.gather(
                    self._pump("requests", reader, broker_writer, connection),
                    self._pump("answers", broker_reader, writer, connection),
                )
            finally:
                self._connections.discard(connection)

        await asyncio.start_server(connected, sock=listener)

    async def _pump(
        self, way: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: _Connection
    ) -> None:
        requests = Requests()
        try:
            while piece := await reader.read(_CHUNK_BYTES):
                if self._delay_s:
                    self.held_bytes += len(piece)
                    await asyncio.sleep(self._delay_s)
                if not self._open[way].is_set():
                    self.held_bytes += len(piece)
                    await self._open[way].wait()
                passed = None
                if way == "answers":
                    await connection.may_answer.wait()
                else:
                    passed = self._awaited_among(requests.keys(piece), connection)
                writer.write(piece)
                await writer.drain()
                if passed is not None:
                    passed.set_result(connection.broker)
        except OSError:
            pass  # either side has ended it; the other is told below
        finally:
            writer.close()

    def _awaited_among(self, keys: list[int], connection: _Connection) -> Future[int] | None:
        """Whom to tell that the awaited request is among these; no answer comes on its connection from now on."""
        if self._awaited is None or self._awaited[0] not in keys:
            return None
        _, passed = self._awaited
        self._awaited, self._unanswered = None, connection
        connection.may_answer.clear()
        return passed
