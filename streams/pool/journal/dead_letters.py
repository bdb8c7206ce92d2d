"""Dead letters in Kafka Connect's form: the original bytes, and headers that say where they came from and why.

Header names: org.apache.kafka.connect.runtime.errors.DeadLetterQueueReporter.
"""

from schemas.codec import RECORD_MAX_BYTES
from schemas.topics import dead_letter_topic
from streams.runtime.contract import Headers, InputRecord, OutputRecord, Processor

REASON_HEADER = "commonshelf.reason"
CUT_HEADER = "commonshelf.cut"
"""There when the key or the value was cut; says how long they were and where the whole record is."""
_MESSAGE_MAX = 1_000


def dead_letter(writer: Processor, record: InputRecord, reason: str, message: str, value: bytes | None) -> OutputRecord:
    """A dead letter of `writer` for `record`: `value` is what a replay would publish again.

    Of a record that is too large to be decoded only the start is kept: its dead letter must fit into a record.
    """
    prefix = "__connect.errors."
    texts = [
        (prefix + "topic", record.topic),
        (prefix + "partition", str(record.partition)),
        (prefix + "offset", str(record.offset)),
        (prefix + "connector.name", writer.name),
        (prefix + "task.id", str(record.partition)),
        (prefix + "stage", "VALUE_CONVERTER" if value is record.value else "TASK_PUT"),
        (prefix + "class.name", f"{type(writer).__module__}.{type(writer).__qualname__}"),
        (prefix + "exception.class.name", f"commonshelf.{reason}"),
        (prefix + "exception.message", message[:_MESSAGE_MAX]),
        (REASON_HEADER, reason),
    ]
    key, kept = _start(record.key), _start(value) if value is record.value else value
    if (key, kept) != (record.key, value):
        sizes = f"key {len(record.key or b'')} bytes, value {len(value or b'')} bytes"
        texts.append((CUT_HEADER, f"{sizes}; whole at {record.topic}[{record.partition}] offset {record.offset}"))
    headers: Headers = [(name, text.encode()) for name, text in texts]
    return OutputRecord(dead_letter_topic(record.topic), key, kept, headers)


def _start(part: bytes | None) -> bytes | None:
    return part if part is None or len(part) <= RECORD_MAX_BYTES else part[:RECORD_MAX_BYTES]
