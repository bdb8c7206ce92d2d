"""A table of rows under a header, whatever file it came from, to batches of events."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice

from connectors.contract import Refused
from connectors.drop_folder.batch import Batch, FileReadContext
from connectors.drop_folder.columns import JOINED_FIELD, NUMBER_FIELDS, Layout
from connectors.drop_folder.headers import OTHER_DAYS, PACK_SIZES, REASONS, REFUNDED, RETURNED
from connectors.drop_folder.no_sale import is_yes
from connectors.drop_folder.numbers import Marks, marks_shown, plain_number
from connectors.drop_folder.preset import normal_header
from connectors.drop_folder.rows import BrokenRow, Row
from connectors.drop_folder.sales import SaleTranslator
from connectors.drop_folder.stock import StockTranslator
from connectors.drop_folder.survey import FileRefused
from connectors.drop_folder.translate import Translator
from connectors.drop_folder.when import TimeReader, is_in_united_states, looks_like_time, orders_shown
from connectors.parsing.quantities import shorten
from connectors.parsing.spreadsheet import clean_cell

SAMPLE_ROWS = 200
"""So many rows show whether a column holds times."""
HEADER_WITHIN_LINES = 20
_SAYS_WHAT_A_SALE_WAS = ("kind", "status", "cancelled", "voided")
"""Columns that change what a row of sales means, and nothing of a row of stock: there they are told as not used."""
_MOST = 0.8


@dataclass(frozen=True, slots=True)
class Evidence:
    """The marks of numbers and the order of dates, as the rows of a whole file show them."""

    marks: Marks
    times: TimeReader


def evidence_of(rows: Iterator[Row | BrokenRow], layout: Layout, reading: FileReadContext) -> Evidence:
    """Look through all rows of a file. Raises FileRefused when a column of times is not used and should be."""
    spec = reading.spec
    marks = Marks() if spec.decimal_mark == "auto" else Marks.of_option(spec.decimal_mark)
    numbers = [index for field, index, _ in layout.columns if field in NUMBER_FIELDS]
    times = [index for field, index, _ in layout.columns if field == JOINED_FIELD]
    refunds = [each for each in layout.unused if REFUNDED.fullmatch(normal_header(each[1]))]
    if reading.kind != "sales" or layout.preset is not None:
        refunds = []
    needs_marks = not marks.is_set
    needs_orders = spec.time_format is None and bool(times)
    decimal, grouping, orders = set[str](), set[str](), set[str]()
    sample: list[Row] = []
    for row in islice(rows, spec.rows_max):
        if isinstance(row, BrokenRow):
            continue
        if len(sample) < SAMPLE_ROWS:
            sample.append(row)
        cells = row.cells
        _check_unused_refunds(refunds, cells)
        if needs_marks:
            shown = marks_shown(cells[index] for index in numbers if index < len(cells))
            decimal |= shown.decimal
            grouping |= shown.grouping
        if needs_orders:
            orders |= orders_shown(cells[index] for index in times if index < len(cells))
    _check_unused_times(layout, sample)
    _check_unused_numbers(layout, sample, marks)
    if reading.kind == "adjusted":
        _check_unused_reasons(layout, sample)
    if reading.kind == "sales" and not layout.has("receipt_no"):
        _check_sums(layout, sample, times, TimeReader(spec.zone, spec.time_format))
    if needs_marks:
        if not decimal & {","} and "." not in grouping and is_in_united_states(spec.zone):
            decimal, grouping = decimal | {"."}, grouping | {","}
        marks = Marks(frozenset(decimal), frozenset(grouping))
    known = TimeReader(spec.zone, spec.time_format)
    if len(orders) == 1:
        known = replace(known, orders=frozenset(each for each in known.orders if each in orders))
    return Evidence(marks, known)


def table_batches(
    open_rows: Callable[[], Iterator[Row | BrokenRow]], layout: Layout, evidence: Evidence, reading: FileReadContext
) -> Iterator[Batch]:
    """Events and problems of the rows, in their order. Raises FileRefused after the last row that a file may have.

    open_rows: all rows of the file, from the first one on; they may be read twice.
    """
    spec = reading.spec
    kind: type[Translator] = SaleTranslator if reading.kind == "sales" else StockTranslator
    translator = kind(reading, layout, evidence.marks, evidence.times)
    translator.survey(islice(open_rows(), spec.rows_max))
    limit = _RowLimit(open_rows(), spec.rows_max)
    unused = [header for _, header in layout.unused]
    if reading.kind != "sales" and layout.preset is None:
        unused += [header for field, _, header in layout.columns if field in _SAYS_WHAT_A_SALE_WAS]
    for batch in translator.batches(limit, reading.batch_rows):
        yield replace(batch, unused=tuple(unused))
        unused = []
    if limit.beyond is not None:
        raise FileRefused(
            f"the rows from here on were not used: a file may have {spec.rows_max} rows; split it", limit.beyond
        )
    withdrawals = translator.withdrawals() if isinstance(translator, StockTranslator) else None
    if withdrawals is not None:
        yield withdrawals


def _check_unused_times(layout: Layout, sample: list[Row]) -> None:
    """Without a time of their own a delivery's rows count when the file comes: a day that is there must be used."""
    if layout.preset is not None or layout.has(JOINED_FIELD):
        return
    for index, header in layout.unused:
        cells = [row.cells[index].strip() for row in sample if index < len(row.cells) and row.cells[index].strip()]
        is_other = OTHER_DAYS.fullmatch(normal_header(header)) is not None
        if cells and not is_other and sum(map(looks_like_time, cells)) >= _MOST * len(cells):
            raise FileRefused(
                f"the column {header!r} holds dates and is not used, so the rows would count at the time at which the "
                f'file came; say in the option columns what it is: columns = {{ "{header}" = "occurred_at" }} if it is '
                f'when this happened, or "ignored"; ./shelf connect guess FILE shows how the file can be read',
                column=header,
            )


def _check_unused_numbers(layout: Layout, sample: list[Row], marks: Marks) -> None:
    """A number that would change what the quantity means must not be left out in silence."""
    if layout.preset is not None:
        return
    for index, header in layout.unused:
        name = normal_header(header)
        if PACK_SIZES.fullmatch(name):
            what, least = "sizes of packs", 2
        elif RETURNED.fullmatch(name):
            what, least = "goods that came back", 1
        else:
            continue
        if any(_reaches(least, row.cells[index], marks) for row in sample if index < len(row.cells)):
            raise FileRefused(
                f"the column {header!r} holds {what} and is not used, so the quantities may not be what moved; if they "
                f'are, say so in the option columns: columns = {{ "{header}" = "ignored" }}',
                column=header,
            )


def _check_unused_reasons(layout: Layout, sample: list[Row]) -> None:
    """A number says how much was changed, and the reason says whether it went or came."""
    if layout.preset is not None or layout.has("reason"):
        return
    kinds = [(index, header) for field, index, header in layout.columns if field == "kind"]
    for index, header in (*layout.unused, *kinds):
        is_reason = REASONS.fullmatch(normal_header(header)) is not None
        if is_reason and any(any(map(str.isalpha, row.cells[index])) for row in sample if index < len(row.cells)):
            raise FileRefused(
                f"the column {header!r} may hold why the stock was changed, and is not used, so what was lost may "
                f'count as found; say in the option columns what it is: columns = {{ "{header}" = "reason" }}, or '
                '"ignored"',
                column=header,
            )


def _check_unused_refunds(columns: list[tuple[int, str]], cells: Sequence[str]) -> None:
    """Whether the goods of a sale that was refunded came back, its row must not leave open."""
    for index, header in columns:
        if index < len(cells) and is_yes(clean_cell(cells[index])):
            raise FileRefused(
                f"the column {header!r} says that sales were refunded, and not whether their goods came back; say in "
                f'the option columns what it means: columns = {{ "{header}" = "cancelled" }} if such rows moved '
                'nothing in the end, "returned" if each is a return, "ignored" if the goods stayed away',
                column=header,
            )


def _reaches(least: int, cell: str, marks: Marks) -> bool:
    """True for a number that is so large, whatever its sign."""
    try:
        return abs(Decimal(plain_number(cell, marks))) >= least
    except Refused:
        return False


def _check_sums(layout: Layout, sample: list[Row], times: Sequence[int], reader: TimeReader) -> None:
    """Sales without receipt numbers are sums of days: a time of day shows that they are not, and need the number."""
    for row in sample:
        text = " ".join(clean_cell(row.cells[index]) for index in times if index < len(row.cells)).strip()
        with suppress(Refused):  # a time that cannot be read is told of its row
            if text and reader.moment(text).day_end_ms is None:
                header = shorten(layout.delimiter.join(layout.header) or " | ".join(layout.header))
                raise FileRefused(
                    f"no column for receipt_no in the header {header}, and {shorten(text)} is a time of day: only a "
                    "list of what was sold on each day needs no receipt numbers; map the column in the option columns; "
                    "./shelf connect guess FILE shows how the file can be read"
                )


class _RowLimit:
    """The first `rows_max` rows; `beyond` is the line of the next one, if there is one."""

    def __init__(self, rows: Iterator[Row | BrokenRow], rows_max: int) -> None:
        self._rows = rows
        self._rows_max = rows_max
        self.beyond: int | None = None

    def __iter__(self) -> Iterator[Row | BrokenRow]:
        yield from islice(self._rows, self._rows_max)
        following = next(self._rows, None)
        self.beyond = None if following is None else following.line
