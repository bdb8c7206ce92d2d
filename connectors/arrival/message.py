"""An appointment as arrival apps are told it. Pure.

Every field is explained in docs/arrival.md. A message is the whole state of one appointment, with no personal data.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from connectors.outbound.settings import location_of
from connectors.outbound.teller import State
from messaging.clock import iso_time
from schemas.statuses import ENDED_APPOINTMENT

FORGOTTEN = "forgotten"
"""Of an appointment that ended so long ago that the pool does not know how."""

Row = Mapping[str, Any]


def appointment_state(
    row: Row, places: Mapping[str, Row], stores: Mapping[str, Row], zone: ZoneInfo, lines: Iterable[Row] = ()
) -> State:
    """The state of an appointment.

    row: an AppointmentRow. places, stores: the pool's PickupPlaces and StoreSettings by id. zone: the pool's.
    lines: the goods that can be handed over, each by `handed_line`.
    """
    content = {
        **_names(row["pool"], row["order"], row["store"]),
        "status": row["status"],
        "change": row["change"],
        "store_name": stores.get(row["store"], {}).get("name", row["store"]),
        "place": _place(row["place"], places, stores),
        "window": {"from": iso_time(row["window_from_ms"], zone), "until": iso_time(row["window_until_ms"], zone)},
        "deadline": iso_time(row["deadline_ms"], zone),
        "is_late": row["is_late"],
        "lines": list(lines),
        "needs_code": row["code_digest"] is not None,
        "wrong_codes": len(row["wrong_codes"]),
        "customer": _customer(row, zone),
        "time_zone": zone.key,
    }
    return State(content, row["status"] in ENDED_APPOINTMENT)


def handed_line(line: Row, item: Row | None) -> Row:
    """A TaskLine of a hand-over as apps are told it. item: its CatalogItem, if the product master has it."""
    named = {"name": line["sku"], "unit": "each"} if item is None else {"name": item["name"], "unit": item["unit"]}
    return {"line": line["line_id"], "sku": line["sku"], "quantity_milli": line["quantity_milli"], **named}


def forgotten_state(pool: str, item: str) -> State:
    """The state of an appointment that the pool has forgotten: it ended. item: order/store."""
    order, _, store = item.partition("/")
    return State({**_names(pool, order, store), "status": FORGOTTEN, "change": FORGOTTEN}, is_final=True)


def _names(pool: str, order: str, store: str) -> dict[str, object]:
    return {"kind": "appointment", "pool": pool, "order": order, "store": store}


def _place(place: str, places: Mapping[str, Row], stores: Mapping[str, Row]) -> dict[str, object]:
    """A place that is a store's own counter is where the store is; of others nobody has said it."""
    found = {"id": place, "name": places.get(place, {}).get("name", place)}
    return found | location_of(stores.get(place, {}))


def _customer(row: Row, zone: ZoneInfo) -> dict[str, object] | None:
    if not row["customer"]:
        return None
    said = {"state": row["customer"], "at": iso_time(row["customer_at_ms"], zone)}
    return said | {"eta": iso_time(row["eta_ms"], zone)} if row["eta_ms"] else said
