"""Files of a folder in which others work: what they take away while the test looks is passed over."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

Told = TypeVar("Told")


def entries(folder: Path, tell: Callable[[Path], Told]) -> Iterator[tuple[Path, Told]]:
    """Each file and folder inside with what `tell` says of it, unless it went between the listing and the look."""
    for root, folders, files in os.walk(folder):  # unlike rglob(), it goes on when a folder went
        for name in folders + files:
            path = Path(root, name)
            with suppress(FileNotFoundError):
                yield path, tell(path)


def holds_text(path: Path, text: str) -> bool:
    try:
        return path.is_file() and text.encode() in path.read_bytes()
    except FileNotFoundError:
        return False


def files_with(folder: Path, text: str) -> list[Path]:
    """The files inside, whoever wrote them, that hold a text."""
    return [path for path, holds in entries(folder, lambda path: holds_text(path, text)) if holds]
