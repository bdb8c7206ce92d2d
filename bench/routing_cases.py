"""Seeded cases for routing: 34 stores of a town or of a valley, and what they send within three hours."""

import random
from itertools import accumulate

from streams.routing.model import Case, Consignment, Goods, Point, Store, Vehicle
from world.grocers import grocers

KINDS = ("town", "valley")
STORES = 34
CONSIGNMENTS = 30
"""Of the largest case: 60 stops, one to load and one to hand over for each."""

_HOUR_S = 3600
_OPENS_S, _CLOSES_S = 8 * _HOUR_S, 20 * _HOUR_S
_SHIFT_S = (15 * _HOUR_S, 19 * _HOUR_S)
_TOWN: Point = (50_584_000, 8_678_000)
_NORTH_E6_PER_KM, _EAST_E6_PER_KM = 8_993, 14_165
"""Millionths of a degree, at this latitude."""


def make_case(kind: str, seed: int, consignments: int = CONSIGNMENTS) -> Case:
    """A case of the kind: a few stores send most, one consignment in five is a transfer."""
    chance = random.Random(f"{kind}/{seed}/{consignments}")
    stores = _town(chance) if kind == "town" else _valley()
    chance.shuffle(stores)
    weights = list(accumulate(1_000 // rank for rank in range(1, len(stores) + 1)))
    sent = tuple(_consignment(chance, kind, number, stores, weights) for number in range(consignments))
    return Case(tuple(sorted(stores)), sent, (*_shared(chance, kind, stores), *_own(stores)))


def _town(chance: random.Random) -> list[Store]:
    """Within some 3 km of the middle."""
    return [
        Store(f"shop-{number}", _near(chance, _TOWN, 3_000), _OPENS_S, _CLOSES_S) for number in range(1, STORES + 1)
    ]


def _valley() -> list[Store]:
    """The villages of the demo, 60 km from the first to the last."""
    return [
        Store(one.id, (round(one.latitude_deg * 10**6), round(one.longitude_deg * 10**6)), _OPENS_S, _CLOSES_S)
        for one in grocers(STORES)
    ]


def _consignment(chance: random.Random, kind: str, number: int, stores: list[Store], weights: list[int]) -> Consignment:
    drawn = chance.randrange(weights[-1])
    sender = next(store for store, sum_ in zip(stores, weights, strict=True) if drawn < sum_)
    ready_s = _SHIFT_S[0] + chance.randrange(0, 61, 15) * 60
    goods = (Goods("goods", chance.randint(2, 20) * 1000),)
    if chance.randrange(5) == 0:
        to = chance.choice(
            sorted((store for store in stores if store != sender), key=lambda one: _apart(one, sender))[:6]
        )
        name = f"T-{number}"
        return Consignment(name, name, sender.store, to.store, to.at, goods, _SHIFT_S[0], _SHIFT_S[0], _SHIFT_S[1])
    name = f"R-{number}"
    place = _near(chance, sender.at, 3_000 if kind == "valley" else 2_000)
    return Consignment(name, name, sender.store, None, place, goods, ready_s, ready_s, ready_s + 2 * _HOUR_S)


def _shared(chance: random.Random, kind: str, stores: list[Store]) -> list[Vehicle]:
    """Cargo bikes and vans that stand at a hub, which is one of the stores."""
    hub = chance.choice(stores)
    bike = Vehicle("", hub.store, hub.at, 80_000, *_SHIFT_S, 16_000, 60_000, 300, 10, 500)
    van = Vehicle("", hub.store, hub.at, 800_000, *_SHIFT_S, 35_000, 250_000, 1_500, 35, 500)
    bikes, vans = (6, 1) if kind == "town" else (2, 3)
    return [
        *(bike._replace(vehicle=f"bike-{number}") for number in range(1, bikes + 1)),
        *(van._replace(vehicle=f"van-{number}") for number in range(1, vans + 1)),
    ]


def _own(stores: list[Store]) -> list[Vehicle]:
    """Each shop's own courier, by bike from its own door."""
    return [
        Vehicle(f"own-{one.store}", one.store, one.at, 40_000, *_SHIFT_S, 15_000, 40_000, 0, 10, 500, one.store)
        for one in sorted(stores)
    ]


def _near(chance: random.Random, middle: Point, metres: int) -> Point:
    north, east = chance.randint(-metres, metres), chance.randint(-metres, metres)
    return middle[0] + north * _NORTH_E6_PER_KM // 1000, middle[1] + east * _EAST_E6_PER_KM // 1000


def _apart(one: Store, other: Store) -> tuple[int, str]:
    return abs(one.at[0] - other.at[0]) + abs(one.at[1] - other.at[1]), one.store
