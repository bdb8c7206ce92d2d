"""Failures judged: a worker joins again, or it stops, and says why."""

import traceback

from confluent_kafka import KafkaError

from messaging.kafka_errors import passes
from schemas.codec import LaterSchema
from streams.runtime.contract import InputRecord
from streams.runtime.settings import Rejoin, WorkerSettings, WorkerStopped

_LOST_PLACE = {
    KafkaError._FENCED,  # noqa: SLF001  librdkafka's own codes have no other name
    KafkaError._STATE,  # noqa: SLF001
    KafkaError._MAX_POLL_EXCEEDED,  # noqa: SLF001
    KafkaError._ASSIGNMENT_LOST,  # noqa: SLF001
    KafkaError.PRODUCER_FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError.INVALID_PRODUCER_ID_MAPPING,
    KafkaError.INVALID_TXN_STATE,
    KafkaError.UNKNOWN_PRODUCER_ID,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.ILLEGAL_GENERATION,
}


class Halted(Rejoin):
    """The fold raised on a record: the batch is given up, and the partition stops before that record."""

    def __init__(self, record: InputRecord) -> None:
        super().__init__(f"stopped at {record.topic}[{record.partition}] offset {record.offset}")
        self.at = (record.topic, record.partition, record.offset)


def judge(cause: KafkaError, settings: WorkerSettings) -> Rejoin | WorkerStopped:
    """Whether joining the group anew can help against what Kafka said."""
    if cause.code() == KafkaError.FENCED_INSTANCE_ID:
        return WorkerStopped(
            f"another worker runs as {settings.instance_id!r} in group {settings.group!r}: "
            "give each worker its own instance id."
        )
    if cause.txn_requires_abort() or passes(cause) or cause.code() in _LOST_PLACE:
        return Rejoin(cause.str())
    return WorkerStopped(f"kafka: {cause.str()} ({cause.name()})")


def why_halted(record: InputRecord, error: Exception, settings: WorkerSettings, *, is_setting: bool) -> str:
    """For the log: what stops a partition before `record`, and what to do. Settings cannot be stepped over."""
    at = f"{record.topic}[{record.partition}] offset {record.offset}"
    step_over = settings.step_over.format(topic=record.topic, partition=record.partition, offset=record.offset)
    instead = f", or step over the record: {step_over}" if step_over and not is_setting else "."
    if isinstance(error, LaterSchema):
        return (
            f"{at} comes from a later release: {error}; partition {record.partition} waits for it, and nothing is "
            f"lost. Start that release here{instead}"
        )
    return f"cannot process {at}; partition {record.partition} stops here. Fix the code{instead}\n" + "".join(
        traceback.format_exception(error)
    )
