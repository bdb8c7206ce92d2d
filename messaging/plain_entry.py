"""The journal entry that most are, read by hand where that pays: several times as fast as by the library alone.

`read_plain_entry` knows one form of one fact, in the newest schema of pool.journal.v1: a sale without an order, of
which each line was applied as it came, and nothing else. It cuts the entry into parts. Those that come again and again
(a till, a line of so many of an item at its price) the library has read once; what differs each time is a few short
texts and times of this era. Whatever else comes gives None, and the library reads it. Tests hold the two equal.
"""

import io
import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, cast

from fastavro import schemaless_reader
from fastavro.schema import parse_schema

from schemas.registry import registry
from schemas.topics import POOL_JOURNAL
from schemas.types.journal import Fact

_SALE_RECORDED = 0
"""First of the kinds of a fact."""
_NEITHER_SHORT_NOR_TEXT = 0x81
"""Bits of a text's first byte: it is longer than 63 bytes, or no length at all."""
_CONTINUES = 0x80
_NULL, _PRESENT = 0, 2
"""Branches of an optional field."""
_TIME_BYTES = 6
"""A time in ms takes six bytes from July 1970 to September 2039."""
_LONG_BYTES = 10
"""As much as 64 bits take."""
_SHIFTS = range(0, 7 * _LONG_BYTES, 7)
_unpack_time = struct.Struct("<HI").unpack_from
_PLAINLY = bytes(5)
"""End of a line that was applied: nothing of it is an order's or was, and its quantity is the item's."""
_NOTHING_ELSE = bytes(6)
"""End of the lines applied; no lines reversed, duplicate, stale or quarantined, no hand-overs."""


class PlainEntry(NamedTuple):
    """An entry, and where its fact and itself end in the page."""

    topic: str
    offset: int
    appended_at_ms: int
    fact: Fact
    fact_at: int
    end: int


class _NotPlainError(Exception):
    """Something that is left to the library."""


def read_plain_entry(page: bytes, at: int) -> PlainEntry | None:
    """The entry that begins at `at`; None for one that is not plain, and for bytes that are no entry at all."""
    try:
        return _read(page, at)
    except (_NotPlainError, IndexError, struct.error, UnicodeDecodeError):
        return None


def _read(page: bytes, at: int) -> PlainEntry:
    offset_at = _after_text(page, at)
    offset, appended_at = _long(page, offset_at)
    fact_at = appended_at + _TIME_BYTES
    if page[fact_at] != _SALE_RECORDED:
        raise _NotPlainError
    pool_at = fact_at + 2 + (page[fact_at + 1] >> 1)  # after the sale's id
    store_at = pool_at + 1 + (page[pool_at] >> 1)
    system_at = store_at + 1 + (page[store_at] >> 1)
    source_id_at = system_at + 1 + (page[system_at] >> 1)
    version_at = source_id_at + 1 + (page[source_id_at] >> 1)
    sizes = page[fact_at + 1] | page[pool_at] | page[store_at] | page[system_at] | page[source_id_at]
    if sizes & _NEITHER_SHORT_NOR_TEXT:
        raise _NotPlainError
    version, occurred_at = _long(page, version_at)
    till_at = occurred_at + 2 * _TIME_BYTES
    lines_at = _lines_at(page, till_at)
    pool, store, system = _sender(page[pool_at:source_id_at])
    lines, end = _items(page, lines_at, _after_line, _line)
    if page[end] != 0 or page[end + 1] != _NULL:
        raise _NotPlainError  # more lines, or told again
    applied, end = _items(page, end + 2, _after_applied, _applied)
    if page[end : end + len(_NOTHING_ELSE)] != _NOTHING_ELSE:
        raise _NotPlainError
    fact = {
        "event": {
            "id": page[fact_at + 2 : pool_at].decode(),
            "pool": pool,
            "store": store,
            "source": {"system": system, "id": page[source_id_at + 1 : version_at].decode(), "version": version},
            "occurred_at_ms": _time(page, occurred_at),
            "recorded_at_ms": _time(page, occurred_at + _TIME_BYTES),
            **_till(page[till_at:lines_at]),
            "lines": lines,
            "told_at_ms": None,
        },
        "applied": applied,
        "reversed": [],
        "duplicate_lines": 0,
        "stale_lines": 0,
        "quarantined": [],
        "hand_overs": [],
    }
    return PlainEntry(
        _text(page[at + 1 : offset_at]), offset, _time(page, appended_at),
        cast("Fact", ("commonshelf.SaleRecorded", fact)), fact_at, end + len(_NOTHING_ELSE),
    )  # fmt: skip


# --- cut: where a part ends ------------------------------------------------------------------------------------


def _after_text(page: bytes, at: int) -> int:
    size = page[at]
    if size & _NEITHER_SHORT_NOR_TEXT:
        raise _NotPlainError
    return at + 1 + (size >> 1)


def _after_maybe_text(page: bytes, at: int) -> int:
    if page[at] == _NULL:
        return at + 1
    if page[at] != _PRESENT:
        raise _NotPlainError
    return _after_text(page, at + 1)


def _after_long(page: bytes, at: int) -> int:
    start = at
    while page[at] >= _CONTINUES:
        at += 1
        if at - start == _LONG_BYTES:
            raise _NotPlainError
    return at + 1


def _lines_at(page: bytes, at: int) -> int:
    """After origin, till, order, currency, and unread lines."""
    at = _after_maybe_text(page, _after_text(page, at))
    if page[at] != _NULL:
        raise _NotPlainError  # goods of an order
    at = _after_maybe_text(page, at + 1)
    if page[at] != 0:
        raise _NotPlainError  # lines of the version before are kept
    return at + 1


def _after_line(page: bytes, at: int) -> int:
    code_at = at + 2 + (page[at] >> 1)  # after the line's id and its kind
    if (page[at] | page[code_at]) & _NEITHER_SHORT_NOR_TEXT:
        raise _NotPlainError
    unit_at = _after_long(page, code_at + 1 + (page[code_at] >> 1))
    at = unit_at + 2 if page[unit_at + 1] == _NULL else _after_long(page, unit_at + 2)
    if page[at] != _NULL:
        raise _NotPlainError  # the till said it in other words
    return at + 1


def _after_applied(page: bytes, at: int) -> int:
    if (page[at] | page[at + 1]) & _NEITHER_SHORT_NOR_TEXT:  # which line it is, and its item
        raise _NotPlainError
    at = _after_long(page, at + 2 + (page[at + 1] >> 1))
    if page[at : at + len(_PLAINLY)] != _PLAINLY:
        raise _NotPlainError
    return at + len(_PLAINLY)


# --- read ------------------------------------------------------------------------------------------------------


def _items(
    page: bytes, at: int, after: Callable[[bytes, int], int], read: Callable[[bytes], Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], int]:
    """The items of an array in one block, and where they end, before the end of the array."""
    count = page[at]
    if count & _NEITHER_SHORT_NOR_TEXT or not count:
        raise _NotPlainError
    at += 1
    found = []
    for _ in range(count >> 1):
        end = after(page, at)
        found.append(dict(read(page[at:end])))
        at = end
    return found, at


def _long(page: bytes, at: int) -> tuple[int, int]:
    """A number from 0 on, and where it ends."""
    zigzag = 0
    for shift in _SHIFTS:
        byte = page[at]
        at += 1
        zigzag |= (byte & 0x7F) << shift
        if byte < _CONTINUES:
            if zigzag & 1:
                break
            return zigzag >> 1, at
    raise _NotPlainError


def _time(page: bytes, at: int) -> int:
    low, high = _unpack_time(page, at)
    if low & 0x8081 != 0x8080:
        raise _NotPlainError
    found: int = (low & 0x7F) >> 1 | (low & 0x7F00) >> 2 | _high_part(high)
    return found


@lru_cache(maxsize=4_096)
def _high_part(four: int) -> int:
    number, end = _long(b"\x80\x80" + four.to_bytes(4, "little") + b"\0", 0)
    if end != _TIME_BYTES:
        raise _NotPlainError
    return number


@lru_cache(maxsize=256)
def _text(text: bytes) -> str:
    return text.decode()


@lru_cache(maxsize=16_384)
def _sender(names: bytes) -> tuple[str, str, str]:
    """Pool, store and system. The same objects for the same bytes: each is hashed only once."""
    store_at = 1 + (names[0] >> 1)
    system_at = store_at + 1 + (names[store_at] >> 1)
    return names[1:store_at].decode(), names[store_at + 1 : system_at].decode(), names[system_at + 1 :].decode()


def _reader(schema: Any) -> Callable[[bytes], Mapping[str, Any]]:
    """Reads a part that the library must find to be just as long as it was cut."""
    parsed = parse_schema(schema)

    @lru_cache(maxsize=16_384)
    def read(part: bytes) -> Mapping[str, Any]:
        stream = io.BytesIO(part)
        try:
            found: Any = schemaless_reader(stream, parsed, None)
        except Exception as error:  # the bytes are anyone's: fastavro raises a dozen types on bad ones
            raise _NotPlainError from error
        if stream.tell() != len(part):
            raise _NotPlainError
        return cast("Mapping[str, Any]", found)

    return read


def _fields(schema: Any) -> dict[str, Any]:
    return {field["name"]: field["type"] for field in schema["fields"]}


_entry = _fields(_fields(registry().latest(POOL_JOURNAL.name).parsed)["entries"]["items"])
_sale_recorded = _fields(_entry["fact"][_SALE_RECORDED])
_sale = _fields(_sale_recorded["event"])
_line: Callable[[bytes], Mapping[str, Any]] = _reader(_sale["lines"]["items"])
_applied = _reader(_sale_recorded["applied"]["items"])
_till = _reader(
    {
        "type": "record",
        "name": "SaleTill",
        "fields": [
            {"name": name, "type": _sale[name]} for name in ("origin", "till", "order_ref", "currency", "unread_lines")
        ],
    }
)
