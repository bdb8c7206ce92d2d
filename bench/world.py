"""The benchmarks' pool: 34 grocers, 1,000 items each, and till transactions of one line or twelve.

Items sell as grocery items do: a few are in many baskets, most in few (weights fall with the rank, as 1/rank^0.8).
"""

import random
from collections.abc import Iterator
from itertools import accumulate

from confluent_kafka import Producer

from schemas.codec import topic_codec
from schemas.models import CatalogItem, ConfigChange, Contribution, ContributionKind, PoolSettings, StoreSettings
from schemas.partition import partition_of
from schemas.topics import CATALOG_ITEMS, POOL_CONFIG, POS_SALES

POOL = "bench"
STORES = 34
ITEMS = 1_000
BASE_MS = 1_790_000_000_000


def gtin(item: int) -> str:
    """A GTIN-14 with a valid check digit for item number `item`."""
    body = f"0400{item:09d}"
    total = sum(int(digit) * (3 if at % 2 == 0 else 1) for at, digit in enumerate(body))
    return f"{body}{-total % 10}"


def settings_records(stores: int = STORES, items: int = ITEMS) -> Iterator[tuple[str, str, bytes]]:
    """(topic, key, value) of the pool's settings and items."""
    encode_config = topic_codec(POOL_CONFIG.name).encode
    encode_item = topic_codec(CATALOG_ITEMS.name).encode
    changes = [PoolSettings(name="Bench", currency="EUR")] + [
        StoreSettings(
            store=f"s{n:04d}", name=f"Store {n}", contribution=Contribution(kind=ContributionKind.share, value=800)
        )
        for n in range(stores)
    ]
    for change in changes:
        event = ConfigChange(pool=POOL, recorded_at_ms=BASE_MS, origin="bench", change=change)
        yield POOL_CONFIG.name, event.key, encode_config(event.to_avro())
    for n in range(items):
        item = CatalogItem(pool=POOL, sku=f"sku-{n:06d}", gtin=gtin(n), name=f"Item {n}", recorded_at_ms=BASE_MS)
        yield CATALOG_ITEMS.name, item.key, encode_item(item.to_avro())


def sale_values(lines: int, lines_per_sale: int, seed: int = 1, stores: int = STORES) -> Iterator[bytes]:
    """Encoded sales with unique ids; `lines` lines in all."""
    encode = topic_codec(POS_SALES.name).encode
    chance = random.Random(seed)
    weights = list(accumulate(1 / (rank + 1) ** 0.8 for rank in range(ITEMS)))
    codes = [f"gtin:{gtin(n)}" for n in range(ITEMS)]
    for number in range(lines // lines_per_sale):
        store = f"s{chance.randrange(stores):04d}"
        at_ms = BASE_MS + number * 10
        source_id = f"{chance.getrandbits(48):012x}-{number:08d}"
        picked = chance.choices(codes, cum_weights=weights, k=lines_per_sale)
        yield encode(
            {
                "id": f"{store}/bench/{source_id}@1",
                "pool": POOL,
                "store": store,
                "source": {"system": "bench", "id": source_id, "version": 1},
                "occurred_at_ms": at_ms,
                "recorded_at_ms": at_ms + 400,
                "origin": "pos",
                "till": "1",
                "order_ref": None,
                "currency": "EUR",
                "lines": [
                    {
                        "line_id": str(n + 1), "kind": "sale", "code": code, "quantity_milli": 1000,
                        "unit": "each", "price_minor": 199,
                    }
                    for n, code in enumerate(picked)
                ],
            }
        )  # fmt: skip


def publish_settings(bootstrap_servers: str, partitions: int) -> None:
    """Declare the pool."""
    producer = Producer({"bootstrap.servers": bootstrap_servers})
    partition = partition_of(POOL, partitions)
    for topic, key, value in settings_records():
        producer.produce(topic, value, key, partition)
    producer.flush()


def publish_sales(bootstrap_servers: str, partitions: int, lines: int, lines_per_sale: int, seed: int = 1) -> None:
    """Fill the sales topic."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "enable.idempotence": True,
            "linger.ms": 20,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 500_000,
        }
    )
    partition = partition_of(POOL, partitions)
    for value in sale_values(lines, lines_per_sale, seed):
        while True:
            try:
                producer.produce(POS_SALES.name, value, POOL, partition)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()
