"""Pools land on the partition that Kafka's Java client would choose."""

import pytest

from schemas.partition import murmur2, partition_of

# From org.apache.kafka.common.utils.UtilsTest.testMurmur2, signed 32-bit.
JAVA = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}


@pytest.mark.parametrize(("text", "expected"), JAVA.items())
def test_murmur2_is_java_s(text, expected):
    assert murmur2(text.encode()) == expected & 0xFFFFFFFF


@pytest.mark.parametrize(("text", "hashed"), JAVA.items())
def test_a_pool_s_partition_is_the_positive_hash_by_the_count(text, hashed):
    assert partition_of(text, 12) == (hashed & 0x7FFFFFFF) % 12


def test_pools_spread_over_all_partitions():
    counts = [0] * 12
    for number in range(12_000):
        counts[partition_of(f"pool-{number}", 12)] += 1
    assert min(counts) > 800
    assert max(counts) < 1_200
