"""A delivery as carriers are told it. Pure.

Every field is explained in docs/carriers.md. A message is the whole state of one delivery. It has the address's
reference; the address itself is put into it as it is sent.
"""

from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from connectors.outbound.settings import location_of
from connectors.outbound.teller import State
from messaging.clock import iso_time
from schemas.statuses import LIVE_TASK

FORGOTTEN: Final = "forgotten"
"""Of a delivery that ended so long ago that the pool does not know how."""
WAITS, OUT = "requested", "out"
STANDING: Final = (WAITS, OUT)
"""Statuses in which goods are to be delivered: only then a message has an address."""
_STATUS: Final = {"open": WAITS, "claimed": OUT, "done": "delivered", "refused": "returned"}
_CANCELLED: Final = "cancelled"

Row = Mapping[str, Any]


def is_delivery(row: Row) -> bool:
    """Whether the task is one that a carrier does."""
    return row["kind"] == "hand_over" and row.get("delivery") is not None


def status_of(row: Row) -> str:
    """The status of a delivery, by its task."""
    return _STATUS.get(row["status"], _CANCELLED)


def delivery_state(row: Row, stores: Mapping[str, Row], zone: ZoneInfo) -> State:
    """The state of a delivery.

    row: the TaskRow of a hand-over with a delivery. stores: the pool's StoreSettings by id. zone: the pool's.
    """
    delivery = row["delivery"]
    content = {
        **_names(row["pool"], row["task"]),
        "order": row["order"],
        "status": status_of(row),
        "reason": row["reason"],
        "carrier": row["worker"],
        "store": _store(row["store"], stores),
        "ready_since": iso_time(row["opened_at_ms"], zone),
        "deliver_by": iso_time(delivery["deadline_ms"], zone),
        "report_by": iso_time(row["due_ms"], zone),
        "geohash": delivery["geohash"],
        "address_ref": delivery["address_ref"],
        "manifest": [dict(line) for line in row["lines"]],
        "time_zone": zone.key,
    }
    return State(content, row["status"] not in LIVE_TASK)


def forgotten_state(pool: str, task: str) -> State:
    """The state of a delivery that the pool has forgotten: it ended."""
    return State({**_names(pool, task), "status": FORGOTTEN}, is_final=True)


def _names(pool: str, task: str) -> dict[str, object]:
    return {"kind": "delivery", "pool": pool, "task": task}


def _store(store: str, stores: Mapping[str, Row]) -> dict[str, object]:
    known = stores.get(store, {})
    return {"id": store, "name": known.get("name", store)} | location_of(known)
