"""The rows of a pool that a partner speaks of, followed in a thread, and what the pool makes of its messages."""

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import structlog

from connectors.context import Answers, Tables
from messaging.publisher import PublishError
from schemas.statuses import REFUSED_EVENTS

_LOOK_S = 0.02
_RETRY_S = 1.0
_REMEMBERED = 10_000
"""Answers that are kept for messages that come again."""
_log = structlog.get_logger()
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The pool's answer to a message. reason, detail: of a refusal."""

    accepted: bool
    reason: str = ""
    detail: str = ""


ACCEPTED = Verdict(accepted=True)


class PartnerBook(ABC):
    """Whoever extends it says what to do with a row. `run` follows them; all else may be called from any thread."""

    def __init__(
        self,
        pool: str,
        topics: Sequence[str],
        follow: Callable[[Sequence[str]], Tables],
        answers: Callable[[], Answers],
    ) -> None:
        self._prefix = f"{pool}/"
        self._tables = follow(topics)
        self._answers = answers()
        self._verdicts: OrderedDict[str, Verdict] = OrderedDict()
        self._awaited: dict[str, Future[Verdict]] = {}
        self._lock = threading.Lock()
        self.is_ready = False
        """False until all that stands has been read, and while Kafka does not answer."""

    @abstractmethod
    def put(self, topic: str, item: str, row: Row | None) -> None:
        """Take note of a row; None when it is gone. item: its key, without the pool."""

    def run(self, stop: threading.Event) -> None:
        """Follow until `stop` is set."""
        while not stop.is_set():
            try:
                self.look(_LOOK_S)
                self.is_ready = True
            except PublishError as error:
                self.is_ready = False
                _log.warning("a pool is not followed for now", reason=str(error))
                stop.wait(_RETRY_S)
        self._tables.close()
        self._answers.close()

    def look(self, wait_s: float) -> None:
        """Take in what has come. Raises PublishError."""
        for topic, key in self._tables.changes(wait_s):
            row = self._tables.table(topic).get(key)
            self.put(topic, key.removeprefix(self._prefix), row)
            for report in () if row is None else row.get("reports", ()):
                self._tell(report["report_id"], ACCEPTED)
        for event in self._answers.next(wait_s):
            if event["key"]:
                is_refused = event["kind"] in REFUSED_EVENTS
                verdict = Verdict(accepted=False, reason=event["reason"], detail=event["detail"])
                self._tell(event["key"], verdict if is_refused else ACCEPTED)

    def verdict(self, name: str) -> Verdict | None:
        """What the pool said to a message before, as far as it is remembered."""
        with self._lock:
            return self._verdicts.get(name)

    def expect(self, name: str) -> "Future[Verdict]":
        """The pool's answer to the message that is published next under `name`."""
        with self._lock:
            return self._awaited.setdefault(name, Future())

    def give_up(self, name: str) -> None:
        """Nobody waits for the answer any more."""
        with self._lock:
            self._awaited.pop(name, None)

    def _tell(self, name: str, verdict: Verdict) -> None:
        with self._lock:
            awaited = self._awaited.pop(name, None)
            self._verdicts[name] = verdict
            self._verdicts.move_to_end(name)
            if len(self._verdicts) > _REMEMBERED:
                self._verdicts.popitem(last=False)
        if awaited is not None:
            awaited.set_result(verdict)
