"""Inputs that are deleted and made anew while they are read.

The client goes on at the next offset if the new log reaches that far, and so passes over what lies before it. Kafka is
asked once a minute which topics it has; at the next assignment the worker looks into those that are others now.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import TopicCollection
from confluent_kafka.admin import AdminClient

from messaging.client_options import ClientOptions, quiet
from streams.runtime.assigned_partition import AssignedPartition
from streams.runtime.settings import Rejoin

log = logging.getLogger(__name__)

EVERY_S = 60.0
_TIMEOUT_S = 15.0


class TopicWatch:
    """Asks and compares, and never waits. monotonic_s: the clock, for how often."""

    def __init__(
        self, kafka_options: ClientOptions, topics: Sequence[str], monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._options = kafka_options
        self._topics = topics
        self._monotonic_s = monotonic_s
        self._next_s = monotonic_s() + EVERY_S
        self._admin: AdminClient | None = None
        self._asked: Mapping[str, Future[Any]] = {}

    def mind(self, held: Mapping[int, AssignedPartition]) -> None:
        """Ask when it is time, and look at the answers when they have come.

        Raises Rejoin for an input that is not the topic that was read. A topic that is away just now is the consumer's
        to tell, and one whose gap is open is known.
        """
        if self._asked:
            if all(answer.done() for answer in self._asked.values()):
                answers, self._asked = self._asked, {}
                self._compare(answers, held)
        elif self._monotonic_s() >= self._next_s:
            self._next_s = self._monotonic_s() + EVERY_S
            self._asked = self._client().describe_topics(
                TopicCollection(list(self._topics)), request_timeout=_TIMEOUT_S
            )

    def _client(self) -> AdminClient:
        if self._admin is None:
            self._admin = AdminClient(quiet(self._options))
        return self._admin

    def _compare(self, answers: Mapping[str, Future[Any]], held: Mapping[int, AssignedPartition]) -> None:
        for topic, answer in answers.items():
            error = answer.exception()
            if error is not None:
                log.info("%s cannot be looked at now: %s", topic, error)
                continue
            topic_id = str(answer.result().topic_id)
            for at in held.values():
                known = at.topic_ids.get(topic)
                if known is not None and topic not in at.inbox.broken and not known.endswith(f"/{topic_id}"):
                    raise Rejoin(f"{topic} was deleted and made anew while it was read")
