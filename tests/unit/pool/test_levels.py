"""What a store's system believes: its stock where no sale lines come, otherwise only evidence of drift."""

import pytest

from schemas.models.config import StoreSettings
from tests.support.pool import HOUR_MS, NOON_MS, STORE, furnished, line

NINE, TEN, ELEVEN = NOON_MS - 3 * HOUR_MS, NOON_MS - 2 * HOUR_MS, NOON_MS - HOUR_MS


def with_levels_only():
    bench = furnished()
    bench.configure(StoreSettings(store=STORE, name=STORE, reports_sales=False))
    return bench


def test_where_sale_lines_come_a_level_moves_nothing():
    bench = furnished()
    bench.report("opening", "o1", line(10_000), occurred_at_ms=NINE)
    bench.report("level", "l1", line(3_000), occurred_at_ms=TEN)
    counted = bench.last_fact()["counted"][0]
    assert (bench.on_hand(), counted["applied"], counted["drift_milli"]) == (10_000, False, -7_000)


def test_a_level_that_disagrees_lowers_confidence_until_the_next_count():
    bench = furnished()
    bench.report("counted", "c1", line(10_000), occurred_at_ms=NINE)
    bench.report("level", "l1", line(9_000), occurred_at_ms=TEN)
    doubted = bench.shelf()["confidence_permille"]
    bench.report("counted", "c2", line(9_000), occurred_at_ms=ELEVEN)
    assert (doubted, bench.shelf()["confidence_permille"]) == (930, 980)


def test_a_level_that_agrees_clears_the_doubt():
    bench = furnished()
    bench.report("counted", "c1", line(10_000), occurred_at_ms=NINE)
    bench.report("level", "l1", line(9_000), occurred_at_ms=TEN)
    bench.report("level", "l2", line(10_000), occurred_at_ms=ELEVEN)
    assert bench.shelf()["confidence_permille"] == 980


def test_a_level_from_before_the_last_count_is_no_evidence_against_it():
    bench = furnished()
    bench.report("counted", "c1", line(10_000), occurred_at_ms=TEN)
    bench.report("level", "l1", line(3_000), occurred_at_ms=NINE)
    assert bench.shelf()["confidence_permille"] == 980


def test_without_sale_lines_a_level_is_the_stock():
    bench = with_levels_only()
    bench.report("level", "l1", line(9_000), occurred_at_ms=NINE)
    bench.report("level", "l2", line(4_000), occurred_at_ms=TEN)
    assert bench.on_hand() == 4_000


def test_an_older_level_that_comes_late_changes_nothing():
    bench = with_levels_only()
    bench.report("level", "l2", line(4_000), occurred_at_ms=TEN)
    bench.report("level", "l1", line(9_000), occurred_at_ms=NINE)
    assert bench.on_hand() == 4_000


@pytest.mark.parametrize("quantity_milli", [0, -2_000])
def test_a_level_may_be_zero_or_below(quantity_milli):
    bench = with_levels_only()
    bench.report("level", "l1", line(quantity_milli))
    assert (bench.on_hand(), bench.available()) == (quantity_milli, 0)
