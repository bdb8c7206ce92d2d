"""The folder itself: which entries are files to take, and moving them away without ever overwriting one.

Everything is done by name inside an opened directory, and links are not followed, so nothing outside is touched.
"""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from connectors.drop_folder.formats import FORMATS
from connectors.drop_folder.report import printable
from connectors.drop_folder.survey import FileRefused
from messaging.errors import UserError

DONE = "done"
REJECTED = "rejected"

_ENDINGS = tuple(FORMATS)
_ALLOWED = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._ ()+-]{{0,150}}({'|'.join(map(re.escape, _ENDINGS))})", re.IGNORECASE)
_TEMPORARY_STARTS = (".", "~")
_SAFE_NAME_MAX = 150


_CLOCK_SKEW_S = 60.0


def may_be_written(still_s: float, settle_s: float) -> bool:
    """True for a file that was touched `still_s` ago, if `settle_s` must pass.

    The file system's clock may be a little ahead of ours. A time far ahead is from before a clock was set back.
    """
    return -_CLOCK_SKEW_S < still_s < settle_s


class FolderUnusable(UserError, OSError):
    """The drop folder is not what it should be; the operator must act."""


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """Something in the folder whose name has an ending that is read."""

    name: str
    refusal: str | None
    """The reason why it is not opened at all, or None."""
    touched_at_s: float
    """The last change of its content or name (ctime: the one time that no program can set)."""


class DropFolder:
    """A folder with `done` and `rejected` inside, made when missing. Raises FolderUnusable."""

    def __init__(self, path: Path) -> None:
        try:
            path.mkdir(parents=True, exist_ok=True)
            self.path = path.resolve(strict=True)
            self.done = self._subfolder(DONE)
            self.rejected = self._subfolder(REJECTED)
        except OSError as error:
            raise FolderUnusable(f"the drop folder {path} cannot be used: {error.strerror or error}") from error

    def entries(self) -> list[FolderEntry]:
        """Files to look at, oldest first. Temporary names, folders and other endings are left alone."""
        found = []
        with os.scandir(self.path) as scan:
            for each in scan:
                if not each.name.lower().endswith(_ENDINGS) or each.name.startswith(_TEMPORARY_STARTS):
                    continue
                try:
                    status = each.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue  # taken away meanwhile
                if stat.S_ISDIR(status.st_mode):
                    continue
                found.append(FolderEntry(each.name, _refusal(each.name, status), status.st_ctime))
        return sorted(found, key=lambda entry: (entry.touched_at_s, entry.name))

    def open(self, name: str, size_max_bytes: int) -> BinaryIO:
        """Open a regular file for reading. Raises FileRefused for anything else, FileNotFoundError when it is gone."""
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # Without O_NONBLOCK the open of a fifo would wait for a writer.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            stream = os.fdopen(os.open(name, flags, dir_fd=folder), "rb")
        finally:
            os.close(folder)
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > size_max_bytes:
            stream.close()
            raise FileRefused(_refusal(name, status) or f"the file is larger than {size_max_bytes} bytes; split it")
        return stream

    def is_unchanged(self, name: str, before: os.stat_result) -> bool:
        """True when `name` still is the file that `before` describes, untouched."""
        try:
            now = (self.path / name).lstat()
        except FileNotFoundError:
            return False
        return (now.st_ino, now.st_dev, now.st_size, now.st_mtime_ns) == (
            before.st_ino, before.st_dev, before.st_size, before.st_mtime_ns,
        )  # fmt: skip

    def reserve(self, folder: Path, name: str) -> str:
        """A free name in `folder`, like `name` and safe to show; an empty file holds it until `move`."""
        wanted = Path(safe_name(name))
        stem, ending = wanted.stem, wanted.suffix
        for number in range(1, 1_000_000):
            candidate = f"{stem}{ending}" if number == 1 else f"{stem}.{number}{ending}"
            try:
                os.close(os.open(folder / candidate, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644))
            except FileExistsError:
                continue
            return candidate
        raise FolderUnusable(f"{folder} holds a million files named {stem}; clear it")

    def move(self, name: str, folder: Path, reserved: str) -> None:
        """Move an entry, whatever it is, onto its reserved name. A link is moved, not followed."""
        (self.path / name).replace(folder / reserved)

    def _subfolder(self, name: str) -> Path:
        path = self.path / name
        path.mkdir(exist_ok=True)
        if path.is_symlink() or not path.is_dir():
            raise FolderUnusable(f"{path} is not a folder")
        return path


def safe_name(name: str) -> str:
    """`name` if it is an ordinary one, else a form of it that is."""
    if _ALLOWED.fullmatch(name):
        return name
    cleaned = re.sub(r"[^A-Za-z0-9._ ()+-]", "_", printable(name))[-_SAFE_NAME_MAX:].lstrip(".") or "file"
    return cleaned if cleaned[0].isalnum() else f"x{cleaned}"


def _refusal(name: str, status: os.stat_result) -> str | None:
    if stat.S_ISLNK(status.st_mode):
        return "it is a link; only files are read"
    if not stat.S_ISREG(status.st_mode):
        return "it is no regular file; only files are read"
    if not _ALLOWED.fullmatch(name):
        return "its name has characters other than A-Z a-z 0-9 . _ - + ( ) and blanks, or is too long; rename it"
    return None
