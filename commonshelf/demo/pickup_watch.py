"""Follows how appointments stand: what was promised, and what came of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from commonshelf.demo.topic_watch import TopicWatch
from schemas.statuses import LIVE_APPOINTMENT
from schemas.topics import PICKUP_APPOINTMENTS

_MINUTE_MS = 60_000
Row = Mapping[str, Any]


@dataclass(slots=True)
class PickupView:
    """The appointments as seen so far, since the demo began."""

    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    """(Order, store) → how it stands."""

    @property
    def booked(self) -> int:
        return len(self.rows)

    @property
    def collected(self) -> int:
        return len(self._collected())

    @property
    def no_shows(self) -> int:
        return sum(row["status"] == "no_show" for row in list(self.rows.values()))

    @property
    def windows_kept_percent(self) -> float | None:
        """Of hand-overs, those by the end of the last promised window, or later because the customer came later."""
        rows = self._collected()
        kept = sum(row["ended_at_ms"] <= row["window_until_ms"] or _came_late(row) for row in rows)
        return round(100 * kept / len(rows), 1) if rows else None

    @property
    def window_mean_min(self) -> float | None:
        """Mean width of the windows that are promised, or were last, minutes."""
        widths_ms = [row["window_until_ms"] - row["window_from_ms"] for row in list(self.rows.values())]
        return round(sum(widths_ms) / len(widths_ms) / _MINUTE_MS, 1) if widths_ms else None

    def an_order(self, shown: tuple[str, str] | None = None) -> tuple[str, str] | None:
        """An appointment that stands, by order and store: the one that is shown for as long as it does."""
        standing = [key for key, row in list(self.rows.items()) if row["status"] in LIVE_APPOINTMENT]
        return shown if shown in standing else next(iter(standing), None)

    def _collected(self) -> list[Row]:
        return [row for row in list(self.rows.values()) if row["status"] in ("handed_over", "part_handed_over")]


def _came_late(row: Row) -> bool:
    return bool(row["customer"] == "arrived" and row["customer_at_ms"] > row["window_until_ms"])


class PickupWatch(TopicWatch):
    """Reads one pool's appointments from now on, in a thread of its own, in which `on_appointment` runs."""

    def __init__(
        self, kafka_options: Mapping[str, str], pool: str, partitions: int, on_appointment: Callable[[Row], None]
    ) -> None:
        self.view = PickupView()
        self._on_appointment = on_appointment
        super().__init__(kafka_options, "appointments", (PICKUP_APPOINTMENTS.name,), pool, partitions)

    def _take(self, topic: str, row: Row) -> None:
        self.view.rows[row["order"], row["store"]] = row
        self._on_appointment(row)
