"""Valid Avro with mad content: the pool takes it, absorbs it or sets it aside, and never raises."""

from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from schemas.codec import topic_codec
from schemas.topics import (
    CATALOG_ITEMS,
    FULFILMENT_REPORTS,
    ORDERS_REQUESTS,
    POOL_CONFIG,
    POOL_TICKS,
    POS_SALES,
    POS_STOCK,
)
from streams.pool.journal.facts import line_counts
from tests.support.pool import MILK, NOON_MS, OTHER_STORE, POOL, STORE, PoolBench, furnished

INT64 = st.sampled_from([0, 1, -1, 2**63 - 1, -(2**63), 2**31, 1_000_000_000, 1_000_000_001]) | st.integers(
    -(2**63), 2**63 - 1
)
TIMES = st.sampled_from([NOON_MS, NOON_MS - 1, NOON_MS + 300_000, 0, -1, 2**63 - 1, -(2**63)]) | INT64
TEXTS = st.sampled_from(["", "\0", "/", "|", "a/b", "é\u0301", "\U0010ffff", "x" * 300]) | st.text(max_size=20)
NAMES = st.sampled_from([STORE, OTHER_STORE, "north", ""]) | TEXTS
POOLS = st.sampled_from([POOL, POOL, POOL, "south", ""]) | TEXTS
CODES = st.sampled_from([f"sku:{MILK}", "sku:BREAD", "gtin:04006381333931", "plu:1"]) | TEXTS
UNITS = st.sampled_from(["each", "kg", "l"])
MAYBE_TEXT = st.none() | TEXTS


def events(**more: Any) -> st.SearchStrategy[dict[str, Any]]:
    source = st.fixed_dictionaries({"system": TEXTS, "id": st.sampled_from(["1", "2"]) | TEXTS, "version": INT64})
    return st.fixed_dictionaries(
        {
            "id": TEXTS,
            "pool": POOLS,
            "store": NAMES,
            "source": source,
            "occurred_at_ms": TIMES,
            "recorded_at_ms": TIMES,
            "origin": TEXTS,
            **more,
        }
    )


def some(fields: dict[str, Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Lines; sometimes thousands of one."""
    one = st.fixed_dictionaries({"line_id": TEXTS, "code": CODES, "quantity_milli": INT64, "unit": UNITS, **fields})
    few = st.lists(one, max_size=5)
    many = st.builds(lambda line, times: [line] * times, one, st.sampled_from([5_000, 5_001]))
    return st.one_of(few, few, few, few, many)


sales = events(
    till=MAYBE_TEXT,
    order_ref=MAYBE_TEXT,
    currency=MAYBE_TEXT,
    lines=some(
        {
            "kind": st.sampled_from(["sale", "return", "return_not_restocked", "void"]),
            "price_minor": st.none() | INT64,
        }
    ),
)
reports = events(
    kind=st.sampled_from(["opening", "received", "adjusted", "counted", "level"]), lines=some({"reason": MAYBE_TEXT})
)
ticks = st.fixed_dictionaries({"pool": POOLS, "at_ms": TIMES, "origin": TEXTS})
contributions = st.fixed_dictionaries({"kind": st.sampled_from(["share", "cap", "fixed"]), "value": INT64})


def change(record: str, **fields: Any) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.tuples(st.just(f"commonshelf.{record}"), st.fixed_dictionaries(fields))


changes = st.one_of(
    change("PoolSettings", name=TEXTS, currency=TEXTS, time_zone=TEXTS, late_limit_ms=INT64, future_skew_ms=INT64),
    change(
        "StoreSettings", store=NAMES, name=TEXTS, open=st.booleans(), reports_sales=st.booleans(),
        contribution=contributions, safety_stock_milli=INT64, latitude_e6=INT64, longitude_e6=INT64,
    ),
    change(
        "StoreItemSettings", store=NAMES, sku=CODES, listed=st.booleans(), contribution=st.none() | contributions,
        safety_stock_milli=st.none() | INT64,
    ),
    change("CodeMapping", store=st.none() | NAMES, code=CODES, sku=st.sampled_from([None, MILK]) | TEXTS),
    change(
        "ItemQuota", sku=CODES, from_ms=INT64, until_ms=INT64, per_store_milli=st.none() | INT64,
        per_customer_milli=st.none() | INT64, stores=st.just([]),
    ),
    change("ParkedOffset", topic=TEXTS, partition=st.integers(-(2**31), 2**31 - 1), offset=INT64, reason=TEXTS),
    change(
        "AcceptedGap", topic=TEXTS, partition=st.integers(-(2**31), 2**31 - 1), offset=INT64, until=INT64,
        topic_id=TEXTS, reason=TEXTS,
    ),
)  # fmt: skip
config = st.fixed_dictionaries({"pool": POOLS, "recorded_at_ms": TIMES, "origin": TEXTS, "change": changes})
INT32 = st.integers(-(2**31), 2**31 - 1)
items = st.fixed_dictionaries(
    {
        "pool": POOLS, "sku": st.sampled_from([MILK]) | TEXTS, "gtin": MAYBE_TEXT, "name": TEXTS, "category": TEXTS,
        "unit": UNITS, "pack_milli": INT64, "cost_minor": st.none() | INT64, "price_minor": st.none() | INT64,
        "tax_permille": st.none() | INT32, "shelf_life_days": st.none() | INT32, "supplier": MAYBE_TEXT,
        "substitutes": st.lists(TEXTS, max_size=3), "recorded_at_ms": TIMES,
    }
)  # fmt: skip
MAYBE_TIME = st.sampled_from([NOON_MS + 3_600_000, NOON_MS + 86_400_000]) | TIMES
order_lines = st.lists(
    st.fixed_dictionaries({"line_id": TEXTS, "sku": st.sampled_from([MILK, "BREAD"]) | TEXTS, "quantity_milli": INT64}),
    max_size=4,
)
terms = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["pickup", "delivery"]), "preferred_store": st.none() | NAMES, "geohash": MAYBE_TEXT,
        "address_ref": MAYBE_TEXT, "customer_ref": MAYBE_TEXT, "deadline_ms": MAYBE_TIME, "may_split": st.booleans(),
        "may_part_fill": st.booleans(), "only_there": st.booleans(),
        "hold_ttl_ms": st.none() | INT64, "lines": order_lines,
    }
)  # fmt: skip
ORDERS = st.sampled_from(["o1", "o1", "o2"]) | TEXTS
requests = st.fixed_dictionaries(
    {
        "pool": POOLS, "order": ORDERS, "kind": st.sampled_from(["placed", "amended", "confirmed", "cancelled"]),
        "key": TEXTS, "recorded_at_ms": TIMES, "origin": TEXTS, "terms": st.none() | terms,
    }
)  # fmt: skip
task_reports = st.fixed_dictionaries(
    {
        "pool": POOLS, "store": NAMES, "report_id": TEXTS,
        "kind": st.sampled_from(["claimed", "renewed", "done", "short", "refused", "shipped", "received"]) | TEXTS,
        "task": st.none() | st.sampled_from([f"pick-{n}-1" for n in range(1, 20)]) | TEXTS, "transfer": MAYBE_TEXT,
        "worker": MAYBE_TEXT, "reason": st.sampled_from(["not_found", "damaged"]) | MAYBE_TEXT,
        "lines": st.lists(
            st.fixed_dictionaries({"line_id": TEXTS, "quantity_milli": INT64, "reason": MAYBE_TEXT}), max_size=3
        ),
        "occurred_at_ms": TIMES, "recorded_at_ms": TIMES, "origin": TEXTS,
    }
)  # fmt: skip
records = st.one_of(
    st.tuples(st.just(ORDERS_REQUESTS.name), requests),
    st.tuples(st.just(FULFILMENT_REPORTS.name), task_reports),
    st.tuples(st.just(POS_SALES.name), sales),
    st.tuples(st.just(POS_STOCK.name), reports),
    st.tuples(st.just(POOL_TICKS.name), ticks),
    st.tuples(st.just(POOL_CONFIG.name), config),
    st.tuples(st.just(CATALOG_ITEMS.name), items),
)


@given(records=st.lists(records, min_size=1, max_size=6), appended_at_ms=st.just(NOON_MS) | st.integers(0, 2**62))
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_mad_values_never_raise_and_no_line_is_lost(records, appended_at_ms):
    bench = furnished()
    settled = len(bench.journal())
    for topic, event in records:
        bench.put(topic, topic_codec(topic).encode(event), appended_at_ms)
    check_that_nothing_is_lost(bench, settled, records)
    bench.restart()
    bench.sell("sane", {"code": f"sku:{MILK}", "quantity_milli": 1, "unit": "each"})
    bench.commit()


def check_that_nothing_is_lost(bench: PoolBench, settled: int, records: Any) -> None:
    """Each event's lines are applied, absorbed or set aside, in the one entry that its record has."""
    mad = dict(zip((one[:3] for one in bench.inputs[-len(records) :]), records, strict=True))
    for entry in bench.journal()[settled:] + bench.journal("south"):
        _, event = mad[entry.cause]
        if entry.fact[0] != "commonshelf.Parked":
            told = event.get("lines", ()) if entry.cause.topic in (POS_SALES.name, POS_STOCK.name) else ()
            assert sum(line_counts(entry.fact)) == len(told)


@given(event=sales)
@example({
    "id": "", "pool": POOL, "store": STORE, "source": {"system": "", "id": "", "version": -(2**63)},
    "occurred_at_ms": NOON_MS, "recorded_at_ms": NOON_MS, "origin": "", "till": None, "order_ref": None,
    "currency": "\0", "lines": [{"line_id": "", "code": f"sku:{MILK}", "quantity_milli": 1, "unit": "each",
                                 "kind": "sale", "price_minor": 2**63 - 1}] * 5_000,
})  # fmt: skip
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_mad_sale_told_twice_moves_what_it_moves_once(event):
    event = {**event, "pool": POOL, "store": STORE}
    once, twice = furnished(), furnished()
    for bench, times in ((once, 1), (twice, 2)):
        for _ in range(times):
            bench.put(POS_SALES.name, topic_codec(POS_SALES.name).encode(event))
    assert once.on_hand() == twice.on_hand()
