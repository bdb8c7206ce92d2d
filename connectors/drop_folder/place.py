"""A folder that others may write to, as a handle: all is done by name inside it, and no link is followed.

Whoever owns the folder may rename, replace or link anything in it at any moment. A handle stays what was opened.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Self, TextIO

from messaging.errors import UserError

_SEARCH = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class FolderUnusable(UserError, OSError):
    """The drop folder is not what it should be; the operator must act."""


class Place:
    """An opened folder. All methods raise OSError."""

    def __init__(self, handle: int, path: Path) -> None:
        self.path = path
        """Where it was when it was opened; for messages."""
        self._handle = handle

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[Self]:
        """The folder at an absolute path without links; a link that has got into it since is refused."""
        handle = os.open("/", _SEARCH)
        try:
            for name in path.parts[1:]:
                inner = os.open(name, _SEARCH, dir_fd=handle)
                os.close(handle)
                handle = inner
            listed = os.open(".", _LIST, dir_fd=handle)
        except NotADirectoryError as error:
            raise FolderUnusable(f"{path} is not a folder, or a link has got into its path") from error
        finally:
            os.close(handle)
        try:
            yield cls(listed, path)
        finally:
            os.close(listed)

    @contextmanager
    def inner(self, name: str) -> Iterator[Self]:
        """The folder of that name inside, made when missing, with the rights of this one."""
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=self._handle)
            self._share(name)
        try:
            handle = os.open(name, _LIST, dir_fd=self._handle)
        except NotADirectoryError as error:
            raise FolderUnusable(f"{self.path / name} is not a folder; put one there") from error
        try:
            yield type(self)(handle, self.path / name)
        finally:
            os.close(handle)

    def scan(self) -> Iterator[os.DirEntry[str]]:
        """What is in it."""
        with os.scandir(self._handle) as found:
            yield from found

    def open(self, name: str) -> BinaryIO:
        """Open what is there for reading; a fifo does not make it wait. Raises OSError for a link."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return os.fdopen(os.open(name, flags, dir_fd=self._handle), "rb")

    def status(self, name: str) -> os.stat_result | None:
        """Of the entry itself, also when it is a link; None when there is none."""
        try:
            return os.stat(name, dir_fd=self._handle, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def write(self, name: str) -> TextIO:
        """A new file for writing text, in place of whatever has the name; readable to whom the folder is."""
        self.discard(name)
        made = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=self._handle)
        with suppress(PermissionError):  # a share without rights of its own, as FAT
            os.fchmod(made, stat.S_IMODE(os.fstat(self._handle).st_mode) & 0o666)
        return os.fdopen(made, "w", encoding="utf-8", newline="")

    def reserve(self, name: str) -> str:
        """A free name like `name`; an empty file holds it until something is moved onto it."""
        wanted = Path(name)
        for number in range(1, 1_000_000):
            candidate = name if number == 1 else f"{wanted.stem}.{number}{wanted.suffix}"
            with suppress(FileExistsError):
                flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
                os.close(os.open(candidate, flags, 0o600, dir_fd=self._handle))
                return candidate
        raise FolderUnusable(f"{self.path} holds a million files named {wanted.stem}; clear it")

    def move(self, name: str, into: "Place", reserved: str) -> None:
        """Move an entry, whatever it is, onto a name in another folder. A link is moved, not followed."""
        os.rename(name, reserved, src_dir_fd=self._handle, dst_dir_fd=into._handle)  # noqa: SLF001  of its own class

    def discard(self, name: str) -> None:
        """Remove an entry, if there is one."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._handle)

    def _share(self, name: str) -> None:
        made = os.open(name, _LIST, dir_fd=self._handle)
        try:
            with suppress(PermissionError):  # a share without rights of its own, as FAT
                os.fchmod(made, stat.S_IMODE(os.fstat(self._handle).st_mode))
        finally:
            os.close(made)
