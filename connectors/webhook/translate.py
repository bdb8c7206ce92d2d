"""A webhook's payload to events. Pure.

    {"sales": [{"id": "1/2026-03-01/17", "version": 1, "occurred_at": "2026-03-01T09:15:00+01:00",
                "recorded_at": …, "register": "1", "order_ref": …, "currency": "EUR",
                "lines": [{"line_id": "1", "kind": "sale", "gtin": "4006381333931", "quantity": "2", "unit": "each",
                           "price": "3.98"}]}],
     "stock": [{"id": "count-7", "kind": "counted", "occurred_at": …,
                "lines": [{"sku": "MILK-1L", "quantity": 12}]}]}

Every field is explained in docs/webhook.md; all others are dropped here.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from connectors.contract import FieldRefused, Note, PosEvent, Problem, Refused, StoreContext, Translated
from connectors.http.payload import PayloadRefused
from connectors.parsing.lines import field_refused, noted_sale_line, noted_stock_line, text_of, told_code
from connectors.parsing.quantities import shorten
from connectors.parsing.times import instant_ms
from schemas.models.base import LINES_MAX, TEXT_MAX
from schemas.models.pos import Sale, SaleLine, Source, StockLine, StockReport, StockReportKind

SYSTEM = "webhook"
_CURRENCY = re.compile("[A-Z]{3}")
_CLOCKS_DIFFER_MS = 300_000

Json = Mapping[str, Any]
_Line = TypeVar("_Line", SaleLine, StockLine)


class WrongStore(PayloadRefused):
    """The payload names a store or pool other than the one whose secret signed it."""

    status = 403


class TooManyLines(PayloadRefused):
    """More lines than one request may have."""

    status = 413


def translate(payload: Json, store: StoreContext, received_at_ms: int) -> Translated:
    """Events of all sales and stock reports, without the lines that cannot be used; these come as problems.

    A problem's place is a JSON pointer (RFC 6901). Raises WrongStore, TooManyLines, PayloadRefused.
    """
    _check_store(payload, store, "")
    sales = _objects(payload, "sales")
    stock = _objects(payload, "stock")
    lists = [each.get("lines") for each in (*sales, *stock) if isinstance(each, dict)]
    count = sum(len(lines) for lines in lists if isinstance(lines, list))
    if count > LINES_MAX:
        raise TooManyLines(f"{count} lines in one request; at most {LINES_MAX}, send the rest in another")
    translation = _PayloadTranslation(store, received_at_ms)
    for index, sale in enumerate(sales):
        translation.take(f"/sales/{index}", sale, translation.sale)
    for index, report in enumerate(stock):
        translation.take(f"/stock/{index}", report, translation.report)
    return Translated(tuple(translation.events), tuple(translation.problems), notes=tuple(translation.notes))


class _PayloadTranslation:
    def __init__(self, store: StoreContext, received_at_ms: int) -> None:
        self.events: list[PosEvent] = []
        self.problems: list[Problem] = []
        self.notes: list[Note] = []
        self._document = ""
        self._store = store
        self._received_at_ms = received_at_ms

    def take(self, where: str, fields: object, make: Callable[[str, Json], PosEvent | None]) -> None:
        """Add the event that `make` makes of `fields`, or the reason why not."""
        self._document = ""
        if not isinstance(fields, dict):
            self.problems.append(Problem(where, f"{shorten(fields)} is not an object"))
            return
        _check_store(fields, self._store, where)
        try:
            event = make(where, fields)
        except FieldRefused as refused:
            self._problem(where, refused)
        except ValidationError as error:
            self._problem(where, field_refused(error))
        else:
            if event is not None:
                self.events.append(event)

    def sale(self, where: str, fields: Json) -> PosEvent | None:
        head = self._head(where, fields)
        currency = self._currency(where, fields)

        def line(line_at: str, line_id: str, line_fields: Json) -> SaleLine:
            read = line_fields if currency else {**line_fields, "price": None, "unit_price": None}
            made, notes = noted_sale_line(line_id, read, currency or self._store.currency, self._store.unit_words)
            self.notes += (Note(line_at, note.text) for note in notes)
            return made

        version = head["source"].version
        lines = self._lines(where, fields, line, version, may_be_empty=version > 1)
        if not lines and (fields["lines"] or version == 1):
            return None
        register, order_ref = self._text(where, fields, "register"), self._text(where, fields, "order_ref")
        return Sale(**head, lines=lines, till=register, order_ref=order_ref, currency=currency)

    def report(self, where: str, fields: Json) -> PosEvent | None:
        head = self._head(where, fields)
        try:
            kind = StockReportKind(text_of(fields, "kind"))
        except ValueError as error:
            raise FieldRefused("kind", f"the kind of a stock report is one of {', '.join(StockReportKind)}") from error

        def line(line_at: str, line_id: str, line_fields: Json) -> StockLine:
            made, notes = noted_stock_line(line_id, line_fields, kind, self._store.unit_words)
            self.notes += (Note(line_at, note.text) for note in notes)
            return made

        lines = self._lines(where, fields, line, head["source"].version)
        return StockReport(**head, kind=kind, lines=lines) if lines else None

    def _head(self, where: str, fields: Json) -> dict[str, Any]:
        """The fields that sales and stock reports share. Raises FieldRefused, ValidationError."""
        source_id = text_of(fields, "id")
        if not source_id:
            raise FieldRefused("id", "the id is missing: it tells a repeat from something new")
        self._document = source_id
        occurred_at_ms = self._time_ms(fields, "occurred_at")
        if occurred_at_ms is None:
            raise FieldRefused("occurred_at", "the time is missing")
        recorded_at_ms = self._time_ms(fields, "recorded_at")
        if recorded_at_ms is None or recorded_at_ms > self._received_at_ms + _CLOCKS_DIFFER_MS:
            recorded_at_ms = self._received_at_ms
        server_ms = recorded_at_ms
        if occurred_at_ms > server_ms + _CLOCKS_DIFFER_MS:
            text = "the till's clock runs ahead: counted at the time at which it was received"
            self.notes.append(Note(f"{where}/occurred_at", text))
            occurred_at_ms = server_ms
        return {
            "pool": self._store.pool,
            "store": self._store.id,
            "source": Source(system=SYSTEM, id=source_id, version=_version(fields)),
            "occurred_at_ms": occurred_at_ms,
            "recorded_at_ms": recorded_at_ms,
        }

    def _lines(
        self, where: str, fields: Json, make: Callable[[str, str, Json], _Line], version: int, *,
        may_be_empty: bool = False,
    ) -> tuple[_Line, ...]:  # fmt: skip
        """The usable lines. A revision replaces all lines at once, so it is used whole or not at all."""
        found = fields.get("lines")
        if not isinstance(found, list) or not (found or may_be_empty):
            raise FieldRefused("lines", "lines is a list of at least one line; of a sale's revision, it may be empty")
        lines: list[_Line] = []
        for index, each in enumerate(found):
            if not isinstance(each, dict):
                reason = f"{shorten(each)} is not an object"
                self.problems.append(Problem(f"{where}/lines/{index}", reason, document=self._document))
                continue
            try:
                lines.append(make(f"{where}/lines/{index}", text_of(each, "line_id") or str(index + 1), each))
            except FieldRefused as refused:
                refused.item = told_code(each)
                self._problem(f"{where}/lines/{index}", refused)
        if version > 1 and 0 < len(lines) < len(found):
            reason = "none of its lines was used: a revision replaces the whole, and one of its lines is not usable"
            raise FieldRefused("lines", reason)
        return tuple(lines)

    def _currency(self, where: str, fields: Json) -> str | None:
        """None, with a note, for what is no currency: the prices are left out then."""
        given = fields.get("currency")
        if given is None or given == "":
            return self._store.currency
        text = given.strip().upper() if isinstance(given, str) else ""
        if _CURRENCY.fullmatch(text):
            return text
        self.notes.append(
            Note(f"{where}/currency", f"{shorten(given)} is not an ISO 4217 code: the prices are left out")
        )
        return None

    def _text(self, where: str, fields: Json, name: str) -> str | None:
        """What moves no stock; left out with a note where it cannot be used."""
        try:
            text = text_of(fields, name)
        except FieldRefused as refused:
            self.notes.append(Note(f"{where}/{name}", f"left out: {refused}"))
            return None
        if len(text) > TEXT_MAX:
            self.notes.append(Note(f"{where}/{name}", f"left out: it has more than {TEXT_MAX} characters"))
            return None
        return text or None

    def _time_ms(self, fields: Json, name: str) -> int | None:
        text = text_of(fields, name)
        if not text:
            return None
        try:
            return instant_ms(text, self._store.zone)
        except Refused as error:
            raise FieldRefused(name, str(error)) from error

    def _problem(self, where: str, refused: FieldRefused) -> None:
        place = f"{where}/{refused.field}" if refused.field else where
        self.problems.append(Problem(place, str(refused), item=refused.item, document=self._document))


def _version(fields: Json) -> int:
    version = fields.get("version", 1)
    if not isinstance(version, int) or isinstance(version, bool):
        raise FieldRefused("version", f"{shorten(version)} is not a whole number")
    return version


def _objects(payload: Json, name: str) -> list[Any]:
    found = payload.get(name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise PayloadRefused(f"{name} is not a list")
    return found


def _check_store(fields: Json, store: StoreContext, where: str) -> None:
    for name, ours in (("store", store.id), ("pool", store.pool)):
        named = fields.get(name)
        if named is not None and named != ours:
            raise WrongStore(f"{where}/{name} is not {ours!r}, for which this request is signed; leave it out")
