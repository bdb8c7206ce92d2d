"""Dead letters in Kafka Connect's form: the original bytes, and headers that say where they came from and why.

Header names: org.apache.kafka.connect.runtime.errors.DeadLetterQueueReporter.
"""

from schemas.topics import dead_letter_topic
from streams.runtime.contract import Headers, InputRecord, OutputRecord

REASON_HEADER = "commonshelf.reason"


def dead_letter(record: InputRecord, reason: str, message: str, value: bytes | None) -> OutputRecord:
    """A dead letter for `record`: `value` is what a replay would publish again."""
    prefix = "__connect.errors."
    texts = (
        (prefix + "topic", record.topic),
        (prefix + "partition", str(record.partition)),
        (prefix + "offset", str(record.offset)),
        (prefix + "connector.name", "pool"),
        (prefix + "task.id", str(record.partition)),
        (prefix + "stage", "VALUE_CONVERTER" if value is record.value else "TASK_PUT"),
        (prefix + "class.name", "streams.pool.processor.PoolPartition"),
        (prefix + "exception.class.name", f"commonshelf.{reason}"),
        (prefix + "exception.message", message),
        (REASON_HEADER, reason),
    )
    headers: Headers = [(name, text.encode()) for name, text in texts]
    return OutputRecord(dead_letter_topic(record.topic), record.key, value, headers)
