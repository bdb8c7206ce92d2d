"""A pool's open deliveries and transfers as a case for routing, with the times of its fleet put on today."""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from commonshelf.desks.onboarding import stores_of, zone_of
from commonshelf.stack.connection import Connection
from messaging.errors import UserError
from messaging.log_reader import read_table
from schemas.codec import topic_codec
from schemas.models.config import StoreSettings
from schemas.partition import partition_of
from schemas.topics import POOL_CHANGELOG
from schemas.types.config import StoreSettings as StoreSettingsRow
from schemas.types.orders import OrderRow
from schemas.types.tasks import TaskRow
from schemas.types.transfers import TransferRow
from streams.pool.orders.geo import geohash_centre
from streams.pool.tasks.opening_hours import local_day, local_time_ms, opening_spans
from streams.routing.case_file import Fleet, read_fleet
from streams.routing.model import Case, Consignment, Goods, Policy, Store

OWN_COURIERS = b'{"own_courier": {"starts_s": 28800, "ends_s": 72000}}'
"""The fleet of a pool that names none: a cargo bike at each shop's own door, from 8 to 20."""
_DAY_S = 86_400
_GIVEN_UP = ("cancelled", "unfilled", "not_collected", "expired")


class NoPlaceError(UserError):
    """A store that has goods to send or to get has no place on the map."""


class PoolCase(NamedTuple):
    """A pool's case, and what is known beside it."""

    case: Case
    unplaced: tuple[str, ...]
    """Orders to be delivered of which nobody said where, by a geohash."""
    given_up: frozenset[str]
    """Orders and transfers that ended without their goods: what of them is aboard goes back."""


class Standing(NamedTuple):
    """The orders, transfers and tasks of a pool's state."""

    orders: list[OrderRow]
    transfers: list[TransferRow]
    tasks: list[TaskRow]

    def out(self) -> frozenset[tuple[str, str]]:
        """Order and store of each delivery that a carrier has scanned out: it has left."""
        return frozenset(
            (task["order"], task["store"])
            for task in self.tasks
            if task["order"] is not None and task.get("delivery") is not None and task["status"] == "claimed"
        )


def pool_case(connection: Connection, pool: str, fleet: bytes, at_ms: int, within_s: int) -> PoolCase:
    """The case at `at_ms`; a delivery is handed over at most `within_s` after its goods are ready.

    Raises UnknownNameError, CaseUnusable and NoPlaceError.
    """
    zone = zone_of(connection, pool).key
    return make_case(stores_of(connection, pool), standing(connection, pool), read_fleet(fleet), zone, at_ms, within_s)


def standing(connection: Connection, pool: str) -> Standing:
    """The pool's orders, transfers and tasks as they stand, by id."""
    decode, partition = topic_codec(POOL_CHANGELOG.name).decode, partition_of(pool, connection.settings.partitions)
    table = read_table(connection.kafka_options, POOL_CHANGELOG.name, [partition])

    def rows(kind: str) -> list[Any]:
        prefix = f"{kind}/{pool}/".encode()
        return [decode(value)["row"][1] for key, value in sorted(table.items()) if key.startswith(prefix)]

    return Standing(rows("order"), rows("transfer"), rows("task"))


def make_case(
    stores: list[StoreSettings], rows: Standing, fleet: Fleet, zone: str, at_ms: int, within_s: int
) -> PoolCase:
    """The case of what is confirmed and has not left. Raises CaseUnusable and NoPlaceError."""
    at_s, out = -(-at_ms // 1000), rows.out()
    known = {one.store: one for one in stores}
    consignments: list[Consignment] = []
    unplaced: list[str] = []
    for order in rows.orders:
        if order["status"] == "confirmed" and order["terms"]["mode"] == "delivery":
            if order["terms"]["geohash"] is None:
                unplaced.append(order["order"])
            else:
                deliveries = _deliveries(order, at_s, within_s)
                consignments += [one for one in deliveries if (one.order, one.from_store) not in out]
    for transfer in rows.transfers:
        consignments += _transfer(transfer, known, at_s)
    taking_part = {name for one in consignments for name in (one.from_store, one.to_store) if name is not None}
    _check_places(known[name] for name in sorted(taking_part))
    placed = [_store(one, zone, at_ms) for one in stores if one.latitude_e6 or one.longitude_e6]
    midnight_s = local_time_ms(zone, local_day(zone, at_ms), 0) // 1000
    vehicles = tuple(
        one._replace(starts_s=one.starts_s + midnight_s, ends_s=one.ends_s + midnight_s)
        for one in (fleet.of(placed) if placed else ())
    )
    case = Case(tuple(placed), tuple(consignments), vehicles, Policy(**fleet.policy.model_dump()), at_s)
    given_up = {order["order"] for order in rows.orders if order["outcome"] in _GIVEN_UP}
    given_up |= {one["transfer"] for one in rows.transfers if one["outcome"] in {"cancelled", "not_shipped"}}
    return PoolCase(case, tuple(unplaced), frozenset(given_up))


def _deliveries(order: OrderRow, at_s: int, within_s: int) -> Iterator[Consignment]:
    """One for each store that still has goods of it: picked goods are ready, others by the order's deadline."""
    place = geohash_centre(order["terms"]["geohash"] or "")
    by_store: dict[str, list[Goods]] = {}
    unpicked = set()
    for hold in order["holds"]:
        if hold["state"] in {"confirmed", "picked"}:
            by_store.setdefault(hold["store"], []).append(Goods(hold["sku"], hold["quantity_milli"]))
            if hold["state"] == "confirmed":
                unpicked.add(hold["store"])
    for store, goods in sorted(by_store.items()):
        deadline_s = -(-order["terms"]["deadline_ms"] // 1000)
        ready_s = max(deadline_s, at_s) if store in unpicked else at_s
        until_s = max(deadline_s, at_s) + within_s
        name = f"{order['order']}/{store}"
        yield Consignment(name, order["order"], store, None, place, tuple(goods), ready_s, ready_s, until_s)


def _transfer(row: TransferRow, stores: dict[str, StoreSettings], at_s: int) -> Iterator[Consignment]:
    goods = tuple(Goods(line["sku"], line["held_milli"]) for line in row["lines"] if line["held_milli"])
    if row["status"] == "open" and goods:
        to = stores[row["to_store"]]
        yield Consignment(
            row["transfer"], row["transfer"], row["from_store"], to.store, (to.latitude_e6, to.longitude_e6), goods,
            at_s, at_s, at_s + _DAY_S,
        )  # fmt: skip


def _check_places(stores: Iterator[StoreSettings]) -> None:
    for store in stores:
        if not store.latitude_e6 and not store.longitude_e6:
            raise NoPlaceError(
                f"store {store.store} has no place on the map; set its latitude and longitude, which "
                "docs/pool-settings.md describes"
            )


def _store(store: StoreSettings, zone: str, at_ms: int) -> Store:
    """With the hours in which it is open now, or next; a store that breaks at noon closes with the break."""
    spans = opening_spans(cast("StoreSettingsRow", store.to_avro()), zone, at_ms)
    opens_ms, closes_ms = next((span for span in spans if span[1] > at_ms), (at_ms, at_ms))
    return Store(store.store, (store.latitude_e6, store.longitude_e6), -(-opens_ms // 1000), closes_ms // 1000)
