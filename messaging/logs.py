"""Logging of every process: structlog, to standard error, a line an event; libraries' records go the same way.

Lines of one kind come so often at most: what strangers cause must not roll away what matters.
"""

import logging
import os
import sys
import time
from collections import OrderedDict
from collections.abc import Callable

import structlog

LINES_AT_ONCE = 200
LINES_PER_S = 1.0
_KINDS_MAX = 1_000


class OftenEnough(logging.Filter):
    """Lets through so many lines of a kind at once, and one a second after that; the next says how many were left out.

    A kind is the logger, the level, the sentence without its values, and the connector and the store that it is about.
    """

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._monotonic_s = monotonic_s
        self._kinds: OrderedDict[tuple[object, ...], tuple[float, float, int]] = OrderedDict()
        """Kind → lines that it may still have, when that was, how many were left out since the last one."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.msg if isinstance(record.msg, dict) else {"event": record.msg}
        kind = (record.name, record.levelno, str(said.get("event")), said.get("connector"), said.get("store"))
        now_s = self._monotonic_s()
        left, then_s, left_out = self._kinds.pop(kind, (float(LINES_AT_ONCE), now_s, 0))
        left = min(float(LINES_AT_ONCE), left + (now_s - then_s) * LINES_PER_S)
        is_let_through = left >= 1
        self._kinds[kind] = (left - 1, now_s, 0) if is_let_through else (left, now_s, left_out + 1)
        if len(self._kinds) > _KINDS_MAX:
            self._kinds.popitem(last=False)
        if is_let_through and left_out and isinstance(record.msg, dict):
            record.msg = {**record.msg, "left_out": left_out}
        elif is_let_through and left_out:
            record.msg = f"{record.msg} (and {left_out} more like it)"
        return is_let_through


def log_to_stderr() -> None:
    """Set it up, once in a process. COMMONSHELF_LOG_LEVEL sets the level (INFO)."""
    level = os.environ.get("COMMONSHELF_LOG_LEVEL", "INFO").upper()
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(OftenEnough())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.PositionalArgumentsFormatter()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.dev.ConsoleRenderer(
                    colors=False,
                    exception_formatter=structlog.dev.plain_traceback,  # others print what variables held
                ),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
