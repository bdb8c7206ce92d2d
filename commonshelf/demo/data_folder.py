"""The demo's data directory: fresh for each run, unless the user keeps it."""

import shutil
from io import TextIOWrapper
from pathlib import Path

from commonshelf.embedded_kafka.lock_file import HeldByAnotherError, hold

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
        self._hold: TextIOWrapper | None = None

    def prepare(self) -> None:
        """Empty, or with what a kept run left."""
        try:
            self._hold = hold(self.path.with_name(f"{self.path.name}.lock"))  # not in what is removed
        except HeldByAnotherError as error:
            raise DataFolderError(
                f"process {error.holder} runs a demo in {self.path} already; stop it, or run this one from another "
                "directory"
            ) from None
        except OSError as error:
            raise self._unusable(error) from None
        try:
            self._make_ready()
        except BaseException:
            self._hold.close()
            raise

    def _make_ready(self) -> None:
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
            raise self._unusable(error) from None

    def _unusable(self, error: OSError) -> DataFolderError:
        return DataFolderError(f"cannot make {self.path} ready ({error.strerror}); check the rights and the free disk")

    def clear_away(self) -> None:
        """Remove it, unless it is kept, and let go of it."""
        if not self._keep:
            self._remove()
        if self._hold is not None:
            self._hold.close()

    def _remove(self) -> None:
        if (self.path / _OURS).exists():
            shutil.rmtree(self.path)
