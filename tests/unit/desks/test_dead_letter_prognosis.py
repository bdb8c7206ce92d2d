"""What is said to stand against a replay is what the pool would say: the pool itself is the oracle."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commonshelf.config.pool_config import PoolConfigs
from commonshelf.dead_letters.letters import Letter, Place
from commonshelf.dead_letters.prognosis import blocker
from schemas.codec import topic_codec
from schemas.examples import examples
from schemas.models.config import CodeMapping, PieceMeasure, PoolSettings, StoreSettings
from schemas.topics import dead_letter_topic
from streams.pool.journal.dead_letters import CUT_HEADER
from tests.support.pool import DAY_MS, FLOUR, HOUR_MS, MILK, NOON_MS, POOL, STORE, furnished, headers_of, line

LATER_MS = NOON_MS + HOUR_MS


def letters_of(bench):
    found = []
    for number, output in enumerate(bench.dead_letters()):
        headers = headers_of(output)
        topic = headers["__connect.errors.topic"]
        event = None if headers["__connect.errors.stage"] == "VALUE_CONVERTER" else decoded(topic, output.value)
        found.append(Letter(
            Place(dead_letter_topic(topic), 0, number), NOON_MS, None, headers["commonshelf.reason"], "",
            headers.get(CUT_HEADER), output.key, output.value, event,
        ))  # fmt: skip
    return found


def decoded(topic, value):
    return topic_codec(topic).decode(value)


def config_of(bench):
    config = PoolConfigs()
    for record in bench.inputs:
        if record.topic in ("pool.config.v1", "catalog.items.v1"):
            config.take(record.topic, record.value, record.appended_at_ms)
    return config


def why_not(bench, **options):
    (letter,) = letters_of(bench)
    return blocker(letter, config_of(bench), LATER_MS, **options)


def test_a_kit_waits_for_its_parts_and_is_never_counted():
    bench = furnished()
    parts = [{"sku": MILK, "quantity_milli": 1_000}, {"sku": "GHOST", "quantity_milli": 1_000}]
    bench.stock_item("BOX", parts=parts)
    bench.sell("s1", {"code": "sku:BOX", "quantity_milli": 1_000, "unit": "each"})
    assert why_not(bench) == "BOX is a kit, and the product master lacks its part GHOST"
    bench.stock_item("GHOST")
    assert why_not(bench) is None
    bench = furnished()
    bench.stock_item("BOX", parts=parts[:1])
    bench.report("counted", "c1", {"code": "sku:BOX", "quantity_milli": 1_000, "unit": "each"})
    told = "sku:BOX means BOX, a kit, which has no stock of its own: count its parts and discard it"
    assert why_not(bench) == told


def test_an_unmapped_line_waits_for_its_mapping():
    bench = furnished()
    bench.sell("s1", line(1_000), {"code": "plu:1", "quantity_milli": 1_000, "unit": "each"})
    assert why_not(bench) == "not mapped: see `./shelf map`"
    bench.configure(CodeMapping(code="plu:1", sku=MILK))
    assert why_not(bench) is None


def test_a_mapping_to_an_item_of_another_unit_does_not_help():
    bench = furnished()
    bench.sell("s1", {"code": "plu:1", "quantity_milli": 1_000, "unit": "each"})
    bench.configure(CodeMapping(code="plu:1", sku=FLOUR))
    told = "plu:1 means FLOUR, counted in kg, and the line says"
    assert why_not(bench) == f"{told} each; `./shelf map set … --unit` says what one piece is"
    bench.configure(CodeMapping(code="plu:1", sku=FLOUR, piece=PieceMeasure(unit="l", numerator=1)))
    assert why_not(bench) == f"{told} l, by its mapping; `./shelf map set … --unit` says what one piece is"
    bench.configure(CodeMapping(code="plu:1", sku=FLOUR, piece=PieceMeasure(unit="kg", numerator=1, denominator=9_000)))
    assert why_not(bench) == "plu:1 means FLOUR, and of its measure the quantity comes to nothing or too much"
    bench.configure(CodeMapping(code="plu:1", sku=FLOUR, piece=PieceMeasure(unit="kg", numerator=1)))
    assert why_not(bench) is None


def test_an_unknown_store_waits_for_the_store():
    bench = furnished()
    bench.sell("s1", line(1_000), store="new")
    assert why_not(bench) == "store 'new' is not in the pool"
    bench.configure(StoreSettings(store="new", name="New"))
    assert why_not(bench) is None


def test_what_came_too_late_waits_for_a_longer_limit():
    bench = furnished()
    bench.sell("s1", line(1_000), occurred_at_ms=NOON_MS - 8 * DAY_MS)
    assert "recorded too late" in why_not(bench)
    bench.configure(PoolSettings(name="North", late_limit_ms=9 * DAY_MS))
    assert why_not(bench) is None


def test_a_count_from_before_the_pool_s_memory_is_not_replayed():
    bench = furnished()
    bench.report("counted", "r1", line(1_000), store="new")
    bench.configure(StoreSettings(store="new", name="New"))
    (letter,) = letters_of(bench)
    assert blocker(letter, config_of(bench), NOON_MS + 6 * DAY_MS) is None
    assert "count again" in str(blocker(letter, config_of(bench), NOON_MS + 8 * DAY_MS))


def test_what_contradicts_itself_is_never_replayed():
    bench = furnished()
    bench.sell("s1", line(1_000))
    bench.sell("s1", line(2_000))
    assert "contradicts" in why_not(bench)


def test_bytes_that_are_nothing_and_ticks_are_never_replayed():
    bench = furnished()
    bench.put("pos.sales.v1", b"{}")
    assert "no value of pos.sales.v1" in why_not(bench)


def test_a_parked_record_is_replayed_only_by_its_name():
    letter = letters_of(sold_to_nobody())[0]
    parked = Letter(**{**vars(letter), "reason": "parked"})
    config = config_of(furnished())
    config.catalogs[POOL].stores["new"] = config.catalogs[POOL].stores[STORE]
    assert "by its name" in str(blocker(parked, config, LATER_MS))
    assert blocker(parked, config, LATER_MS, is_named=True) is None


@pytest.mark.parametrize("topic", ["orders.requests.v1", "fulfilment.reports.v1"])
def test_what_somebody_asked_for_is_replayed_only_by_its_name(topic):
    event = examples(topic)[0].value | {"pool": POOL}
    value = topic_codec(topic).encode(event)
    letter = Letter(Place(dead_letter_topic(topic), 0, 0), 1, None, "wrong_partition", "", None, None, value, event)
    assert "whoever asked may ask again" in str(blocker(letter, config_of(furnished()), LATER_MS))
    assert blocker(letter, config_of(furnished()), LATER_MS, is_named=True) is None


def sold_to_nobody():
    bench = furnished()
    bench.sell("s1", line(1_000), store="new")
    return bench


CODES = ["sku:MILK", "sku:FLOUR", "plu:1", "plu:2"]


@given(
    codes=st.lists(st.sampled_from(CODES), min_size=1, max_size=4),
    store=st.sampled_from([STORE, "new"]),
    unit=st.sampled_from(["each", "kg"]),
    age_ms=st.sampled_from([0, DAY_MS, 8 * DAY_MS]),
    mapped=st.dictionaries(st.sampled_from(CODES[2:]), st.sampled_from([MILK, FLOUR, "GHOST"])),
    adds_store=st.booleans(),
    late_limit_days=st.sampled_from([7, 9]),
)
@settings(max_examples=200)
def test_a_letter_is_called_ready_exactly_when_the_pool_takes_a_line_of_it(
    codes, store, unit, age_ms, mapped, adds_store, late_limit_days
):
    bench = furnished()
    told = [{"code": code, "quantity_milli": 1_000, "unit": unit} for code in codes]
    bench.sell("s1", *told, store=store, occurred_at_ms=NOON_MS - age_ms)
    letters = letters_of(bench)
    for code, sku in mapped.items():
        bench.configure(CodeMapping(code=code, sku=sku))
    if adds_store:
        bench.configure(StoreSettings(store="new", name="New"))
    bench.configure(PoolSettings(name="North", late_limit_ms=late_limit_days * DAY_MS))
    for letter in letters:
        before = bench.counts()["applied"]
        is_ready = blocker(letter, config_of(bench), LATER_MS) is None
        bench.put(letter.input_topic, letter.value, LATER_MS)
        bench.commit()
        assert is_ready == (bench.counts()["applied"] > before), letter
