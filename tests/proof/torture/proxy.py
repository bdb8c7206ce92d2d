"""A TCP proxy in front of each broker: what goes through it can be slowed, held one way or both, cut, and reset.

What is held is not lost, as on a real network: it arrives when the way is free again, unless its connection has ended.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Sequence
from typing import Any

_CHUNK_BYTES = 65_536
_HOST = "127.0.0.1"
_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: on for 0 s, so that closing resets."""


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
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
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
        for listener, target in zip(self._listeners, targets, strict=True):
            asyncio.run_coroutine_threadsafe(self._serve(listener, target), self._loop).result(10)

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

    def _clear(self) -> None:
        self._delay_s = 0.0
        for way in self._open.values():
            way.set()

    def _end(self, reset: bool) -> None:
        self.ended = len(self._pairs)
        for pair in self._pairs:
            for writer in pair:
                end = writer.get_extra_info("socket")
                if reset and end.fileno() >= 0:  # else the peer has just ended it
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                writer.transport.abort()

    async def _serve(self, listener: socket.socket, target: int) -> None:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                broker_reader, broker_writer = await asyncio.open_connection(_HOST, target)
            except OSError:  # the broker is down, and so the client is told
                writer.transport.abort()
                return
            pair = (writer, broker_writer)
            self._pairs.add(pair)
            try:
                await asyncio.gather(
                    self._pump("requests", reader, broker_writer), self._pump("answers", broker_reader, writer)
                )
            finally:
                self._pairs.discard(pair)

        await asyncio.start_server(connected, sock=listener)

    async def _pump(self, way: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(_CHUNK_BYTES):
                if self._delay_s:
                    self.held_bytes += len(piece)
                    await asyncio.sleep(self._delay_s)
                if not self._open[way].is_set():
                    self.held_bytes += len(piece)
                    await self._open[way].wait()
                writer.write(piece)
                await writer.drain()
        except OSError:
            pass  # either side has ended it; the other is told below
        finally:
            writer.close()
