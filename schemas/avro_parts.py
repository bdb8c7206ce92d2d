"""Avro's primitives, for values that are put together from parts that are encoded already.

Source: Apache Avro 1.12 specification, "Binary encoding".
"""

from collections.abc import Iterable
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

    All of a small number comes from tables, the high part of a large one from a cache: times share theirs.
    """
    zigzag = number << 1 if number >= 0 else ~(number << 1)
    if zigzag < 0x4000:
        return _SHORT[zigzag]
    if zigzag < 0x1000_0000:
        return _LOW_BYTES[zigzag & 0x3FFF] + _SHORT[zigzag >> 14]
    return _LOW_BYTES[zigzag & 0x3FFF] + _high_bytes(zigzag >> 14)


known_long_bytes = lru_cache(maxsize=4_096)(long_bytes)
"""The same of numbers that come again and again."""


def row_bytes(header: bytes, texts: Iterable[str], numbers: Iterable[int]) -> bytes:
    """`header`, then `texts` and `numbers`, encoded. Written out: here a call costs as much as a number."""
    parts = [header, *map(string_bytes, texts)]
    for number in numbers:
        zigzag = number << 1 if number >= 0 else ~(number << 1)
        if zigzag < 0x4000:
            parts.append(_SHORT[zigzag])
        else:
            parts.append(_LOW_BYTES[zigzag & 0x3FFF])
            zigzag >>= 14
            parts.append(_SHORT[zigzag] if zigzag < 0x4000 else _high_bytes(zigzag))
    return b"".join(parts)


def bytes_bytes(value: bytes) -> bytes:
    """`value` as Avro bytes: its length, then itself."""
    return long_bytes(len(value)) + value


@lru_cache(maxsize=65_536)
def string_bytes(text: str) -> bytes:
    """`text` as Avro string."""
    return bytes_bytes(text.encode())
