"""A file that one process holds against all others. The system lets go of it when the holder ends, however it ends."""

import fcntl
import os
from io import TextIOWrapper
from pathlib import Path

from commonshelf.embedded_kafka.private_files import private_folder, private_opener


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
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise HeldByAnotherError(holder) from None
    try:
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
    except OSError:
        file.close()
        raise
    return file
