"""One file of the drop folder, from its first byte to its place in done/ or rejected/."""

import hashlib
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import structlog

from connectors.contract import PosEvent, Publishes, Translated
from connectors.drop_folder.batch import Batch, FileReadContext
from connectors.drop_folder.documents import NAMES, name_prefix, stem
from connectors.drop_folder.folder import DropFolder, FolderEntry, may_be_written
from connectors.drop_folder.formats import Format, format_of
from connectors.drop_folder.memory import DiskMemory
from connectors.drop_folder.report import Report, printable
from connectors.drop_folder.settings import DEFAULT_KINDS, DropFolderSpec, FileKind
from connectors.drop_folder.state import FileProgress, FolderState, Outcome
from connectors.drop_folder.survey import FileRefused, Survey
from connectors.metrics import StoreMetrics
from messaging.publisher import PublisherBusy, PublishError, PublishFailed

UNENDED_SETTLE_FACTOR = 5
"""A file that is not ended may still be written: it must lie untouched so many times longer."""

_BACKOFF_S = 0.1
_BACKOFF_MAX_S = 10.0
_log = structlog.get_logger()


class Stopped(Exception):
    """The connector is to stop before the file is through."""


class ChangedWhileRead(Exception):
    """Somebody wrote to the file; it is read again when it lies still."""


class Intake:
    """Reads the files of one folder, one at a time.

    now_ms: the clock, for the time at which a file is first seen.
    """

    def __init__(
        self,
        spec: DropFolderSpec,
        folder: DropFolder,
        state: FolderState,
        publisher: Publishes,
        metrics: StoreMetrics,
        now_ms: Callable[[], int],
    ) -> None:
        self._spec = spec
        self._folder = folder
        self._state = state
        self._publisher = publisher
        self._metrics = metrics
        self._now_ms = now_ms
        self._log = _log.bind(connector="drop_folder", store=spec.store)
        settings = spec.model_dump_json(include=_DECIDING_SETTINGS)
        self._settings_hash = hashlib.sha256(settings.encode()).hexdigest()

    def take(self, entry: FolderEntry, stop: threading.Event) -> None:
        """Read the file and move it away; leave it where it is when it is gone, changing, or not yet ended.

        Raises Stopped, OSError, sqlite3.Error: then the file stays, and what was confirmed is remembered.
        """
        if entry.refusal is not None:
            self._reject_unread(entry.name, FileRefused(entry.refusal))
            return
        try:
            stream = self._folder.open(entry.name, self._spec.file_max_bytes)
        except FileNotFoundError:
            return
        except FileRefused as refused:
            self._reject_unread(entry.name, refused)
            return
        with stream:
            try:
                self._read(entry.name, stream, stop)
            except FileRefused as refused:
                self._reject_unread(entry.name, refused)
            except ChangedWhileRead:
                self._log.warning("file changed while it was read; it is read again", file=printable(entry.name))

    def _read(self, name: str, stream: BinaryIO, stop: threading.Event) -> None:
        form = format_of(name)
        before = os.fstat(stream.fileno())
        found = form.survey(stream)
        still_s = self._now_ms() / 1000 - before.st_ctime
        settle_s = self._spec.settle_ms / 1000 * UNENDED_SETTLE_FACTOR
        if not found.is_ended and may_be_written(still_s, settle_s):
            return
        kind = form.kind or self._kind(name, stream, form, found)
        original = self._state.original_name(printable(name))
        title = _title(kind, original, before)
        key = hashlib.sha256(f"{kind}|{title}|{found.sha256}|{self._settings_hash}".encode()).hexdigest()
        progress = self._state.begin(key, found.sha256, title, printable(name), self._now_ms())
        if progress.outcome == "done":
            self._move(name, self._folder.done)
            self._metrics.file("repeated")
            self._log.info("file was read before; nothing published", file=name)
            return
        reading = FileReadContext(found, kind, self._spec, progress.first_seen_ms, DiskMemory(), original, self._state)
        report = Report(self._folder.rejected / f".{key}.part", original, kind)
        twin = self._state.twin(key, found.sha256) if title and kind != "level" else None
        if twin is not None:
            report.remark(f"{twin} held the same; this file counts as another {NAMES[kind]}, for its name is another")
        try:
            lines_published = self._publish_file(stream, form, reading, key, progress, report, stop)
            if not self._folder.is_unchanged(name, before):
                raise ChangedWhileRead
            outcome: Outcome = "rejected" if report.count else "done"
            if report.count:
                self._move_with_report(name, report, lines_published)
            else:
                reserved = self._reserve(self._folder.done, name)
                report.write_notes(self._folder.done, reserved, lines_published)
                self._move_onto(name, self._folder.done, reserved)
        finally:
            report.discard()
        self._state.finish(key, outcome)
        self._metrics.file(outcome)
        self._log.info(
            "file read",
            file=name,
            outcome=outcome,
            lines_published=lines_published,
            lines_refused=report.count,
            columns_unused=report.unused,
        )

    def _publish_file(
        self,
        stream: BinaryIO,
        form: Format,
        reading: FileReadContext,
        key: str,
        progress: FileProgress,
        report: Report,
        stop: threading.Event,
    ) -> int:
        """Publish what is not confirmed yet and collect all problems. Returns the file's usable lines."""
        rows = lines = 0
        stream.seek(0)
        try:
            for batch in form.read(stream, reading):
                rows += batch.row_count
                lines += batch.line_count
                report.unused = report.unused or batch.unused
                for problem in batch.problems:
                    report.add(problem)
                for note in batch.notes:
                    report.note(note)
                if rows > progress.rows_confirmed:
                    self._publish(batch, stop)
                    self._remember(batch, reading.kind)
                    self._state.confirm(key, rows, batch.documents, batch.withdrawn)
        except FileRefused as refused:
            report.add_file(refused)
            self._metrics.refused(1)
        except UnicodeDecodeError as error:  # the survey had found every byte to fit
            raise ChangedWhileRead from error
        except (Stopped, OSError, sqlite3.Error, PublishError):
            raise
        except Exception as error:  # noqa: BLE001  see below
            # One file must not stop the others, nor be tried for ever; its owner gets a report.
            self._log.exception("a file showed a fault in this program", sha256=reading.found.sha256)
            report.add_file(FileRefused(f"a fault in this program ({type(error).__name__}); please report it"))
        finally:
            reading.memory.close()
        return lines

    def _remember(self, batch: Batch, kind: FileKind) -> None:
        if kind == "opening":
            for event in batch.events:
                if event.source.id not in batch.withdrawn:
                    self._state.open_items(event.source.id, [line.code for line in event.lines])

    def _publish(self, batch: Batch, stop: threading.Event) -> None:
        """Until Kafka has it, however long that takes. Raises Stopped."""
        self._metrics.left_out(Translated((), batch.problems, batch.skipped))
        if not batch.events:
            return
        backoff_s = _BACKOFF_S
        while not stop.is_set():
            try:
                self._publisher.publish_all(batch.events)
            except (PublisherBusy, PublishFailed) as error:
                self._log.warning("waiting for Kafka", reason=str(error))
                stop.wait(backoff_s)
                backoff_s = min(2 * backoff_s, _BACKOFF_MAX_S)
            else:
                self._metrics.published(batch.line_count, _newest_ms(batch.events))
                return
        raise Stopped

    def _kind(self, name: str, stream: BinaryIO, form: Format, found: Survey) -> FileKind:
        """What the file holds: by its name, and where it is a well-known till's export, by that."""
        prefix = name_prefix(name)
        kind = self._spec.kinds.get(prefix)
        preset = form.preset(stream, found) if form.preset is not None else None
        if preset is not None and not (kind and kind != DEFAULT_KINDS.get(prefix)):
            return preset.kind_of(kind)
        if kind is None:
            ending = name[name.rindex(".") :]
            known = ", ".join(f"{each}-…{ending}" for each in self._spec.kinds)
            raise FileRefused(f"the name does not say what the file holds; call it one of {known}")
        return kind

    def _reject_unread(self, name: str, refused: FileRefused) -> None:
        report = Report(self._folder.rejected / f".{hashlib.sha256(os.fsencode(name)).hexdigest()}.part", name)
        try:
            report.add_file(refused)
            self._move_with_report(name, report, 0)
        finally:
            report.discard()
        self._metrics.file("rejected")
        self._log.warning("file rejected", file=printable(name), reason=str(refused))

    def _move_with_report(self, name: str, report: Report, lines_published: int) -> None:
        """The reports first: a file in rejected/ always has them."""
        reserved = self._reserve(self._folder.rejected, name)
        report.finish(self._folder.rejected, reserved, lines_published)
        self._move_onto(name, self._folder.rejected, reserved)

    def _move(self, name: str, folder: Path) -> None:
        self._move_onto(name, folder, self._reserve(folder, name))

    def _reserve(self, folder: Path, name: str) -> str:
        """A free name in `folder`. A file that comes back under it is known as the one that it was."""
        reserved = self._folder.reserve(folder, name)
        if reserved != name:
            self._state.rename(reserved, self._state.original_name(printable(name)))
        return reserved

    def _move_onto(self, name: str, folder: Path, reserved: str) -> None:
        try:
            self._folder.move(name, folder, reserved)
        except OSError:
            (folder / reserved).unlink(missing_ok=True)
            raise


def _title(kind: FileKind, name: str, status: os.stat_result) -> str:
    """What a file is known by besides its content: nothing for sales, which have receipts; its name for stock.

    A list of levels is of the moment at which it comes, though it may say the same as the one before.
    """
    if kind == "sales":
        return ""
    return f"{kind}/{stem(name)}/{status.st_ctime_ns}" if kind == "level" else f"{kind}/{stem(name)}"


_DECIDING_SETTINGS = {
    "pool", "store", "time_zone", "currency", "columns", "time_format", "decimal_mark", "status_words",
    "default_unit", "rows_max",
}  # fmt: skip
"""With other values of these, the same file may give other events."""


def _newest_ms(events: tuple[PosEvent, ...]) -> int:
    return max(event.occurred_at_ms for event in events)
