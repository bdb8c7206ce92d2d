"""Rows of appointments: an order's goods at one store, and when the customer collects them. Never changed in place."""

from schemas.codec import topic_codec
from schemas.topics import PICKUP_APPOINTMENTS
from schemas.types.pickup import AppointmentRow
from streams.pool.pickup.index import APPOINTMENTS
from streams.pool.state.part import Pool
from streams.pool.state.pool_state import PoolState
from streams.pool.state.tables import EntityKey, Pools, Published, TableSpec

_WITHHELD = "(withheld)"
_encode = topic_codec(PICKUP_APPOINTMENTS.name).encode


def _publish(_: Pools, __: EntityKey, row: AppointmentRow) -> bytes:
    return _encode(row if row["code_digest"] is None else {**row, "code_digest": _WITHHELD})


def _load(state: Pool, row: AppointmentRow) -> None:
    state[APPOINTMENTS].put(row)


APPOINTMENT_ROWS: TableSpec[EntityKey, AppointmentRow] = TableSpec(
    "appointment", "AppointmentRow", "/".join, published=Published(PICKUP_APPOINTMENTS, "/".join, _publish), load=_load
)


def find_appointment(state: PoolState, name: str) -> AppointmentRow | None:
    """The appointment, ended ones that are not forgotten included."""
    return state.tables[APPOINTMENT_ROWS].get((state.pool, name))
