"""The partition of a pool: Kafka's Java default, murmur2, spelled out.

librdkafka's default partitioner (consistent_random over CRC32) differs from the Java client's, so every
producer of ours names the partition itself. Source: org.apache.kafka.common.utils.Utils.murmur2.
"""

from functools import lru_cache

_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """32-bit murmur2 as Kafka's Java client computes it, unsigned."""
    length = len(data)
    h = 0x9747B28C ^ length
    whole = length - length % 4
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little")
        k = (k * _M) & _MASK
        k ^= k >> 24
        k = (k * _M) & _MASK
        h = (h * _M) & _MASK ^ k
    rest = data[whole:]
    if rest:
        h ^= int.from_bytes(rest, "little")
        h = (h * _M) & _MASK
    h ^= h >> 13
    h = (h * _M) & _MASK
    return h ^ h >> 15


@lru_cache(maxsize=65536)
def partition_of(pool: str, partitions: int) -> int:
    """Partition of `pool` in a topic with `partitions` partitions, 0-based."""
    return (murmur2(pool.encode()) & 0x7FFFFFFF) % partitions
