"""What a consumer hands out is a record, the news of an end, what passes by itself, or an error."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from messaging.log_reader import is_end, is_record


class Said:
    """A message that is an error."""

    def __init__(self, code, *, fatal=False):
        self._error = KafkaError(code, "x", fatal)

    def error(self):
        return self._error


@pytest.mark.parametrize(
    ("code", "end"), [(KafkaError._PARTITION_EOF, True), (KafkaError._TRANSPORT, False), (KafkaError._TIMED_OUT, False)]
)
def test_an_end_and_what_passes_are_no_records(code, end):
    assert (is_record(Said(code)), is_end(Said(code))) == (False, end)


@pytest.mark.parametrize(
    "said",
    [
        Said(KafkaError.OFFSET_OUT_OF_RANGE),
        Said(KafkaError.UNKNOWN_TOPIC_OR_PART),
        Said(KafkaError.TOPIC_AUTHORIZATION_FAILED),
        Said(KafkaError._TRANSPORT, fatal=True),
    ],
)
def test_what_stays_is_raised(said):
    with pytest.raises(KafkaException):
        is_record(said)
