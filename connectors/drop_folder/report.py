"""Reports on a file: NAME.report.txt for people, and for a rejected one NAME.report.csv with every row for programs.

A file that was read whole has a report only if lines of it were used without something, such as a price.
"""

import csv
from collections import Counter
from contextlib import suppress
from typing import TextIO

from connectors.drop_folder.batch import RowProblem
from connectors.drop_folder.documents import NAMES
from connectors.drop_folder.names import printable
from connectors.drop_folder.place import Place
from connectors.drop_folder.settings import FileKind
from connectors.drop_folder.survey import FileRefused
from connectors.parsing.spreadsheet import guarded

_FOR_PEOPLE = ".report.txt"
REPORT_ENDINGS = (".report.csv", _FOR_PEOPLE)
HEADER = ("file", "line", "column", "reason")
_SHOWN = 50


class Report:
    """Collects the problems of one file. Rows go to disk as they come, so a file may have any number of them.

    place: where the rows are collected, in a file of the name `part`; `finish` gives it its own.
    file_name: under which the file is dropped again. kind: None for what was not read. unused: headers of columns that
    meant nothing.
    """

    def __init__(self, place: Place, part: str, file_name: str, kind: FileKind | None = None) -> None:
        self.count = 0
        self.note_count = 0
        self.whole_file_reason: str | None = None
        self.unused: tuple[str, ...] = ()
        self._kind = kind
        self._notes: list[RowProblem] = []
        self._whole: list[str] = []
        self._place = place
        self._part = part
        self._file_name = printable(file_name)
        self._first: list[RowProblem] = []
        self._reasons: Counter[str] = Counter()
        self._out: TextIO | None = None

    def add(self, problem: RowProblem) -> None:
        """A row that was not used."""
        self.count += 1
        if len(self._first) < _SHOWN:
            self._first.append(problem)
        self._reasons[problem.column] += 1
        self._write(problem.line, problem.column, problem.reason)

    def note(self, note: RowProblem) -> None:
        """A line that was used without something."""
        self.note_count += 1
        if len(self._notes) < _SHOWN:
            self._notes.append(note)

    def remark(self, text: str) -> None:
        """A remark on the file as a whole, which was used."""
        self._whole.append(text)

    def add_file(self, refused: FileRefused) -> None:
        """The file as a whole, or all from a line on."""
        self.count += 1
        self.whole_file_reason = str(refused)
        self._write(refused.line, refused.column, str(refused))

    def finish(self, name: str, lines_published: int) -> None:
        """Put both reports beside the file that goes to the same place as `name`."""
        if self._out is None:
            raise ValueError("a report needs a problem")
        self._out.close()
        self._place.move(self._part, self._place, f"{name}{REPORT_ENDINGS[0]}")
        _put(self._place, name, self._text(lines_published))

    def write_notes(self, place: Place, name: str, lines_published: int) -> None:
        """Put the report beside a file that was read whole and goes to `place` as `name`, if it says something."""
        if self.note_count or self._whole or self.unused:
            parts = [f"{self._file_name}: {_used(lines_published)}.", *self._remarks()]
            _put(place, name, "\n".join(parts) + "\n")

    def discard(self) -> None:
        """Leave nothing behind."""
        if self._out is not None:
            self._out.close()
            self._place.discard(self._part)

    def _write(self, line: int, column: str, reason: str) -> None:
        if self._out is None:
            self._out = self._place.write(self._part)
            csv.writer(self._out).writerow(HEADER)
        csv.writer(self._out).writerow((guarded(self._file_name), line, guarded(column), guarded(reason)))

    def _text(self, lines_published: int) -> str:
        parts = [f"{self._file_name}: {_used(lines_published)}, {self.count} {_were(self.count)} not."]
        if self.whole_file_reason:
            parts.append(f"The file: {self.whole_file_reason}.")
        parts += [f"{printable(problem.where)}: {problem.reason}." for problem in self._first]
        hidden = sum(self._reasons.values()) - len(self._first)
        if hidden > 0:
            parts.append(f"… and {hidden} more; the file beside this one that ends in .report.csv lists all.")
        parts += self._remarks()
        if self.whole_file_reason:
            parts.append("./shelf connect guess FILE shows how such a file can be read, and what to set.")
        parts.append(self._advice(lines_published))
        return "\n".join(parts) + "\n"

    def _advice(self, lines_published: int) -> str:
        if not lines_published:
            return "Mend that and drop the file again."
        if self._kind in (None, "sales"):
            return (
                "Mend these lines, change no others, and drop the file again: receipts are known by their numbers, and "
                "lines that were used already are not counted twice."
            )
        if self._kind == "level":
            return "Mend these lines and drop the file again: it counts as what is there then."
        what = NAMES[self._kind]
        return (
            f"Mend these lines and drop the whole file again as {self._file_name}: it is the same {what}, of which "
            f"only the difference counts. Under another name it counts as another {what}, unless its number is in it."
        )

    def _remarks(self) -> list[str]:
        parts = [f"{text}." for text in self._whole]
        parts += [f"{printable(note.where)}: {note.reason}." for note in self._notes]
        if self.note_count > len(self._notes):
            parts.append(f"… and {self.note_count - len(self._notes)} more lines that were used so.")
        if self.unused:
            parts.append(f"Columns that were not used: {', '.join(map(printable, self.unused))}.")
        return parts


def _used(lines: int) -> str:
    return f"{lines} line{'' if lines == 1 else 's'} {_were(lines)} used"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def take_back(place: Place, name: str) -> None:
    """Remove the reports on a file that did not get to its place after all."""
    for ending in REPORT_ENDINGS:
        with suppress(IsADirectoryError, PermissionError):  # not ours: somebody's folder has the name
            place.discard(f"{name}{ending}")


def _put(place: Place, name: str, text: str) -> None:
    with place.write(f"{name}{_FOR_PEOPLE}") as report:
        report.write(text)
