"""Places of rows in lists that are in an order of their own: no two rows of a list have the same."""

from schemas.types.pickup import AppointmentRow
from schemas.types.tasks import TaskRow


def task_place(row: TaskRow) -> tuple[int, int, str]:
    """A task's among a store's: the most urgent first."""
    return -row["priority"], row["due_ms"], row["task"]


def appointment_place(row: AppointmentRow) -> tuple[int, str]:
    """An appointment's among a store's: by time."""
    return row["slot_ms"], row["order"]
