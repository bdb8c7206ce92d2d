"""Ledger workers as processes of their own, killed and started again under their names."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from commonshelf.stack.parent_watch import WATCH_STDIN_VARIABLE

ROOT = Path(__file__).resolve().parents[2]


class LedgerProcess:
    """One worker's place: processes come and go, its state in the folder stays. Killed when the context ends."""

    def __init__(
        self, bootstrap_servers: str, folder: Path, partitions: int, name: str = "one", batch_records: int = 50
    ) -> None:
        self._command = [
            sys.executable, "-m", "tests.proof.faults.worker", "--bootstrap-servers", bootstrap_servers,
            "--instance", name, "--state-dir", str(folder / f"{name}-state"), "--partitions", str(partitions),
            "--batch-records", str(batch_records),
        ]  # fmt: skip
        self._log, self._hits = folder / f"{name}.txt", folder / f"{name}.hits"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, failpoint: str = "") -> None:
        """Start it, with a failpoint as in "after_fold=kill:3"."""
        environment = {
            WATCH_STDIN_VARIABLE: "1",
            "COMMONSHELF_FAILPOINTS": failpoint,
            "COMMONSHELF_FAILPOINT_LOG": str(self._hits),
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log
            )

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def die_at(self, failpoint: str) -> int:
        """Start it and wait until its failpoint has killed it; how many records its open batch held."""
        self.start(failpoint)
        assert self._process is not None
        self._process.wait()
        self._process.communicate()
        hit: dict[str, Any] = json.loads(self._hits.read_text().splitlines()[-1])
        assert hit["pid"] == self._process.pid, self.said()
        return int(hit["in_flight"])

    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


class Crew:
    """Two workers, each started again when it is killed."""

    def __init__(self, bootstrap_servers: str, folder: Path, partitions: int, batch_records: int = 50) -> None:
        self._workers = {
            name: LedgerProcess(bootstrap_servers, folder, partitions, name, batch_records) for name in ("one", "two")
        }

    def kill(self, name: str) -> None:
        self._workers[name].kill()
        self._workers[name].start()

    def __enter__(self) -> Self:
        for worker in self._workers.values():
            worker.start()
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers.values():
            worker.kill()
