"""Uniform pools, for benchmarks: grocers who all stock the same items, and what their tills report.

Items sell as grocery items do: a few are in many baskets, most in few (weights fall with the rank, as 1/rank^0.8).
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from schemas.codec import topic_codec
from schemas.models.catalog import CatalogItem
from schemas.models.config import ConfigChange, Contribution, ContributionKind, PoolSettings, StoreSettings
from schemas.models.pos import Source, StockLine, StockReport, StockReportKind
from schemas.models.ticks import Tick
from schemas.topics import CATALOG_ITEMS, POOL_CONFIG, POOL_TICKS, POS_SALES, POS_STOCK
from world.barcodes import with_check_digit

POOL = "bench"
BASE_MS = 1_750_000_000_000
"""When recorded sales begin; in the past, for the pool sets aside what claims to come from the future."""
UNIT_MILLI = 1_000
OPENING_UNITS = 2_000
_SALE_EVERY_MS = 10
_RECORDED_AFTER_MS = 400

Published = tuple[str, str, bytes]
"""(topic, key, value)"""


@dataclass(frozen=True)
class UniformPools:
    """Stores that each stock the same items, and pools that share the stores out among them."""

    stores: int = 34
    items: int = 1_000
    pools: int = 1

    @property
    def pool_names(self) -> list[str]:
        """Every pool."""
        return [self.pool_of(number) for number in range(self.pools)]

    def pool_of(self, store: int) -> str:
        """The pool of store number `store`."""
        return POOL if self.pools == 1 else f"{POOL}-{store % self.pools}"


def gtin(item: int) -> str:
    """A GTIN-14 with a valid check digit for item number `item`."""
    return with_check_digit(f"0400{item:09d}")


def code(item: int) -> str:
    """The code of item number `item` at every till."""
    return f"gtin:{gtin(item)}"


def sku(item: int) -> str:
    """The pool's SKU of item number `item`."""
    return f"sku-{item:06d}"


def store_id(store: int) -> str:
    """Name of store number `store`."""
    return f"s{store:04d}"


def declarations(pools: UniformPools) -> Iterator[Published]:
    """Each pool's settings, its stores, and its items."""
    encode_config = topic_codec(POOL_CONFIG.name).encode
    encode_item = topic_codec(CATALOG_ITEMS.name).encode
    lent = Contribution(kind=ContributionKind.share, value=800)
    changes: list[tuple[str, PoolSettings | StoreSettings]] = [
        *((pool, PoolSettings(name="Bench", currency="EUR")) for pool in pools.pool_names),
        *(
            (pools.pool_of(n), StoreSettings(store=store_id(n), name=f"Store {n}", contribution=lent))
            for n in range(pools.stores)
        ),
    ]
    for pool, change in changes:
        event = ConfigChange(pool=pool, recorded_at_ms=BASE_MS, origin="bench", change=change)
        yield POOL_CONFIG.name, event.key, encode_config(event.to_avro())
    for pool in pools.pool_names:
        for n in range(pools.items):
            item = CatalogItem(pool=pool, sku=sku(n), gtin=gtin(n), name=f"Item {n}", recorded_at_ms=BASE_MS)
            yield CATALOG_ITEMS.name, item.key, encode_item(item.to_avro())


def opening_stock(pools: UniformPools, lines_per_report: int = 1_000) -> Iterator[Published]:
    """One row of stock for each store and item, told in reports of at most so many lines."""
    encode = topic_codec(POS_STOCK.name).encode
    for store in range(pools.stores):
        for first in range(0, pools.items, lines_per_report):
            report = StockReport(
                pool=pools.pool_of(store),
                store=store_id(store),
                source=Source(system="bench", id=f"opening-{first}"),
                occurred_at_ms=BASE_MS - 1,
                recorded_at_ms=BASE_MS,
                kind=StockReportKind.opening,
                lines=tuple(
                    StockLine(line_id=str(item), code=code(item), quantity_milli=OPENING_UNITS * UNIT_MILLI)
                    for item in range(first, min(first + lines_per_report, pools.items))
                ),
            )
            yield POS_STOCK.name, report.pool, encode(report.to_avro())


def sale(
    pools: UniformPools, store: int, sale_id: str, items: Sequence[int], occurred_at_ms: int, recorded_at_ms: int
) -> Published:
    """A sale of one unit of each of `items`."""
    name, pool = store_id(store), pools.pool_of(store)
    value = topic_codec(POS_SALES.name).encode(
        {
            "id": f"{name}/bench/{sale_id}@1",
            "pool": pool,
            "store": name,
            "source": {"system": "bench", "id": sale_id, "version": 1},
            "occurred_at_ms": occurred_at_ms,
            "recorded_at_ms": recorded_at_ms,
            "origin": "pos",
            "till": "1",
            "order_ref": None,
            "currency": "EUR",
            "lines": [
                {
                    "line_id": str(n + 1), "kind": "sale", "code": code(item), "quantity_milli": UNIT_MILLI,
                    "unit": "each", "price_minor": 199,
                }
                for n, item in enumerate(items)
            ],
        }
    )  # fmt: skip
    return POS_SALES.name, pool, value


def tick(pool: str, at_ms: int) -> Published:
    """A tick of the clock."""
    event = Tick(pool=pool, at_ms=at_ms, origin="bench")
    return POOL_TICKS.name, pool, topic_codec(POOL_TICKS.name).encode(event.to_avro())


def baskets(pools: UniformPools, lines_per_sale: int, seed: int) -> Iterator[tuple[int, str, list[int]]]:
    """(store, sale id, items) of sales without end, by popularity; ids are unique."""
    chance = random.Random(seed)
    weights = list(accumulate(1 / (rank + 1) ** 0.8 for rank in range(pools.items)))
    numbers = range(pools.items)
    number = 0
    while True:
        store = chance.randrange(pools.stores)
        yield store, _sale_id(chance, number), chance.choices(numbers, cum_weights=weights, k=lines_per_sale)
        number += 1


def popular_sales(pools: UniformPools, lines: int, lines_per_sale: int, seed: int = 1) -> Iterator[Published]:
    """Sales by popularity; `lines` lines in all, rounded down to whole sales."""
    for number, (store, sale_id, items) in zip(
        range(lines // lines_per_sale), baskets(pools, lines_per_sale, seed), strict=False
    ):
        yield _recorded_sale(pools, number, store, sale_id, items)


def overwriting_sales(pools: UniformPools, passes: int, lines_per_sale: int, seed: int = 1) -> Iterator[Published]:
    """Sales that touch each stock row once in each pass, in another random order each time."""
    chance = random.Random(seed)
    number = 0
    for _ in range(passes):
        sales: list[tuple[int, list[int]]] = []
        for store in range(pools.stores):
            items = list(range(pools.items))
            chance.shuffle(items)
            sales += [(store, items[at : at + lines_per_sale]) for at in range(0, pools.items, lines_per_sale)]
        chance.shuffle(sales)
        for store, items in sales:
            yield _recorded_sale(pools, number, store, _sale_id(chance, number), items)
            number += 1


def _sale_id(chance: random.Random, number: int) -> str:
    return f"{chance.getrandbits(48):012x}-{number:08d}"


def _recorded_sale(pools: UniformPools, number: int, store: int, sale_id: str, items: Sequence[int]) -> Published:
    at_ms = BASE_MS + number * _SALE_EVERY_MS
    return sale(pools, store, sale_id, items, at_ms, at_ms + _RECORDED_AFTER_MS)
