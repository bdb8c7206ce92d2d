"""Avro's primitives, for values that are put together from parts that are encoded already.

Source: Apache Avro 1.12 specification, "Binary encoding".
"""

from functools import lru_cache


def _varint(rest: int) -> bytes:
    """7 bits a byte, least significant first; the high bit says that more follow."""
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


_SHORT = [_varint(number) for number in range(1 << 14)]
_LOW_BYTES = [bytes((low & 0x7F | 0x80, low >> 7 | 0x80)) for low in range(1 << 14)]
_high_bytes = lru_cache(maxsize=65_536)(_varint)


def long_bytes(number: int) -> bytes:
    """`number` as Avro int or long: zigzag, then as varint.

    The low two bytes come from a table and the rest from a cache: times and offsets share their high parts.
    """
    zigzag = number << 1 if number >= 0 else ~(number << 1)
    if zigzag < 0x4000:
        return _SHORT[zigzag]
    return _LOW_BYTES[zigzag & 0x3FFF] + _high_bytes(zigzag >> 14)


def bytes_bytes(value: bytes) -> bytes:
    """`value` as Avro bytes: its length, then itself."""
    return long_bytes(len(value)) + value


@lru_cache(maxsize=65_536)
def string_bytes(text: str) -> bytes:
    """`text` as Avro string."""
    return bytes_bytes(text.encode())
