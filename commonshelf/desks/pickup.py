"""Places of pickup with what is booked there."""

from collections import Counter
from typing import NamedTuple

from commonshelf.config.publishing import current
from commonshelf.desks.onboarding import config_changes, settings_in
from commonshelf.stack.connection import Connection
from schemas.models.config import PickupPlace
from schemas.topics import PICKUP_APPOINTMENTS


class BookedPlace(NamedTuple):
    """A place, and the number of its appointments that have not ended."""

    place: str
    is_open: bool
    stores: tuple[str, ...]
    hand_overs_per_slot: int
    shelf_orders_max: int | None
    appointments: int


def places_of(connection: Connection, pool: str) -> list[BookedPlace]:
    """A pool's places by id. Raises UnknownNameError."""
    changes = list(config_changes(connection))
    settings_in(changes, pool)
    rows = current(connection.kafka_options, PICKUP_APPOINTMENTS.name)
    booked = Counter(row["place"] for row in rows if row["pool"] == pool and row["status"] in ("booked", "ready"))
    places = [one.change for one in changes if one.pool == pool]
    found = sorted((one for one in places if isinstance(one, PickupPlace)), key=lambda one: one.place)
    return [
        BookedPlace(one.place, one.open, one.stores, one.hand_overs_per_slot, one.shelf_orders_max, booked[one.place])
        for one in found
    ]
