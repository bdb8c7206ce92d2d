"""The lines of read files that the pool has set aside since: told in the folder for as long as they wait.

The pool decides after the file was read, so its own report cannot tell. An operator's mapping, replay or discard
takes a line from the list, and so does a mended file that tells its receipt or document anew.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from connectors.context import LineSetAside, SetAside
from connectors.drop_folder.folder import DropFolder
from connectors.drop_folder.place import Place
from connectors.drop_folder.report import REPORT_ENDINGS
from connectors.drop_folder.settings import DropFolderSpec
from connectors.drop_folder.state import FolderState
from connectors.parsing.spreadsheet import guarded
from connectors.parsing.times import minute_text

NAME = "_waiting"
"""Both reports begin so. No file that is moved here does: names are made to begin with a letter or a digit."""
HEADER = ("file", "document", "occurred_at", "code", "quantity", "unit", "reason", "set_aside_at")
REASONS: Mapping[str, str] = {
    "unmapped_code": "nobody has said yet which item this code means; it counts once the operator maps it",
    "unknown_item": "the pool does not have the item that its code means; it counts once the operator adds the item",
    "wrong_unit": "the pool counts this item in another unit; it counts once the operator says what one piece is",
    "bad_kit": "it is a kit without stock of its own, or with a part that the pool does not have; count its parts",
    "bad_quantity": "its quantity is out of range, or has a sign that such a line cannot have; mend it in the file",
    "conflict": "the same line was told before with other content, which stands; count the item",
    "too_late": "it happened longer ago than the pool takes; count the item",
    "in_the_future": "it lies in the future; set the clock of the till, and count the item",
    "unknown_store": "the pool does not have this store; it counts once the operator adds the store",
    "unknown_pool": "the pool is not set up; it counts once the operator does that",
    "wrong_partition": "it came to another place than its pool's; it counts once the operator replays it",
    "too_many_lines": "it has more lines than the pool takes at once; export it in parts",
    "too_large": "it changes more than the pool takes at once; export it in parts",
    "invalid": "a value in it is out of range; mend it in the file",
    "parked": "the pool's workers stopped at it, and the operator had them go on; it counts once it is replayed",
}
"""Reason → what it means for the people of the shop, and what helps."""
_SHOWN = 50
_PART = f".{NAME}.part"


class _Waiting(NamedTuple):
    """A line that waits, and the file that told it."""

    file: str
    line: LineSetAside


class SetAsideReport:
    """Keeps the list of one folder true. It is there while lines wait, and only then."""

    def __init__(self, spec: DropFolderSpec, folder: DropFolder, state: FolderState, set_aside: SetAside) -> None:
        self._spec = spec
        self._folder = folder
        self._state = state
        self._set_aside = set_aside
        self._told: list[_Waiting] | None = None

    def tell(self) -> None:
        """Write the list anew if it is another than last time. Raises OSError, sqlite3.Error, PublishError."""
        waiting = sorted(self._waiting(), key=lambda one: one.file)
        if waiting == self._told:
            return
        with self._folder.opened() as folder:
            if waiting:
                self._write(folder.rejected, waiting)
            else:
                for ending in REPORT_ENDINGS:
                    folder.rejected.discard(f"{NAME}{ending}")
        self._told = waiting

    def _waiting(self) -> Iterator[_Waiting]:
        for line in self._set_aside.of(self._spec.pool, self._spec.store):
            reading = self._state.brought(line.source_id, is_sale=line.is_sale)
            if reading is not None and line.recorded_at_ms >= reading.since_ms:
                yield _Waiting(reading.file, line)

    def _write(self, place: Place, waiting: Sequence[_Waiting]) -> None:
        table, text = (f"{NAME}{ending}" for ending in REPORT_ENDINGS)
        with place.write(_PART) as out:
            rows = csv.writer(out)
            rows.writerow(HEADER)
            rows.writerows(self._row(one) for one in waiting)
        place.move(_PART, place, table)
        with place.write(_PART) as out:
            out.write(self._text(waiting))
        place.move(_PART, place, text)

    def _row(self, one: _Waiting) -> tuple[str, ...]:
        line = one.line
        return (
            guarded(one.file), guarded(_document(line)), self._time(line.occurred_at_ms), guarded(line.code),
            _units(line), line.unit, guarded(_reason(line)), self._time(line.set_aside_at_ms),
        )  # fmt: skip

    def _text(self, waiting: Sequence[_Waiting]) -> str:
        number, store = len(waiting), self._spec.store
        lines_do = "line of the files that were read does" if number == 1 else "lines of the files that were read do"
        parts = [f"{number} {lines_do} not count yet."]
        for file, lines in groupby(waiting[:_SHOWN], key=lambda one: one.file):
            parts.append(f"\n{file}:")
            parts += [self._sentence(one.line) for one in lines]
        if number > _SHOWN:
            parts.append(f"… and {number - _SHOWN} more; {NAME}{REPORT_ENDINGS[0]} lists all.")
        parts.append(
            "\nThis list is written anew when that changes, and is gone when nothing waits. For the operator:\n"
            f"./shelf map unmapped {self._spec.pool} --store {store}\n./shelf dlq list --store {store}"
        )
        return "\n".join(parts) + "\n"

    def _sentence(self, line: LineSetAside) -> str:
        goods = f"{_units(line)} {line.unit} of {line.code}"
        return f"{_document(line)}, {self._time(line.occurred_at_ms)}, {goods}: {_reason(line)}."

    def _time(self, at_ms: int) -> str:
        return minute_text(at_ms, self._spec.zone)


def _document(line: LineSetAside) -> str:
    """A receipt as register, day and number, where it has them; a document of stock by its kind and name."""
    return f"{'receipt ' if line.is_sale else ''}{line.source_id.removeprefix('-/')}"


def _units(line: LineSetAside) -> str:
    return f"{(Decimal(line.quantity_milli) / 1000).normalize():f}"


def _reason(line: LineSetAside) -> str:
    return REASONS.get(line.reason, line.reason.replace("_", " "))
