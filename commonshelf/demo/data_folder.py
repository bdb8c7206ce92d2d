"""The demo's data directory: fresh for each run, unless the user keeps it."""

import shutil
from pathlib import Path

from commonshelf.runtime_file import find_running

_OURS = "demo-data"
_KEPT = "kept"


class DataFolderError(RuntimeError):
    """The data directory cannot be used."""


class DataFolder:
    """Makes the directory ready, and clears it away. Raises DataFolderError; never removes what no demo has made."""

    def __init__(self, path: Path, *, keep: bool) -> None:
        self.path = path.absolute()
        self._keep = keep
        self.has_past = False
        """Whether an earlier run's data is in it, once it is prepared."""

    def prepare(self) -> None:
        """Empty, or with what a kept run left."""
        running = find_running([self.path])
        if running is not None:
            raise DataFolderError(f"process {running.pid} runs a demo in {self.path} already; stop it first")
        if not self._keep and (self.path / _KEPT).exists():
            raise DataFolderError(
                f"{self.path} holds the data of an earlier `demo --keep`; go on with --keep, or remove that directory"
            )
        if self.path.exists() and any(self.path.iterdir()) and not (self.path / _OURS).exists():
            raise DataFolderError(f"{self.path} holds other data; run the demo from another directory")
        try:
            if not self._keep:
                self._remove()
            self.has_past = (self.path / _KEPT).exists()
            self.path.mkdir(parents=True, exist_ok=True)
            (self.path / _OURS).touch()
            if self._keep:
                (self.path / _KEPT).touch()
        except OSError as error:
            raise DataFolderError(
                f"cannot make {self.path} ready ({error.strerror}); check the rights and the free disk"
            ) from None

    def clear_away(self) -> None:
        """Remove it, unless it is kept."""
        if not self._keep:
            self._remove()

    def _remove(self) -> None:
        if (self.path / _OURS).exists():
            shutil.rmtree(self.path)
