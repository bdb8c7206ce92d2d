"""Statuses of what is not over yet, and of what is; events that refuse. The records list all."""

from typing import Final, get_args

from schemas.types.orders import OrderEventKind
from schemas.types.pickup import AppointmentStatus
from schemas.types.tasks import TaskStatus

LIVE_TASK: Final[tuple[TaskStatus, ...]] = ("open", "claimed")
ENDED_TASK: Final = tuple(one for one in get_args(TaskStatus) if one not in LIVE_TASK)
LIVE_APPOINTMENT: Final[tuple[AppointmentStatus, ...]] = ("booked", "ready")
ENDED_APPOINTMENT: Final = tuple(one for one in get_args(AppointmentStatus) if one not in LIVE_APPOINTMENT)
REFUSED_EVENTS: Final[tuple[OrderEventKind, ...]] = ("refused", "report_refused", "transfer_refused", "set_aside")
"""Events that answer a request, or a report, by which nothing was done."""
