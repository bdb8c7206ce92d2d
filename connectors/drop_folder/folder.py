"""The drop folder itself: which entries are files to take, and moving them away without ever overwriting one."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from connectors.drop_folder.formats import FORMATS
from connectors.drop_folder.names import harmless
from connectors.drop_folder.place import FolderUnusable, Place
from connectors.drop_folder.survey import FileRefused

DONE = "done"
REJECTED = "rejected"

_ENDINGS = tuple(FORMATS)
_ALLOWED = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._ ()+-]{{0,150}}({'|'.join(map(re.escape, _ENDINGS))})", re.IGNORECASE)
_TEMPORARY_STARTS = (".", "~")


_CLOCK_SKEW_S = 60.0


def may_be_written(still_s: float, settle_s: float) -> bool:
    """True for a file that was touched `still_s` ago, if `settle_s` must pass.

    The file system's clock may be a little ahead of ours. A time far ahead is from before a clock was set back.
    """
    return -_CLOCK_SKEW_S < still_s < settle_s


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """Something in the folder whose name has an ending that is read."""

    name: str
    refusal: str | None
    """The reason why it is not opened at all, or None."""
    touched_at_s: float
    """The last change of its content or name (ctime: the one time that no program can set)."""


@dataclass(frozen=True, slots=True)
class OpenedFolder:
    """The drop folder and the two inside it, as handles."""

    inbox: Place
    done: Place
    rejected: Place

    def open(self, name: str, size_max_bytes: int) -> BinaryIO:
        """Open a regular file for reading. Raises FileRefused for anything else, FileNotFoundError when it is gone."""
        stream = self.inbox.open(name)
        status = os.fstat(stream.fileno())
        refusal = _refusal(name, status)
        if refusal is None and status.st_size > size_max_bytes:
            refusal = f"the file is larger than {size_max_bytes} bytes; split it"
        if refusal is not None:
            stream.close()
            raise FileRefused(refusal)
        return stream

    def is_unchanged(self, name: str, before: os.stat_result) -> bool:
        """True when `name` still is the file that `before` describes, untouched."""
        now = self.inbox.status(name)
        return now is not None and is_same(now, before) and size_and_time(now) == size_and_time(before)


class DropFolder:
    """A folder with `done` and `rejected` inside, made when missing. Raises FolderUnusable."""

    def __init__(self, path: Path) -> None:
        try:
            path.mkdir(parents=True, exist_ok=True)
            self.path = path.resolve(strict=True)
            with self.opened():
                pass
        except OSError as error:
            if isinstance(error, FolderUnusable):
                raise
            raise FolderUnusable(f"the drop folder {path} cannot be used: {error.strerror or error}") from error

    @contextmanager
    def opened(self) -> Iterator[OpenedFolder]:
        """Its handles. Raises OSError, FolderUnusable when one of the three is no folder any more."""
        with Place.opened(self.path) as inbox, inbox.inner(DONE) as done, inbox.inner(REJECTED) as rejected:
            yield OpenedFolder(inbox, done, rejected)

    def entries(self) -> list[FolderEntry]:
        """Files to look at, oldest first. Temporary names, folders and other endings are left alone."""
        found = []
        with Place.opened(self.path) as inbox:
            for each in inbox.scan():
                if not each.name.lower().endswith(_ENDINGS) or each.name.startswith(_TEMPORARY_STARTS):
                    continue
                status = inbox.status(each.name)
                if status is None or stat.S_ISDIR(status.st_mode):
                    continue  # taken away meanwhile, or a folder
                found.append(FolderEntry(each.name, _refusal(each.name, status), status.st_ctime))
        return sorted(found, key=lambda entry: (entry.touched_at_s, entry.name))


def is_same(one: os.stat_result, other: os.stat_result) -> bool:
    """Whether both describe the same file, whatever its name and content."""
    return (one.st_ino, one.st_dev) == (other.st_ino, other.st_dev)


def size_and_time(status: os.stat_result) -> tuple[int, int]:
    """What changes when a file is written: its bytes, and when they last changed, ns."""
    return status.st_size, status.st_mtime_ns


def safe_name(name: str) -> str:
    """`name` if it is an ordinary one, else a form of it that is."""
    return name if _ALLOWED.fullmatch(name) else harmless(name)


def _refusal(name: str, status: os.stat_result) -> str | None:
    if stat.S_ISLNK(status.st_mode):
        return "it is a link; only files are read"
    if not stat.S_ISREG(status.st_mode):
        return "it is no regular file; only files are read"
    if not _ALLOWED.fullmatch(name):
        return "its name has characters other than A-Z a-z 0-9 . _ - + ( ) and blanks, or is too long; rename it"
    if status.st_nlink > 1:
        return "it has another name elsewhere (a hard link), by which it could be changed; drop a copy of it"
    return None
