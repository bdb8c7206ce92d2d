"""Places where a test can have this process killed or stopped: COMMONSHELF_FAILPOINTS="after_fold=kill:7,…".

Each entry is name=action:hit; the action (kill or stop) happens on that hit, counted from 1. Before it, a line
is appended to the file COMMONSHELF_FAILPOINT_LOG, which proves that the fault landed and what was in flight.
"""

import json
import os
import signal
import threading
import time

NAMES = (
    "after_fold", "after_produce", "before_commit", "after_offsets_sent", "after_commit",
    "before_local_write", "after_local_write", "mid_restore", "mid_assignment", "after_assignment",
    "mid_dead_letter", "during_shutdown",
)  # fmt: skip

_ACTIONS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


def _parse(text: str) -> dict[str, tuple[signal.Signals, int]]:
    armed = {}
    for entry in filter(None, text.split(",")):
        name, _, rest = entry.partition("=")
        action, _, hit = rest.partition(":")
        if name not in NAMES or action not in _ACTIONS:
            raise ValueError(f"COMMONSHELF_FAILPOINTS: {entry!r} is not NAME=kill:N or NAME=stop:N")
        armed[name] = (_ACTIONS[action], int(hit or 1))
    return armed


_armed = _parse(os.environ.get("COMMONSHELF_FAILPOINTS", ""))
_hits: dict[str, int] = {}


def failpoint(name: str, in_flight: int = 0) -> None:
    """Do what a test armed for this place; nothing otherwise. `in_flight` is the number of uncommitted records."""
    if not _armed or name not in _armed:
        return
    sent, wanted = _armed[name]
    _hits[name] = _hits.get(name, 0) + 1
    if _hits[name] != wanted:
        return
    line = {"failpoint": name, "signal": sent.name, "in_flight": in_flight, "pid": os.getpid(), "at": time.time()}
    log = os.open(os.environ["COMMONSHELF_FAILPOINT_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(log, (json.dumps(line) + "\n").encode())
    os.close(log)
    signal.pthread_kill(threading.get_ident(), sent)  # of the whole process, but this thread goes no further
