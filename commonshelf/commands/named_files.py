"""Files that a person names on the command line. One that cannot be used ends the command with a sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from commonshelf.options import fail


def read_file(file: Path) -> bytes:
    with usable(file, "read"):
        return file.read_bytes()


def write_file(file: Path, content: str | bytes) -> None:
    """Text is written as UTF-8, its ends of lines as they are."""
    with usable(file, "written"):
        file.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def usable(file: Path, done: str) -> Iterator[None]:
    """Within, a file that cannot be `done`, read or written, ends the command."""
    try:
        yield
    except OSError as error:
        fail(f"{file} cannot be {done} ({error.strerror}); check the path and its rights")
