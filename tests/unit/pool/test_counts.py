"""A physical count is absolute as of its time, whenever it and the movements around it arrive."""

import pytest

from streams.pool.state.shelf import MOVEMENT
from tests.support.pool import BREAD, HOUR_MS, MILK, MINUTE_MS, NOON_MS, furnished, line

NINE, TEN, ELEVEN = NOON_MS - 3 * HOUR_MS, NOON_MS - 2 * HOUR_MS, NOON_MS - HOUR_MS


def test_a_count_replaces_the_books():
    bench = furnished()
    bench.report("opening", "o1", line(10_000), occurred_at_ms=NINE)
    bench.report("counted", "c1", line(7_000), occurred_at_ms=TEN)
    assert bench.on_hand() == 7_000


def test_a_late_sale_before_the_count_changes_nothing():
    bench = furnished()
    bench.report("counted", "c1", line(7_000), occurred_at_ms=TEN)
    bench.sell("s1", line(1_000), occurred_at_ms=NINE)
    assert (bench.on_hand(), bench.counts()["applied"]) == (7_000, 2)


def test_a_sale_after_the_count_is_played_on_top():
    bench = furnished()
    bench.report("counted", "c1", line(7_000), occurred_at_ms=TEN)
    bench.sell("s1", line(1_000), occurred_at_ms=ELEVEN)
    assert bench.on_hand() == 6_000


def test_a_late_count_keeps_the_movements_that_occurred_after_it():
    bench = furnished()
    bench.report("opening", "o1", line(10_000), occurred_at_ms=NINE)
    bench.sell("s1", line(1_000), occurred_at_ms=ELEVEN)
    bench.report("counted", "c1", line(7_000), occurred_at_ms=TEN)
    assert bench.on_hand() == 6_000


def test_a_movement_of_the_same_millisecond_is_in_the_count():
    """The rule for ties: a count has seen what happened in its own millisecond."""
    for first_the_count in (True, False):
        bench = furnished()
        steps = [
            lambda b: b.report("counted", "c1", line(7_000), occurred_at_ms=TEN),
            lambda b: b.sell("s1", line(1_000), occurred_at_ms=TEN),
        ]
        for step in steps if first_the_count else reversed(steps):
            step(bench)
        assert bench.on_hand() == 7_000


def test_an_older_count_that_comes_late_is_only_evidence():
    bench = furnished()
    bench.report("counted", "new", line(7_000), occurred_at_ms=ELEVEN)
    bench.report("counted", "old", line(3_000), occurred_at_ms=TEN)
    assert (bench.on_hand(), bench.last_fact()["counted"][0]["applied"]) == (7_000, False)


def test_of_two_counts_of_one_millisecond_the_later_arrival_stands():
    bench = furnished()
    bench.report("counted", "c1", line(7_000), occurred_at_ms=TEN)
    bench.report("counted", "c2", line(5_000), occurred_at_ms=TEN)
    assert bench.on_hand() == 5_000


def test_a_count_of_nothing_empties_the_shelf():
    bench = furnished()
    bench.report("opening", "o1", line(10_000), occurred_at_ms=NINE)
    bench.report("counted", "c1", line(0), occurred_at_ms=TEN)
    assert bench.on_hand() == 0


def test_a_count_leaves_the_items_it_does_not_name():
    bench = furnished()
    bench.report("opening", "o1", line(10_000), line(4_000, BREAD), occurred_at_ms=NINE)
    bench.report("counted", "c1", line(7_000), occurred_at_ms=TEN)
    assert bench.on_hand(BREAD) == 4_000


def test_the_journal_says_how_far_the_books_were_off():
    bench = furnished()
    bench.report("opening", "o1", line(10_000), occurred_at_ms=NINE)
    bench.sell("s1", line(1_000), occurred_at_ms=ELEVEN)
    bench.report("counted", "c1", line(7_000), occurred_at_ms=TEN)
    assert bench.last_fact()["counted"] == [
        {"line": 0, "sku": MILK, "applied": True, "drift_milli": -3_000, "counted_milli": None}
    ]


def test_one_item_counted_twice_in_one_report_is_taken_once_and_set_aside_once():
    bench = furnished()
    bench.report("counted", "c1", line(7_000), line(2_000))
    assert (bench.on_hand(), bench.reasons()) == (7_000, ["conflict"])


@pytest.mark.parametrize("movements", [31, 32, 33, 64, 200])
def test_a_late_count_reaches_behind_sealed_blocks_of_movements(movements):
    bench = furnished()
    for n in range(movements):
        bench.sell(f"s{n}", line(1_000), occurred_at_ms=TEN + n * MINUTE_MS // 4)
    assert any(key.startswith("moves/") for key, _ in bench.commit().rows) == (movements >= 32)
    as_of = 17
    bench.report("counted", "c1", line(500_000), occurred_at_ms=TEN + as_of * MINUTE_MS // 4)
    assert bench.on_hand() == 500_000 - 1_000 * (movements - 1 - as_of)


def test_after_a_late_count_a_still_later_one_finds_the_movements_that_were_kept():
    bench = furnished()
    for n in range(150):
        bench.sell(f"s{n}", line(1_000), occurred_at_ms=TEN + n)
    bench.report("counted", "c1", line(500_000), occurred_at_ms=TEN + 9)
    bench.commit()
    bench.restart()
    bench.report("counted", "c2", line(300_000), occurred_at_ms=TEN + 99)
    assert bench.on_hand() == 300_000 - 50 * 1_000


def test_a_count_drops_the_blocks_that_it_has_seen():
    bench = furnished()
    for n in range(150):
        bench.sell(f"s{n}", line(1_000), occurred_at_ms=TEN + n)
    bench.commit()
    bench.report("counted", "c1", line(1_000), occurred_at_ms=ELEVEN)
    bench.commit()
    assert [key for key in bench.committed.rows if key.startswith("moves/")] == []


def test_movements_older_than_any_late_count_are_dropped_when_a_block_is_sealed():
    bench = furnished()
    day = 24 * HOUR_MS
    for n in range(64 * 12):
        at = NOON_MS + n * day // 64
        bench.sell(f"s{n}", line(1_000), occurred_at_ms=at, recorded_at_ms=at, appended_at_ms=at)
        bench.tick(at)
    bench.commit()
    kept = sum(len(raw) for key, raw in bench.committed.rows.items() if key.startswith("moves/"))
    assert kept < 10 * 64 * MOVEMENT.size + 10 * 20
    assert bench.on_hand() == -1_000 * 64 * 12


def test_movements_before_a_count_are_absorbed_line_by_line():
    bench = furnished()
    bench.report("counted", "c1", line(7_000), occurred_at_ms=TEN)
    bench.sell("s1", line(1_000), line(2_000, BREAD), occurred_at_ms=NINE)
    assert (bench.on_hand(), bench.on_hand(BREAD)) == (7_000, -2_000)
