"""The settings of a pool that messages tell of: its stores, its places, its time zone."""

from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

Row = Mapping[str, Any]


class PoolSettings:
    """None yet; `read` takes them in."""

    def __init__(self) -> None:
        self.stores: Mapping[str, Row] = {}
        self.places: Mapping[str, Row] = {}
        self.zone = ZoneInfo("UTC")

    def read(self, changes: Iterable[Row]) -> None:
        """Take in the rows of the pool's settings, all of them: ConfigChange."""
        kinds: dict[str, list[Row]] = {}
        for row in changes:
            name, setting = row["change"]
            kinds.setdefault(name.rpartition(".")[2], []).append(setting)
        self.stores = {one["store"]: one for one in kinds.get("StoreSettings", ())}
        self.places = {one["place"]: one for one in kinds.get("PickupPlace", ())}
        self.zone = next((ZoneInfo(one["time_zone"]) for one in kinds.get("PoolSettings", ())), self.zone)


def location_of(store: Row) -> dict[str, int]:
    """A store's latitude and longitude, millionths of a degree; nothing where nobody has said them."""
    at = {name: int(store.get(name) or 0) for name in ("latitude_e6", "longitude_e6")}
    return at if any(at.values()) else {}
