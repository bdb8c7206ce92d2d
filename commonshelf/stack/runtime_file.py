"""The file runtime.json: a running stack tells the commands that come later, such as `availability` or `doctor`."""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from commonshelf.embedded_kafka.private_files import write_private

DEMO_DATA_DIR = Path(".commonshelf") / "demo"
_NAME = "runtime.json"
_SAME_START_S = 2.0


@dataclass(frozen=True)
class Runtime:
    """A running stack. It holds no secrets: `settings_file` says where these are."""

    pid: int
    pid_started_s: float
    """With the pid, tells whether that process is still the one that wrote this."""
    bootstrap_servers: str
    settings_file: str
    urls: dict[str, str]
    process_pids: dict[str, int]
    kafka_pids: list[int]

    def embeds(self, bootstrap_servers: str | None) -> bool:
        """Whether that is the stack's own Kafka, whose password only `settings_file` leads to."""
        return bool(self.kafka_pids) and self.bootstrap_servers == bootstrap_servers

    @property
    def is_alive(self) -> bool:
        with suppress(psutil.Error):
            return bool(abs(psutil.Process(self.pid).create_time() - self.pid_started_s) < _SAME_START_S)
        return False


def write_runtime(data_dir: Path, runtime: Runtime) -> None:
    """Replace the file in one step."""
    write_private(data_dir / _NAME, json.dumps(asdict(runtime), indent=1) + "\n")


def remove_runtime(data_dir: Path) -> None:
    """Remove the file if it is this process's."""
    found = read_runtime(data_dir)
    if found is not None and found.pid == os.getpid():
        (data_dir / _NAME).unlink(missing_ok=True)


def read_runtime(data_dir: Path) -> Runtime | None:
    """The file's content; None when there is none, or none that can be read. It may be stale: see `is_alive`."""
    with suppress(OSError, ValueError, TypeError):
        return Runtime(**json.loads((data_dir / _NAME).read_text(encoding="utf-8")))
    return None


def find_running(data_dirs: Sequence[Path]) -> Runtime | None:
    """The first running stack of these folders."""
    found = (read_runtime(folder) for folder in data_dirs)
    return next((runtime for runtime in found if runtime is not None and runtime.is_alive), None)
