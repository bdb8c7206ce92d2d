"""Commits of a consumer group over time: the same look from outside for every engine.

Source of the record layout: Kafka's message definitions OffsetCommitKey and OffsetCommitValue.
"""

import struct
from typing import NamedTuple

from bench.cluster import Cluster

_OFFSETS_TOPIC = "__consumer_offsets"
_OFFSET_KEYS = (0, 1)


class Commit(NamedTuple):
    """One committed offset."""

    at_s: float
    """The broker's clock, s since 1970 UTC."""
    partition: int
    offset: int


def read_commits(cluster: Cluster, group: str, topic: str) -> list[Commit]:
    """The commits of `group` on `topic`, in their order; of transactions, the committed ones."""
    return sorted(
        Commit(message.timestamp()[1] / 1_000, partition, offset_in(message.value()))
        for message in cluster.read_every_partition(_OFFSETS_TOPIC)
        if message.value() is not None
        for name, of_topic, partition in [place_in(message.key())]
        if (name, of_topic) == (group, topic)
    )


def place_in(key: bytes) -> tuple[str, str, int]:
    """(group, topic, partition); empty names for a record about a group's members."""
    (version,) = struct.unpack_from(">h", key)
    if version not in _OFFSET_KEYS:
        return "", "", 0
    group, at = _string(key, 2)
    topic, at = _string(key, at)
    (partition,) = struct.unpack_from(">i", key, at)
    return group, topic, partition


def offset_in(value: bytes) -> int:
    """The committed offset: in every version, it comes first."""
    (offset,) = struct.unpack_from(">q", value, 2)
    return int(offset)


def _string(raw: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">h", raw, at)
    at += 2
    return raw[at : at + length].decode(), at + length
