"""Input and output of the readers of files: a context, and batches of events."""

from dataclasses import dataclass, replace

from connectors.contract import PosEvent, Problem, Skip
from connectors.drop_folder.documents import Document, KnownDocuments
from connectors.drop_folder.memory import FileMemory
from connectors.drop_folder.settings import DropFolderSpec, FileKind
from connectors.drop_folder.survey import Survey

BATCH_ROWS = 2_000
"""Rows whose events are confirmed together."""

TOLD_AGAIN_MAX = 10_000
"""So many refused rows of a file are told again at its end; beyond them, a later batch seems to mend its document."""


@dataclass(frozen=True, slots=True)
class RowProblem(Problem):
    """A row that was not used: the file's line and the column, or the place in it, in the file's own names."""

    line: int
    column: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows' events, problems and skips. row_count counts all rows (of a POSLog: transactions) taken for it.

    notes: of rows that were used without something, such as a price, or otherwise than they stand there.
    unused: headers of the file's columns that mean nothing here; only a file's first batch has them.
    documents: of stock, whose lines are among the events. withdrawn: source ids of those that the events take back.
    """

    events: tuple[PosEvent, ...]
    problems: tuple[RowProblem, ...]
    row_count: int
    skipped: tuple[Skip, ...] = ()
    notes: tuple[RowProblem, ...] = ()
    unused: tuple[str, ...] = ()
    documents: tuple[Document, ...] = ()
    withdrawn: tuple[str, ...] = ()

    @property
    def line_count(self) -> int:
        """Lines of all events."""
        return sum(len(event.lines) for event in self.events)

    def problems_in(self, file: str) -> tuple[RowProblem, ...]:
        """The problems, with the file's name in their places."""
        return tuple(replace(each, where=f"{file}, {each.where}") for each in self.problems)


@dataclass(frozen=True, slots=True)
class FileReadContext:
    """The context in which a reader reads a file's bytes.

    recorded_at_ms: when this content was first seen. memory: of what stood earlier in it. name: of the file; it may
    name a document. documents: that were published before. batch_rows: rows that are grouped into events together; one
    more receipt may be finished beyond that.
    """

    found: Survey
    kind: FileKind
    spec: DropFolderSpec
    recorded_at_ms: int
    memory: FileMemory
    name: str
    documents: KnownDocuments
    batch_rows: int = BATCH_ROWS
