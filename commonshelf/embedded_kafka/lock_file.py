"""A file that one process holds against all others. The system lets go of it when the holder ends, however it ends."""

import fcntl
import os
import time
from io import TextIOWrapper
from pathlib import Path

from commonshelf.embedded_kafka.private_files import private_folder, private_opener

_LOOKS = 20
_LOOK_PAUSE_S = 0.01
"""holder() takes the file for a moment, which must not pass for a holder."""


class HeldByAnotherError(RuntimeError):
    """Another live process holds the file; `holder` is its process id, "unknown" in the moment before it wrote it."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"held by process {holder}")
        self.holder = holder


def hold(path: Path) -> TextIOWrapper:
    """Hold `path`, made with its folder if it is missing, until the file is closed. Both are this user's alone.

    Raises HeldByAnotherError, or OSError when it cannot be written.
    """
    private_folder(path.parent)
    file = open(path, "a+", encoding="utf-8", opener=private_opener)  # noqa: SIM115  the caller closes it
    for _ in range(_LOOKS):
        if _take(file, fcntl.LOCK_EX):
            break
        time.sleep(_LOOK_PAUSE_S)
    else:
        holder = _written_in(file)
        file.close()
        raise HeldByAnotherError(holder)
    try:
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
    except OSError:
        file.close()
        raise
    return file


def holder(path: Path) -> str | None:
    """The process id of whoever holds `path`, "unknown" in the moment before it wrote it; None when nobody does.

    Unlike a process's id and the time of its start this can neither go to another one nor move with the clock.
    Raises OSError when it cannot be read.
    """
    try:
        file = path.open(encoding="utf-8")
    except FileNotFoundError:
        return None
    with file:
        return None if _take(file, fcntl.LOCK_SH) else _written_in(file)


def _take(file: TextIOWrapper, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _written_in(file: TextIOWrapper) -> str:
    file.seek(0)
    return file.read().strip() or "unknown"
