"""Our own engine as a measured process: a ledger worker with the pool's processor. COMMONSHELF_LEDGER_COLUMNAR=false
has it take all sales in the ordinary lane.

Run as `python -m bench.ledger JSON` it is the worker; `Ledger` starts it from a benchmark.
"""

import json
import os
import re
import sys
import time
from pathlib import Path

import httpx

from bench.child import BenchProcess, module_command
from bench.cluster import Cluster, wait_until
from commonshelf.stack.parent_watch import end_with_parent
from messaging.logs import log_to_stderr
from streams.pool.processor import PoolProcessor
from streams.runtime import WorkerSettings, run_worker

_PAGES = re.compile(r"pages on (http://\S+)")
_RESTORE = re.compile(r"^commonshelf_worker_restore_seconds (\S+)$", re.MULTILINE)


class Ledger(BenchProcess):
    """A running ledger worker of `group`. `instance` names its place in the group, and its log and state."""

    def __init__(
        self, cluster: Cluster, folder: Path, group: str, instance: str = "ledger-1",
        batch_records: int = WorkerSettings.batch_records, core: int | None = None,
    ) -> None:  # fmt: skip
        self.state_dir = folder / f"{group}-{instance}"
        self._log_starts_at = 0
        log = folder / f"{group}-{instance}.log"
        if log.exists():
            self._log_starts_at = log.stat().st_size
        arguments = {
            "bootstrap_servers": cluster.bootstrap_servers,
            "group": group,
            "instance_id": instance,
            "state_dir": str(self.state_dir),
            "batch_records": batch_records,
            "partitions": cluster.partitions,
        }
        super().__init__(module_command("bench.ledger", arguments), log, core)
        self._pages = httpx.Client(timeout=10.0, trust_env=False)
        self._url = ""

    def wait_ready(self, timeout_s: float = 120.0) -> float:
        """Return when it holds restored partitions, with the seconds from its start."""
        wait_until(self._is_ready, "the ledger worker to be ready", timeout_s)
        return time.monotonic() - self.started_s

    def restore_s(self) -> float:
        """The time that the last assignment took to restore, as the worker says."""
        found = _RESTORE.search(self._pages.get(f"{self._url}/metrics").text)
        return float(found.group(1)) if found else 0.0

    def holds(self, pool: str) -> bool:
        """Whether the pool's partition is with this worker."""
        return self._pages.get(f"{self._url}/tables/pool", params={"pool": pool}).status_code == httpx.codes.OK

    def _is_ready(self) -> bool:
        self.check()
        if not self._url:
            found = _PAGES.search(self.log.read_text(encoding="utf-8")[self._log_starts_at :])
            if found is None:
                return False
            self._url = found.group(1)
        try:
            return self._pages.get(f"{self._url}/ready").status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def stop(self) -> None:
        super().stop()
        self._pages.close()


def main() -> None:
    """Be the worker."""
    end_with_parent()
    log_to_stderr()
    given = json.loads(sys.argv[1])
    settings = WorkerSettings(**{**given, "state_dir": Path(given["state_dir"])})
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    run_worker(PoolProcessor(columnar=os.environ.get("COMMONSHELF_LEDGER_COLUMNAR") != "false"), settings)


if __name__ == "__main__":
    main()
