"""Places of pickup with what is booked there, in all and hour by hour."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import tzinfo
from typing import NamedTuple

from commonshelf.config.publishing import current
from commonshelf.desks.onboarding import config_changes, settings_in
from commonshelf.stack.connection import Connection
from commonshelf.text import time_text
from schemas.models.config import PickupPlace
from schemas.statuses import LIVE_APPOINTMENT
from schemas.topics import PICKUP_APPOINTMENTS
from schemas.types.pickup import AppointmentRow

_HOUR_MS = 3_600_000
_SLOTS_OF_AN_HOUR = 4


class BookedPlace(NamedTuple):
    """A place, and the number of its appointments that have not ended."""

    place: str
    is_open: bool
    stores: tuple[str, ...]
    hand_overs_per_slot: int
    shelf_orders_max: int | None
    appointments: int


class PlaceHour(NamedTuple):
    """An hour of a place in which customers collect, or were to."""

    place: str
    hour_ms: int
    """When it begins, ms since 1970 UTC."""
    orders: int
    """Orders with an appointment in it, cancelled ones left out."""
    room: int | None
    """Orders that the staff can serve in an hour; None for a place that is not there any more."""
    collected: int
    """Orders of these that were handed over, whole or in part."""
    no_shows: int


def places_of(connection: Connection, pool: str) -> list[BookedPlace]:
    """A pool's places by id. Raises UnknownNameError."""
    places, rows = _places(connection, pool), _appointments(connection, pool)
    booked = Counter(row["place"] for row in rows if row["status"] in LIVE_APPOINTMENT)
    return [
        BookedPlace(one.place, one.open, one.stores, one.hand_overs_per_slot, one.shelf_orders_max, booked[one.place])
        for one in places
    ]


def hours_of(connection: Connection, pool: str) -> list[PlaceHour]:
    """The hours of a pool's places, as far as its appointments are remembered. Raises UnknownNameError."""
    rooms = {one.place: _SLOTS_OF_AN_HOUR * one.hand_overs_per_slot for one in _places(connection, pool)}
    return occupancy(_appointments(connection, pool), rooms)


def appointments_of(connection: Connection, pool: str, order: str) -> list[AppointmentRow]:
    """The appointments of an order, by store."""
    found = [row for row in _appointments(connection, pool) if row["order"] == order]
    return sorted(found, key=lambda row: row["store"])


def appointment_text(row: AppointmentRow, zone: tzinfo) -> str:
    """How an appointment stands, in a line."""
    window = window_text(row["window_from_ms"], row["window_until_ms"], zone)
    told = f"appointment at {row['place']} ({row['store']}), {window}: {row['status']}"
    if row["customer"] == "on_the_way":
        return f"{told}, the customer arrives at {time_text(row['eta_ms'], zone)}"
    return f"{told}, the customer is there" if row["customer"] == "arrived" and not row["ended_at_ms"] else told


def window_text(from_ms: int, until_ms: int, zone: tzinfo) -> str:
    """A window of a day, as 2026-11-30 17:00 to 17:15 CET."""
    return f"{time_text(from_ms, zone, '%Y-%m-%d %H:%M')} to {time_text(until_ms, zone, '%H:%M %Z')}"


def occupancy(rows: Iterable[AppointmentRow], rooms: Mapping[str, int]) -> list[PlaceHour]:
    """The hours with appointments, by place and time; `rooms`: place → orders of an hour.

    What several stores bring to one place in one quarter hour for one order counts once.
    """
    found: defaultdict[tuple[str, int], dict[tuple[str, int], set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        if row["status"] != "cancelled":
            hour = row["place"], row["slot_ms"] - row["slot_ms"] % _HOUR_MS
            found[hour][row["order"], row["slot_ms"]].add(row["status"])
    return [
        PlaceHour(
            place, hour_ms, len(orders), rooms.get(place),
            sum(bool(states & {"handed_over", "part_handed_over"}) for states in orders.values()),
            sum(states == {"no_show"} for states in orders.values()),
        )
        for (place, hour_ms), orders in sorted(found.items())
    ]  # fmt: skip


def _places(connection: Connection, pool: str) -> list[PickupPlace]:
    changes = list(config_changes(connection))
    settings_in(changes, pool)
    places = [one.change for one in changes if one.pool == pool]
    return sorted((one for one in places if isinstance(one, PickupPlace)), key=lambda one: one.place)


def _appointments(connection: Connection, pool: str) -> list[AppointmentRow]:
    return [row for row in current(connection.kafka_options, PICKUP_APPOINTMENTS.name) if row["pool"] == pool]
