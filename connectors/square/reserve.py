"""Reservations of what the pool holds at Square: moved from `IN_STOCK` to `SOLD` at the store's location, and back.

Square's own reservation may not be written. A count there begins anew from what was counted, so that what was taken out
before it is on sale again; that is looked for, and taken out again.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Protocol

from connectors.contract import FieldRefused
from connectors.http.client import NotFound
from connectors.outbound.contract import CallRefused
from connectors.vendor.echo import MARK, is_ours
from connectors.vendor.fields import UTC_ZONE, Json, inner, time_ms
from connectors.vendor.write_back import Write

_MILLI = 1000
_ITEM_CODE = "item:"
_LISTED_LATE_MS = 60_000


class Asks(Protocol):
    """The part of the merchant's client that is used here. All raise Unavailable, AccessRefused."""

    location_id: str

    def catalog_object(self, object_id: str) -> Json:
        """Raises NotFound, too."""

    def change_stock(self, key: str, change: Json) -> None:
        """Raises CallRefused, too."""

    def changes_of(self, item: str, kind: str, since_ms: int) -> Iterator[Json]: ...


class SoldStock:
    """The `Channel` of one location. Quantities there are whole: goods sold by measure are left alone."""

    grain_milli = _MILLI

    def __init__(self, shop: Asks) -> None:
        self._shop = shop

    def find(self, codes: Sequence[str]) -> str | None:
        """The variation that one of `codes` names, if it is sold by the piece: Square counts others in their units."""
        for code in codes:
            if not code.startswith(_ITEM_CODE):
                continue
            item = code.removeprefix(_ITEM_CODE)
            try:
                found = self._shop.catalog_object(item)
            except NotFound:
                continue
            is_variation = found.get("type") == "ITEM_VARIATION" and not found.get("is_deleted")
            if is_variation and not inner(found, "item_variation_data").get("measurement_unit_id"):
                return item
        return None

    def reserved_by_others_milli(self, item: str) -> int:
        """Nothing: Square keeps no account of what is sold. `was_done` needs none."""
        return 0

    def change(self, write: Write) -> None:
        takes_out = write.change_milli > 0
        adjustment = {
            "catalog_object_id": write.item, "location_id": self._shop.location_id,
            "from_state": "IN_STOCK" if takes_out else "UNLINKED_RETURN",
            "to_state": "SOLD" if takes_out else "IN_STOCK", "quantity": str(abs(write.change_milli) // _MILLI),
            "occurred_at": _rfc3339_ms(write.begun_at_ms), "reference_id": _reference(write),
        }  # fmt: skip
        self._shop.change_stock(write.key, {"type": "ADJUSTMENT", "adjustment": adjustment})

    def was_done(self, write: Write) -> bool:
        made = self._shop.changes_of(write.item, "ADJUSTMENT", write.begun_at_ms - _LISTED_LATE_MS)
        return any(each.get("reference_id") == _reference(write) for each in made)

    def is_lost(self, item: str, since_ms: int) -> bool:
        """True when it was counted since."""
        counts = self._shop.changes_of(item, "PHYSICAL_COUNT", since_ms - _LISTED_LATE_MS)
        return any(
            _is_later(each, since_ms)
            for each in counts
            if each.get("state") == "IN_STOCK" and not is_ours(each.get("reference_id"))
        )


def _reference(write: Write) -> str:
    return f"{MARK}write-back/{write.key}"


def _is_later(count: Json, since_ms: int) -> bool:
    try:
        occurred_at_ms = time_ms(count, "occurred_at", UTC_ZONE)
    except FieldRefused as error:
        raise CallRefused(f"a count of the item has no usable time: {error}") from error
    return occurred_at_ms is not None and occurred_at_ms > since_ms


def _rfc3339_ms(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms // 1000, UTC).replace(microsecond=at_ms % 1000 * 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
