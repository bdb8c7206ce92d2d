"""The appointments of a pool, followed in a thread, with what the pool makes of the messages that were published."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import structlog

from connectors.context import Answers, Tables
from messaging.publisher import PublishError
from schemas.statuses import LIVE_TASK
from schemas.topics import PICKUP_APPOINTMENTS, POOL_TASKS

_APPOINTMENTS, _TASKS = PICKUP_APPOINTMENTS.name, POOL_TASKS.name
_LOOK_S = 0.02
_RETRY_S = 1.0
_REMEMBERED = 10_000
"""Answers that are kept for messages that come again."""
_REFUSED = frozenset({"refused", "report_refused", "set_aside"})
_log = structlog.get_logger()
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The pool's answer to a message. reason, detail: of a refusal."""

    accepted: bool
    reason: str = ""
    detail: str = ""


ACCEPTED = Verdict(accepted=True)


class Book:
    """Appointments and hand-overs of one pool. `run` follows them; all else may be called from any thread."""

    def __init__(self, pool: str, follow: Callable[[Sequence[str]], Tables], answers: Callable[[], Answers]) -> None:
        self._prefix = f"{pool}/"
        self._tables = follow((_APPOINTMENTS, _TASKS))
        self._answers = answers()
        self._rows: dict[str, Row] = {}
        self._stores: dict[str, frozenset[str]] = {}
        self._hand_overs: dict[str, str] = {}
        self._verdicts: OrderedDict[str, Verdict] = OrderedDict()
        self._awaited: dict[str, Future[Verdict]] = {}
        self._lock = threading.Lock()
        self.is_ready = False
        """False until all that stands has been read, and while Kafka does not answer."""

    def run(self, stop: threading.Event) -> None:
        """Follow until `stop` is set."""
        while not stop.is_set():
            try:
                self.look(_LOOK_S)
                self.is_ready = True
            except PublishError as error:
                self.is_ready = False
                _log.warning("appointments are not followed for now", reason=str(error))
                stop.wait(_RETRY_S)
        self._tables.close()
        self._answers.close()

    def look(self, wait_s: float) -> None:
        """Take in what has come. Raises PublishError."""
        for topic, key in self._tables.changes(wait_s):
            row = self._tables.table(topic).get(key)
            if topic == _APPOINTMENTS:
                self._put_appointment(key.removeprefix(self._prefix), row)
            elif row is not None:
                self._put_task(row)
        for event in self._answers.next(wait_s):
            if event["key"]:
                refused = event["kind"] in _REFUSED
                self._tell(
                    event["key"], Verdict(not refused, event["reason"], event["detail"]) if refused else ACCEPTED
                )

    def appointment(self, order: str, store: str) -> Row | None:
        return self._rows.get(f"{order}/{store}")

    def hand_over(self, order: str, store: str) -> str | None:
        return self._hand_overs.get(f"{order}/{store}")

    def stores(self, order: str) -> frozenset[str]:
        return self._stores.get(order, frozenset())

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

    def _put_appointment(self, item: str, row: Row | None) -> None:
        order, _, store = item.partition("/")
        stores = self._stores.get(order, frozenset())
        if row is None:
            self._rows.pop(item, None)
            stores -= {store}
        else:
            self._rows[item] = row
            stores |= {store}
            self._tell_reports(row)
        if stores:
            self._stores[order] = stores
        else:
            self._stores.pop(order, None)

    def _put_task(self, row: Row) -> None:
        if row["kind"] != "hand_over":
            return
        item = f"{row['order']}/{row['store']}"
        if row["status"] in LIVE_TASK:
            self._hand_overs[item] = row["task"]
        elif self._hand_overs.get(item) == row["task"]:
            del self._hand_overs[item]
        self._tell_reports(row)

    def _tell_reports(self, row: Row) -> None:
        for report in row["reports"]:
            self._tell(report["report_id"], ACCEPTED)

    def _tell(self, name: str, verdict: Verdict) -> None:
        with self._lock:
            awaited = self._awaited.pop(name, None)
            self._verdicts[name] = verdict
            self._verdicts.move_to_end(name)
            if len(self._verdicts) > _REMEMBERED:
                self._verdicts.popitem(last=False)
        if awaited is not None:
            awaited.set_result(verdict)
