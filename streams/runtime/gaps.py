"""Records of an input that are gone from its log before this worker has read them.

Retention has passed over them, or the topic was made anew. Of inputs that are expendable (the clock: a newer tick says
more than all before it) the worker goes on with what there is. Of all others the partition stops there, settings apart,
until an operator accepts the gap by a setting, which the journal keeps.
"""

import logging
from collections.abc import Mapping

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, TopicPartition

from messaging.cluster import UnreachableError, topic_identity
from streams.runtime.assigned_partition import AssignedPartition
from streams.runtime.contract import Gap, Processor
from streams.runtime.metrics import WorkerMetrics
from streams.runtime.settings import Rejoin, WorkerSettings

log = logging.getLogger(__name__)

_TIMEOUT_S = 15.0


class Gaps:
    """The gaps of the partitions that a session holds."""

    def __init__(
        self, consumer: Consumer, processor: Processor, settings: WorkerSettings, metrics: WorkerMetrics
    ) -> None:
        self._consumer = consumer
        self._settings = settings
        self._metrics = metrics
        self._topics = (*processor.priority_inputs, *processor.inputs)
        self._goes_on = frozenset((*processor.expendable_inputs, *processor.priority_inputs))
        """Settings, too: each is a whole value, and whoever declares settings publishes those that are missing."""
        self._open: dict[tuple[str, int], Gap] = {}

    def clear(self) -> None:
        """Forget them: the partitions were given away."""
        self._open.clear()

    def found(self, topic: str, at: AssignedPartition) -> None:
        """The consumer says that an input's next offset is not in its log; `mind` looks into it."""
        at.inbox.broken.add(topic)

    def mind(self, held: Mapping[int, AssignedPartition]) -> None:
        """Look into inputs that turned out broken; read on where that is no loss, or an operator has accepted it.

        Raises Rejoin when no broker answers.
        """
        moved = False
        for n, at in held.items():
            for topic in sorted(at.inbox.broken):
                gap = self._open.get((topic, n))
                if gap is None:
                    gap = self._look_into(topic, at)
                elif at.work.is_gap_accepted(gap):
                    log.warning("%s[%d] goes on at offset %d, as an operator has said", topic, n, gap.until)
                    del self._open[topic, n]
                    if all(number != n for _, number in self._open):
                        self._metrics.resumed(n)
                if (topic, n) not in self._open:
                    _pass(at, gap)
                    moved = True
        if moved:
            self._fetch_anew(held)

    def _look_into(self, topic: str, at: AssignedPartition) -> Gap:
        """The gap, which is open from now on unless it is no loss."""
        offset, n = at.fetched_offsets.get(topic, 0), at.number
        try:
            topic_id = topic_identity(self._settings.client_options(), topic).name
        except UnreachableError as error:
            raise Rejoin(str(error)) from error
        low, high = self._consumer.get_watermark_offsets(TopicPartition(topic, n), timeout=_TIMEOUT_S)
        is_same = topic_id == at.topic_ids.get(topic, topic_id)
        gap = Gap(topic, n, offset, high if is_same and offset > high else low, topic_id)
        what = _what(gap, high, is_same=is_same)
        if topic in self._goes_on:
            log.warning("%s. It goes on at offset %d: newer records say all that counts", what, gap.until)
            return gap
        self._open[topic, n] = gap
        self._metrics.halted(n)
        accept = self._settings.accept_gap.format(topic=topic, partition=n, offset=offset, until=gap.until)
        log.error(
            "%s. Partition %d stops here, and nothing behind it is lost. Restore the topic%s",
            what, n, f", or accept the loss, which the pool's journal keeps: {accept}" if accept else ".",
        )  # fmt: skip
        return gap

    def _fetch_anew(self, held: Mapping[int, AssignedPartition]) -> None:
        """The client does not go on with an input of which it has lost the offset, unless all are assigned again."""
        starts = []
        for n, at in held.items():
            for topic in self._topics:
                offset = at.fetched_offsets.get(topic)
                starts.append(TopicPartition(topic, n, start_of(topic, at, offset)))
                if offset is not None:
                    at.first_offsets[topic] = offset
        self._consumer.assign(starts)


def start_of(topic: str, at: AssignedPartition, next_offset: int | None) -> int:
    """Where to fetch an input; of a broken one nothing is used until its gap is closed."""
    if topic in at.inbox.broken:
        return OFFSET_END
    return OFFSET_BEGINNING if next_offset is None else next_offset


def _pass(at: AssignedPartition, gap: Gap) -> None:
    """Have the input go on behind the gap."""
    topic = gap.topic
    at.topic_ids[topic] = gap.topic_id
    at.inbox.broken.discard(topic)
    at.next_offsets[topic] = at.fetched_offsets[topic] = gap.until


def _what(gap: Gap, high: int, *, is_same: bool) -> str:
    at = f"{gap.topic}[{gap.partition}]"
    if not is_same:
        return (
            f"{gap.topic} was deleted and made anew: whatever of the one before was not read, from {at} offset "
            f"{gap.offset} on, is gone"
        )
    if gap.offset > high:
        return f"{at} ends at offset {high}, and was read up to {gap.offset}: its log has lost its end"
    return f"{at} begins at offset {gap.until}, and {gap.offset} is the next to be read: what lay there is gone"
