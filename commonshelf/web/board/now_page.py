"""The routes of *the pool now*: the page, and its stream of changes."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from markupsafe import Markup
from starlette.responses import Response

from commonshelf.web.board import paths, render
from commonshelf.web.board.flow import Move
from commonshelf.web.board.frame import Point
from commonshelf.web.board.now import PoolNow, StoreNow, for_public, named
from commonshelf.web.board.streams import HEARTBEAT_S, stream_route
from commonshelf.web.board.texts import Texts
from commonshelf.web.board.visit import Board, Visit, page_route
from commonshelf.web.board.watch import SEEN_S, PoolWatch
from commonshelf.web.board.words import HEALTH_WORDS, TASK_WORDS
from commonshelf.web.callers import is_over

_PART_EACH_S: Final = 1.0
_LIT: Final = 1
_KINDS: Final = ("settings", "shelf", "order", "task")


@dataclass
class _Part:
    """The page's content, made once a moment for all who see the same. made_at_s: by the monotonic clock."""

    html: str = ""
    made_at_s: float = float("-inf")
    lock: Lock = field(default_factory=Lock)


class NowPages:
    """The pages of all pools."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._watches: dict[str, PoolWatch] = {}
        self._parts: dict[tuple[str, str, str], _Part] = {}
        self.routes = [
            page_route(board, "/", self._first),
            page_route(board, "/pool/{pool}", self._page),
            stream_route(board, "/pool/{pool}/live", self._told),
        ]

    def _first(self, visit: Visit) -> Response:
        """The page of the member's pool, or of the first one that has stores."""
        pools = visit.views.pools()
        own = visit.caller.pool
        with_stores = [pool for pool in pools if visit.views.stores(pool)]
        wanted = [own] if own is not None and own in pools else [*with_stores, *pools]
        if not wanted:
            return visit.page("no_pool.html")
        visit.pool, visit.settings = wanted[0], visit.views.settings(wanted[0])
        return self._page(visit)

    def _page(self, visit: Visit) -> Response:
        others = [(paths.now(pool), _pool_name(visit, pool)) for pool in visit.views.pools() if pool != visit.pool]
        part, _ = self._part(visit)
        return visit.page("now.html", here="now", live=paths.live(visit.pool), part=Markup(part), others=others)  # noqa: S704  made of a template

    def _watch(self, pool: str) -> PoolWatch:
        return self._watches.setdefault(pool, PoolWatch(self._board.views, pool))

    def _part(self, visit: Visit) -> tuple[str, float]:
        """The content for this visitor, and when what it shows was looked at, by the monotonic clock.

        There is one for the public, one for stores, one for operators; by language.
        """
        part = self._parts.setdefault((visit.pool, _audience(visit), visit.t.language), _Part())
        with part.lock:
            if time.monotonic() - part.made_at_s >= _PART_EACH_S / 2:
                began_at_s = time.monotonic()
                now = self._seen(visit)
                part.made_at_s = began_at_s
                part.html = _content(visit, now)
            return part.html, part.made_at_s - SEEN_S

    def _seen(self, visit: Visit) -> PoolNow:
        now = self._watch(visit.pool).look()
        return now if visit.is_member else for_public(now, visit.views.listings(visit.pool))

    async def _told(self, visit: Visit) -> AsyncGenerator[str, None]:
        """Moves as they come, and the page's content when it is another, at most once a second."""
        watch = self._watch(visit.pool)
        with visit.views.listen(visit.pool, _KINDS) as listener:
            position, _ = await asyncio.to_thread(watch.moves_since, 0)
            shown, sent_at_s, heard_at_s, is_due = "", float("-inf"), float("-inf"), True
            yield ": here\n\n"
            while True:
                wait_s = max(0.05, sent_at_s + _PART_EACH_S - time.monotonic()) if is_due else HEARTBEAT_S
                heard = await listener.next(wait_s)
                if is_over(visit.views, visit.caller):
                    return
                if heard is not None:
                    is_due, heard_at_s = True, time.monotonic()
                    position, moves = await asyncio.to_thread(watch.moves_since, position)
                    for told in await asyncio.to_thread(self._moves, visit, moves):
                        yield told
                elif not is_due:
                    yield ": still here\n\n"
                if is_due and time.monotonic() - sent_at_s >= _PART_EACH_S:
                    html, looked_at_s = await asyncio.to_thread(self._part, visit)
                    # What was made for others a moment ago may not show yet what was heard since.
                    is_due, sent_at_s = looked_at_s < heard_at_s, time.monotonic()
                    if html != shown:
                        shown = html
                        yield _event("part", {"name": "now", "html": html})

    def _moves(self, visit: Visit, moves: list[Move]) -> list[str]:
        if not moves:
            return []
        spots, stores = _spots(self._seen(visit)), visit.views.stores(visit.pool)
        told = []
        for move in moves:
            if move.from_store not in spots or move.to_store not in spots:
                continue
            html = render.page(
                "move_item.html", {"one": named(stores, move), "sees_orders": visit.is_operator},
                t=visit.t, visitor=visit.visitor, zone=visit.zone, pool=visit.pool,
            )  # fmt: skip
            told.append(_event("move", {
                "position": move.position, "kind": move.kind, "from": move.from_store, "to": move.to_store,
                "arc": render.arc(spots[move.from_store], spots[move.to_store]), "html": html,
            }))  # fmt: skip
        return told


def _content(visit: Visit, now: PoolNow) -> str:
    values: dict[str, object] = {
        "now": now, "spots": _spots(now), "lit": _lit(now), "is_member": visit.is_member,
        "is_operator": visit.is_operator, "sees_orders": visit.is_operator, "task_words": TASK_WORDS,
        "health_text": lambda one: health_text(visit, one),
    }  # fmt: skip
    return render.page("now_part.html", values, t=visit.t, visitor=visit.visitor, zone=visit.zone, pool=visit.pool)


def health_text(visit: Visit, store: StoreNow) -> str:
    """A store's health in words; what is late, for operators."""
    t: Texts = visit.t
    words = [t(HEALTH_WORDS[store.health])]
    if not store.is_open:
        words.append(t("closed"))
    if visit.is_operator and store.late:
        words.append(t.counted(store.late, "one task late", "{count} tasks late"))
    return ", ".join(words)


def _audience(visit: Visit) -> str:
    if not visit.is_member:
        return "public"
    return "operator" if visit.is_operator else "store"


def _pool_name(visit: Visit, pool: str) -> str:
    settings = visit.views.settings(pool)
    return pool if settings is None else settings["name"] or pool


def _spots(now: PoolNow) -> dict[str, Point]:
    return {one.store: one.point for one in now.stores}


def _lit(now: PoolNow) -> set[str]:
    """Stores of the newest moves, which the map names in any case."""
    return {store for one in now.moves[:_LIT] for store in (one.move.from_store, one.move.to_store)}


def _event(name: str, data: dict[str, object]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
