"""First look at a file, before any row of it is believed: its size, its hash, its encoding."""

import codecs
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import BinaryIO

CHUNK_BYTES = 1 << 20
_TAIL_BYTES = 64
_EMPTY = "the file is empty"
_CP1252_UNDEFINED = b"\x81\x8d\x8f\x90\x9d"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class FileRefused(ValueError):
    """A file that cannot be read as a whole; `line` and `column` say where, if somewhere."""

    def __init__(self, reason: str, line: int = 1, column: str = "") -> None:
        super().__init__(reason)
        self.line = line
        self.column = column


SheetRows = Iterable[tuple[int, tuple[object, ...]]]
"""(row number, its values) of a sheet's rows, as often as they are asked for."""


@dataclass(frozen=True, slots=True)
class Survey:
    """A first look at a whole file.

    encoding: Python's name of a text file's, else empty. is_ended: False for one that looks as if still being written.
    rows: of a workbook that is ended.
    """

    size_bytes: int
    sha256: str
    encoding: str
    is_ended: bool
    rows: SheetRows | None = field(default=None, repr=False)


def survey_bytes(stream: BinaryIO, is_ended: Callable[[bytes], bool]) -> Survey:
    """A file that is no plain text. is_ended: tells it by its last bytes, at most 64. Raises FileRefused when empty."""
    digest = hashlib.sha256()
    size_bytes = 0
    tail = b""
    while chunk := stream.read(CHUNK_BYTES):
        digest.update(chunk)
        size_bytes += len(chunk)
        tail = (tail + chunk)[-_TAIL_BYTES:]
    if not size_bytes:
        raise FileRefused(_EMPTY)
    return Survey(size_bytes, digest.hexdigest(), "", is_ended(tail))


def survey_text(stream: BinaryIO) -> Survey:
    """Read `stream` to its end. Raises FileRefused when no encoding fits the whole of it.

    A byte order mark decides; else zero bytes at every other place mean UTF-16; else it is UTF-8 if that fits all
    bytes, and Windows-1252 if only that does.
    """
    head = stream.read(CHUNK_BYTES)
    if not head:
        raise FileRefused(_EMPTY)
    marked = next((name for mark, name in _BOMS if head.startswith(mark)), None) or _unmarked_utf16(head)
    if marked == "utf-32":
        raise FileRefused("the file is in UTF-32; save it as UTF-8")
    digest = hashlib.sha256()
    candidate = _Candidate(marked or "utf-8")
    could_be_cp1252 = marked is None
    size_bytes = 0
    tail = b""
    chunk = head
    while chunk:
        digest.update(chunk)
        size_bytes += len(chunk)
        candidate.feed(chunk)
        could_be_cp1252 = could_be_cp1252 and not _has_any(chunk, _CP1252_UNDEFINED)
        if b"\0" in chunk and not (marked or "").startswith("utf-16"):
            raise FileRefused("the file holds zero bytes: it is not a text file")
        tail = (tail + chunk)[-4:]
        chunk = stream.read(CHUNK_BYTES)
    candidate.end()
    if candidate.failure is None:
        encoding = candidate.encoding
    elif could_be_cp1252:
        encoding = "cp1252"
    else:
        raise FileRefused(f"the file is neither UTF-8, UTF-16 nor Windows-1252 ({candidate.failure}); save it as UTF-8")
    return Survey(size_bytes, digest.hexdigest(), encoding, tail.rstrip(b"\0")[-1:] in (b"\n", b"\r"))


class _Candidate:
    """An encoding, as long as all bytes fit it."""

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self.failure: str | None = None
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def feed(self, chunk: bytes) -> None:
        self._decode(chunk, final=False)

    def end(self) -> None:
        self._decode(b"", final=True)

    def _decode(self, chunk: bytes, *, final: bool) -> None:
        if self.failure is None:
            try:
                self._decoder.decode(chunk, final)
            except UnicodeError as error:
                self.failure = f"{self.encoding}: {getattr(error, 'reason', error)}"


def _unmarked_utf16(head: bytes) -> str | None:
    sample = head[:4096]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if 3 * odd > len(sample) and even == 0:
        return "utf-16-le"
    if 3 * even > len(sample) and odd == 0:
        return "utf-16-be"
    return None


def _has_any(chunk: bytes, unwanted: bytes) -> bool:
    return len(chunk.translate(None, unwanted)) != len(chunk)
