"""A limit on batches that learns: one that failed is halved until one succeeds, and then it grows again.

Otherwise a batch that Kafka cannot take in time, or that costs the worker its place, would be begun anew for ever.
"""

_TRANSACTION_TIMEOUT_MAX_MS = 60_000
"""However slow Kafka is: a worker that dies meanwhile keeps its successor waiting for so long."""


class Pace:
    """Lessons of a worker from its batches; they outlive its sessions."""

    def __init__(self, records_max: int, transaction_timeout_ms: int) -> None:
        self._full_records = records_max
        self._usual_timeout_ms = transaction_timeout_ms
        self.records_max = records_max
        self.transaction_timeout_ms = transaction_timeout_ms
        """Of the next session's transactions; it doubles with each failure, as a single record cannot be halved."""

    def failed(self, records: int) -> None:
        """A batch of so many records was begun, and its commit failed."""
        self.records_max = max(records // 2, 1)
        longer_ms = min(2 * self.transaction_timeout_ms, _TRANSACTION_TIMEOUT_MAX_MS)
        self.transaction_timeout_ms = max(longer_ms, self._usual_timeout_ms)

    def succeeded(self) -> None:
        """A batch was committed."""
        self.records_max = min(2 * self.records_max, self._full_records)
        if self.records_max == self._full_records:
            self.transaction_timeout_ms = self._usual_timeout_ms
