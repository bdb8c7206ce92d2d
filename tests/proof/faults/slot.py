"""The place of a process on a stage, and the words of those that ran there."""

import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.proof.faults.fork_server import ForkedWorker

_DUMP_S = 2.0
"""For a report, which may lack the stacks on a slow machine."""


@dataclass
class Slot:
    """A process's place: its name and folder stay, its processes come and go."""

    instance: str
    folder: Path
    command: Sequence[str] = ()
    """How it is started; of a worker, its arguments."""
    is_worker: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | ForkedWorker | None = None
    is_kept_alive: bool = True
    armed: str = ""
    """Failpoints of the next process that is started."""
    started: int = 0
    exits: list[int] = field(default_factory=list)

    @property
    def log(self) -> Path:
        """What its processes said."""
        return self.folder / "log.txt"

    def says(self, since: int = 0) -> bytes:
        """What its processes said, from that byte on."""
        return self.log.read_bytes()[since:] if self.log.exists() else b""

    @property
    def state_dir(self) -> Path:
        return self.folder / "state"

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        """Of the process that runs, or ran last."""
        return 0 if self.process is None else self.process.pid

    def send(self, sent: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(sent)


def worker_log(slots: Sequence[Slot]) -> str:
    """The last lines that the workers said, repeats left out, for a report of what went wrong."""
    tails = []
    for slot in slots:
        said = slot.log.read_text(errors="replace").splitlines() if slot.log.exists() else []
        lines = [line for line in said if "Connection refused" not in line]
        first_of_kind = {re.sub(r"\d+", "#", line): line for line in reversed(lines)}
        tails.append(f"--- {slot.instance} exits {slot.exits[-10:]}")
        tails += list(reversed(first_of_kind.values()))[-30:]
    return "\n".join(tails)


def last_words(slot: Slot) -> str:
    """The last lines that the process said of its own, Kafka's client left out, and then where its threads are.

    Only for one that writes its threads' stacks into its log on SIGUSR1.
    """
    own = [line for line in slot.says().decode(errors="replace").splitlines() if not line.startswith("%")]
    said = len(slot.says())
    slot.send(signal.SIGUSR1)
    time.sleep(_DUMP_S)
    return "\n".join([*own[-20:], slot.says(said).decode(errors="replace")])
