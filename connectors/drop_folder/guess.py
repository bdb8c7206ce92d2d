"""Guesses of what the columns of an unknown export mean, for a person to confirm. Pure.

A header is known by its usual names; else by words of several languages, typing errors forgiven; barcodes and times are
known by their values, too. What stays open is said, not invented.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from zoneinfo import ZoneInfo

from connectors.contract import Refused
from connectors.drop_folder.columns import CODES, NUMBER_FIELDS, is_doubled_time, known_columns, missing_fields
from connectors.drop_folder.headers import OTHER_DAYS
from connectors.drop_folder.no_sale import judged
from connectors.drop_folder.numbers import MARKS, Marks, marks_shown, plain_amount, plain_number
from connectors.drop_folder.preset import normal_header
from connectors.drop_folder.settings import SHARED_FIELDS, FileKind
from connectors.drop_folder.when import TimeReader, is_in_united_states, orders_shown
from connectors.parsing.codes import code_of
from connectors.parsing.quantities import shorten
from connectors.parsing.times import instant_ms

TIME_FORMATS = (
    None, "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y %I:%M:%S %p", "%d-%m-%Y %H:%M", "%d-%m-%Y %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S",
    "%d.%m.%y %H:%M", "%d.%m.%y %H:%M:%S", "%d/%m/%y %H:%M", "%m/%d/%y %H:%M", "%d/%m/%y %H:%M:%S",
    "%m/%d/%y %H:%M:%S", "%d/%m/%Y %I:%M %p", "%d/%m/%Y %I:%M:%S %p", "%d/%m/%y %I:%M %p", "%d/%m/%y %I:%M:%S %p",
    "%m/%d/%y %I:%M %p", "%m/%d/%y %I:%M:%S %p", "%Y%m%d%H%M%S", "%Y%m%d %H%M%S",
    "%d %b %Y %H:%M", "%b %d, %Y %I:%M %p",
)  # fmt: skip
"""Tried in this order; None are the forms that are read without a format."""
_WORDS: Mapping[str, tuple[str, ...]] = {
    "quantity": (
        "anzahl", "menge", "qty", "count", "units", "units_sold", "stueck", "stück", "stk", "bestand", "gezaehlt",
        "gezählt", "cantidad", "quantite", "quantité", "qte", "quantita", "quantità", "q_tà", "q_ta",
        "qtà", "qta", "aantal", "hoeveelheid", "verkaufte_menge", "sold",
    ),
    "receipt_no": (
        "bonnr", "bon_nr", "bonnummer", "beleg", "beleg_nr", "belegnr", "rechnung", "rechnungsnr", "invoice",
        "invoice_no", "order_number", "sale_id", "sale_no", "ticket_no", "transaction", "receipt_number", "recibo",
        "factura", "numero_ticket", "n°_ticket", "n_ticket", "no_ticket", "facture", "scontrino", "bonnetje",
        "order_no", "bestellnr", "bestellnummer", "sale_number", "check_no", "check_number", "bill_no", "bill_number",
    ),
    "sku": (
        "artikel_nr", "artikelnr", "artnr", "artikel", "article", "product_code", "product_id", "item_code", "item_no",
        "codigo", "código", "codice", "cod_articolo", "codice_articolo", "item_#",
        "code_article", "ref_article", "référence", "article_number", "item_number", "code",
    ),
    "gtin": ("ean_code", "gtin13", "upc_code", "bar_code", "strichcode", "codigo_de_barras", "code_barres"),
    "line_no": ("zeile", "pos", "positionsnr", "line_item", "linea", "ligne", "regel"),
    "register": ("kasse", "kassennr", "kassen_nr", "workstation", "device", "caja", "caisse", "cassa", "kassa"),
    "unit": ("me", "mengeneinheit", "unidad", "unite", "unité", "unita", "eenheid"),
    "unit_price": (
        "preis", "ep", "vk", "price_per_unit", "precio", "prix", "prix_unitaire", "pu", "pu_ttc", "prezzo", "prijs",
    ),
    "price": (
        "summe", "betrag", "gesamt", "gesamtpreis", "umsatz", "net_sales", "gross_sales", "importe", "montant",
        "montant_ttc", "total_ttc", "importo", "bedrag",
    ),
    "store": ("filiale", "laden", "tienda", "magasin", "negozio", "winkel"),
    "kind": ("vorgang", "art", "transaction_type", "sale_type", "tipo"),
}  # fmt: skip
"""Names in English, German, French, Spanish, Italian and Dutch exports, besides the usual ones."""
_SIMILAR = 0.87
_WORDS_TOLD = 5
_MOST = 0.8
"""Of the filled cells: exports have a stray one."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The header and the first rows of a table, as text."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def column(self, index: int) -> list[str]:
        """The filled cells of a column."""
        return [row[index].strip() for row in self.rows if index < len(row) and row[index].strip()]


@dataclass(frozen=True, slots=True)
class Column:
    """A header, the field that it is taken for (None: dropped), and why."""

    header: str
    field: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Guess:
    """A reading of a table, as guessed.

    columns: of the file, in its order. mapping: what the option `columns` must say. decimal_mark: as the numbers show
    it; None where they do not. missing: fields for which no column was found; without them the file cannot be used.
    doubts: sentences for the person who confirms. preset: the title of
    the till's export that it is, or empty.
    """

    kind: FileKind
    columns: tuple[Column, ...]
    mapping: Mapping[str, str]
    time_format: str | None
    decimal_mark: str | None
    missing: tuple[str, ...]
    doubts: tuple[str, ...]
    preset: str = ""


def guess(sample: Sample, kind: FileKind | None, zone: ZoneInfo) -> Guess:
    """Guess the columns of a table. kind: what it holds, if that is known."""
    return _Guesser(sample, kind, zone).guess()


class _Guesser:
    def __init__(self, sample: Sample, kind: FileKind | None, zone: ZoneInfo) -> None:
        self._sample = sample
        self._kind = kind
        self._zone = zone
        self._layout = known_columns(sample.header, {})
        self._known = {index: field for field, index, _ in self._layout.columns}
        self._guessed: dict[int, tuple[str, str]] = {}
        self._time_format: str | None = None
        self._doubts: list[str] = []
        self._are_days = False

    def guess(self) -> Guess:
        preset = self._layout.preset
        if preset is not None:
            self._time_format = self._format_of(
                [index for index, field in self._known.items() if field == "occurred_at"]
            )
            if preset.refusal:
                self._doubts.append(preset.refusal)
        else:
            self._settle_doubles()
            self._barcodes()
            self._times()
            self._by_words()
            self._only_number()
            self._unknown_words()
        fields = {*self._known.values(), *(field for field, _ in self._guessed.values())}
        kind = (preset.kind_of(self._kind) if preset else self._kind) or _kind_of(fields)
        headers = self._sample.header
        return Guess(
            kind=kind,
            columns=tuple(self._columns()),
            mapping={headers[index]: field for index, (field, _) in self._guessed.items()},
            time_format=self._time_format,
            decimal_mark=self._decimal_mark(),
            missing=self._missing(fields, kind),
            doubts=tuple(self._doubts),
            preset=preset.title if preset else "",
        )

    def _missing(self, fields: set[str], kind: FileKind) -> tuple[str, ...]:
        missing = missing_fields(fields, kind)
        if not (kind == "sales" and self._are_days and "receipt_no" in missing):
            return missing
        self._doubts.append("no column of receipt numbers: each row is taken for what was sold of an item on that day")
        return tuple(field for field in missing if field != "receipt_no")

    def _unknown_words(self) -> None:
        """Words in columns of states that say nothing yet: the option status_words must say what they mean."""
        fields = {**self._known, **{index: field for index, (field, _) in self._guessed.items()}}
        for index, field in fields.items():
            if field in ("status", "kind"):
                words = [word for word in dict.fromkeys(self._sample.column(index)) if not _is_known_word(field, word)]
                for word in words[:_WORDS_TOLD]:
                    self._doubts.append(
                        f"{shorten(word)} in {self._sample.header[index]!r} is not known; say what it means in the "
                        f'option status_words = {{ "{word}" = "sale" }}, or "return", "cancelled", "voided", "unpaid"'
                    )

    def _decimal_mark(self) -> str | None:
        fields = {**self._known, **{index: field for index, (field, _) in self._guessed.items()}}
        numbers = [index for index, field in fields.items() if field in NUMBER_FIELDS]
        shown = marks_shown(cell for index in numbers for cell in self._sample.column(index))
        fitting = [mark for mark in MARKS if shown.decimal <= {mark} and mark not in shown.grouping]
        return fitting[0] if len(fitting) == 1 else None

    def _columns(self) -> Iterator[Column]:
        why = f"as in {self._layout.preset.title}" if self._layout.preset else "by its name"
        for index, header in enumerate(self._sample.header):
            if index in self._guessed:
                yield Column(header, *self._guessed[index])
            elif index in self._known:
                yield Column(header, self._known[index], why)
            else:
                yield Column(header, None, "dropped")

    def _free(self) -> list[int]:
        return [at for at, header in enumerate(self._sample.header) if header.strip() and self._is_free(at)]

    def _is_free(self, index: int) -> bool:
        return index not in self._known and index not in self._guessed

    def _has(self, field: str) -> bool:
        return field in self._known.values() or any(field == each for each, _ in self._guessed.values())

    def _settle_doubles(self) -> None:
        """Of two columns with usual names for one field, the fuller one counts."""
        for field in dict.fromkeys(self._known.values()):
            if field in SHARED_FIELDS and not (field == "occurred_at" and is_doubled_time(self._layout, {})):
                continue
            doubles = [index for index, each in self._known.items() if each == field]
            if len(doubles) > 1:
                best = max(doubles, key=lambda index: len(self._sample.column(index)))
                names = ", ".join(repr(self._sample.header[index]) for index in doubles)
                self._doubts.append(f"{names} could each be {field}; {self._sample.header[best]!r} is taken")
                for index in doubles:
                    del self._known[index]
                self._guessed[best] = (field, "the fuller one of several")

    def _barcodes(self) -> None:
        """Values with the right check digit are barcodes, whatever the column is called."""
        if self._has("gtin"):
            return
        found = [index for index in self._free() if _mostly(self._sample.column(index), _is_gtin)]
        if found:
            self._guessed[found[0]] = ("gtin", "its values are barcodes")

    def _times(self) -> None:
        """A column of times, or one of days and one of times of day; for stock, a column of days alone."""
        chosen = tuple(index for index, field in self._known.items() if field == "occurred_at")
        if chosen:
            why = "by its name" if len(chosen) == 1 else "day and time of day"
            if self._take_times(chosen, why) or not any(map(self._sample.column, chosen)):
                return
            if self._may_be_days() and self._take_times(chosen, why, has_clock=False):
                return
            for index in chosen:
                del self._known[index]  # a time of day alone, perhaps
        if any(self._take_times((index,), "its values are times") for index in self._free()):
            return
        days = [index for index in (*self._free(), *self._days()) if _mostly(self._sample.column(index), _has_digit)]
        clocks = [index for index in self._free() if _mostly(self._sample.column(index), _is_clock)]
        for clock in clocks:
            if any(day != clock and self._take_times((day, clock), "day and time of day") for day in days):
                return
        if self._may_be_days():
            for index in self._free():
                is_other = OTHER_DAYS.fullmatch(normal_header(self._sample.header[index]))
                if not is_other and self._take_times((index,), "its values are days", has_clock=False):
                    return

    def _may_be_days(self) -> bool:
        """Days without a time of day are enough for stock, and for sums of sales without receipt numbers."""
        return self._kind != "sales" or not self._has("receipt_no")

    def _days(self) -> list[int]:
        return [index for index, field in self._known.items() if field == "business_date"]

    def _take_times(self, indexes: tuple[int, ...], why: str, *, has_clock: bool = True) -> bool:
        """True when all (nearly) of the joined values can be read; then the format is known, too."""
        values = self._joined(indexes)
        fits = self._formats(values)
        if not fits and not _mostly(values, partial(self._is_moment, self._reader(values), has_clock=has_clock)):
            return False
        self._time_format = fits[0] if fits else None
        self._are_days = not has_clock
        if len(indexes) > 1 or indexes[0] not in self._known:
            for index in indexes:
                self._known.pop(index, None)
                self._guessed[index] = ("occurred_at", why)
        if len(fits) > 1 and fits[0] is not None:
            self._doubts.append(f"times could be {fits[0]} or {fits[1]}: look whether day and month are right")
        return True

    def _format_of(self, indexes: Sequence[int]) -> str | None:
        fits = self._formats(self._joined(indexes))
        return fits[0] if fits else None

    def _joined(self, indexes: Sequence[int]) -> list[str]:
        return [
            " ".join(row[index].strip() for index in indexes)
            for row in self._sample.rows
            if all(index < len(row) and row[index].strip() for index in indexes)
        ]

    def _formats(self, values: Sequence[str]) -> list[str | None]:
        """The formats that fit, the likelier first: of day and month, the order that the country uses."""
        fits = [each for each in TIME_FORMATS if _mostly(values, partial(self._is_time, time_format=each))]
        if is_in_united_states(self._zone):
            fits.sort(key=lambda each: each is not None and not each.startswith("%m"))
        return fits

    def _reader(self, values: Sequence[str]) -> TimeReader:
        orders = orders_shown(values)
        return TimeReader(self._zone, None, orders) if orders else TimeReader(self._zone)

    def _is_moment(self, reader: TimeReader, text: str, *, has_clock: bool) -> bool:
        try:
            return reader.moment(text).day_end_ms is None or not has_clock
        except Refused:
            return False

    def _is_time(self, text: str, time_format: str | None) -> bool:
        try:
            return instant_ms(text, self._zone, time_format) > 0
        except Refused:
            return False

    def _by_words(self) -> None:
        for field, words in _WORDS.items():
            if self._has(field):
                continue
            named = {normal_header(self._sample.header[index]): index for index in self._free()}
            for word in words:
                close = get_close_matches(word, named, n=1, cutoff=_SIMILAR)
                if close and self._suits(field, named[close[0]]):
                    self._guessed[named[close[0]]] = (field, f"its name is like {word!r}")
                    break

    def _suits(self, field: str, index: int) -> bool:
        if field == "quantity":
            return _mostly(self._sample.column(index), _is_number)
        if field in ("price", "unit_price"):
            return _mostly(self._sample.column(index), _is_amount)
        return field != "gtin" or _mostly(self._sample.column(index), _is_gtin)

    def _only_number(self) -> None:
        """Take the one column of numbers that is left for the quantity, when that is missing."""
        if self._has("quantity"):
            return
        numbers = [index for index in self._free() if _mostly(self._sample.column(index), _is_number)]
        if len(numbers) == 1:
            self._guessed[numbers[0]] = ("quantity", "the only other column of numbers")


def _kind_of(fields: set[str]) -> FileKind:
    if "receipt_no" in fields:
        return "sales"
    return "counted" if "occurred_at" in fields and fields.intersection(CODES) else "level"


def _mostly(values: Sequence[str], holds: Callable[[str], bool]) -> bool:
    return bool(values) and sum(map(holds, values)) >= _MOST * len(values)


def _is_known_word(field: str, word: str) -> bool:
    try:
        judged({field: word}, {})
    except Refused:
        return False
    return True


def _is_gtin(text: str) -> bool:
    try:
        return bool(code_of("gtin", text))
    except Refused:
        return False


def _is_number(text: str) -> bool:
    return _reads(plain_number, text)


def _is_amount(text: str) -> bool:
    return _reads(partial(plain_amount, currency=""), text)


def _reads(read: Callable[[str, Marks], str], text: str) -> bool:
    """Whether it is a number at all; which one, the whole file shows."""
    try:
        return bool(read(text, Marks.of_option("," if "," in marks_shown((text,)).decimal else ".")))
    except Refused:
        return False


def _is_clock(text: str) -> bool:
    return 4 <= len(text) <= 11 and text[0].isdigit() and ":" in text


def _has_digit(text: str) -> bool:
    return any(char.isdigit() for char in text)
