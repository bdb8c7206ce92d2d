"""Merges the inputs of one partition by broker time, so that a backlog plays as it would have live.

Otherwise, after an hour of downtime, the clock's ticks would overtake the sales queued behind them.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from streams.runtime.contract import InputRecord


class RunMost(NamedTuple):
    """Most that may be handed out of an input together: so many records, until they have reached so many bytes."""

    records: int
    bytes: int


ONE = RunMost(1, 0)


class Inbox:
    """Records of one partition's inputs that were fetched and not yet handed out."""

    def __init__(self, priority_inputs: Sequence[str], inputs: Sequence[str]) -> None:
        self._priority = tuple(priority_inputs)
        self._queues: dict[str, deque[InputRecord]] = {topic: deque() for topic in (*priority_inputs, *inputs)}
        self._at_end = dict.fromkeys(self._queues, False)
        self.broken: set[str] = set()
        """Inputs that cannot be read on: what else is not a priority input waits."""
        self.waiting_bytes = 0
        """Size of the records held, of all inputs."""

    def add(self, record: InputRecord) -> None:
        """A record arrived."""
        self._queues[record.topic].append(record)
        self.waiting_bytes += len(record.value or b"")
        self._at_end[record.topic] = False

    def reached_end(self, topic: str) -> None:
        """Nothing was left to read of this input just now."""
        self._at_end[topic] = topic not in self.broken

    def starving(self) -> list[str]:
        """Inputs without a record that are not known to be at their end: the others wait for them."""
        return [topic for topic, queue in self._queues.items() if not queue and not self._at_end[topic]]

    def backlog(self, topic: str) -> int:
        """Records held of one input."""
        return len(self._queues[topic])

    def waiting(self) -> int:
        """Records held of all inputs."""
        return sum(map(len, self._queues.values()))

    def oldest_ms(self) -> int | None:
        """The broker's time of the oldest record held, ms since 1970; None when none is."""
        return min((queue[0].appended_at_ms for queue in self._queues.values() if queue), default=None)

    def ready(self, blocked: Callable[[InputRecord], bool] | None = None) -> Iterator[InputRecord]:
        """The records of `runs`, one after another."""
        return chain.from_iterable(self.runs(blocked))

    def runs(
        self, blocked: Callable[[InputRecord], bool] | None = None, most: Callable[[str], RunMost] = lambda _: ONE
    ) -> Iterator[list[InputRecord]]:
        """Records in order, as far as the order is certain, so many of one input at a time as `most` says of its topic.

        They are not held any more.

        Priority inputs come first, whatever their time; the rest by the broker's time, and by topic name within
        a millisecond. When `blocked` says so of a record, only the priority inputs before its own go on; and when an
        input is broken, they alone do.
        """
        queues = self._queues
        while not self.starving():
            for topic in self._priority:
                queue = queues[topic]
                if queue:
                    if blocked is not None and blocked(queue[0]):
                        return
                    yield [self._hand_out(queue)]
                    break
            else:
                heads = [(queue[0].appended_at_ms, topic) for topic, queue in queues.items() if queue]
                if not heads:
                    return
                heads.sort()
                queue = queues[heads[0][1]]
                limit = heads[1] if len(heads) > 1 else None
                topic = heads[0][1]
                while queue and (limit is None or (queue[0].appended_at_ms, topic) <= limit):
                    if blocked is not None and blocked(queue[0]):
                        return
                    yield self._hand_out_run(queue, limit, ONE if blocked is not None else most(topic))
        if self.broken:
            yield from self._ready_settings(blocked)

    def _ready_settings(self, blocked: Callable[[InputRecord], bool] | None) -> Iterator[list[InputRecord]]:
        """Those that are there: among them may be the one that mends what is broken."""
        for topic in self._priority:
            queue = self._queues[topic]
            while queue:
                if blocked is not None and blocked(queue[0]):
                    return
                yield [self._hand_out(queue)]

    def _hand_out_run(
        self, queue: deque[InputRecord], limit: tuple[int, str] | None, most: RunMost
    ) -> list[InputRecord]:
        """The first record, and those behind it that may go before `limit`."""
        run = [queue.popleft()]
        size, topic = len(run[0].value or b""), run[0].topic
        while (
            queue and len(run) < most.records and size < most.bytes
            and (limit is None or (queue[0].appended_at_ms, topic) <= limit)
        ):  # fmt: skip
            record = queue.popleft()
            size += len(record.value or b"")
            run.append(record)
        self.waiting_bytes -= size
        return run

    def _hand_out(self, queue: deque[InputRecord]) -> InputRecord:
        record = queue.popleft()
        self.waiting_bytes -= len(record.value or b"")
        return record
