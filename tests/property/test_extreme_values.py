"""What decode accepts the fold survives: all inputs at the extremes of their fields and of what these add up to."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from schemas.codec import OWN_RECORD_MAX_BYTES, topic_codec
from schemas.models.agreement import FEE_MAX_MINOR
from schemas.models.base import (
    LINE_ID_MAX,
    LINES_MAX,
    ORDER_QUANTITY_MAX_MILLI,
    PRICE_MAX_MINOR,
    QUANTITY_MAX_MILLI,
    TIME_MAX_MS,
)
from schemas.models.catalog import PARTS_MAX, KitPart
from schemas.models.config import (
    MEASURE_MAX,
    ClockConfirmation,
    CodeMapping,
    Contribution,
    ItemQuota,
    LentQuota,
    OpeningHours,
    PickupPlace,
    PieceMeasure,
    PoolSettings,
    StoreItemSettings,
    StoreQuota,
    StoreSettings,
)
from schemas.topics import (
    POOL_LENDING,
    POOL_TICKS,
    POS_SALES,
    POS_STOCK,
)
from streams.pool.journal.facts import FACT_MAX_BYTES
from streams.pool.pickup.index import APPOINTMENTS
from streams.pool.tasks.index import TASKS
from streams.settlement.store.database import migrate
from tests.support.pool import (
    BREAD,
    DAY_MS,
    FLOUR,
    HOUR_MS,
    MILK,
    NOON_MS,
    OTHER_STORE,
    POOL,
    STORE,
    PoolBench,
    furnished,
    line,
    wanted,
)
from tests.support.settlement import agreement, assert_balanced, fold
from tests.support.settlement_store import folded, sink, stored
from tests.support.transfers import came, place, tell

PEER = "south"
LENT_STORE = f"{STORE}@{PEER}"
KIT, LONG_SKU, CASE, GRAIN = "KIT", "\U0001f34e" * 200, "plu:1", "plu:2"
PARTS = [f"P{n:02}".ljust(100, "-") for n in range(PARTS_MAX)]
INT32, INT64 = 2**31, 2**63
Command = Callable[[PoolBench], None]
_MOST = {
    "transfer_price": {"kind": "cost_plus", "permille": 10_000}, "handling_fee_minor": FEE_MAX_MINOR,
    "pickup_fee_minor": FEE_MAX_MINOR, "no_show_fee_minor": FEE_MAX_MINOR, "tax": "added",
    "insurance": {"premium_ppm_per_day": 1_000_000}, "shrink": {"bearer": "fund", "covers": "all"},
}  # fmt: skip
agreements = [
    agreement(**_MOST, ownership="owner", window={"every": "daily"}),
    agreement(version=2, effective_from_ms=TIME_MAX_MS, window={"every": "minutes", "minutes": 1}),
    agreement(version=3, effective_from_ms=1, **_MOST, transit_loss="fund", customer_pays="fulfilling",
              referral_permille=1_000, window={"every": "monthly", "closing_delay_ms": 30 * DAY_MS}),
]  # fmt: skip
"""Terms at the edges: of amounts, of when they come into force, and of how long a window takes things in."""

milli = st.sampled_from(
    [
        1, 999, 1_000, 1_001, 5_000, ORDER_QUANTITY_MAX_MILLI, ORDER_QUANTITY_MAX_MILLI + 1_000, QUANTITY_MAX_MILLI,
        QUANTITY_MAX_MILLI, QUANTITY_MAX_MILLI + 1, -1, -1_000, -QUANTITY_MAX_MILLI, 0, INT32 - 1, INT32, -INT32,
        -INT32 - 1, INT64 - 1, -INT64,
    ]
)  # fmt: skip
wide = st.sampled_from([0, 1, 1_000, QUANTITY_MAX_MILLI, INT32 - 1, INT32, 2**53, 2**53 + 1, INT64 - 1, -1, -INT64])
times = st.sampled_from(
    [NOON_MS, NOON_MS, NOON_MS, NOON_MS + 1, NOON_MS - 8 * DAY_MS, 0, 1, -1, TIME_MAX_MS, TIME_MAX_MS + 1, INT64 - 1]
)
appended = st.sampled_from([NOON_MS, NOON_MS, NOON_MS, NOON_MS, 1, TIME_MAX_MS])
stores = st.sampled_from([STORE, STORE, OTHER_STORE, LENT_STORE, "x" * 300])
ids = st.sampled_from(["1", "2", "3", "\U0001f34e" * 300])
line_ids = st.sampled_from(["1", "2", "x" * LINE_ID_MAX, "\U0001f34e" * LINE_ID_MAX, "x" * (LINE_ID_MAX + 1)])
skus = st.sampled_from([MILK, MILK, BREAD, FLOUR, KIT, LONG_SKU])
codes = st.sampled_from([CASE, GRAIN]) | skus.map("sku:{}".format)
units = st.sampled_from(["each", "each", "kg"])
texts = st.sampled_from([None, "", "waste", "x" * 100_000])
orders = st.sampled_from(["o1", "o2"])
wishes = st.builds(
    lambda from_ms, span_ms, place, digest: {
        "from_ms": from_ms, "until_ms": min(from_ms + span_ms, INT64 - 1), "place": place, "code_digest": digest,
    },
    times, st.sampled_from([-1, 0, 1, HOUR_MS, DAY_MS, DAY_MS + 1]), st.sampled_from([None, STORE, "x" * 300]),
    st.sampled_from([None, "0" * 32, "x" * 300]),
)  # fmt: skip


@st.composite
def told_lines(draw: Any, **fields: st.SearchStrategy[Any]) -> list[dict[str, Any]]:
    """A few lines; sometimes as many as an event may have, of one item, each with a name of its own."""
    one = st.fixed_dictionaries({"line_id": line_ids, "code": codes, "quantity_milli": milli, "unit": units, **fields})
    if draw(st.integers(0, 24)):
        return draw(st.lists(one, min_size=1, max_size=4))
    many = draw(one)
    return [{**many, "line_id": str(at)} for at in range(draw(st.sampled_from([LINES_MAX, LINES_MAX + 1])))]


@st.composite
def events(draw: Any) -> Command:
    """A sale or a stock report."""
    head = {
        "id": "", "pool": POOL, "store": draw(stores), "occurred_at_ms": draw(times), "recorded_at_ms": draw(times),
        "source": {"system": "till", "id": draw(ids), "version": draw(st.sampled_from([1, 1, 2, 3, INT64 - 1]))},
        "unread_lines": draw(st.sampled_from([[], [], ["*"], ["x" * 1_000]])), "origin": "",
        "told_at_ms": draw(st.none() | times),
    }  # fmt: skip
    if draw(st.booleans()):
        topic = POS_SALES.name
        prices = st.sampled_from([None, 0, PRICE_MAX_MINOR, -PRICE_MAX_MINOR, INT64 - 1, -INT64])
        kinds = st.sampled_from(["sale", "sale", "return", "return_not_restocked", "void"])
        more = {
            "till": None, "order_ref": draw(st.none() | orders), "currency": "EUR",
            "lines": draw(told_lines(kind=kinds, price_minor=prices)),
        }  # fmt: skip
    else:
        topic = POS_STOCK.name
        kind = draw(st.sampled_from(["opening", "received", "received", "adjusted", "counted", "level"]))
        more = {"kind": kind, "lines": draw(told_lines(reason=texts))}
    return put(topic, head | more, draw(appended))


def put(topic: str, event: dict[str, Any], at_ms: int = NOON_MS) -> Command:
    return lambda bench: bench.put(topic, topic_codec(topic).encode(event), at_ms)


@st.composite
def requests(draw: Any) -> Command:
    lines = [wanted(draw(milli), draw(skus), line_id=str(at)) for at in range(draw(st.integers(1, 3)))]
    kinds = ["placed", "placed", "amended", "confirmed", "cancelled", "moved"]
    kind, order = draw(st.sampled_from(kinds)), draw(orders)
    fields = {
        "key": draw(ids), "recorded_at_ms": draw(times), "appended_at_ms": draw(appended), "raw": True,
        "customer_ref": draw(st.sampled_from([None, "x" * 100])), "hold_ttl_ms": draw(st.sampled_from([None, 1])),
        "deadline_ms": draw(st.sampled_from([NOON_MS + HOUR_MS, NOON_MS + 400 * DAY_MS, TIME_MAX_MS, INT64 - 1])),
        "pickup": draw(st.none() | wishes),
    }  # fmt: skip
    if kind in ("confirmed", "cancelled", "moved"):
        more = {"pickup": fields["pickup"]} if kind == "moved" else {}
        return lambda bench: bench.request(kind, order, key=fields["key"], raw=True, **more)
    return lambda bench: bench.request(kind, order, *lines, **fields)


@st.composite
def fulfilments(draw: Any) -> Command:
    """A report about a task that is there."""
    kind = draw(st.sampled_from(["claimed", "renewed", "done", "done", "short", "refused", "on_the_way", "arrived"]))
    nth, store, milli_short = draw(st.integers(0, 3)), draw(st.sampled_from([STORE, OTHER_STORE])), draw(milli)
    fields = {
        "store": store, "report_id": draw(ids), "occurred_at_ms": draw(times), "recorded_at_ms": draw(times),
        "reason": draw(st.sampled_from(["not_found", "damaged", "store_closed", "not_collected"]) | texts),
        "appended_at_ms": draw(appended), "raw": True, "eta_ms": draw(st.none() | times), "code": draw(texts),
    }  # fmt: skip

    def report(bench: PoolBench) -> None:
        tasks = sorted(bench.partition.pools[POOL][TASKS].at_store.get(store, ()))
        if kind in ("on_the_way", "arrived"):
            named = sorted(bench.partition.pools[POOL][APPOINTMENTS].of_order) or ["o1", "x" * 300]
            bench.fulfil(kind, None, **fields, order=named[nth % len(named)])
            return
        name = tasks[nth % len(tasks)] if tasks else "pick-1-1"
        bench.fulfil(kind, name, {"line_id": "0", "quantity_milli": milli_short, "reason": None}, **fields)

    return report


@st.composite
def transfers(draw: Any) -> Command:
    kind, sku, quantity = draw(st.sampled_from(["placed", "shipped", "received", "received"])), draw(skus), draw(milli)
    at = {"occurred_at_ms": draw(times), "recorded_at_ms": draw(times)}
    if kind == "placed":
        return lambda bench: place(bench, wanted(quantity, sku), raw=True, recorded_at_ms=at["recorded_at_ms"])
    reason, report_id = draw(st.sampled_from([None, None, "damaged", "not_found", "wrong_item"])), draw(ids)
    one = came(quantity, sku, sku=sku, reason=reason)
    return lambda bench: tell(bench, kind, one, report_id=report_id, raw=True, **at)


@st.composite
def lendings(draw: Any) -> Command:
    """A message of another pool."""
    loan = {"store": STORE, "sku": draw(skus), "unit": draw(units)}
    part = st.fixed_dictionaries(
        {
            "part": st.sampled_from([0, 1, 2, INT32 - 1, INT32, INT64 - 1]), "line_id": line_ids,
            "position": wide, "store": st.just(STORE), "sku": skus, "quantity_milli": wide | milli,
            "withdrawn": st.booleans(), "picked_milli": wide, "collected_milli": wide, "gone_milli": wide,
            "reason": st.sampled_from(["", "not_found", "x" * 200]),
        }
    )  # fmt: skip
    parts = draw(st.lists(part, max_size=3))
    body = draw(st.sampled_from(["LoanStatus", "LoanStatus", "LoanAck", "DrawStatus", "DrawAck"]))
    fields: dict[str, Any] = {
        "LoanStatus": {
            **loan, "granted_milli": draw(wide), "limit_milli": draw(wide), "covered_milli": draw(st.none() | wide),
            "counted_at_ms": draw(wide), "discrepancies": draw(wide),
            "settings": StoreSettings(store=STORE, name="x" * 200).to_avro(),
        },
        "LoanAck": {"store": STORE, "sku": loan["sku"], "returned_milli": draw(wide), "reason": ""},
        "DrawStatus": {
            "order": draw(orders), "mode": "pickup", "deadline_ms": draw(wide | times), "address_ref": None,
            "customer_ref": "x" * 200, "parts": parts, "closed": draw(st.booleans()),
        },
        "DrawAck": {"order": draw(orders), "parts": parts},
    }  # fmt: skip
    message = {
        "pool": POOL, "from_pool": PEER, "sequence": draw(st.integers(1, 9) | wide), "answers": draw(wide),
        "recorded_at_ms": draw(times), "body": (f"commonshelf.{body}", fields[body]),
    }  # fmt: skip
    return put(POOL_LENDING.name, message, draw(appended))


@st.composite
def terms(draw: Any) -> Command:
    """A setting at the edge of what its model takes, or an item."""
    store, sku = draw(st.sampled_from([STORE, OTHER_STORE])), draw(skus)
    kind = draw(st.sampled_from(["share", "cap", "fixed"]))
    most = Contribution(kind=kind, value=draw(st.sampled_from([0, 1, QUANTITY_MAX_MILLI])))
    safety_milli = draw(st.sampled_from([0, QUANTITY_MAX_MILLI]))
    opening = draw(st.sampled_from([(), (OpeningHours(weekday=1, opens_minute=0, closes_minute=1),)]))
    most_orders = draw(st.sampled_from([None, 0, 100_000]))
    limit_milli, unit = draw(st.sampled_from([None, 0, QUANTITY_MAX_MILLI])), draw(units)
    change = draw(
        st.sampled_from(
            [
                StoreSettings(
                    store=store, name=store, contribution=most, safety_stock_milli=safety_milli, opening=opening,
                    rings_up_hand_overs=draw(st.booleans()), orders_per_day_max=1_000_000, latitude_e6=-90_000_000,
                    longitude_e6=180_000_000,
                ),
                StoreItemSettings(store=store, sku=sku, contribution=most, safety_stock_milli=safety_milli),
                ItemQuota(
                    sku=sku, from_ms=0, until_ms=TIME_MAX_MS, per_store_milli=limit_milli,
                    per_customer_milli=limit_milli, stores=(StoreQuota(store=store, limit_milli=QUANTITY_MAX_MILLI),),
                ),
                LentQuota(store=store, sku=sku, to_pool=PEER, quantity_milli=QUANTITY_MAX_MILLI),
                PoolSettings(name="North", late_limit_ms=400 * DAY_MS, order_ahead_max_ms=400 * DAY_MS),
                PoolSettings(name="North", late_limit_ms=DAY_MS, future_skew_ms=0, reroutes_max=100),
                PickupPlace(
                    place=store, name=store, stores=(STORE, OTHER_STORE), opening=opening,
                    hand_overs_per_slot=draw(st.sampled_from([0, 1, 10_000])), shelf_orders_max=most_orders,
                    no_show_after_ms=30 * DAY_MS * draw(st.integers(0, 1)),
                    preparation_ms=30 * DAY_MS * draw(st.integers(0, 1)), preparation_per_line_ms=86_400_000,
                ),
                ClockConfirmation(at_ms=draw(st.sampled_from([0, NOON_MS, TIME_MAX_MS]))),
                draw(st.sampled_from(agreements)),
            ]
        )
    )  # fmt: skip
    price_minor = draw(st.sampled_from([None, -PRICE_MAX_MINOR, PRICE_MAX_MINOR]))
    item = {
        "cost_minor": price_minor,
        "price_minor": price_minor,
        "pack_milli": QUANTITY_MAX_MILLI,
        "tax_permille": 2_000,
    }
    if draw(st.booleans()):
        return lambda bench: bench.stock_item(sku, unit, **item)
    return lambda bench: bench.configure(change)


@st.composite
def ticks(draw: Any) -> Command:
    return put(POOL_TICKS.name, {"pool": POOL, "at_ms": draw(times), "origin": ""}, draw(appended))


def world() -> PoolBench:
    """A pool of goods that cost all that a field holds, a kit of all the parts that one may have, odd packs."""
    bench = furnished()
    for sku, unit in ((MILK, "each"), (BREAD, "each"), (FLOUR, "kg"), (LONG_SKU, "each")):
        bench.stock_item(sku, unit, cost_minor=PRICE_MAX_MINOR, shelf_life_days=100_000)
    for part in PARTS:
        bench.stock_item(part)
    bench.stock_item(KIT, parts=[KitPart(sku=part, quantity_milli=QUANTITY_MAX_MILLI) for part in PARTS])
    measures = {CASE: (MEASURE_MAX, 1), GRAIN: (1, MEASURE_MAX)}
    for code, (numerator, denominator) in measures.items():
        piece = PieceMeasure(unit="each", numerator=numerator, denominator=denominator)
        bench.configure(CodeMapping(code=code, sku=MILK, piece=piece))
    bench.configure(PickupPlace(place=STORE, name="Counter", stores=(STORE,)))
    bench.configure(agreements[0])
    bench.report("received", "stock", line(QUANTITY_MAX_MILLI), line(QUANTITY_MAX_MILLI, FLOUR))
    bench.tick(NOON_MS)
    return bench


def check_all_fits(bench: PoolBench) -> None:
    """Each row and output is read back, and Kafka takes it."""
    bench.commit()
    for output in bench.outputs:
        if output.value is not None and ".dlq." not in output.topic:
            topic_codec(output.topic).decode(output.value)
            assert len(output.value) < OWN_RECORD_MAX_BYTES
    assert max(map(len, bench.committed.rows.values())) < OWN_RECORD_MAX_BYTES


def check_is_settled(bench: PoolBench) -> None:
    """Whatever the pool accepts is posted, balanced, kept as rows, and gone on from."""
    journal = bench.journal()
    ledger, steps = fold(journal)
    assert_balanced(one for step in steps for one in step.transactions)
    assert not sum(ledger.net_positions().values())
    engine = create_engine("sqlite://", poolclass=StaticPool)
    migrate(engine)
    half = len(journal) // 2
    for entries in (journal[:half], journal[half:]):
        with engine.begin() as connection:
            sink(journal).apply(connection, entries)
    assert stored(engine, POOL) == folded(journal, POOL)


@given(commands=st.lists(
    st.one_of(events(), events(), events(), requests(), requests(), fulfilments(), transfers(), lendings(), terms(),
              ticks()),
    min_size=3, max_size=12,
))  # fmt: skip
@settings(
    max_examples=120, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)  # fmt: skip
def test_all_inputs_at_the_extremes_of_their_fields_are_decided_and_folded(commands: list[Command]) -> None:
    bench = world()
    for command in commands:
        command(bench)
    check_all_fits(bench)
    check_is_settled(bench)
    bench.restart()
    bench.sell("sane", line(1_000))
    bench.commit()


def test_kits_whose_parts_come_to_more_than_a_record_holds_are_set_aside_whole() -> None:
    bench = world()
    kits = [line(1_000, KIT, line_id=f"{at:0100}") for at in range(600)]
    small = {"parts": [KitPart(sku=part, quantity_milli=1_000) for part in PARTS]}
    bench.stock_item(KIT, recorded_at_ms=NOON_MS + 1, **small)
    bench.sell("kits", *kits)
    for _ in range(2):
        bench.sell("fewer", *kits[:100])
    check_all_fits(bench)
    bench.sell("very many", *(kits[0] | {"line_id": str(at)} for at in range(501)))
    assert bench.reasons() == ["too_large"] * 2
    assert (bench.on_hand(PARTS[0]), bench.counts()["duplicate"]) == (-100_000, 100)


def test_parts_of_one_version_that_together_are_too_large_are_set_aside() -> None:
    bench = world()
    for at in range(9):
        bench.report("adjusted", "a1", line(1_000, line_id=str(at), reason="x" * 1_000_000), raw=True)
    check_all_fits(bench)
    told = FACT_MAX_BYTES // 1_000_000
    assert bench.reasons() == ["too_large"] * (9 - told)
    assert bench.counts()["applied"] == told + 2


def test_another_pool_s_counts_beyond_32_bits_are_refused() -> None:
    bench = world()
    for sequence, found in enumerate((INT32, INT32 - 1), start=1):
        status = {
            "store": STORE, "sku": MILK, "unit": "each", "granted_milli": 2**53, "limit_milli": 2**53,
            "covered_milli": None, "counted_at_ms": 2**53, "discrepancies": found,
            "settings": StoreSettings(store=STORE, name="x").to_avro(),
        }  # fmt: skip
        put(POOL_LENDING.name, {
            "pool": POOL, "from_pool": PEER, "sequence": sequence, "answers": 0, "recorded_at_ms": NOON_MS,
            "body": ("commonshelf.LoanStatus", status),
        })(bench)  # fmt: skip
    check_all_fits(bench)
    told = [entry.fact[1] for entry in bench.journal() if entry.fact[0].endswith("LendingMessageDecided")]
    assert [(one["outcome"], one["reason"]) for one in told] == [("refused", "bad_quantity"), ("accepted", "")]
