"""The folder of an embedded cluster: who holds it, and what a later start must know (id, ports, processes)."""

import fcntl
import json
import shutil
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from io import TextIOWrapper
from pathlib import Path

from commonshelf.embedded_kafka.errors import DataDirectoryError, DataDirectoryInUseError, NotEnoughDiskError
from commonshelf.embedded_kafka.lock_file import HeldByAnotherError, hold
from commonshelf.embedded_kafka.private_files import write_private
from commonshelf.embedded_kafka.server_config import BrokerPorts

_MIN_FREE_MIB = 512
_SWEEP_AGE_S = 60
_TEMPORARY_PREFIX = "commonshelf-kafka-"


@dataclass
class ClusterState:
    """The content of `embedded.json`. `pids` are the broker processes of the last start."""

    cluster_id: str
    brokers: int
    ports: list[BrokerPorts] = field(default_factory=list)
    pids: list[int] = field(default_factory=list)


class DataDir:
    """An exclusively held data directory; a temporary one, removed on release, when `kept` is None."""

    def __init__(self, kept: Path | None) -> None:
        self._is_temporary = kept is None
        if kept is None:
            _sweep_temporary()
        self.path = Path(tempfile.mkdtemp(prefix=_TEMPORARY_PREFIX)) if kept is None else kept.expanduser().absolute()
        self._state_path = self.path / "embedded.json"
        self._lock = self._acquire()

    def read_state(self, brokers: int) -> ClusterState:
        """The state of the last start, or a new cluster's.

        Raises DataDirectoryError when it is unreadable or the cluster has another number of brokers.
        """
        try:
            raw = json.loads(self._state_path.read_text(encoding="utf-8"))
            ports = [BrokerPorts(**port) for port in raw["ports"]]
            state = ClusterState(raw["cluster_id"], raw["brokers"], ports, raw["pids"])
        except FileNotFoundError:
            return self._new_state(brokers)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataDirectoryError(
                f"cannot read {self._state_path} ({error}); restore it, or name another data directory."
            ) from error
        if state.brokers != brokers:
            raise DataDirectoryError(
                f"{self.path} holds a cluster of {state.brokers} brokers, not {brokers}; "
                f"start it with {state.brokers}, or name another data directory."
            )
        return state

    def write_state(self, state: ClusterState) -> None:
        """Replace the kept state in one step. Raises DataDirectoryError when it cannot be written."""
        try:
            write_private(self._state_path, json.dumps(asdict(state), indent=1))
        except OSError as error:
            raise DataDirectoryError(
                f"cannot write {self._state_path} ({error.strerror}); check the free disk and the folder's rights."
            ) from error

    def release(self) -> None:
        """Let go of the directory and remove it if it is temporary."""
        if self._is_temporary:
            shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()

    def check_free_disk(self) -> None:
        """Raises NotEnoughDiskError when the file system is nearly full."""
        free_mib = shutil.disk_usage(self.path).free >> 20
        if free_mib < _MIN_FREE_MIB:
            raise NotEnoughDiskError(
                f"the disk of {self.path} has {free_mib} MiB free, but Kafka needs {_MIN_FREE_MIB} MiB; "
                "free some space, or name a data directory on another disk."
            )

    def _acquire(self) -> TextIOWrapper:
        try:
            return hold(self.path / "embedded.lock")
        except OSError as error:
            raise DataDirectoryError(
                f"cannot use {self.path} as data directory ({error.strerror}); "
                "check its owner and rights and the free disk, or name another one."
            ) from error
        except HeldByAnotherError as error:
            raise DataDirectoryInUseError(
                f"{self.path} is in use by process {error.holder}, which runs Kafka on it; "
                "stop that process, or name another data directory."
            ) from None

    def _new_state(self, brokers: int) -> ClusterState:
        stray = next(self.path.glob("broker-*/data/meta.properties"), None)
        if stray is not None:
            raise DataDirectoryError(
                f"{stray} is another cluster's, as {self._state_path.name} is missing beside it; "
                "name another data directory, or move that data away."
            )
        return ClusterState(_new_cluster_id(), brokers)


def _new_cluster_id() -> str:
    """A random id in Kafka's form; like Kafka's own, never one that a command line takes for an option."""
    while (cluster_id := urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return cluster_id


def _sweep_temporary() -> None:
    """Remove temporary directories whose owner was killed."""
    for path in Path(tempfile.gettempdir()).glob(f"{_TEMPORARY_PREFIX}*"):
        # An error means that it is another user's, in use, or gone; a young one may be about to be locked.
        with suppress(OSError), (path / "embedded.lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - path.stat().st_mtime > _SWEEP_AGE_S:
                shutil.rmtree(path, ignore_errors=True)
