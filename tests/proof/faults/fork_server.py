"""Starts workers by forking a process that has imported all they need: a start then costs a tenth of its time.

A worker that was forked is a process like any other: it has its own environment, output and signals, and it ends when
the fork server does, which ends when whoever started it does.
"""

import contextlib
import gc
import json
import os
import select
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from streams.runtime import failpoints
from tests.proof.faults import worker
from tests.support.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[3]
_LOOK_AGAIN_S = 0.02


class ForkedWorker:
    """A worker that was forked, in the manner of subprocess.Popen."""

    def __init__(self, pid: int, fork_server: "ForkServer") -> None:
        self.pid = pid
        self._fork_server = fork_server

    def poll(self) -> int | None:
        """The exit status, below zero for a signal; None while it runs."""
        return self._fork_server.ended.get(self.pid)

    def wait(self) -> int:
        with self._fork_server.heard:
            self._fork_server.heard.wait_for(lambda: self.pid in self._fork_server.ended)
        return self._fork_server.ended[self.pid]

    def send_signal(self, sent: signal.Signals) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended, and we are about to hear of it
                os.kill(self.pid, sent)


class ForkServer:
    """The forking process, as its parent sees it. One worker is started at a time."""

    def __init__(self) -> None:
        self.ended: dict[int, int] = {}
        self.heard = threading.Condition()
        self._started: list[int] = []
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.proof.faults.fork_server"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip
        self._listener = threading.Thread(target=self._listen, name="fork server", daemon=True)
        self._listener.start()

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> ForkedWorker:
        """A worker with these arguments, this environment and this file for what it says."""
        order = {"arguments": list(arguments), "environment": dict(environment), "log": str(log)}
        with self._lock, self.heard:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(order) + "\n")
            self.heard.wait_for(lambda: self._started, PATIENCE_S)
            return ForkedWorker(self._started.pop(), self)

    def close(self) -> None:
        """End it, and with it whatever it has started."""
        self._process.kill()
        self._process.wait()
        self._listener.join()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            with self.heard:
                if "started" in told:
                    self.ended.pop(told["started"], None)  # the system gives numbers again
                    self._started.append(told["started"])
                else:
                    self.ended[told["ended"]] = told["status"]
                self.heard.notify_all()


def main() -> None:
    """Fork on demand, and tell what has ended."""
    gc.collect()
    gc.freeze()
    lifelines: dict[int, int] = {}
    """pid → the end of a pipe that is closed when we are gone."""
    while True:
        if select.select([sys.stdin], [], [], _LOOK_AGAIN_S)[0]:
            order = sys.stdin.readline()
            if not order:
                return
            theirs, ours = os.pipe()
            pid = os.fork()
            if pid == 0:
                for end in (*lifelines.values(), ours):
                    os.close(end)
                _be_worker(theirs, json.loads(order))
            os.close(theirs)
            lifelines[pid] = ours
            _tell({"started": pid})
        while lifelines:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            os.close(lifelines.pop(pid))
            _tell({"ended": pid, "status": os.waitstatus_to_exitcode(status)})


def _tell(what: dict[str, int]) -> None:
    print(json.dumps(what), flush=True)


def _be_worker(lifeline: int, order: dict[str, object]) -> None:
    """Never returns."""
    status = 1
    try:
        os.dup2(lifeline, 0)
        log = os.open(str(order["log"]), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.clear()
        os.environ.update(order["environment"])  # type: ignore[call-overload]
        failpoints._armed = failpoints._parse(os.environ.get("COMMONSHELF_FAILPOINTS", ""))
        worker.main(order["arguments"])  # type: ignore[arg-type]
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
