"""One file of the drop folder, from its first byte to its place in done/ or rejected/."""

import hashlib
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import BinaryIO

import structlog

from connectors.contract import TOO_LARGE, PosEvent, Problem, Publishes, Translated
from connectors.drop_folder.batch import TOLD_AGAIN_MAX, Batch, FileReadContext, RowProblem
from connectors.drop_folder.documents import NAMES, name_prefix, stem
from connectors.drop_folder.folder import (
    DONE,
    REJECTED,
    DropFolder,
    FolderEntry,
    OpenedFolder,
    is_same,
    may_be_written,
    safe_name,
    size_and_time,
)
from connectors.drop_folder.formats import Format, format_of
from connectors.drop_folder.memory import DiskMemory
from connectors.drop_folder.names import printable
from connectors.drop_folder.place import Place
from connectors.drop_folder.report import Report, take_back
from connectors.drop_folder.settings import DEFAULT_KINDS, DropFolderSpec, FileKind
from connectors.drop_folder.state import FileProgress, FolderState, MovedFile, Outcome, Reading
from connectors.drop_folder.survey import FileRefused, Survey
from connectors.metrics import StoreMetrics
from connectors.refusals import messages, refusals
from messaging.publisher import EventTooLarge, PublisherBusy, PublishError, PublishFailed

UNENDED_SETTLE_FACTOR = 5
"""A file that is not ended may still be written: it must lie untouched so many times longer."""

LATE_WRITES_MS = 3_600_000
"""So long after a file was read somebody may still have it open; what is written to it is told."""

_CHANGED = (
    "{}: it was read when it had {} bytes, and was written to after that; now it has {}. What was written later is not "
    "counted. Drop the whole file again: lines that were used already change nothing.\n"
)
_SAME_MOMENT_MS = 60_000
"""A file that was seen just now is told for the first time."""
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
        with self._folder.opened() as folder:
            if entry.refusal is not None:
                self._reject_unread(folder, entry.name, FileRefused(entry.refusal), stop)
                return
            try:
                stream = folder.open(entry.name, self._spec.file_max_bytes)
            except FileNotFoundError:
                return
            except FileRefused as refused:
                self._reject_unread(folder, entry.name, refused, stop)
                return
            with stream:
                try:
                    self._read(folder, entry.name, stream, stop)
                except FileRefused as refused:
                    self._reject_unread(folder, entry.name, refused, stop)
                except ChangedWhileRead:
                    self._log.warning("file changed while it was read; it is read again", file=printable(entry.name))

    def tell_late_writes(self) -> None:
        """Tell of files that somebody went on writing to after they were read. Raises OSError, sqlite3.Error."""
        watched = self._state.watched(self._now_ms() - LATE_WRITES_MS)
        if not watched:
            return
        with self._folder.opened() as folder:
            for moved in watched:
                place = folder.done if moved.place == DONE else folder.rejected
                now = place.status(moved.name)
                if now is None:
                    self._state.unwatch(moved)
                elif size_and_time(now) != (moved.size_bytes, moved.mtime_ns):
                    with place.write(f"{moved.name}.changed.txt") as told:
                        told.write(_CHANGED.format(moved.name, moved.size_bytes, now.st_size))
                    self._state.unwatch(moved)
                    self._metrics.file("changed_later")
                    self._log.error(
                        "a file was written to after it was read; what came later is not counted",
                        file=moved.name, read_bytes=moved.size_bytes, bytes=now.st_size,
                    )  # fmt: skip

    def _read(self, folder: OpenedFolder, name: str, stream: BinaryIO, stop: threading.Event) -> None:
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
            self._move_onto(folder, name, folder.done, self._reserve(folder.done, name), before)
            self._metrics.file("repeated")
            self._log.info("file was read before; nothing published", file=name)
            return
        reading = FileReadContext(found, kind, self._spec, progress.first_seen_ms, DiskMemory(), original, self._state)
        report = Report(folder.rejected, f".{key}.part", original, kind)
        twin = self._state.twin(key, found.sha256) if title and kind != "level" else None
        if twin is not None:
            report.remark(f"{twin} held the same; this file counts as another {NAMES[kind]}, for its name is another")
        try:
            lines_published = self._publish_file(stream, form, reading, key, progress, report, stop)
            if not folder.is_unchanged(name, before):
                raise ChangedWhileRead
            outcome: Outcome = "rejected" if report.count else "done"
            if report.count:
                self._move_with_report(folder, name, report, lines_published, before)
            else:
                reserved = self._reserve(folder.done, name)
                try:
                    report.write_notes(folder.done, reserved, lines_published)
                except OSError:
                    folder.done.discard(reserved)
                    raise
                self._move_onto(folder, name, folder.done, reserved, before)
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
        """Publish what is not confirmed yet and collect all problems. Returns the file's usable lines.

        A content of which nothing was ever published keeps the lateness that it had when it was first seen: it was
        refused as a whole, and is mended. Of any other some rows may have counted, so that only the time counts.
        """
        rows = lines = batches = 0
        rows_whole = progress.rows_confirmed
        too_large: list[PosEvent] = []
        refused_rows: list[Problem] = []
        keeps_lateness_of_ms = None if progress.is_told else progress.first_seen_ms
        stream.seek(0)
        try:
            for batches, batch in enumerate(form.read(stream, reading), 1):  # noqa: B007  used below
                rows += batch.row_count
                lines += batch.line_count
                report.unused = report.unused or batch.unused
                for problem in batch.problems:
                    report.add(problem)
                known = [each for each in batch.problems_in(reading.name) if each.document]
                refused_rows += known[: TOLD_AGAIN_MAX - len(refused_rows)]
                for note in batch.notes:
                    report.note(note)
                if rows > progress.rows_confirmed:
                    if batch.events:
                        self._state.tell(reading.found.sha256)
                    too_large += self._publish(batch, reading.name, keeps_lateness_of_ms, stop)
                    self._remember(batch, reading, progress)
                    rows_whole = rows_whole if too_large else rows  # from there on a restart makes the report whole
                    self._state.confirm(key, rows_whole, batch.documents, batch.withdrawn)
        except FileRefused as refused:
            self._refuse_rest(reading.name, refused, report, stop)
        except UnicodeDecodeError as error:  # the survey had found every byte to fit
            raise ChangedWhileRead from error
        except (Stopped, OSError, sqlite3.Error, PublishError):
            raise
        except Exception as error:  # noqa: BLE001  see below
            # One file must not stop the others, nor be tried for ever; its owner gets a report.
            self._log.exception("a file showed a fault in this program", sha256=reading.found.sha256)
            fault = FileRefused(f"a fault in this program ({type(error).__name__}); please report it")
            self._refuse_rest(reading.name, fault, report, stop)
        finally:
            reading.memory.close()
        for event in too_large:
            lines -= len(event.lines)
            reason = TOO_LARGE.format(len(event.lines))
            problem = RowProblem(event.source.id, reason, 0, event.source.id, document=event.source.id)
            report.add(problem)
            refused_rows.append(problem)
        if batches > 1:  # or what the last batch says of a document would seem to mend what the first refused of it
            self._tell(refused_rows, stop)
        return lines

    def _refuse_rest(self, file: str, refused: FileRefused, report: Report, stop: threading.Event) -> None:
        """Tell the owner, the metrics and Kafka that from here on nothing of the file is used. Raises Stopped."""
        report.add_file(refused)
        self._metrics.refused(1)
        self._tell([Problem(file, str(refused))], stop)

    def _remember(self, batch: Batch, reading: FileReadContext, progress: FileProgress) -> None:
        since_ms = 0 if self._spec.is_replay else progress.since_ms
        self._state.bring(batch.events, Reading(reading.name, since_ms))
        if reading.kind == "opening":
            for event in batch.events:
                if event.source.id not in batch.withdrawn:
                    self._state.open_items(event.source.id, [line.code for line in event.lines])

    def _publish(
        self, batch: Batch, file: str, keeps_lateness_of_ms: int | None, stop: threading.Event
    ) -> list[PosEvent]:
        """Until Kafka has it, however long that takes. Returns the events that are too large for it. Raises Stopped."""
        translated = Translated(batch.events, batch.problems_in(file), batch.skipped)
        if not (batch.events or batch.problems):
            self._metrics.left_out(translated)
            return []
        backoff_s = _BACKOFF_S
        while not stop.is_set():
            sent = translated
            if not self._spec.is_replay:
                events = (_recorded(event, self._now_ms(), keeps_lateness_of_ms) for event in translated.events)
                sent = replace(translated, events=tuple(events))
            try:
                self._publisher.publish_all(messages(sent, self._metrics.labels, self._now_ms()))
            except EventTooLarge as error:  # all others are there
                self._log.error("an event is too large for Kafka and was set aside", reason=str(error))
                kept = sent.without(error.events)
                self._tell(kept.problems[len(batch.problems) :], stop)
                return self._published(kept, [event for event in sent.events if event not in kept.events])
            except (PublisherBusy, PublishFailed) as error:
                self._log.warning("waiting for Kafka", reason=str(error))
                keeps_lateness_of_ms = None  # some of them may be there
                stop.wait(backoff_s)
                backoff_s = min(2 * backoff_s, _BACKOFF_MAX_S)
            else:
                return self._published(sent, [])
        raise Stopped

    def _tell(self, problems: Sequence[Problem], stop: threading.Event) -> None:
        """Store what was refused, however long Kafka takes. Raises Stopped."""
        while not stop.is_set():
            try:
                self._publisher.publish_all(refusals(problems, self._metrics.labels, self._now_ms()))
            except (PublisherBusy, PublishFailed) as error:
                self._log.warning("waiting for Kafka", reason=str(error))
                stop.wait(_BACKOFF_MAX_S)
            else:
                return
        raise Stopped

    def _published(self, translated: Translated, too_large: list[PosEvent]) -> list[PosEvent]:
        self._metrics.left_out(translated)
        if translated.events:
            self._metrics.published(translated.line_count, translated.newest_ms)
        return too_large

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

    def _reject_unread(self, folder: OpenedFolder, name: str, refused: FileRefused, stop: threading.Event) -> None:
        self._tell([Problem(printable(name), str(refused))], stop)
        report = Report(folder.rejected, f".{hashlib.sha256(os.fsencode(name)).hexdigest()}.part", name)
        try:
            report.add_file(refused)
            self._move_with_report(folder, name, report, 0, None)
        finally:
            report.discard()
        self._metrics.file("rejected")
        self._log.warning("file rejected", file=printable(name), reason=str(refused))

    def _move_with_report(
        self, folder: OpenedFolder, name: str, report: Report, lines_published: int, before: os.stat_result | None
    ) -> None:
        """The reports first: a file in rejected/ always has them."""
        reserved = self._reserve(folder.rejected, name)
        try:
            report.finish(reserved, lines_published)
        except OSError:  # somebody may have put a folder in a report's place
            folder.rejected.discard(reserved)
            take_back(folder.rejected, reserved)
            raise
        self._move_onto(folder, name, folder.rejected, reserved, before)

    def _reserve(self, place: Place, name: str) -> str:
        """A free name in `place`. A file that comes back under it is known as the one that it was."""
        reserved = place.reserve(safe_name(name))
        if reserved != name:
            self._state.rename(reserved, self._state.original_name(printable(name)))
        return reserved

    def _move_onto(
        self, folder: OpenedFolder, name: str, place: Place, reserved: str, before: os.stat_result | None
    ) -> None:
        """Move an entry to its place, and watch it there.

        before: of the file that was read; None for one that was not.

        Raises ChangedWhileRead when another file has taken its name since; that one stays.
        """
        try:
            folder.inbox.move(name, place, reserved)
        except OSError:
            place.discard(reserved)
            take_back(place, reserved)
            raise
        if before is None:
            return
        now = place.status(reserved)
        if now is not None and not is_same(now, before):
            place.move(reserved, folder.inbox, folder.inbox.reserve(name))
            take_back(place, reserved)
            raise ChangedWhileRead
        where = DONE if place is folder.done else REJECTED
        self._state.watch(MovedFile(where, reserved, *size_and_time(before)), self._now_ms())


def _title(kind: FileKind, name: str, status: os.stat_result) -> str:
    """What a file is known by besides its content: nothing for sales, which have receipts; its name for stock.

    A list of levels is of the moment at which it comes, though it may say the same as the one before.
    """
    if kind == "sales":
        return ""
    return f"{kind}/{stem(name)}/{status.st_ctime_ns}" if kind == "level" else f"{kind}/{stem(name)}"


def _recorded(event: PosEvent, now_ms: int, keeps_lateness_of_ms: int | None) -> PosEvent:
    """The event as it is published: by no time that a file or our memory of it says."""
    told_ms = None if keeps_lateness_of_ms is None else min(keeps_lateness_of_ms, now_ms)
    is_late = told_ms is not None and now_ms - told_ms >= _SAME_MOMENT_MS
    return event.model_copy(update={"recorded_at_ms": now_ms, "told_at_ms": told_ms if is_late else None})


_DECIDING_SETTINGS = {
    "pool", "store", "time_zone", "currency", "columns", "time_format", "decimal_mark", "status_words",
    "default_unit", "rows_max",
}  # fmt: skip
"""With other values of these, the same file may give other events."""
