"""A clock of its own for a process under test: the system's, plus the seconds that a file says, read time and again."""

import os
import threading
import time
from pathlib import Path

VARIABLE = "COMMONSHELF_TEST_CLOCK"
_LOOK_AGAIN_S = 0.05


def follow_clock() -> None:
    """From now on, this process tells the time by the file that COMMONSHELF_TEST_CLOCK names, if it names one."""
    path = os.environ.get(VARIABLE)
    if path is None:
        return
    real_s, real_ns = time.time, time.time_ns
    ahead_s = _ahead_s(Path(path))

    def watch() -> None:
        nonlocal ahead_s
        while True:
            ahead_s = _ahead_s(Path(path))
            time.sleep(_LOOK_AGAIN_S)

    threading.Thread(target=watch, name="clock", daemon=True).start()
    time.time = lambda: real_s() + ahead_s
    time.time_ns = lambda: real_ns() + ahead_s * 1_000_000_000


def set_clock(path: Path, ahead_s: int) -> None:
    """Step the clock that `path` stands for: so many seconds ahead of the system's, or behind it."""
    written = path.with_suffix(".new")
    written.write_text(str(ahead_s))
    written.replace(path)


def _ahead_s(path: Path) -> int:
    return int(path.read_text()) if path.exists() else 0
