"""Fields of vendors' JSON, read strictly: a missing field is one thing, an unusable one another."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from connectors.contract import FieldRefused, Note, PosEvent, Problem, Refused, Skip, SkipReason, Translated
from connectors.parsing.lines import text_of
from connectors.parsing.quantities import (
    DIGITS_MAX,
    decimal_of,
    line_price_minor,
    nearest_milli,
    shorten,
)
from connectors.parsing.times import instant_ms
from schemas.currency import currency_exponent

Json = Mapping[str, Any]
UTC_ZONE = ZoneInfo("UTC")
REMEMBERED_MS = 7 * 86_400_000
_FALSE = ("", "0", "false", "no")
_FINEST = Decimal("1E-9")


@dataclass(frozen=True, slots=True)
class ReadContext:
    """The time at which an object was read, and the cursor that the poll began at; None for webhooks."""

    received_at_ms: int
    from_ms: int | None = None

    def was_reported(self, placed_at_ms: int, updated_at_ms: int) -> bool:
        """True when an order, though updated now, was placed so long ago that it was reported then.

        Reported again after the pool forgot it, it would be set aside as too late.
        """
        is_old = updated_at_ms - placed_at_ms > REMEMBERED_MS
        return is_old and (self.from_ms is None or placed_at_ms < self.from_ms)


def objects(fields: Json, name: str) -> Sequence[Any]:
    """A list of whatever; empty when missing or null. Raises FieldRefused for what is no list."""
    found = fields.get(name)
    if found is None:
        return ()
    if not isinstance(found, list):
        raise FieldRefused(name, f"{shorten(found)} is not a list")
    return found


def object_of(value: object, name: str = "") -> Json:
    """`value` as an object. Raises FieldRefused."""
    if not isinstance(value, Mapping):
        raise FieldRefused(name, f"{shorten(value)} is not an object")
    return value


def inner(fields: Json, name: str) -> Json:
    """An object in `fields`; empty when it is missing or is something else: only optional parts are read so."""
    found = fields.get(name)
    return found if isinstance(found, Mapping) else {}


def identifier(fields: Json, name: str = "id") -> str:
    """An id, as number or text. Raises FieldRefused when it is missing."""
    text = text_of(fields, name)
    if not text:
        raise FieldRefused(name, "the id is missing: it tells a repeat from something new")
    return text


def is_set(fields: Json, name: str) -> bool:
    """A yes or no, as vendors write it: true, 1, "1", "yes". Missing and null are no."""
    value = fields.get(name)
    return value.strip().lower() not in _FALSE if isinstance(value, str) else bool(value)


def time_ms(fields: Json, name: str, zone: ZoneInfo) -> int | None:
    """A time in ms since 1970, or None when it is missing. Without an offset it is of `zone`. Raises FieldRefused."""
    text = text_of(fields, name)
    if not text:
        return None
    try:
        return instant_ms(text, zone)
    except Refused as error:
        raise FieldRefused(name, str(error)) from error


def number(fields: Json, name: str) -> Decimal | None:
    """A decimal, given as string or number, or None when it is missing or empty. Raises FieldRefused."""
    value = fields.get(name)
    if value is None or value == "":
        return None
    try:
        found = decimal_of(value)
    except Refused as error:
        raise FieldRefused(name, str(error)) from error
    if abs(found.adjusted()) > DIGITS_MAX:  # what is computed with it must not overflow
        raise FieldRefused(name, f"{shorten(value)} is out of range")
    return found


def parts(fields: Json, name: str) -> Sequence[Any]:
    """A list of what moves no goods, such as fees; empty when it is missing or is something else."""
    found = fields.get(name)
    return found if isinstance(found, list) else ()


def milli_of(fields: Json, name: str) -> int:
    """A quantity in thousandths, rounded as `quantities.nearest_milli` says. Raises FieldRefused when it is missing."""
    value = number(fields, name)
    if value is None:
        raise FieldRefused(name, "the quantity is missing")
    try:
        return nearest_milli(value)[0]
    except Refused as error:
        raise FieldRefused(name, str(error)) from error


def rounded_price(amount: Decimal, currency: str) -> Decimal:
    """`amount` to whole minor units of `currency`: vendors hold amounts finer than receipts. Raises FieldRefused."""
    try:
        minor = line_price_minor(amount.quantize(_FINEST), 1000, currency)
    except (Refused, InvalidOperation) as error:
        raise FieldRefused("price", f"{shorten(amount)} is out of range for a price") from error
    return Decimal(minor).scaleb(-currency_exponent(currency))


def joined(parts: Iterable[tuple[str, Translated]]) -> Translated:
    """Several translations as one; each part's name goes before its places: order/17/line_items/0."""
    events: list[PosEvent] = []
    problems: list[Problem] = []
    skipped: list[Skip] = []
    notes: list[Note] = []
    for name, part in parts:
        events += part.events
        problems += (replace(each, where=name + each.where) for each in part.problems)
        skipped += (Skip(name + each.where, each.reason) for each in part.skipped)
        notes += (Note(name + each.where, each.text) for each in part.notes)
    return Translated(tuple(events), tuple(problems), tuple(skipped), tuple(notes))


def newest_ms(found: Iterable[Json], name: str, zone: ZoneInfo) -> int | None:
    """The latest of the times called `name`; those that cannot be read do not count."""
    times: list[int] = []
    for each in found:
        with suppress(FieldRefused):
            times.append(time_ms(each, name, zone) or 0)
    return max(filter(None, times), default=None)


def left_out(where: str, reason: SkipReason) -> Translated:
    """A message of which nothing is used."""
    return Translated(skipped=(Skip(where, reason),))


def rfc3339(at_ms: int) -> str:
    """The whole second of a time, as 2026-03-01T09:15:00Z."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
