"""The stream of a member's page: it says that the page is another now, and the page looks again."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable
from typing import Final

from starlette.routing import Route

from commonshelf.web.board.streams import HEARTBEAT_S, stream_route
from commonshelf.web.board.visit import Board, Visit
from commonshelf.web.callers import is_over
from commonshelf.web.views.changes import Change, ReadAnew

_EACH_S: Final = 0.5
_KINDS: Final = ("order", "task", "appointment", "proposal", "shelf", "statement")


def changes_route(board: Board) -> Route:
    """The stream of all pages of members."""
    return stream_route(board, "/pool/{pool}/changes", _told, is_for_members=True)


async def _told(visit: Visit) -> AsyncGenerator[str, None]:
    with visit.views.listen(visit.pool, _KINDS) as listener:
        yield ": here\n\n"
        told_at_s = time.monotonic()
        while True:
            heard = await listener.next(HEARTBEAT_S)
            if is_over(visit.views, visit.caller):
                return
            if heard is None:
                yield ": still here\n\n"
            elif isinstance(heard, ReadAnew) or await asyncio.to_thread(_concern, visit, heard.changes):
                await asyncio.sleep(max(0.0, told_at_s + _EACH_S - time.monotonic()))
                told_at_s = time.monotonic()
                yield "event: changed\ndata: {}\n\n"


def _concern(visit: Visit, changes: Iterable[Change]) -> bool:
    """Whether one of the changes is about the store, the order or the item that the page shows, or any order."""
    store, order, sku = visit.asked("store"), visit.asked("order"), visit.asked("sku")
    if store:
        return any(_is_of_store(visit, store, change) for change in changes)
    if order:
        return any(one.kind in ("order", "appointment") and one.name.partition("/")[0] == order for one in changes)
    if sku:
        return any(one.kind == "shelf" and one.name.rpartition("/")[0] == sku for one in changes)
    return any(one.kind == "order" for one in changes)


def _is_of_store(visit: Visit, store: str, change: Change) -> bool:
    if change.kind in ("proposal", "statement"):
        return change.name.partition("/")[0] == store
    if change.kind == "appointment":
        return change.name.rpartition("/")[2] == store
    task = visit.views.task(change.pool, change.name) if change.kind == "task" else None
    return task is not None and task["store"] == store
