"""Files and folders that only the user who runs this may read."""

import os
from pathlib import Path

FOLDER_MODE = 0o700
FILE_MODE = 0o600
OTHERS = 0o077
"""The umask that leaves the group and all others without rights."""


def private_folder(path: Path) -> bool:
    """Make `path` with its parents if it is missing, and take all rights on it from others.

    Returns whether that holds: False for a folder of another user. Raises OSError when it cannot be made.
    """
    path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    if path.stat().st_uid == os.geteuid():
        path.chmod(FOLDER_MODE)
    return path.stat().st_mode & OTHERS == 0


def write_private(path: Path, content: str | bytes) -> None:
    """Put `content` in place of the file in one step, text as UTF-8. Raises OSError."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with open(new, "xb", opener=private_opener) as file:
        file.write(content.encode() if isinstance(content, str) else content)
    new.replace(path)


def private_opener(path: str, flags: int) -> int:
    """For `open`: a file that this makes is its owner's alone."""
    return os.open(path, flags | os.O_CLOEXEC, FILE_MODE)
