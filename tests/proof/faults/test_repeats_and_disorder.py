"""Thousands of receipts, up to five times each, out of order and days late, across restarts: each unit counts once.

The oracle sums up distinct receipts after each item's newest count.
"""

import random
from collections import Counter

from tests.support.pool import DAY_MS, NOON_MS, POOL, STORE, PoolBench, furnished, line, sale, stock

RECEIPTS = 2_000
WINDOW = 1_000
SKUS = [f"item-{n}" for n in range(20)]
BEGIN_MS = NOON_MS - 3 * DAY_MS


def told(chance):
    """(what it is, its own time, item, thousandths), in order of time. Counts fall between two receipts."""
    for n in range(RECEIPTS):
        at_ms = BEGIN_MS + 50_000 * n
        if n % 100 == 99:
            yield "counted", at_ms + 25_000, chance.choice(SKUS), 1_000 * chance.randrange(500)
        for sku in chance.sample(SKUS, 2):
            yield "sale", at_ms, sku, 1_000 * chance.randint(1, 5)


def disordered(events, chance):
    """Each once to five times; most within a window of a thousand, some at the very end."""
    places = []
    for at, event in enumerate(events):
        times = chance.choice((2, 3, 5)) if chance.random() < 0.3 else 1
        for _ in range(times):
            place = at + chance.uniform(0, WINDOW) if chance.random() < 0.97 else RECEIPTS * 3 + chance.random()
            places.append((place, at, event))
    places.sort(key=lambda one: one[:2])
    return [(at, event) for _, at, event in places]


def test_repeats_and_disorder_change_nothing():
    chance = random.Random(1)
    events = list(told(chance))
    bench: PoolBench = furnished(cached_rows_max=100)
    for sku in SKUS:
        bench.stock_item(sku)
    arrivals = disordered(events, chance)
    for n, (at, (kind, at_ms, sku, milli)) in enumerate(arrivals):
        if kind == "sale":
            bench.put("pos.sales.v1", sale(f"r{at}", line(milli, sku, kind="sale"), occurred_at_ms=at_ms))
        else:
            bench.put("pos.stock.v1", stock("counted", f"c{at}", line(milli, sku), occurred_at_ms=at_ms))
        if n % 300 == 299:
            bench.commit()
        if n % 3_000 == 2_999:
            bench.restart()

    counts = {sku: (at_ms, milli) for kind, at_ms, sku, milli in events if kind == "counted"}
    expected: Counter = Counter({sku: milli for sku, (_, milli) in counts.items()})
    for kind, at_ms, sku, milli in events:
        if kind == "sale" and at_ms > counts.get(sku, (0, 0))[0]:
            expected[sku] -= milli
    bench.commit()
    table = bench.availability()
    found = {sku: table[f"{POOL}/{sku}/{STORE}"]["on_hand_milli"] for sku in SKUS}
    assert found == {sku: expected[sku] for sku in SKUS}
    assert bench.counts()["duplicate"] == len(arrivals) - len(events) > len(events) // 2
