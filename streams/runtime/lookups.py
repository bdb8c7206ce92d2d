"""Table look-ups from other threads, answered by the worker's own between two batches."""

import queue
from collections.abc import Callable
from concurrent.futures import Future
from http import HTTPStatus
from typing import Any

from messaging.status_server import Page, Query, json_page

_ANSWER_TIMEOUT_S = 5.0


class Lookups:
    """A small queue of questions."""

    def __init__(self, waiting_max: int = 100) -> None:
        self._waiting: queue.Queue[tuple[Query, Future[Any]]] = queue.Queue(waiting_max)

    def ask(self, query: Query, timeout_s: float) -> Any:
        """The answer. Raises KeyError for what is not there, TimeoutError or queue.Full when the worker is busy."""
        answer: Future[Any] = Future()
        self._waiting.put_nowait((query, answer))
        return answer.result(timeout_s)

    def page(self, query: Query) -> Page:
        """The answer over HTTP."""
        try:
            return json_page(self.ask(query, _ANSWER_TIMEOUT_S))
        except KeyError as error:
            return json_page({"error": f"not here: {error}"}, HTTPStatus.NOT_FOUND)
        except (TimeoutError, queue.Full):
            return json_page({"error": "the worker is busy; try again"}, HTTPStatus.SERVICE_UNAVAILABLE)

    def waiting(self) -> bool:
        """Is there a question?"""
        return not self._waiting.empty()

    def serve(self, look_up: Callable[[Query], Any]) -> None:
        """Answer what waits."""
        while not self._waiting.empty():
            query, answer = self._waiting.get_nowait()
            try:
                answer.set_result(look_up(query))
            except KeyError as error:
                answer.set_exception(error)
