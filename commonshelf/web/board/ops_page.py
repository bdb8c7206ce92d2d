"""The route of ops: processes, lag, dead letters with replay, connectors' health, links to the technical pages."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Final

import httpx
from starlette.responses import Response

from commonshelf.desks.connector_status import ConnectorStatus, statuses
from commonshelf.stack.processes import processes
from commonshelf.stack.topic_status import TopicStatus, topic_statuses
from commonshelf.text import duration
from commonshelf.web.board import paths
from commonshelf.web.board.set_aside import SetAside
from commonshelf.web.board.visit import Board, Refused, Visit, act_route, after, page_route
from commonshelf.web.board.visitors import Form
from commonshelf.web.links import links
from messaging.publisher import PublishFailed

_KEPT_S: Final = 5.0
_ASK_TIMEOUT_S: Final = 2.0
_LETTERS_SHOWN: Final = 50


@dataclass(frozen=True)
class ProcessNow:
    """A process of the stack. said: what it waits for; empty when it is ready."""

    name: str
    url: str
    is_ready: bool
    said: str


@dataclass(frozen=True)
class State:
    """The state of all that runs, as it was looked at last."""

    processes: Sequence[ProcessNow]
    topics: Sequence[TopicStatus]
    connectors: Sequence[ConnectorStatus]
    looked_at_s: float


class OpsPage:
    """The page, of which one state is kept for a moment: looking asks every process."""

    def __init__(self, board: Board, set_aside: SetAside) -> None:
        self._board = board
        self._set_aside = set_aside
        self._lock = Lock()
        self._state: State | None = None
        path = "/pool/{pool}/ops"
        self.routes = [page_route(board, path, self._page), act_route(board, path, self._act, self._page)]

    def _page(self, visit: Visit) -> Response:
        visit.need_operator()
        state, letters = self._look(), self._set_aside.letters(visit.pool)
        ago: Callable[[float | None], str] = lambda at_s: "" if at_s is None else duration(time.time() - at_s)  # noqa: E731
        return visit.page(
            "ops.html", here="ops", state=state, letters=letters[:_LETTERS_SHOWN], letters_count=len(letters),
            helped=sum(one.against is None for one in letters), links=links(self._board.connection.settings), ago=ago,
            connectors=[one for one in state.connectors if one.pool == visit.pool],
        )  # fmt: skip

    def _act(self, visit: Visit, form: Form) -> str:
        visit.need_operator()
        did, letter = form.get("did", ""), form.get("letter") or None
        if did == "replay":
            done = self._set_aside.replay(visit.pool, letter)
            if letter is not None and done.left:
                raise Refused(done.left[0][1])
        elif did == "discard" and letter is not None:
            self._set_aside.discard(visit.pool, letter, form.get("reason", ""))
        else:
            raise Refused("this button is not known; look at the page again")
        return after(f"{paths.ops(visit.pool)}#letters", "replayed" if did == "replay" else "discarded")

    def _look(self) -> State:
        with self._lock:
            if self._state is None or time.monotonic() - self._state.looked_at_s > _KEPT_S:
                self._state = self._looked()
            return self._state

    def _looked(self) -> State:
        connection = self._board.connection
        running = processes(connection.settings, connection.settings.data_dir, {})
        urls = {one.spec.name: one.url for one in running}
        with ThreadPoolExecutor(len(urls)) as asking:
            ready = list(asking.map(lambda named: _process(*named), urls.items()))
        try:
            connectors = statuses(connection.settings, connection.kafka_options, urls)
        except PublishFailed:
            connectors = []
        topics = [one for one in topic_statuses(connection) if one.lag_records is not None]
        return State(ready, topics, connectors, time.monotonic())


def _process(name: str, url: str) -> ProcessNow:
    try:
        answer = httpx.get(f"{url}/ready", timeout=_ASK_TIMEOUT_S, trust_env=False)
    except httpx.HTTPError as error:
        return ProcessNow(name, url, is_ready=False, said=f"no answer: {error}")
    is_ready = answer.status_code == httpx.codes.OK
    return ProcessNow(name, url, is_ready, "" if is_ready else " ".join(answer.text.split())[:200])
