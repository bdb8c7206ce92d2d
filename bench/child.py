"""A measured process: started as a module of its own, sampled from outside, ended whatever happens."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from bench.errors import BenchError
from bench.figures import Sample
from commonshelf.stack.parent_watch import WATCH_STDIN_VARIABLE

ROOT = Path(__file__).resolve().parents[1]
_SAMPLE_EVERY_S = 0.05
_STOP_GRACE_S = 15.0


def module_command(module: str, arguments: Mapping[str, Any], python: Path = Path(sys.executable)) -> list[str]:
    """`python -m module JSON`."""
    return [str(python), "-m", module, json.dumps(arguments)]


@contextmanager
def pinned(*cores: int | None) -> Iterator[None]:
    """Hold this thread, and what it starts meanwhile, on these cores. None leaves everything as it is."""
    wanted = {core for core in cores if core is not None}
    if not wanted:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, wanted)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class BenchProcess:
    """A command with its output in a file; it ends with us, even when we are killed."""

    def __init__(self, command: Sequence[str], log: Path, core: int | None = None) -> None:
        self.samples: list[Sample] = []
        self.started_s = time.monotonic()
        self.log = log
        with log.open("ab") as output, pinned(core):
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd=ROOT,
                env={**os.environ, WATCH_STDIN_VARIABLE: "1"},
            )
        self._ended = threading.Event()
        self._sampler = threading.Thread(target=self._sample, name=f"sampler-{self.pid}", daemon=True)
        self._sampler.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def check(self) -> None:
        """Raise BenchError, with the last line it logged, when it no longer runs."""
        if not self.is_alive():
            said = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise BenchError(f"{self.log.stem} ended by itself: {said[-1] if said else 'it logged nothing'}")

    def wait_sampled(self) -> None:
        """Return when what it has used up until now is in the samples."""
        now_s = time.time()
        while self.is_alive() and (not self.samples or self.samples[-1].at_s < now_s):
            time.sleep(_SAMPLE_EVERY_S / 5)

    def rss_bytes(self) -> int:
        """Resident memory now."""
        return int(psutil.Process(self.pid).memory_info().rss)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, then SIGKILL when that takes too long. May be repeated."""
        self._end(signal.SIGTERM)

    def _end(self, by: signal.Signals) -> None:
        self._process.send_signal(by)
        try:
            self._process.wait(_STOP_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._ended.set()
        self._sampler.join()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _sample(self) -> None:
        process = psutil.Process(self.pid)
        while not self._ended.wait(_SAMPLE_EVERY_S):
            try:
                with process.oneshot():
                    cpu, rss_bytes = process.cpu_times(), process.memory_info().rss
            except psutil.Error:
                return
            self.samples.append(Sample(time.time(), cpu.user + cpu.system, rss_bytes))
