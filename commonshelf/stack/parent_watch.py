"""Ends a child process when its parent is gone, however the parent ended.

The parent holds the write end of our standard input and never writes. When it ends, the system closes the pipe
and our read returns. PR_SET_PDEATHSIG would be shorter, but fires when the parent's *thread* that started us ends.
"""

import os
import signal
import sys
import threading
import time

WATCH_STDIN_VARIABLE = "COMMONSHELF_WATCH_STDIN"
_GRACE_S = 10.0


def end_with_parent() -> None:
    """Watch the parent, if it asked for that. SIGTERM to ourselves first, a hard exit when that takes too long."""
    if os.environ.pop(WATCH_STDIN_VARIABLE, None) != "1":
        return
    threading.Thread(target=_watch, name="parent-watch", daemon=True).start()


def _watch() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    os._exit(1)
