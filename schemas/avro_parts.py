"""Avro's primitives, for values that are put together from parts that are encoded already.

Source: Apache Avro 1.12 specification, "Binary encoding".
"""

from functools import lru_cache


@lru_cache(maxsize=65_536)
def long_bytes(number: int) -> bytes:
    """`number` as Avro int or long: zigzag, then 7 bits a byte, least significant first."""
    rest = number << 1 if number >= 0 else ~(number << 1)
    if rest < 0x80:
        return rest.to_bytes(1, "little")
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def bytes_bytes(value: bytes) -> bytes:
    """`value` as Avro bytes: its length, then itself."""
    return long_bytes(len(value)) + value


@lru_cache(maxsize=65_536)
def string_bytes(text: str) -> bytes:
    """`text` as Avro string."""
    return bytes_bytes(text.encode())
