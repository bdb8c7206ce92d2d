"""Five hundred visitors look at *the pool now* in one process, and each sees what changes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette

from commonshelf.config.settings import Settings
from commonshelf.stack.connection import Connection
from commonshelf.web.board.routes import board_routes
from commonshelf.web.views.changes import Change
from tests.support.board import POOL, PoolInMemory

LISTENERS = 500


@asynccontextmanager
async def served(pool: PoolInMemory) -> AsyncIterator[int]:
    """The board over this pool on a port of its own."""
    app = Starlette(routes=board_routes(Connection(Settings(), {}), pool))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off", backlog=2 * LISTENERS))
    serving, telling = asyncio.create_task(server.serve()), asyncio.create_task(pool.changes.run())
    while not server.started:  # noqa: ASYNC110  nobody tells that it has
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = server.force_exit = True
    telling.cancel()
    await serving


async def opened(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A stream that has been opened and has told how the pool stands."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    writer.write(f"GET /pool/{POOL}/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    await reader.readuntil(b"event: part")
    return reader, writer


async def watched_by_many() -> int:
    pool = PoolInMemory()
    pool.add_store("anna", "Anna", (52_000_000, 13_000_000))
    async with served(pool) as port:
        streams = await asyncio.gather(*(opened(port) for _ in range(LISTENERS)))
        assert pool.changes.listeners == LISTENERS
        pool.add_store("bert", "Bert's Bakery", (52_010_000, 13_010_000))
        pool.changes.tell([Change("settings", POOL, "store/bert", 7)])
        await asyncio.gather(*(reader.readuntil(b"Bert") for reader, _ in streams))
        for _, writer in streams:
            writer.close()
        while pool.changes.listeners:  # noqa: ASYNC110  nobody tells that they are gone
            await asyncio.sleep(0.05)
        return len(streams)


def test_five_hundred_listeners_of_one_process_each_see_a_store_that_joins():
    assert asyncio.run(watched_by_many()) == LISTENERS
