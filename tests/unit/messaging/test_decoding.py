"""Those who look at a topic pass over what is no record of it, and never over what a later release wrote."""

import pytest

from messaging.decoding import LaterRecords, decoder
from schemas.codec import topic_codec
from schemas.registry import registry
from schemas.topics import POOL_TICKS

LATER = b"\0" + (max(registry().by_id) + 1).to_bytes(4, "big") + b"in words that this release does not know"
TICK = {"pool": "north", "at_ms": 1, "origin": "test"}


def test_records_are_decoded_and_bytes_that_are_none_say_nothing():
    value = topic_codec(POOL_TICKS.name).encode(TICK)
    decode = decoder(POOL_TICKS.name)
    assert [decode(one) for one in (value, None, b"", value[:7], value + b"!")] == [TICK, None, None, None, None]


def test_a_record_of_a_later_release_stops_who_reads():
    with pytest.raises(LaterRecords, match=r"pool\.ticks\.v1 has records of a later release"):
        decoder(POOL_TICKS.name)(LATER)
