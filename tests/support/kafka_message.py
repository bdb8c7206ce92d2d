"""A message as Kafka's consumer hands it out, made by hand."""

from types import SimpleNamespace

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME


def kafka_message(topic, offset, value, key=None, error=None):
    """Of partition 0, appended at 1,000 ms and one more for each offset."""
    said = {"topic": topic, "partition": 0, "offset": offset, "key": key, "value": value, "error": error}
    said["timestamp"] = (TIMESTAMP_LOG_APPEND_TIME, 1_000 + offset)
    return SimpleNamespace(**{name: (lambda it=it: it) for name, it in said.items()})
