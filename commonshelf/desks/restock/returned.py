"""A shop's sheet that came back: an answer for each row, or why there is none."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from commonshelf.desks.restock.sheet import HEADINGS, NO, YES
from commonshelf.text import units
from connectors.contract import Refused
from connectors.drop_folder.survey import FileRefused
from connectors.drop_folder.workbook_rows import rows_of
from connectors.parsing.quantities import quantity_milli, shorten
from connectors.parsing.spreadsheet import clean_cell, unguarded
from messaging.errors import UserError
from schemas.models.restock import RestockAnswer, RestockAnswerKind
from schemas.types.restock import RestockProposal

ORIGIN = "sheet"
Outcome = Literal["approved", "changed", "refused", "left open", "not used"]
Key = tuple[str, str]
"""Store and SKU."""
_NEEDED = ("SKU", "buy", "approve", "version", "store", "pool")
_HEAD_ROWS_MAX = 20
"""The headings stand in one of the first rows."""
_BYTES_MAX = 32 << 20
_IN_GROUPS = re.compile(r"[1-9][0-9]{0,2}([.,]000)+")
"""Of whole units: thousands, or a number of units with a fraction of nothing."""


class SheetError(UserError):
    """A file that is no sheet of restock proposals; the sentence says what to do."""


class Row(NamedTuple):
    """A row of a sheet as it came back."""

    file: str
    number: int
    """In the file, from 1."""
    cells: Mapping[str, str]
    """Heading → what stands there, unguarded and without blanks around it."""


class Verdict(NamedTuple):
    """A row's outcome, and the answer that it gives."""

    file: str
    row: int
    store: str
    sku: str
    outcome: Outcome
    detail: str
    """A sentence; empty where there is nothing to say."""
    answer: RestockAnswer | None


class _UnusableError(Exception):
    """A row is not used; the argument says why."""


def read_sheet(file: Path) -> list[Row]:
    """The rows of a workbook (.xlsx) or of CSV, without empty ones. Raises SheetError."""
    try:
        if file.stat().st_size > _BYTES_MAX:
            raise SheetError(f"{file} has more than {_BYTES_MAX >> 20} MiB: no sheet of ours has")
        if file.suffix.lower() == ".xlsx":
            with file.open("rb") as stream:
                table = [(number, [_text(value) for value in values]) for number, values in rows_of(stream)]
        else:
            table = list(_csv_rows(file.read_text(encoding="utf-8-sig")))
    except (OSError, UnicodeDecodeError, csv.Error, FileRefused) as error:
        raise SheetError(f"{file} cannot be read ({error}); save it as .xlsx, or as CSV in UTF-8") from error
    return list(_under_headings(str(file), table))


def rows_of_table(name: str, table: Iterable[Sequence[object]]) -> list[Row]:
    """The rows of a table of cells, without empty ones. Raises SheetError."""
    return list(_under_headings(name, enumerate(([_text(cell) for cell in cells] for cells in table), 1)))


def judge(
    rows: Iterable[Row], proposals: Mapping[Key, RestockProposal], pool: str, by: str, now_ms: int
) -> Iterator[Verdict]:
    """The verdict on each row. Of two rows about one proposal the first that answers counts.

    proposals: of the pool, by store and SKU, as they stand.
    """
    answered: dict[Key, Row] = {}
    for row in rows:
        verdict = _verdict(row, proposals, pool, by, now_ms)
        key = verdict.store, verdict.sku
        if verdict.answer is not None and (before := answered.setdefault(key, row)) is not row:
            said = f"row {before.number} of {before.file} has answered this proposal"
            verdict = verdict._replace(outcome="not used", detail=said, answer=None)
        yield verdict


def _verdict(row: Row, proposals: Mapping[Key, RestockProposal], pool: str, by: str, now_ms: int) -> Verdict:
    store, sku = row.cells["store"], row.cells["SKU"]
    try:
        outcome, detail, buy_milli = _said(row, proposals.get((store, sku)), pool)
    except _UnusableError as error:
        return Verdict(row.file, row.number, store, sku, "not used", str(error), None)
    if outcome == "left open":
        return Verdict(row.file, row.number, store, sku, outcome, detail, None)
    answer = RestockAnswer(
        pool=pool, store=store, sku=sku, version=int(row.cells["version"]), kind=RestockAnswerKind(outcome),
        buy_milli=buy_milli, by=by, recorded_at_ms=now_ms, origin=ORIGIN,
    )  # fmt: skip
    return Verdict(row.file, row.number, store, sku, outcome, detail, answer)


def _said(row: Row, proposal: RestockProposal | None, pool: str) -> tuple[Outcome, str, int | None]:
    """The outcome, what to say of it, and of a change what is bought instead. Raises _UnusableError."""
    said = row.cells["approve"].lower()
    if row.cells["pool"] != pool:
        raise _UnusableError(f"it is of pool {row.cells['pool'] or 'without a name'}, not of {pool}")
    if proposal is None:
        raise _UnusableError("nothing is proposed for this store and item; leave SKU and store as they were")
    if row.cells["version"] != str(proposal["version"]):
        raise _UnusableError(
            f"it answers version {row.cells['version'] or '(none)'}, and version {proposal['version']} has superseded "
            "that; export the sheet anew"
        )
    if proposal["status"] == "withdrawn":
        raise _UnusableError("the proposal was withdrawn: nothing is needed any more")
    if proposal["status"] != "open":
        raise _UnusableError(f"{proposal['answered_by']} has answered it: {proposal['status']}")
    if said not in ("", YES, NO):
        raise _UnusableError(f"approve is {shorten(row.cells['approve'])}; write {YES} or {NO}, or leave it empty")
    if said == NO:
        return "refused", "", None
    buy_milli = _buy_milli(row, proposal)
    is_changed = buy_milli != proposal["buy_milli"]
    if not said:
        return "left open", f"buy was changed, but approve is empty; write {YES}" if is_changed else "", None
    if not is_changed:
        return "approved", "", None
    return "changed", f"buy {units(buy_milli)} instead of {units(proposal['buy_milli'])}", buy_milli


def _buy_milli(row: Row, proposal: RestockProposal) -> int:
    text, pack_milli = row.cells["buy"], proposal["pack_milli"]
    if not text:
        raise _UnusableError(f"buy is empty; write whole packs, as {units(pack_milli)}, or 0")
    if pack_milli % 1_000 == 0 and _IN_GROUPS.fullmatch(text):
        first, *groups = re.split("[.,]", text)
        raise _UnusableError(f"buy is {text}, which may be {first} or {first}{''.join(groups)}; write one of these")
    try:
        milli = quantity_milli(text.replace(",", "."))
    except Refused:
        said = f"buy is {shorten(text)}, which is no number of units; write whole packs, as {units(pack_milli)}"
        raise _UnusableError(said) from None
    if milli < 0:
        raise _UnusableError(f"buy is {units(milli)}; write 0 to buy nothing, or {NO} to refuse")
    less, rest = divmod(milli, pack_milli)
    if rest:
        raise _UnusableError(
            f"buy is {units(milli)}, which is no whole number of packs of {units(pack_milli)}; write "
            f"{units(less * pack_milli)} or {units((less + 1) * pack_milli)}"
        )
    return milli


def _under_headings(file: str, table: Iterable[tuple[int, list[str]]]) -> Iterator[Row]:
    places: dict[str, int] | None = None
    for number, cells in table:
        if places is None:
            found = {_heading(cell): at for at, cell in reversed(list(enumerate(cells)))}
            if all(name in found for name in _NEEDED):
                places = found
            elif number >= _HEAD_ROWS_MAX:
                break
        elif any(cells):
            yield Row(file, number, {name: cells[at] if at < len(cells) else "" for name, at in places.items()})
    if places is None:
        raise SheetError(
            f"{file} has no row with the headings {', '.join(_NEEDED)}; take a file that "
            "`./shelf restock export` wrote, with all its columns"
        )


def _heading(cell: str) -> str:
    """The heading as we write it; of columns of money without the currency behind it."""
    return cell if cell in HEADINGS else cell.rpartition(" ")[0]


def _csv_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Commas or semicolons separate: spreadsheets of some countries write the latter."""
    first = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";" if first.count(";") > first.count(",") else ",")
    for cells in rows:
        yield rows.line_num, [_text(cell) for cell in cells]


def _text(value: object) -> str:
    """A cell as text: a workbook's whole numbers without a fraction, and what was guarded as it was."""
    if value is None:
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(round(value, 9))
    return unguarded(clean_cell(str(value)))
