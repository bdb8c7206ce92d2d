"""A worker as `up` starts it, on the settings file of a folder."""

import subprocess
import sys
from pathlib import Path

from commonshelf.stack.parent_watch import WATCH_STDIN_VARIABLE


def start_worker(role: str, folder: Path, failpoint: str = "") -> "subprocess.Popen[bytes]":
    """`worker ROLE`; it dies at its failpoint. Its log goes to log.txt of the folder, which has shelf.toml."""
    with (folder / "log.txt").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "commonshelf", "worker", role, "--config", str(folder / "shelf.toml")],
            env={
                WATCH_STDIN_VARIABLE: "1", "COMMONSHELF_FAILPOINTS": failpoint,
                "COMMONSHELF_FAILPOINT_LOG": str(folder / "hits.txt"),
            },
            stdin=subprocess.PIPE, stdout=log, stderr=log,
        )  # fmt: skip
