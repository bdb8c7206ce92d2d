"""What the pool does not take, and that only that is set aside, with its reason from the closed list."""

import pytest

from schemas.codec import topic_codec
from schemas.models.base import LINES_MAX, QUANTITY_MAX_MILLI
from schemas.models.config import CodeMapping, PoolSettings
from tests.support.pool import (
    BREAD,
    DAY_MS,
    FLOUR,
    HOUR_MS,
    MILK,
    MILK_GTIN,
    NOON_MS,
    OTHER_STORE,
    STORE,
    furnished,
    headers_of,
    line,
    sale,
)

SKEW_MS, LATE_MS = 300_000, 7 * DAY_MS


def test_an_unmapped_line_is_set_aside_alone():
    bench = furnished()
    bench.sell("s1", line(1_000), {**line(2_000), "code": "plu:4011"}, line(3_000, BREAD))
    assert (bench.on_hand(), bench.on_hand(BREAD), bench.reasons()) == (-1_000, -3_000, ["unmapped_code"])


def test_the_dead_letter_of_a_line_is_its_event_with_that_line_alone():
    bench = furnished()
    bench.sell("s1", line(1_000), {**line(2_000), "code": "plu:4011"})
    (letter,) = bench.dead_letters()
    event = topic_codec("pos.sales.v1").decode(letter.value)
    assert (event["source"]["id"], [found["code"] for found in event["lines"]]) == ("s1", ["plu:4011"])
    assert letter.key == b"k"


def test_lines_with_different_reasons_become_a_dead_letter_each():
    bench = furnished()
    bench.sell("s1", {**line(2_000), "code": "plu:4011"}, line(1_000, BREAD, unit="kg"), {**line(1), "code": "plu:4"})
    bench.commit()
    assert bench.reasons() == ["unmapped_code", "wrong_unit"]
    codec = topic_codec("pos.sales.v1")
    assert [len(codec.decode(letter.value)["lines"]) for letter in bench.dead_letters()] == [2, 1]


def test_the_message_names_the_store_the_event_and_the_line():
    bench = furnished()
    bench.sell("s1", {**line(2_000), "code": "plu:4011"})
    message = headers_of(bench.dead_letters()[0])["__connect.errors.exception.message"]
    assert message == "unmapped_code: store corner, s1: line 1 (plu:4011)"


def test_the_message_of_many_lines_names_five():
    bench = furnished()
    bench.sell("s1", *({**line(2_000), "code": f"plu:{n}"} for n in range(7)))
    message = headers_of(bench.dead_letters()[0])["__connect.errors.exception.message"]
    assert message.endswith("line 5 (plu:4) and 2 more")


@pytest.mark.parametrize("unit", ["each", "l"])
def test_a_line_in_another_unit_than_the_item_s_is_set_aside(unit):
    bench = furnished()
    bench.sell("s1", line(1_000, FLOUR, unit=unit))
    bench.report("counted", "c1", line(1_000, FLOUR, unit=unit))
    assert (bench.on_hand(FLOUR), bench.reasons()) == (0, ["wrong_unit", "wrong_unit"])


HUGE = 2**63 - 1
TOO_MUCH = QUANTITY_MAX_MILLI + 1


@pytest.mark.parametrize("quantity_milli", [0, -1, TOO_MUCH, HUGE, -HUGE - 1])
@pytest.mark.parametrize("kind", ["sale", "return", "return_not_restocked", "void"])
def test_a_till_line_needs_a_quantity_above_zero(kind, quantity_milli):
    bench = furnished()
    bench.sell("s1", line(quantity_milli, kind=kind), raw=True)
    assert (bench.on_hand(), bench.reasons()) == (0, ["bad_quantity"])


@pytest.mark.parametrize(
    ("kind", "quantity_milli"),
    [
        ("opening", -1), ("received", -1), ("counted", -1), ("opening", TOO_MUCH), ("received", HUGE),
        ("adjusted", TOO_MUCH), ("adjusted", -TOO_MUCH), ("adjusted", -HUGE - 1), ("counted", HUGE),
        ("level", TOO_MUCH), ("level", -TOO_MUCH),
    ],
)  # fmt: skip
def test_a_stock_line_needs_a_quantity_that_its_kind_can_have(kind, quantity_milli):
    bench = furnished()
    bench.report(kind, "r1", line(quantity_milli), raw=True)
    assert (bench.on_hand(), bench.reasons()) == (0, ["bad_quantity"])


@pytest.mark.parametrize("quantity_milli", [1, QUANTITY_MAX_MILLI])
def test_the_smallest_and_the_largest_quantity_are_taken(quantity_milli):
    bench = furnished()
    bench.sell("s1", line(quantity_milli))
    bench.report("adjusted", "a1", line(quantity_milli))
    assert (bench.on_hand(), bench.reasons()) == (0, [])


def test_a_fact_is_taken_up_to_the_late_limit_and_set_aside_beyond():
    bench = furnished()
    bench.sell("ok", line(1_000), occurred_at_ms=NOON_MS - LATE_MS, recorded_at_ms=NOON_MS)
    bench.sell("late", line(1_000), occurred_at_ms=NOON_MS - LATE_MS - 1, recorded_at_ms=NOON_MS)
    assert (bench.on_hand(), bench.reasons()) == (-1_000, ["too_late"])


def test_lateness_is_recorded_less_occurred_and_not_how_long_the_record_waited():
    bench = furnished()
    recorded_at_ms = NOON_MS - 5 * DAY_MS
    bench.sell("s1", line(1_000), occurred_at_ms=recorded_at_ms - 3 * DAY_MS, recorded_at_ms=recorded_at_ms)
    assert (bench.on_hand(), bench.reasons()) == (-1_000, [])


def test_the_late_limit_is_the_pool_s():
    bench = furnished()
    bench.configure(PoolSettings(name="North", late_limit_ms=HOUR_MS))
    bench.sell("late", line(1_000), occurred_at_ms=NOON_MS - HOUR_MS - 1, recorded_at_ms=NOON_MS)
    assert bench.reasons() == ["too_late"]


@pytest.mark.parametrize(
    ("occurred_at_ms", "recorded_at_ms", "reasons"),
    [
        (NOON_MS + SKEW_MS, NOON_MS, []),
        (NOON_MS + SKEW_MS + 1, NOON_MS, ["in_the_future"]),
        (NOON_MS, NOON_MS + SKEW_MS, []),
        (NOON_MS, NOON_MS + SKEW_MS + 1, ["in_the_future"]),
        (NOON_MS + 4 * 365 * DAY_MS, NOON_MS + 4 * 365 * DAY_MS, ["in_the_future"]),
    ],
)
def test_a_fact_from_beyond_the_skew_is_set_aside(occurred_at_ms, recorded_at_ms, reasons):
    bench = furnished()
    bench.report("counted", "c1", line(1_000), occurred_at_ms=occurred_at_ms, recorded_at_ms=recorded_at_ms)
    assert bench.reasons() == reasons


@pytest.mark.parametrize("occurred_at_ms", [0, -1, -(2**63)])
def test_times_before_the_epoch_and_zero_which_stands_for_never_are_set_aside(occurred_at_ms):
    bench = furnished()
    bench.sell("s1", line(1_000), raw=True, occurred_at_ms=occurred_at_ms, recorded_at_ms=max(occurred_at_ms, 0))
    assert bench.reasons() == ["too_late"]


def test_an_unknown_store_s_event_is_set_aside_whole_with_every_line():
    bench = furnished()
    bench.sell("s1", line(1_000), line(1_000, BREAD), store="nowhere")
    assert (bench.reasons(), bench.counts()["quarantined"]) == (["unknown_store"], 2)
    assert bench.last_fact() == {"store": "nowhere", "reason": "unknown_store", "lines": 2}


def test_an_event_set_aside_whole_can_be_replayed_when_the_store_is_there():
    bench = furnished()
    from schemas.models.config import StoreSettings

    bench.sell("s1", line(1_000), line(1_000, BREAD), store="new")
    bench.configure(StoreSettings(store="new", name="New"))
    bench.replay_dead_letters()
    assert (bench.on_hand(store="new"), bench.on_hand(BREAD, "new")) == (-1_000, -1_000)


@pytest.mark.parametrize("lines", [0, LINES_MAX + 1])
def test_an_event_has_at_least_one_line_and_at_most_the_limit(lines):
    bench = furnished()
    bench.sell("s1", *(line(1, line_id=str(n)) for n in range(lines)), raw=True)
    assert bench.last_fact() == {"store": STORE, "reason": "too_many_lines", "lines": lines}


def test_an_event_of_the_largest_size_is_taken():
    bench = furnished()
    bench.sell("s1", *(line(1, line_id=str(n)) for n in range(LINES_MAX)))
    assert (bench.on_hand(), bench.reasons()) == (-LINES_MAX, [])


def test_a_pool_without_settings_is_unknown():
    bench = furnished()
    bench.put("pos.sales.v1", sale("s1", line(1_000), pool="south"))
    assert bench.reasons() == ["unknown_pool"]


def test_a_pool_of_another_partition_is_set_aside():
    from schemas.partition import partition_of
    from streams.pool.processor import PoolProcessor
    from streams.runtime.contract import InputRecord
    from tests.support.pool import CommittedRows

    here = (partition_of("south", 12) + 1) % 12
    partition = PoolProcessor(10).open(here, 12, CommittedRows().view())
    for topic, value in (("pos.sales.v1", sale("s1", line(1_000), pool="south")),):
        partition.apply(InputRecord(topic, here, 0, NOON_MS, b"south", value))
    (letter,) = partition.close_batch().outputs
    assert headers_of(letter)["commonshelf.reason"] == "wrong_partition"


def test_an_overlong_line_id_is_set_aside():
    bench = furnished()
    bench.sell("s1", line(1_000, line_id="x" * 101), raw=True)
    bench.report("counted", "c1", line(1_000, line_id="x" * 101), raw=True)
    assert (bench.on_hand(), bench.reasons()) == (0, ["invalid", "invalid"])


def test_an_own_code_of_the_store_a_pool_wide_code_and_a_gtin_all_find_the_item():
    bench = furnished()
    bench.configure(CodeMapping(store=STORE, code="plu:1", sku=MILK))
    bench.configure(CodeMapping(code="plu:2", sku=MILK))
    bench.sell("s1", *({**line(1_000), "code": code} for code in ("plu:1", "plu:2", f"gtin:{MILK_GTIN}", "sku:MILK")))
    bench.sell("s1", {**line(1_000), "code": "plu:1"}, store=OTHER_STORE)
    assert (bench.on_hand(), bench.reasons()) == (-4_000, ["unmapped_code"])
