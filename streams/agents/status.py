"""The event loop's word about itself; the status server only reads it."""

import time
from dataclasses import dataclass, field

from messaging.status_server import Status

_LOOP_STUCK_S = 10.0


@dataclass
class LoopStatus:
    """Whether the agents' event loop turns, and what readiness waits for."""

    waiting_for: str | None = "the worker is starting"
    """None when ready."""
    loop_seen_s: float = field(default_factory=time.monotonic)
    """When the event loop last ran, on the monotonic clock."""

    def loop_ran(self) -> None:
        self.loop_seen_s = time.monotonic()

    def health(self) -> Status:
        silent_s = time.monotonic() - self.loop_seen_s
        if silent_s > _LOOP_STUCK_S:
            return Status.unless(f"the event loop has not run for {silent_s:.1f} s")
        return Status(ok=True)

    def ready(self) -> Status:
        return Status.unless(self.waiting_for)
