"""Plain sales of many records at once, read by columns: numpy walks all values side by side, field by field.

It knows the form that `schemas.plain_sale` knows, and of that only numbers of up to four bytes; every other value is
left to that module and to the codec. A test holds the three to say the same. `docs/columnar-lane.md` explains the way.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.codec import HEADER_BYTES, topic_codec
from schemas.plain_sale import KINDS, TIME_BYTES, UNITS
from schemas.topics import POS_SALES

Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]
Words = NDArray[Any]
"""Unsigned numbers of a width of their own, one from each byte of the buffer on."""

_HEADER = topic_codec(POS_SALES.name).header
_NEGATIVE, _CONTINUES = 0x01, 0x80
_NULL, _PRESENT = 0, 2
_TIME_CONTINUES, _TIME_MASK = 0x8080_8080_80, 0xFFFF_FFFF_FFFF
_BEHIND = bytes(64)
"""So much is read behind the last value at most, before it is refused."""


class SaleColumns(NamedTuple):
    """Records of sales by columns; of a record that is not plain the columns of records say nothing.

    `bodies`, `senders` and `source_ids` are as they came: the encoded event, its (pool, store, system), its id there.
    `recorded_at` is the place of `recorded_ms` in the body.
    """

    is_plain: Flags
    bodies: list[bytes]
    senders: list[bytes]
    source_ids: list[bytes]
    occurred_ms: Longs
    recorded_ms: Longs
    recorded_at: Longs
    line_starts: Longs
    """Place of the record's first line in the columns of lines; one more element says where the last record's end."""
    record_of: Longs
    """Line → its record."""
    codes: list[bytes]
    quantities_milli: Longs
    units: Longs
    kinds: Longs
    """By their numbers in `plain_sale.UNITS` and `plain_sale.KINDS`."""


class _Cursor:
    """A place in each value, which moves on field by field. Whatever a field may not be takes the value's mark."""

    def __init__(self, values: Sequence[bytes]) -> None:
        self.joined = b"".join((*values, _BEHIND))
        self.buffer = np.frombuffer(self.joined, np.uint8)
        self.high_bits = np.cumsum(self.buffer >> 7, dtype=np.int32)
        """How many bytes up to each are not ASCII."""
        sizes = np.fromiter(map(len, values), np.int64, len(values))
        self.ends: Longs = np.cumsum(sizes)
        self.starts: Longs = self.ends - sizes
        self.is_good: Flags = sizes > HEADER_BYTES

    def words(self, width: int) -> Words:
        """The little-endian number of `width` bytes from each byte on."""
        return np.ndarray((len(self.joined) - width + 1,), f"<u{width}", self.joined, strides=(1,))

    def are_ascii(self, starts: Longs, ends: Longs) -> Flags:
        """Which of the ranges, each of at least a byte that is one, hold nothing but ASCII."""
        found: Flags = self.high_bits[ends - 1] == self.high_bits[starts]
        return found


def read_plain_sales(values: Sequence[bytes | None]) -> SaleColumns:
    """The sales in the values of records."""
    known = [value or b"" for value in values]
    cursor = _Cursor(known)
    buffer, ends, good = cursor.buffer, cursor.ends, cursor.is_good
    at = cursor.starts
    for place, byte in enumerate(_HEADER):
        good &= buffer[at + place] == byte
    at = np.minimum(at + HEADER_BYTES, ends)
    bounds = [at]
    for _ in range(5):  # the event's id, pool, store, system, the id that the source gave it
        at = _after_text(buffer, at, ends, good)
        bounds.append(at)
    good &= (buffer[bounds[0]] < _CONTINUES) & cursor.are_ascii(bounds[0], np.maximum(at, bounds[0] + 1))
    good &= buffer[at] < _CONTINUES  # the version
    at = np.minimum(at + 1, ends)
    words = cursor.words(8)
    occurred, recorded = _time(words[at], good), _time(words[at + TIME_BYTES], good)
    rest_at = np.minimum(at + 2 * TIME_BYTES, ends)
    lines_at = _after_head(cursor, rest_at)
    lines = _read_lines(cursor, lines_at)
    cuts = [known_at.tolist() for known_at in (bounds[1], bounds[4], bounds[5])]
    joined = cursor.joined
    return SaleColumns(
        good,
        [value[HEADER_BYTES:] for value in known],
        [joined[start:end] for start, end in zip(cuts[0], cuts[1], strict=True)],
        [joined[start + 1 : end] for start, end in zip(cuts[1], cuts[2], strict=True)],
        occurred,
        recorded,
        at + TIME_BYTES - cursor.starts - HEADER_BYTES,
        *lines,
    )


def _after_text(buffer: NDArray[np.uint8], at: Longs, ends: Longs, good: Flags) -> Longs:
    """Behind a text of less than 64 bytes."""
    size = buffer[at]
    good &= size & (_NEGATIVE | _CONTINUES) == 0
    found: Longs = np.minimum(at + 1 + (size >> 1), ends)
    return found


def _time(words: Words, good: Flags) -> Longs:
    """The times in the low six bytes of the words."""
    good &= (words & (_TIME_CONTINUES | 1) == _TIME_CONTINUES) & (words & (0xFF << 40) != 0)
    good &= words & (_CONTINUES << 40) == 0
    zigzag = np.zeros(len(words), np.int64)
    words = (words & _TIME_MASK).astype(np.int64)
    for byte in range(TIME_BYTES):
        zigzag |= words >> byte & 0x7F << 7 * byte
    return zigzag >> 1


def _after_head(cursor: _Cursor, rest_at: Longs) -> Longs:
    """Behind origin, till, order, currency and the lines that were not read: at the number of lines."""
    buffer, ends, good = cursor.buffer, cursor.ends, cursor.is_good
    at = _after_text(buffer, rest_at, ends, good)
    at = _after_optional_text(buffer, at, ends, good)
    good &= buffer[at] == _NULL  # no goods of an order
    at = _after_optional_text(buffer, np.minimum(at + 1, ends), ends, good)
    good &= buffer[at] == 0  # no lines of the version before are kept
    at = np.minimum(at + 1, ends)
    good &= (buffer[rest_at] < _CONTINUES) & cursor.are_ascii(rest_at, np.maximum(at, rest_at + 1))
    return at


def _after_optional_text(buffer: NDArray[np.uint8], at: Longs, ends: Longs, good: Flags) -> Longs:
    is_null = buffer[at] == _NULL
    good &= is_null | (buffer[at] == _PRESENT)
    text_at = np.minimum(at + 1, ends)
    size = np.where(is_null, 0, buffer[text_at])
    good &= size & (_NEGATIVE | _CONTINUES) == 0
    found: Longs = np.minimum(np.where(is_null, text_at, text_at + 1 + (size >> 1)), ends)
    return found


def _numbers(words: Words, good: Flags) -> tuple[Words, Longs]:
    """(zigzag numbers in the low bytes of the words, their sizes); of four bytes at most, none longer than it must."""
    goes_on = words & 0x8080_8080
    sizes = np.ones(len(words), np.int64)
    for all_before in (0x80, 0x8080, 0x80_8080):
        sizes += goes_on & all_before == all_before
    good &= goes_on != 0x8080_8080
    last = words >> (8 * (sizes - 1)).astype(np.uint32) & 0x7F
    good &= (sizes == 1) | (last != 0)
    kept = words & np.array((0, 0x7F, 0x7F7F, 0x7F_7F7F, 0x7F7F_7F7F), np.uint32)[sizes]
    zigzag = kept & 0x7F | kept >> 1 & 0x3F80 | kept >> 2 & 0x1F_C000 | kept >> 3 & 0xFE0_0000
    return zigzag, sizes


def _read_lines(cursor: _Cursor, counts_at: Longs) -> tuple[Longs, Longs, list[bytes], Longs, Longs, Longs]:
    """The columns of lines. All values' first lines are read together, then all second ones, and so on."""
    buffer, ends, good = cursor.buffer, cursor.ends, cursor.is_good
    words = cursor.words(4)
    counts = buffer[counts_at]
    good &= (counts & (_NEGATIVE | _CONTINUES) == 0) & (counts > 0)
    counts = np.where(good, counts >> 1, 0).astype(np.int64)
    position = np.minimum(counts_at + 1, ends)
    found: list[tuple[Longs, ...]] = []
    for number in range(int(counts.max(initial=0))):
        records = np.flatnonzero(counts > number)
        at, end_of_value = position[records], ends[records]
        fine = np.ones(len(records), np.bool_)
        kind_at = _after_text(buffer, at, end_of_value, fine)
        code_at = np.minimum(kind_at + 1, end_of_value)
        code_end = _after_text(buffer, code_at, end_of_value, fine)
        kind = buffer[kind_at]
        fine &= (kind & 1 == 0) & (kind <= 2 * len(KINDS) - 2) & (buffer[at] < _CONTINUES)
        fine &= cursor.are_ascii(at, np.maximum(code_end, at + 1))
        quantity, size = _numbers(words[code_end], fine)
        unit_at = np.minimum(code_end + size, end_of_value)
        unit, has_price = buffer[unit_at], buffer[np.minimum(unit_at + 1, end_of_value)]
        fine &= (quantity & _NEGATIVE == 0) & (unit & 1 == 0) & (unit <= 2 * len(UNITS) - 2)
        fine &= (has_price == _NULL) | (has_price == _PRESENT)
        price_at = np.minimum(unit_at + 2, end_of_value)
        is_fine_price = fine.copy()
        _, size = _numbers(words[price_at], is_fine_price)
        is_priced = has_price == _PRESENT
        fine &= ~is_priced | is_fine_price
        told_at = np.minimum(np.where(is_priced, price_at + size, price_at), end_of_value)
        fine &= buffer[told_at] == _NULL  # the till said it in other words
        position[records] = np.minimum(told_at + 1, end_of_value)
        good[records] &= fine
        found.append((
            records, at + 1, kind_at, code_at + 1, code_end, (quantity >> 1).astype(np.int64),
            (unit >> 1).astype(np.int64), (kind >> 1).astype(np.int64),
        ))  # fmt: skip
    good &= (buffer[position] == 0) & (buffer[position + 1] == _NULL) & (position + 2 == ends)
    return _in_order(cursor, np.where(good, counts, 0), found)


def _in_order(
    cursor: _Cursor, counts: Longs, found: list[tuple[Longs, ...]]
) -> tuple[Longs, Longs, list[bytes], Longs, Longs, Longs]:
    """The lines of good values, value by value. A value whose line ids are not all different becomes a bad one."""
    empty = np.zeros(0, np.int64)
    columns = [np.concatenate(parts) for parts in zip(*found, strict=True)] if found else [empty] * 8
    order = np.argsort(columns[0], kind="stable")
    order = order[cursor.is_good[columns[0][order]]]
    record_of, id_at, id_end, code_at, code_end, quantities, units, kinds = (column[order] for column in columns)
    starts = np.concatenate(([0], np.cumsum(counts)))
    joined = cursor.joined
    if len(order) > np.count_nonzero(counts):
        ids = [joined[start:end] for start, end in zip(id_at.tolist(), id_end.tolist(), strict=True)]
        for record in np.flatnonzero(counts > 1).tolist():
            first, behind = int(starts[record]), int(starts[record + 1])
            if len(set(ids[first:behind])) < behind - first:
                cursor.is_good[record] = False
    codes = [joined[start:end] for start, end in zip(code_at.tolist(), code_end.tolist(), strict=True)]
    return starts, record_of, codes, quantities, units, kinds
