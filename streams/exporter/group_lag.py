"""Lag of the consumer groups as the brokers see it: it is known, too, while no worker runs."""

import logging
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing

from confluent_kafka import Consumer, KafkaException, TopicPartition

from messaging.client_options import ClientOptions, quiet, reader_options
from messaging.offsets import waiting

log = logging.getLogger(__name__)

Lag = Mapping[tuple[str, str], int]
"""(group, topic) → offsets that are not committed yet, as `messaging.offsets.waiting` counts them."""
_EVERY_S = 10.0
_TIMEOUT_S = 30.0


class GroupLag:
    """Asks the brokers again and again, in the thread that calls `run`. `now` may be asked from any."""

    def __init__(self, kafka_options: ClientOptions, groups: Mapping[str, Sequence[str]], partitions: int) -> None:
        """Groups: their names → the topics that each reads."""
        self._options = quiet(kafka_options)
        self._groups = groups
        self._partitions = partitions
        self.now: Lag = {}
        """As of the last answer; empty while the brokers do not answer."""

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set."""
        with ExitStack() as clients:
            # They carry a group's name to ask for its offsets, and never join it.
            askers = {
                group: clients.enter_context(closing(Consumer(reader_options(self._options, group))))
                for group in self._groups
            }
            while True:
                try:
                    self.now = self.ask(askers)
                except KafkaException as error:
                    self.now = {}
                    log.warning("the groups' lag is not known: %s; it is asked for again", error.args[0].str())
                if stop.wait(_EVERY_S):
                    return

    def ask(self, askers: Mapping[str, Consumer]) -> Lag:
        """The lag now; committed offsets first, so that what is committed meanwhile is no lag below zero.

        None of a group that has committed nothing: its process has not run, nor need it. Raises KafkaException.
        """
        behind: dict[tuple[str, str], int] = {}
        for group, asker in askers.items():
            read = self._groups[group]
            wanted = [TopicPartition(topic, n) for topic in read for n in range(self._partitions)]
            places = asker.committed(wanted, _TIMEOUT_S)
            for place in places:
                if place.error is not None:
                    raise KafkaException(place.error)
            if all(place.offset < 0 for place in places):
                continue
            behind |= {(group, topic): 0 for topic in read}
            for place in places:
                start, end = asker.get_watermark_offsets(TopicPartition(place.topic, place.partition), _TIMEOUT_S)
                behind[group, place.topic] += waiting((place.topic, place.partition), start, end, place.offset)
        return behind
