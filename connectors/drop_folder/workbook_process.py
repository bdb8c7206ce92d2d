"""The process that reads one workbook: it holds up nobody else, and the system ends it when it takes too much.

Its standard input is the workbook, its standard output takes the rows of the first sheet, one line of JSON each:
[number, [values]]. The last line is {"rows": count}, {"refused": why} or {"errno": number}.
"""

import json
import resource
import sys
import warnings
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import BinaryIO, TextIO

from connectors.drop_folder.rows import LINE_MAX_CHARS
from connectors.drop_folder.survey import FileRefused
from connectors.drop_folder.workbook_measure import BROKEN, measure

CPU_MAX_S = 300
MEMORY_MAX_BYTES = 1 << 30
OUTPUT_MAX_BYTES = 2 << 30
TOO_MUCH = (
    f"it takes more than {CPU_MAX_S} s or {MEMORY_MAX_BYTES >> 20} MiB to read this workbook; save the sheet as CSV"
)


def main() -> None:
    """Read standard input to the last line of the output."""
    sys.modules["numpy"] = None  # type: ignore[assignment]  # openpyxl would load it, for values that no file holds
    import openpyxl  # noqa: F401, PLC0415  before there are limits

    _limit_ourselves()
    warnings.filterwarnings("ignore", module="openpyxl")  # of styles and extensions that are not read here
    print(json.dumps(_written(sys.stdin.buffer, sys.stdout)))


def _written(stream: BinaryIO, out: TextIO) -> dict[str, object]:
    count = 0
    try:
        stream.seek(0)
        measure(stream)
        for number, values in _cells(stream):
            out.write(json.dumps([number, [_encoded(value) for value in values]], separators=(",", ":")) + "\n")
            count += 1
        out.flush()
    except FileRefused as refused:
        return {"refused": str(refused)}
    except MemoryError:
        return {"refused": TOO_MUCH}
    except OSError as error:
        return {"errno": error.errno}
    except Exception as error:  # noqa: BLE001  a damaged archive makes its readers raise whatever it leads to
        return {"refused": f"{BROKEN}: {type(error).__name__}"}
    return {"rows": count}


def _cells(stream: BinaryIO) -> Iterator[tuple[int, tuple[object, ...]]]:
    """(row number, its values) of the first sheet's rows."""
    import openpyxl  # noqa: PLC0415  who starts this process does without it

    stream.seek(0)
    try:
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what the file says of its size need not be so
        yield from enumerate(sheet.iter_rows(values_only=True), start=1)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # a malformed part makes openpyxl raise whatever it happens to lead to
        raise FileRefused(f"{BROKEN}: {type(error).__name__}") from error


def _encoded(value: object) -> object:
    """A value of a cell as JSON; one that JSON does not know as {its type: its text}."""
    if isinstance(value, str):
        return value[: LINE_MAX_CHARS + 1]  # a row of that length is refused by whoever reads it
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime | date | time):
        return {type(value).__name__: value.isoformat()}
    if isinstance(value, timedelta):
        return {"timedelta": [value.days, value.seconds, value.microseconds]}
    return str(value)


def _limit_ourselves() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_MAX_S, CPU_MAX_S + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_MAX_BYTES, OUTPUT_MAX_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX_BYTES, MEMORY_MAX_BYTES))


if __name__ == "__main__":
    main()
