"""Indexes of a pool's appointments. Made from their rows alone, whenever these are loaded."""

from collections import defaultdict
from typing import Final

from schemas.statuses import LIVE_APPOINTMENT
from schemas.types.pickup import AppointmentRow
from streams.pool.state.forgetting import Forgettable
from streams.pool.state.groups import Group, regroup
from streams.pool.state.part import Part, Pool

APPOINTMENT: Final = "appointment"
SLOT_MS: Final = 900_000
Slot = tuple[str, int]
"""(place, when the quarter hour begins, ms since 1970 UTC)"""


class AppointmentIndex:
    """Indexes of the appointments of one pool."""

    def __init__(self, state: Pool) -> None:
        self._alarms = state.alarms
        """Appointments whose goods must be ready by now: when the last quarter hour of the window begins."""
        self.forgettable = Forgettable()
        """Ended appointments, by when they leave the state."""
        self.of_order: Group[str] = defaultdict(dict)
        """Order → names of its appointments that have not ended."""
        self.at_slot: Group[Slot] = defaultdict(dict)
        """Quarter hour of a place → names of the appointments in it."""
        self._slots: dict[str, Slot] = {}

    def orders_at(self, slot: Slot) -> set[str]:
        """The orders that are handed over in a quarter hour: what several stores bring there for one counts once."""
        return {name.partition("/")[0] for name in self.at_slot.get(slot, ())}

    def put(self, row: AppointmentRow) -> None:
        """Take note of an appointment's new row."""
        name, is_live = appointment_name(row["order"], row["store"]), row["status"] in LIVE_APPOINTMENT
        before, slot = self._slots.pop(name, None), (row["place"], row["slot_ms"])
        regroup(self.at_slot, () if before is None else (before,), (slot,) if is_live else (), name)
        regroup(self.of_order, (row["order"],), (row["order"],) if is_live else (), name)
        must_be_ready = row["status"] == "booked" and not row["is_late"]
        self._alarms.set((APPOINTMENT, name), row["window_until_ms"] - SLOT_MS if must_be_ready else None)
        if is_live:
            self._slots[name] = slot
            self.forgettable.clear((APPOINTMENT, name))
        else:
            told_at_ms = max((known["recorded_at_ms"] for known in row["reports"]), default=0)
            self.forgettable.set((APPOINTMENT, name), row["forget_at_ms"], told_at_ms)

    def remove(self, row: AppointmentRow) -> None:
        """The appointment, which has ended, leaves the state."""
        self.forgettable.clear((APPOINTMENT, appointment_name(row["order"], row["store"])))


APPOINTMENTS = Part(AppointmentIndex)
"""The appointments' indexes of a pool."""


def appointment_name(order: str, store: str) -> str:
    """The name of an appointment in its pool."""
    return f"{order}/{store}"
