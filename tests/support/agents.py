"""Agents workers that are killed: forked from a process that has imported all they need, so that a start is cheap."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from tests.support.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]
_FORKS = """
import gc, os, sys, traceback
from pathlib import Path

import streams.agents.worker, streams.vault, commonshelf.desks.partners, commonshelf.desks.vault
import connectors.arrival.adapter, connectors.carriers.adapter, commonshelf.web.webhooks.host
from commonshelf.commands.worker import agents_process
from commonshelf.config.sources import load
from messaging.logs import log_to_stderr

gc.freeze()
for line in sys.stdin:
    config, log = line.split()
    pid = os.fork()
    if pid == 0:
        said = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(said, 1), os.dup2(said, 2)
        try:
            log_to_stderr()
            agents_process(load(Path(config)).settings, 1)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    print(pid, flush=True)
    os.waitpid(pid, 0)
    print("ended", flush=True)
"""


class Agents:
    """`worker agents` with a settings file, one at a time. log: what all of them said."""

    def __init__(self, config: Path, log: Path) -> None:
        self._config, self.log = config, log
        self._pid: int | None = None
        self._forks = subprocess.Popen(
            [sys.executable, "-c", _FORKS], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            bufsize=1,
        )  # fmt: skip

    def start(self) -> None:
        assert self._pid is None, "one at a time"
        self._forks.stdin.write(f"{self._config} {self.log}\n")
        self._pid = int(self._forks.stdout.readline())

    def is_gone(self) -> bool:
        """Whether the one that was started has been killed."""
        return self._pid is not None and not psutil.pid_exists(self._pid)

    def kill(self) -> None:
        """SIGKILL, whatever it is doing."""
        if self._pid is not None:
            os.kill(self._pid, signal.SIGKILL)

    def wait(self) -> None:
        """Return when it is gone."""
        assert self._forks.stdout.readline() == "ended\n"
        self._pid = None

    def close(self) -> None:
        if self._pid is not None:
            self.kill()
            self.wait()
        self._forks.stdin.close()
        self._forks.wait(PATIENCE_S)


def agents_settings(kafka, partitions: int, pool: str, partners: str) -> str:
    """A settings file of one pool. partners: its tables of partners."""
    return (
        f"data_dir = 'data'\npartitions = {partitions}\n[kafka]\nbootstrap_servers = '{kafka.bootstrap_servers}'\n"
        f"[http]\nagents_port = 0\n[[pools]]\nid = '{pool}'\nname = 'North'\n{partners}"
    )
