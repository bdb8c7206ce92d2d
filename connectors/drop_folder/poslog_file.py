"""A POSLog file, from bytes to batches of events."""

from collections.abc import Iterator
from typing import BinaryIO

from connectors.contract import PosEvent, Skip, StoreContext
from connectors.drop_folder.batch import Batch, FileReadContext, RowProblem
from connectors.drop_folder.survey import FileRefused, Survey, survey_bytes
from connectors.parsing.guarded_xml import XmlRefused
from connectors.poslog.transactions import Transaction, read_transactions
from connectors.poslog.translate import store_label, translate


def survey_poslog(stream: BinaryIO) -> Survey:
    """Raises FileRefused for an empty file."""
    return survey_bytes(stream, lambda tail: tail.replace(b"\0", b"").rstrip().endswith(b">"))


def read_poslog(stream: BinaryIO, reading: FileReadContext) -> Iterator[Batch]:
    """Sales and problems of a file, in its order. Raises FileRefused where it cannot be read on."""
    spec = reading.spec
    store = StoreContext(spec.pool, spec.store, spec.zone, spec.currency, spec.late_limit_ms, spec.unit_words)
    work = _BatchBuilder(store, reading.recorded_at_ms)
    refused: FileRefused | None = None
    try:
        for transaction in read_transactions(stream):
            work.take(transaction)
            if work.size >= reading.batch_rows:
                yield work.batch()
    except XmlRefused as error:
        refused = FileRefused(str(error), error.line)
    if work.size:
        yield work.batch()
    if refused is not None:
        raise refused


class _BatchBuilder:
    """One batch as it grows."""

    def __init__(self, store: StoreContext, recorded_at_ms: int) -> None:
        self._store = store
        self._recorded_at_ms = recorded_at_ms
        self._store_label = ""
        self._clear()

    def _clear(self) -> None:
        self.size = 0
        self._events: list[PosEvent] = []
        self._problems: list[RowProblem] = []
        self._skipped: list[Skip] = []
        self._notes: list[RowProblem] = []
        self._transactions = 0

    def take(self, transaction: Transaction) -> None:
        """The file's first store is the folder's; transactions of any other are left out."""
        self._store_label = self._store_label or store_label(transaction.element)
        found = translate(transaction.element, self._store, self._recorded_at_ms, self._store_label)
        self._events += found.events
        self._skipped += found.skipped
        for problem in found.problems:
            where = f"line {transaction.line}: {problem.where}"
            known = {"item": problem.item, "document": problem.document}
            self._problems.append(RowProblem(where, problem.reason, transaction.line, problem.where, **known))
        for note in found.notes:
            where = f"line {transaction.line}: {note.where}"
            self._notes.append(RowProblem(where, note.text, transaction.line, note.where))
        self._transactions += 1
        self.size += 1 + found.line_count

    def batch(self) -> Batch:
        """The transactions taken since the last batch."""
        batch = Batch(
            tuple(self._events), tuple(self._problems), self._transactions, tuple(self._skipped), tuple(self._notes)
        )
        self._clear()
        return batch
