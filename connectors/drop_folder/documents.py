"""Documents of stock: which opening, delivery, count or adjustment a row belongs to, and what is known of it.

A document is named by its own number, else by the name of its file, in each case with its day or time if it has one.
A folder remembers the documents that it published, so that a mended file is a revision of the same document.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from connectors.drop_folder.settings import FileKind
from connectors.drop_folder.survey import FileRefused

NAMES: dict[FileKind, str] = {
    "sales": "sale", "opening": "opening stock", "received": "delivery", "adjusted": "adjustment", "counted": "count",
    "level": "list of levels",
}  # fmt: skip
"""What people call the documents of a kind."""
_PREFIX = re.compile(r"[A-Za-z0-9_]+")
_NAMED_BY_THEMSELVES: tuple[FileKind, ...] = ("sales", "opening", "level")
"""Sales have receipts, a store has one opening stock, and a level is what holds when it comes."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it was published last.

    number: its own; empty where the name of the file names it. file: `stem` of the file that brought it.
    digest: of its lines. code, unit: of one of its lines.
    """

    source_id: str
    kind: FileKind
    number: str
    file: str
    digest: int
    version: int
    occurred_at_ms: int
    code: str
    unit: str


class KnownDocuments(Protocol):
    """The documents that a folder has published."""

    def find(self, source_id: str) -> Document | None:
        """The document of that name."""

    def of_file(self, kind: FileKind, file: str) -> Iterator[Document]:
        """All documents of a kind that files of one name brought."""

    def opening_of(self, code: str) -> Document | None:
        """The opening stock in which an item with that code stands."""


class NoDocuments:
    """Nothing was published before."""

    def find(self, source_id: str) -> Document | None:
        return None

    def of_file(self, kind: FileKind, file: str) -> Iterator[Document]:
        return iter(())

    def opening_of(self, code: str) -> Document | None:
        return None


def name_prefix(name: str) -> str:
    """The beginning of a file's name, in lower case: it says what the file holds."""
    found = _PREFIX.match(name)
    return found[0].lower() if found else ""


def stem(name: str) -> str:
    """A file's name as the name of a document: the same list as CSV and as workbook is one document."""
    return Path(name).stem.lower()


def is_telling(name: str) -> bool:
    """Whether a name says which document it is: behind its beginning there is a date or a number."""
    return any(char.isdigit() for char in stem(name)[len(name_prefix(name)) :])


def check_named(name: str, kind: FileKind, *, has_time: bool, has_number: bool) -> None:
    """Raise FileRefused for a file of which nothing says which document it is."""
    if kind in _NAMED_BY_THEMSELVES or has_time or has_number or is_telling(name):
        return
    path = Path(name)
    raise FileRefused(
        f"nothing says which {NAMES[kind]} this is: neither a column of its day or its number, nor a date or a number "
        f"in the file's name, so that the next one would be taken for the same; call it {path.stem}-2026-03-01"
        f"{path.suffix}, with its own day, or add a column occurred_at or document_no"
    )


def part(text: str) -> str:
    """A part of a source id that is joined by slashes."""
    return text.replace("%", "%25").replace("/", "%2F") or "-"


def document_of(source_id: str) -> str:
    """The name of the document of which `source_id` is a piece; pieces have names of their own behind //."""
    return source_id.partition("//")[0]
