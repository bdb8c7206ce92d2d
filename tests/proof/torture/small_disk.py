"""A small disk of its own under a folder (tmpfs), which can be made full and given its space back at once."""

import os
import subprocess
from pathlib import Path

_PAGE_BYTES = 4_096
_TRIES = 20


class CannotMountError(RuntimeError):
    """Only root can mount; the text says what the system said."""


class SmallDisk:
    """Mounted at `folder`, which is made; `close` unmounts it. Raises CannotMountError."""

    def __init__(self, folder: Path, size_mib: int) -> None:
        self.folder = folder
        self._size_mib = size_mib
        folder.mkdir(parents=True, exist_ok=True)
        self._run("mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "small-disk", str(folder))

    def fill(self) -> None:
        """Hardly any space is left from now on: a page, or more if that is written while it is being asked for."""
        for doubled in range(_TRIES):
            status = os.statvfs(self.folder)
            used = (status.f_blocks - status.f_bfree) * status.f_frsize
            try:
                self._run("mount", "-o", f"remount,size={used + (_PAGE_BYTES << doubled)}", str(self.folder))
            except CannotMountError:
                if doubled == _TRIES - 1:
                    raise
            else:
                return

    def give_space(self) -> None:
        """As before."""
        self._run("mount", "-o", f"remount,size={self._size_mib}m", str(self.folder))

    def close(self) -> None:
        # Lazily: what is still open there goes when it is closed.
        self._run("umount", "-l", str(self.folder))

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CannotMountError(done.stderr.strip() or f"{command[0]} ended with {done.returncode}")
