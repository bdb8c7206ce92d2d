"""The rows of a workbook's first sheet, read by a process of their own and kept in a file without a name."""

import errno
import json
import mmap
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import IO, Any, BinaryIO

from connectors.drop_folder import workbook_process
from connectors.drop_folder.survey import FileRefused

_PROGRAM = workbook_process.__name__
_WALL_MAX_S = 3_600
"""The process is ended by its own limits long before, but on a machine that hardly lets it run."""
_LAST_LINE_MAX_BYTES = 4_096

Values = tuple[object, ...]


class WorkbookRows:
    """(row number, its values) of the rows, as often as they are asked for. The file has no name and ends with this."""

    def __init__(self, rows: IO[bytes]) -> None:
        self._rows = mmap.mmap(rows.fileno(), 0, access=mmap.ACCESS_READ)

    def __iter__(self) -> Iterator[tuple[int, Values]]:
        start = 0
        while (end := self._rows.find(b"\n", start)) >= 0:
            line = self._rows[start:end]
            start = end + 1
            if line.startswith(b"["):
                number, values = json.loads(line)
                yield number, tuple(map(_decoded, values))


def rows_of(stream: BinaryIO) -> WorkbookRows:
    """Read a workbook. Raises FileRefused for one that cannot be read within the limits, OSError of the machine's."""
    with tempfile.TemporaryFile() as rows, _as_file(stream) as book:
        ended = subprocess.run(  # noqa: S603  our own program
            [sys.executable, "-P", "-m", _PROGRAM],
            stdin=book, stdout=rows, stderr=subprocess.DEVNULL, timeout=_WALL_MAX_S, check=False,
            env={"PYTHONPATH": os.pathsep.join(sys.path), "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")},
        )  # fmt: skip
        if ended.returncode > 0:  # it did not come to read: a fault of the installation or of this machine
            raise OSError(f"the process that reads workbooks ended with status {ended.returncode}")
        outcome = _last_line(rows) if ended.returncode == 0 else {"refused": workbook_process.TOO_MUCH}
        number: Any = outcome.get("errno")
        if number == errno.EFBIG:
            raise FileRefused(workbook_process.TOO_MUCH)
        if number is not None:
            raise OSError(number, os.strerror(number))
        if "refused" in outcome:
            raise FileRefused(outcome["refused"])
        return WorkbookRows(rows)


def _as_file(stream: BinaryIO) -> IO[bytes]:
    """What a process can have as its standard input; it moves the position that a real file of ours has."""
    try:
        return os.fdopen(os.dup(stream.fileno()), "rb")
    except OSError:  # it is in memory alone
        stream.seek(0)
        copy = tempfile.TemporaryFile()  # noqa: SIM115  the caller closes it
        shutil.copyfileobj(stream, copy)
        copy.seek(0)
        return copy


def _last_line(rows: IO[bytes]) -> dict[str, Any]:
    """What became of it; a process that was ended has left a row, or half of one."""
    rows.seek(max(0, rows.seek(0, os.SEEK_END) - _LAST_LINE_MAX_BYTES))
    last = rows.read().splitlines()[-1:]
    return json.loads(last[0]) if last and last[0].startswith(b"{") else {"refused": workbook_process.TOO_MUCH}


def _decoded(value: Any) -> object:
    if not isinstance(value, dict):
        return value
    [(kind, text)] = value.items()
    if kind == "timedelta":
        return timedelta(*text)
    return {"datetime": datetime, "date": date, "time": time}[kind].fromisoformat(text)  # type: ignore[attr-defined]
