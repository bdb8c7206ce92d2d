"""The drop folder's connector: it looks when something changed, and every minute anyway."""

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import structlog

from connectors.context import ConnectorContext, SetAside
from connectors.contract import Handler, Publishes, StoreContext
from connectors.drop_folder.folder import DropFolder, may_be_written
from connectors.drop_folder.intake import UNENDED_SETTLE_FACTOR, Intake, Stopped
from connectors.drop_folder.names import printable
from connectors.drop_folder.set_aside import SetAsideReport
from connectors.drop_folder.settings import DEFAULT_KINDS, DropFolderSpec
from connectors.drop_folder.spec import FolderOptions
from connectors.drop_folder.state import FolderState
from connectors.metrics import ConnectorMetrics
from messaging.clock import wall_clock_ms
from messaging.publisher import PublishError

_RETRY_S = 5.0
_DECIDED_S = 2.0
"""So soon after a file was read the pool has usually decided about its lines."""
_log = structlog.get_logger()


class FolderConnector:
    """Reads the files that a store drops into a folder. Raises FolderUnusable, sqlite3.Error.

    state_dir: where it keeps how far it has read; one folder for all connectors of a host. set_aside: where it learns
    which of its lines the pool could not use; None: it tells nothing of them.
    """

    def __init__(
        self,
        spec: DropFolderSpec,
        publisher: Publishes,
        metrics: ConnectorMetrics,
        state_dir: Path,
        now_ms: Callable[[], int] = wall_clock_ms,
        set_aside: SetAside | None = None,
    ) -> None:
        self.name = f"drop_folder {spec.store}"
        self._spec = spec
        self._now_ms = now_ms
        self._folder = DropFolder(spec.folder)
        self._state = FolderState(state_dir / f"folder-{spec.pool}-{spec.store}.sqlite")
        self._intake = Intake(
            spec, self._folder, self._state, publisher, metrics.of(spec.pool, spec.store, "drop_folder"), now_ms
        )
        self._set_aside = None if set_aside is None else SetAsideReport(spec, self._folder, self._state, set_aside)
        self._wake = threading.Event()
        self._log = _log.bind(connector="drop_folder", store=spec.store)

    def pages(self) -> Mapping[str, Handler]:
        return {}

    def watched(self) -> Sequence[Path]:
        return (self._folder.path,)

    def wake(self) -> None:
        self._wake.set()

    def run(self, stop: threading.Event) -> None:
        """Look through the folder until `stop` is set. A failing disk is logged and tried again."""
        try:
            while not stop.is_set():
                self._wake.clear()
                try:
                    next_look_s = self.scan(stop)
                except (OSError, sqlite3.Error, PublishError) as error:
                    self._log.error("the drop folder cannot be read now", reason=str(error))
                    next_look_s = _RETRY_S
                self._wake.wait(min(next_look_s, self._spec.scan_interval_s))
        except Stopped:
            pass
        finally:
            self._state.close()

    def scan(self, stop: threading.Event) -> float:
        """Read all files that lie still. Returns in how many seconds the next one may do so, at most the interval.

        Raises Stopped, OSError, sqlite3.Error, PublishError.
        """
        self._tell_late_writes()
        settle_s = self._spec.settle_ms / 1000
        next_look_s = self._spec.scan_interval_s
        for entry in self._folder.entries():
            if stop.is_set():
                raise Stopped
            still_s = self._now_ms() / 1000 - entry.touched_at_s
            if may_be_written(still_s, settle_s):
                next_look_s = min(next_look_s, settle_s - still_s)
                continue
            next_look_s = min(next_look_s, _DECIDED_S)
            try:
                self._intake.take(entry, stop)
            except OSError as error:  # one unreadable file must not hold up the others
                self._log.error("a file cannot be read now", file=printable(entry.name), reason=str(error))
                next_look_s = min(next_look_s, _RETRY_S)
            self._tell_late_writes()
            if may_be_written(still_s, settle_s * UNENDED_SETTLE_FACTOR):
                next_look_s = min(next_look_s, settle_s * UNENDED_SETTLE_FACTOR - still_s)
        self._tell_set_aside()
        return next_look_s

    def _tell_late_writes(self) -> None:
        try:
            self._intake.tell_late_writes()
        except OSError as error:  # it must not hold up what waits to be read
            self._log.error("what was read before cannot be looked at now", reason=str(error))

    def _tell_set_aside(self) -> None:
        if self._set_aside is None:
            return
        try:
            self._set_aside.tell()
        except (OSError, PublishError) as error:  # it must not hold up what waits to be read
            self._log.error("what the pool has set aside cannot be told now", reason=str(error))
        except Exception:  # noqa: BLE001  a fault of the list alone must not end the reading of files
            self._log.exception("what the pool has set aside cannot be told")


def make(options: FolderOptions, store: StoreContext, context: ConnectorContext) -> FolderConnector:
    """The factory that the entry point names."""
    return FolderConnector(
        spec_of(options, store), context.publisher, context.metrics, context.state_dir, set_aside=context.set_aside
    )


def spec_of(options: FolderOptions, store: StoreContext) -> DropFolderSpec:
    """The drop folder of a store."""
    return DropFolderSpec(
        pool=store.pool,
        store=store.id,
        time_zone=store.zone.key,
        currency=store.currency,
        folder=options.folder,
        columns=options.columns,
        kinds={**DEFAULT_KINDS, **options.file_kinds},
        time_format=options.time_format,
        decimal_mark=options.decimal_mark,
        status_words=options.status_words,
        default_unit=options.default_unit,
        unit_words=options.measures(),
        settle_ms=options.settle_ms,
        scan_interval_s=options.scan_interval_s,
        late_limit_ms=store.late_limit_ms,
        is_replay=store.is_replay,
    )
