"""The file runtime.json: a running stack tells the commands that come later, such as `availability` or `doctor`."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from commonshelf.embedded_kafka.lock_file import holder
from commonshelf.embedded_kafka.private_files import write_private

DEMO_DATA_DIR = Path(".commonshelf") / "demo"
LOCK = "stack.lock"
"""In the data folder, held by whoever runs a stack there."""
_NAME = "runtime.json"


@dataclass(frozen=True)
class Runtime:
    """A running stack. It holds no secrets: `settings_file` says where these are."""

    pid: int
    bootstrap_servers: str
    settings_file: str
    urls: dict[str, str]
    process_pids: dict[str, int]
    kafka_pids: list[int]

    def embeds(self, bootstrap_servers: str | None) -> bool:
        """Whether that is the stack's own Kafka, whose password only `settings_file` leads to."""
        return bool(self.kafka_pids) and self.bootstrap_servers == bootstrap_servers


def write_runtime(data_dir: Path, runtime: Runtime) -> None:
    """Replace the file in one step."""
    write_private(data_dir / _NAME, json.dumps(asdict(runtime), indent=1) + "\n")


def remove_runtime(data_dir: Path) -> None:
    """Remove the file. Only for whoever holds the folder."""
    (data_dir / _NAME).unlink(missing_ok=True)


def read_runtime(data_dir: Path) -> Runtime | None:
    """The file's content; None when there is none, or none that can be read. It may be stale: see `read_running`."""
    with suppress(OSError, ValueError, TypeError):
        return Runtime(**json.loads((data_dir / _NAME).read_text(encoding="utf-8")))
    return None


def read_running(data_dir: Path) -> Runtime | None:
    """The file's content while its writer runs, which then holds the folder."""
    runtime = read_runtime(data_dir)
    if runtime is not None:
        with suppress(OSError):
            if holder(data_dir / LOCK) == str(runtime.pid):
                return runtime
    return None


def find_running(data_dirs: Sequence[Path]) -> Runtime | None:
    """The first running stack of these folders."""
    return next((found for folder in data_dirs if (found := read_running(folder)) is not None), None)
