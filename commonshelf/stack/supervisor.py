"""Child processes that are kept running, logged to files, and never left behind.

A child that ends by itself is started again after a pause that doubles while it keeps crashing. A child's
standard input is a pipe from us: `commonshelf.stack.parent_watch` in the child ends it when that pipe closes,
which it does however we end. Each child runs in its own session, so Ctrl-C reaches only us and we stop them in
order.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from commonshelf.embedded_kafka.private_files import OTHERS, private_folder, private_opener
from commonshelf.stack.parent_watch import WATCH_STDIN_VARIABLE

Say = Callable[[str], None]
"""Takes one line for the user."""

_POLL_S = 0.1
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 15.0
_CALM_S = 30.0
"""A child that ran this long has recovered: its next crash counts as the first."""
_TELL_AFTER_CRASHES = 3
_STOP_GRACE_S = 25.0  # connectors answer what is under way and confirm what they have published
_LOG_MAX_BYTES = 32 << 20
_TROUBLE_PAUSE_S = 2.0
"""Between two tries when the machine itself says no: a full disk, no more processes."""


@dataclass(frozen=True)
class ProcessSpec:
    """A process. Children with a lower `stop_order` are stopped, and have ended, before the next ones are told."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    """The whole environment; may hold secrets."""
    stop_order: int = 0


@dataclass(frozen=True)
class ProcessStatus:
    """A child as it is now. `pid` is None while it does not run."""

    name: str
    state: Literal["running", "restarting", "stopped"]
    pid: int | None
    crashes: int
    log_path: Path


class Supervisor:
    """Runs `specs` from start() to stop(); tells `say` of restarts, of crashes in a row, and of recovery."""

    def __init__(
        self, specs: Sequence[ProcessSpec], log_dir: Path, say: Say, *, stop_grace_s: float = _STOP_GRACE_S
    ) -> None:
        self._children = [_Child(spec, log_dir / f"{spec.name}.log", say) for spec in specs]
        self._log_dir = log_dir
        self._stop_grace_s = stop_grace_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self, later: Collection[str] = ()) -> None:
        """Start the children, but for those named in `later`. Raises OSError when the log folder cannot be written."""
        private_folder(self._log_dir)
        for child in self._children:
            if child.spec.name not in later:
                child.launch()
        self._thread.start()

    def start_rest(self) -> None:
        """Start those that start() left for later."""
        for child in self._children:
            if not child.is_wanted:
                child.launch()

    def stop(self) -> None:
        """Stop the children in the order of their rank: SIGTERM, and SIGKILL for those that take too long."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        for rank in sorted({child.spec.stop_order for child in self._children}):
            group = [child for child in self._children if child.spec.stop_order == rank]
            for child in group:
                child.signal(signal.SIGCONT)
                child.signal(signal.SIGTERM)
            deadline = time.monotonic() + self._stop_grace_s
            for child in group:
                child.end(deadline)

    @property
    def statuses(self) -> list[ProcessStatus]:
        return [child.status() for child in self._children]

    def _watch(self) -> None:
        while not self._stopping.wait(_POLL_S):
            now = time.monotonic()
            for child in self._children:
                child.tend(now)  # raises nothing that the machine may do: this thread keeps all of them alive


class _Child:
    """One process and its history."""

    def __init__(self, spec: ProcessSpec, log_path: Path, say: Say) -> None:
        self.spec = spec
        self._log_path = log_path
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0
        self._restart_at_s = 0.0
        self._crashes_in_row = 0
        self._crashes = 0
        self._trouble = ""
        self._trouble_until_s = 0.0
        self.is_wanted = False

    def launch(self) -> None:
        """Raises OSError when the log cannot be written or no process can be made."""
        private_folder(self._log_path.parent)
        with open(self._log_path, "ab", opener=private_opener) as log:
            self._process = subprocess.Popen(
                self.spec.argv,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**self.spec.env, WATCH_STDIN_VARIABLE: "1", "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
                umask=OTHERS,
            )
        self._started_s = time.monotonic()
        self.is_wanted = True

    def tend(self, now_s: float) -> None:
        """One look: restart it if it is due, note a crash, keep its log within bounds. Trouble is told once."""
        if now_s < self._trouble_until_s:
            return
        try:
            self._look(now_s)
        except OSError as error:
            self._trouble_until_s = now_s + _TROUBLE_PAUSE_S
            if str(error) != self._trouble:
                self._trouble = str(error)
                self._say(f"{self.spec.name} cannot be looked after: {error}; it goes on once that is set right")
        else:
            self._trouble = ""

    def _look(self, now_s: float) -> None:
        if self._process is None:
            if self.is_wanted and now_s >= self._restart_at_s:
                self.launch()
            return
        code = self._process.poll()
        if code is not None:
            self._crashed(code, now_s)
        elif self._crashes_in_row and now_s - self._started_s > _CALM_S:
            if self._crashes_in_row >= _TELL_AFTER_CRASHES:
                self._say(f"{self.spec.name} runs again")
            self._crashes_in_row = 0
        _bound_log(self._log_path)

    def _crashed(self, code: int, now_s: float) -> None:
        self._close()
        self._crashes += 1
        self._crashes_in_row += 1
        pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** (self._crashes_in_row - 1))
        self._restart_at_s = now_s + pause_s
        if self._crashes_in_row == 1:
            self._say(
                f"{self.spec.name} ended ({_describe(code)}): {last_line(self._log_path)}; it is started again; "
                f"its log is {self._log_path}"
            )
        elif self._crashes_in_row % _TELL_AFTER_CRASHES == 0:
            self._say(
                f"{self.spec.name} keeps crashing ({self._crashes_in_row} times in a row, {_describe(code)}): "
                f"{last_line(self._log_path)}; it is started again and again; its log is {self._log_path}"
            )

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def end(self, deadline_s: float) -> None:
        """Wait until it has ended; kill it at the deadline."""
        self.is_wanted = False
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._say(f"{self.spec.name} did not stop in time and was killed; its log is {self._log_path}")
            self._process.kill()
            self._process.wait()
        self._close()

    def status(self) -> ProcessStatus:
        process = self._process
        if process is not None and process.poll() is None:
            return ProcessStatus(self.spec.name, "running", process.pid, self._crashes, self._log_path)
        state: Literal["stopped", "restarting"] = "restarting" if self.is_wanted else "stopped"
        return ProcessStatus(self.spec.name, state, None, self._crashes, self._log_path)

    def _close(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None


def last_line(path: Path) -> str:
    """The last line of a log that says something."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 8192))
            lines = [line.strip() for line in log.read().decode("utf-8", errors="replace").splitlines() if line.strip()]
    except (FileNotFoundError, NotADirectoryError):
        return "its log is gone"
    return lines[-1][:300].rstrip(".").removeprefix("shelf: ") if lines else "it said nothing"


def _describe(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def _bound_log(path: Path) -> None:
    """Move a full log's content aside. The child goes on writing: its file is open for appending."""
    if not path.exists() or path.stat().st_size <= _LOG_MAX_BYTES:
        return  # someone may have removed it; the child's next start makes a new one
    with path.open("r+b") as log, open(path.with_suffix(".old.log"), "wb", opener=private_opener) as old:
        _copy(log, old)
        log.truncate(0)


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    while chunk := source.read(1 << 20):
        target.write(chunk)
