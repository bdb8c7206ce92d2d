"""The records of `schemas/records/pickup`. Made by `python -m schemas.generate`; change these."""

from typing import Literal, NotRequired, TypedDict

from schemas.types.tasks import KnownReport

AppointmentStatus = Literal["booked", "ready", "handed_over", "part_handed_over", "no_show", "cancelled"]
"""booked: goods are held and the quarter hour is taken.
ready: all that the store keeps for it is picked.
part_handed_over: the customer has a part, and gets no more there.
no_show: nobody came: the goods are free again.
cancelled: the order was cancelled, expired, or its goods come from elsewhere.
"""

CustomerState = Literal["on_the_way", "arrived"]

AppointmentChange = Literal[
    "booked",
    "moved",
    "ready",
    "on_the_way",
    "arrived",
    "handed_over",
    "part_handed_over",
    "no_show",
    "cancelled",
]
"""moved: to another quarter hour or place.
on_the_way: the customer has set out, or said anew when to arrive.
"""


class AppointmentRow(TypedDict):
    """An appointment as it stands: a customer collects what one store keeps for one order."""

    pool: str
    order: str
    store: str
    place: str
    status: AppointmentStatus
    change: AppointmentChange
    slot_ms: int
    is_late: bool
    window_from_ms: int
    window_until_ms: int
    booked_until_ms: int
    deadline_ms: int
    customer: CustomerState | Literal[""]
    customer_at_ms: int
    eta_ms: int
    code_digest: str | None
    wrong_codes: list[str]
    reports: list[KnownReport]
    reports_forgotten_ms: int
    booked_at_ms: int
    ready_at_ms: int
    ended_at_ms: int
    forget_at_ms: int
    position: int


class BookedSlot(TypedDict):
    """A quarter hour that is taken for an order: the customer collects there what the store keeps."""

    store: str
    place: str
    slot_ms: int
    until_ms: int
    is_late: NotRequired[bool]


class PickupWish(TypedDict):
    """When, and where, the customer would like to collect."""

    from_ms: int
    until_ms: int
    place: str | None
    code_digest: NotRequired[str | None]


class PreparationRow(TypedDict):
    """How long a store took to prepare orders at an hour of the day, against what is declared. Internal."""

    pool: str
    store: str
    hour: int
    picks: int
    weights: list[int]
