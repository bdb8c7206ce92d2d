"""A ledger worker process: sessions one after another until it is told to stop."""

import ctypes
import logging
import shutil
import sys
import threading
import traceback

from messaging.process import serve_pages, stopped_by_signals
from streams.runtime.contract import Processor
from streams.runtime.failures import Halted
from streams.runtime.garbage import collect_all, collect_rarely
from streams.runtime.lookups import Lookups
from streams.runtime.metrics import WorkerMetrics
from streams.runtime.pace import Pace
from streams.runtime.session import Session
from streams.runtime.settings import LocalStoreBroken, Rejoin, WorkerSettings, WorkerStopped

log = logging.getLogger(__name__)


def run_worker(processor: Processor, settings: WorkerSettings) -> None:
    """Run until SIGTERM or SIGINT. Raises SystemExit(1) when the worker cannot go on; the log says why."""
    stop = stopped_by_signals()
    collect_rarely()
    _give_memory_back()
    metrics, lookups = WorkerMetrics(stuck_after_s=settings.give_up_s), Lookups()
    more = {f"/tables/{processor.name}": lookups.page}
    with serve_pages(settings.http_host, settings.http_port, health=metrics.health, ready=metrics.ready, more=more):
        run_sessions(processor, settings, metrics, lookups, stop)


def _give_memory_back() -> None:
    """Keep glibc from holding on to what a batch once took.

    It gives each of Kafka's threads an arena of its own, and after the first large buffer takes all but huge ones
    from the heap, where small objects between them keep them from being given back.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, 2)
            mallopt(_M_MMAP_THRESHOLD, 262_144)


_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
"""From glibc's malloc.h."""


def run_sessions(
    processor: Processor, settings: WorkerSettings, metrics: WorkerMetrics, lookups: Lookups, stop: threading.Event
) -> None:
    """Join again whenever the place is lost. Raises SystemExit(1) when that cannot help."""
    halted: set[tuple[str, int, int]] = set()
    pace = Pace(settings.batch_records, settings.transaction_timeout_ms)
    while not stop.is_set():
        try:
            Session(processor, settings, metrics, lookups, halted, stop, pace).run()
        except Halted as error:
            halted.add(error.at)
        except LocalStoreBroken as error:
            log.warning("%s: restoring it from the changelog", error)
            # The Kafka client may keep an exception that passed through its callback; a cursor in one of its frames
            # would keep the files locked for as long as this process lives.
            traceback.clear_frames(error.__traceback__)
            shutil.rmtree(settings.state_dir / settings.group / f"partition-{error.partition}", ignore_errors=True)
        except Rejoin as error:
            log.warning("lost our place: %s; joining again", error)
        except WorkerStopped as error:
            if stop.is_set():
                return
            log.error("stopped: %s", error)  # noqa: TRY400  the message is for people
            raise SystemExit(1) from error
        else:
            return
        collect_all()  # the session's Kafka clients, with threads and sockets of their own: an outage has many sessions
        metrics.rejoin()
        stop.wait(0.2)
