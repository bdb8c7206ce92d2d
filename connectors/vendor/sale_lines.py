"""The lines of one sale as a vendor tells it, and which of its lines stay as the version before had them.

The rule for every vendor: what a version took stays taken unless a later one says that it was not sold. A line that is
gone, or whose quantity is zero, says so. One that is refused, or skipped for any other reason, does not: it is named in
the event's `unread_lines`. Nothing but a line's quantity and item, and the sale's time, can cost the line or the sale:
a price, a currency, a register that cannot be read is left out with a note.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TypeVar

from connectors.contract import FieldRefused, Refused, SkipReason, StoreContext
from connectors.parsing.lines import noted_sale_line, told_code
from connectors.parsing.quantities import shorten
from connectors.parsing.units import UnitWords
from connectors.vendor.collector import Collector
from connectors.vendor.fields import Json, ReadContext
from schemas.models.base import LINE_ID_MAX, LINES_MAX, TEXT_MAX
from schemas.models.pos import Sale, SaleLine, Source

T = TypeVar("T")
_CURRENCY = re.compile("[A-Z]{3}")
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")
_ANY = "*"
"""Among unread lines: one of which not even the id could be read."""
_CLOCKS_DIFFER_MS = 300_000
_ROOM_FOR_PARTS = 12
"""Of a line's id, for what stands below it: 7/void."""


class SaleLines:
    """Reads the lines of one sale. currency: as the vendor names it; the store's where it names none."""

    def __init__(self, collector: Collector, store: StoreContext, currency: object) -> None:
        self.found: list[SaleLine] = []
        self.unread: list[str] = []
        self._collector = collector
        self._first_problem = collector.problem_count
        self._store = store
        self._says_nothing_moved = False
        given = currency.strip().upper() if isinstance(currency, str) else currency
        if given is None or given == "":
            given = store.currency
        self.currency = given if isinstance(given, str) and _CURRENCY.fullmatch(given) else None
        if self.currency is None:
            collector.note("currency", f"{shorten(given)} is not an ISO 4217 code: the prices are left out")

    @contextmanager
    def line(self, where: str, line_id: str, item: Mapping[str, object]) -> Iterator[None]:
        """Read the line at `where`, whole or not at all: a refusal inside becomes a problem there.

        item: whatever stands where the line names its item, by the scheme of the code that it would be.
        """
        before, problems = len(self.found), self._collector.problem_count
        self._says_nothing_moved = False
        with self._collector.at(where):
            yield
        if self._collector.problem_count > problems:
            self._collector.name_problems(problems, item=told_code(item))
            del self.found[before:]
        if len(self.found) == before and not self._says_nothing_moved:
            self.unread.append(_ANY if "#" in line_id else line_id)

    @property
    def own_units(self) -> UnitWords:
        """The store's words for units."""
        return self._store.unit_words

    def keep_returned(self, line_ids: Iterable[str], told: Iterable[object], field: str = "id") -> None:
        """Leave lines sold that came back and are gone from `told`: a line that was never sold does not come back."""
        there = {line_name(each, at, field) for at, each in enumerate(told)}
        self.unread += [each for each in line_ids if _names_a_line(each, LINE_ID_MAX) and each not in there]

    def skip(self, where: str, reason: SkipReason) -> None:
        """Leave out the line that is being read."""
        self._says_nothing_moved = reason is SkipReason.not_moved
        self._collector.skip(where, reason)

    def add(self, where: str, line_id: str, fields: Json) -> SaleLine:
        """A line of `fields` as `parsing.lines` reads them. Raises FieldRefused."""
        given = fields if self.currency else {**fields, "price": None, "unit_price": None}
        line, notes = noted_sale_line(line_id, given, self.currency or self._store.currency, self._store.unit_words)
        for note in notes:
            self._collector.note(where, note.text)
        self.found.append(line)
        return line

    def price(self, where: str, read: Callable[[str], Decimal | None]) -> Decimal | None:
        """What `read` makes of the currency; None, with a note, where it cannot be read: it moves no stock."""
        if self.currency is None:
            return None
        try:
            return read(self.currency)
        except (Refused, ArithmeticError) as error:
            self._collector.note(where, f"the price is left out: {error or 'it is out of range'}")
            return None

    def publish(
        self,
        source: Source,
        occurred_at_ms: int,
        reading: ReadContext,
        till: object = None,
        order_ref: str | None = None,
        lists: Sequence[object] = (),
    ) -> None:
        """Add the sale to what was collected. Raises FieldRefused for one of too many lines.

        lists: where the vendor lists all lines of the sale. Where it does, and none was read, a revision says that
        what is no longer there was not sold; else nothing is said.
        """
        self._collector.name_problems(self._first_problem, document=source.id)
        says_all = all(isinstance(each, list) for each in lists) and _ANY not in self.unread
        if not self.found and not (lists and says_all and source.version > 1):
            return
        if len(self.found) > LINES_MAX:
            raise FieldRefused("lines", f"{len(self.found)} lines in one sale; at most {LINES_MAX}")
        self._collector.events.append(
            Sale(
                pool=self._store.pool, store=self._store.id, source=source, occurred_at_ms=occurred_at_ms,
                recorded_at_ms=max(reading.received_at_ms, occurred_at_ms), till=_text(till), order_ref=order_ref,
                currency=self.currency, unread_lines=tuple(dict.fromkeys(self.unread))[:LINES_MAX],
                lines=tuple(self.found),
            )
        )  # fmt: skip


def line_name(line: object, at: int, field: str = "id") -> str:
    """The id of a line; its place, from 1, where it has none that is usable."""
    given = line.get(field) if isinstance(line, dict) else None
    text = str(given).strip() if isinstance(given, str | int) and not isinstance(given, bool) else ""
    return text if _names_a_line(text, LINE_ID_MAX - _ROOM_FOR_PARTS) else f"#{at + 1}"


def found_at(value: object, *path: str | int) -> object:
    """What stands at `path` inside objects and lists; None where the path ends before."""
    for each in path:
        if isinstance(value, Mapping):
            value = value.get(each)
        elif isinstance(value, list) and isinstance(each, int) and each < len(value):
            value = value[each]
        else:
            return None
    return value


def servers_time_ms(collector: Collector, where: str, device_ms: int, server_ms: int | None) -> int:
    """The time by the device's clock, which may have been offline; the server's where the device's runs ahead of it."""
    if server_ms is None or device_ms <= server_ms + _CLOCKS_DIFFER_MS:
        return device_ms
    collector.note(where, "the till's clock runs ahead: counted at the time at which the vendor's server had it")
    return server_ms


def unless_unreadable(read: Callable[[], T]) -> T | None:
    """What `read` gives; None where it cannot be read: only for what must cost no sale."""
    try:
        return read()
    except (Refused, ArithmeticError):
        return None


def _names_a_line(text: str, most: int) -> bool:
    """Whether an event may name a line so; half a surrogate pair is nothing that UTF-8 can write."""
    return 0 < len(text) <= most and _HALF_A_PAIR.search(text) is None


def _text(value: object) -> str | None:
    """A register's name, as far as it is usable as one."""
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text[:TEXT_MAX] or None
