"""Streams of pages: how one is opened, for whom, and how many may be open at once."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from commonshelf.web.board import render
from commonshelf.web.board.visit import Board, NotThere, Visit, visit_of

HEARTBEAT_S: Final = 15.0
"""So long nothing is said at most; a peer that is gone is found out by it."""
_STREAMS_MAX: Final = 600
"""Of all pages together, in one process."""
_RETRY_AFTER_S: Final = "30"


def stream_route(
    board: Board, path: str, told: Callable[[Visit], AsyncGenerator[str, None]], *, is_for_members: bool = False
) -> Route:
    """The route of a stream. told: server-sent events for a visitor, without an end."""

    async def opened(request: Request) -> Response:
        try:
            visit = await asyncio.to_thread(visit_of, board, request)
        except NotThere:
            return Response(status_code=404)
        if is_for_members and not visit.is_member:
            return Response(status_code=403)
        if board.streams >= _STREAMS_MAX:
            return Response(status_code=503, headers={"Retry-After": _RETRY_AFTER_S})
        headers = {**render.HEADERS, "X-Accel-Buffering": "no"}
        return StreamingResponse(_counted(board, told(visit)), media_type="text/event-stream", headers=headers)

    return Route(path, opened, methods=["GET"])


async def _counted(board: Board, events: AsyncGenerator[str, None]) -> AsyncIterator[str]:
    board.streams += 1
    try:
        async with aclosing(events):
            async for event in events:
                yield event
    finally:
        board.streams -= 1
