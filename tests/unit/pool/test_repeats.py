"""Repeats change nothing, revisions change the difference, contradictions are set aside: line by line."""

import pytest

from schemas.models.base import LINES_MAX
from schemas.models.config import CodeMapping
from tests.support.pool import BREAD, HOUR_MS, NOON_MS, OTHER_STORE, POOL, STORE, furnished, line

NINE, TEN, ELEVEN = NOON_MS - 3 * HOUR_MS, NOON_MS - 2 * HOUR_MS, NOON_MS - HOUR_MS


@pytest.fixture(params=["one batch", "a batch each", "a restart each"])
def bench(request):
    """A pool that commits never, after every event, or restarts as well: remembering must not depend on it."""
    bench = furnished()
    put = bench.put

    def put_and_commit(*args, **options):
        put(*args, **options)
        if request.param != "one batch":
            bench.commit()
        if request.param == "a restart each":
            bench.restart()

    bench.put = put_and_commit
    return bench


def test_a_repeated_sale_changes_nothing(bench):
    for _ in range(3):
        bench.sell("s1", line(1_000), line(2_000, BREAD))
    assert (bench.on_hand(), bench.on_hand(BREAD)) == (-1_000, -2_000)
    assert bench.counts() == {"applied": 2, "duplicate": 4, "stale": 0, "quarantined": 0}


def test_a_repeated_count_is_not_counted_again(bench):
    bench.report("counted", "c1", line(7_000), occurred_at_ms=TEN)
    bench.report("counted", "c1", line(7_000), occurred_at_ms=TEN)
    assert (bench.on_hand(), bench.counts()["duplicate"]) == (7_000, 1)


def test_the_same_source_id_in_another_store_or_topic_is_another_event(bench):
    bench.sell("x", line(1_000))
    bench.sell("x", line(1_000), store=OTHER_STORE)
    bench.report("received", "x", line(1_000))
    assert (bench.on_hand(), bench.on_hand(store=OTHER_STORE), bench.counts()["duplicate"]) == (0, -1_000, 0)


def test_names_that_only_look_alike_when_joined_are_different_events(bench):
    bench.sell("c", line(1_000), raw=True, source={"system": "a|b", "id": "c", "version": 1})
    bench.sell("b|c", line(1_000), raw=True, source={"system": "a", "id": "b|c", "version": 1})
    assert bench.on_hand() == -2_000


def test_a_line_repeated_inside_one_receipt_is_absorbed(bench):
    bench.sell("s1", line(1_000, line_id="a"), line(1_000, line_id="a"))
    assert (bench.on_hand(), bench.counts()["duplicate"]) == (-1_000, 1)


def test_a_line_id_used_twice_with_other_content_is_taken_once_and_set_aside_once(bench):
    bench.sell("s1", line(1_000, line_id="a"), line(3_000, line_id="a"))
    assert (bench.on_hand(), bench.reasons()) == (-1_000, ["conflict"])


def test_the_same_version_with_other_content_is_set_aside(bench):
    bench.sell("s1", line(1_000))
    bench.sell("s1", line(3_000))
    assert (bench.on_hand(), bench.reasons()) == (-1_000, ["conflict"])


def test_the_same_version_at_another_time_is_set_aside(bench):
    bench.sell("s1", line(1_000), occurred_at_ms=TEN)
    bench.sell("s1", line(1_000), occurred_at_ms=ELEVEN)
    assert (bench.on_hand(), bench.reasons()) == (-1_000, ["conflict"])


def test_lines_added_to_the_same_version_are_taken_and_the_known_ones_absorbed(bench):
    bench.sell("s1", line(1_000))
    bench.sell("s1", line(1_000), line(2_000, BREAD))
    bench.sell("s1", line(1_000), line(2_000, BREAD))
    assert (bench.on_hand(), bench.on_hand(BREAD), bench.counts()["duplicate"]) == (-1_000, -2_000, 3)


def test_a_higher_version_applies_the_difference(bench):
    bench.sell("s1", line(1_000), line(2_000, BREAD), version=1)
    bench.sell("s1", line(5_000), version=2)
    assert (bench.on_hand(), bench.on_hand(BREAD)) == (-5_000, 0)


def test_a_repeated_higher_version_changes_nothing(bench):
    bench.sell("s1", line(1_000), version=1)
    bench.sell("s1", line(5_000), version=2)
    bench.sell("s1", line(5_000), version=2)
    assert (bench.on_hand(), bench.counts()["duplicate"]) == (-5_000, 1)


def test_a_lower_version_is_counted_as_stale(bench):
    bench.sell("s1", line(5_000), version=2)
    bench.sell("s1", line(1_000), line(1_000, BREAD), version=1)
    assert (bench.on_hand(), bench.on_hand(BREAD), bench.counts()["stale"]) == (-5_000, 0, 2)


def test_versions_may_skip_and_a_third_replaces_the_second(bench):
    for version, quantity_milli in ((1, 1_000), (5, 2_000), (9, 4_000)):
        bench.sell("s1", line(quantity_milli), version=version)
    assert bench.on_hand() == -4_000


def test_a_revision_of_a_movement_that_a_count_has_seen_changes_nothing(bench):
    bench.sell("s1", line(1_000), occurred_at_ms=NINE, version=1)
    bench.report("counted", "c1", line(7_000), occurred_at_ms=TEN)
    bench.sell("s1", line(5_000), occurred_at_ms=NINE, version=2)
    assert bench.on_hand() == 7_000


def test_a_revision_that_moves_a_sale_behind_the_count_is_played_on_top(bench):
    bench.sell("s1", line(1_000), occurred_at_ms=NINE, version=1)
    bench.report("counted", "c1", line(7_000), occurred_at_ms=TEN)
    bench.sell("s1", line(2_000), occurred_at_ms=ELEVEN, version=2)
    assert bench.on_hand() == 5_000


def test_a_revision_that_moves_a_sale_before_the_count_gives_the_goods_back(bench):
    bench.report("counted", "c1", line(7_000), occurred_at_ms=TEN)
    bench.sell("s1", line(1_000), occurred_at_ms=ELEVEN, version=1)
    bench.sell("s1", line(1_000), occurred_at_ms=NINE, version=2)
    assert bench.on_hand() == 7_000


def test_a_revised_receipt_replaces_the_first(bench):
    bench.report("received", "r1", line(10_000), version=1)
    bench.report("received", "r1", line(12_000), version=2)
    assert bench.on_hand() == 12_000


def test_a_revised_count_of_the_same_time_stands(bench):
    bench.report("counted", "c1", line(7_000), occurred_at_ms=TEN, version=1)
    bench.sell("s1", line(1_000), occurred_at_ms=ELEVEN)
    bench.report("counted", "c1", line(8_000), occurred_at_ms=TEN, version=2)
    assert bench.on_hand() == 7_000


def test_a_replayed_line_is_applied_as_if_it_had_been_mapped_from_the_start(bench):
    bench.sell("s1", line(1_000), {**line(2_000), "code": "plu:4011"}, occurred_at_ms=NINE)
    assert (bench.on_hand(), bench.reasons()) == (-1_000, ["unmapped_code"])
    bench.configure(CodeMapping(code="plu:4011", sku=BREAD))
    bench.replay_dead_letters()
    assert (bench.on_hand(), bench.on_hand(BREAD), bench.reasons()) == (-1_000, -2_000, [])
    assert bench.counts() == {"applied": 2, "duplicate": 0, "stale": 0, "quarantined": 1}


def test_a_replay_of_a_line_that_a_count_has_seen_changes_nothing(bench):
    bench.sell("s1", {**line(2_000), "code": "plu:4011"}, occurred_at_ms=NINE)
    bench.configure(CodeMapping(code="plu:4011", sku=BREAD))
    bench.report("counted", "c1", line(5_000, BREAD), occurred_at_ms=TEN)
    bench.replay_dead_letters()
    assert bench.on_hand(BREAD) == 5_000


def test_the_replay_and_the_whole_receipt_repeated_are_both_absorbed_afterwards(bench):
    lines = line(1_000), {**line(2_000), "code": "plu:4011"}
    bench.sell("s1", *lines)
    bench.configure(CodeMapping(code="plu:4011", sku=BREAD))
    bench.replay_dead_letters()
    bench.sell("s1", *lines)
    bench.sell("s1", {**lines[1], "line_id": "2"})
    assert (bench.on_hand(), bench.on_hand(BREAD), bench.counts()["duplicate"]) == (-1_000, -2_000, 3)


def test_a_revision_after_a_replay_takes_back_both_parts(bench):
    bench.sell("s1", line(1_000), {**line(2_000), "code": "plu:4011"})
    bench.configure(CodeMapping(code="plu:4011", sku=BREAD))
    bench.replay_dead_letters()
    bench.sell("s1", line(500), version=2)
    assert (bench.on_hand(), bench.on_hand(BREAD)) == (-500, 0)


def test_a_quarantined_line_may_be_mended_under_the_same_version(bench):
    bench.sell("s1", line(1_000), line(2_000, BREAD, unit="kg"))
    bench.sell("s1", line(1_000), line(2_000, BREAD))
    assert (bench.on_hand(), bench.on_hand(BREAD), bench.counts()["duplicate"]) == (-1_000, -2_000, 1)


def test_a_count_is_mended_line_by_line_too(bench):
    bench.report("counted", "c1", line(7_000), {**line(3_000), "code": "plu:4011"}, occurred_at_ms=TEN)
    bench.configure(CodeMapping(code="plu:4011", sku=BREAD))
    bench.sell("s1", line(1_000, BREAD), occurred_at_ms=ELEVEN)
    bench.replay_dead_letters()
    assert (bench.on_hand(), bench.on_hand(BREAD)) == (7_000, 2_000)


def test_an_older_version_stays_out_although_the_newer_one_was_set_aside_whole(bench):
    """Whether version 1 or version 2 arrives first, version 2 is what counts; its lines wait for their mapping."""
    newer = {**line(2_000), "code": "plu:4011"}
    bench.sell("s1", newer, version=2)
    bench.sell("s1", line(1_000), version=1)
    assert (bench.on_hand(), bench.counts()["stale"]) == (0, 1)
    bench.configure(CodeMapping(code="plu:4011", sku=BREAD))
    bench.replay_dead_letters()
    assert (bench.on_hand(), bench.on_hand(BREAD)) == (0, -2_000)


def test_one_line_of_the_largest_receipt_can_still_be_mended():
    bench = furnished()
    lines = [line(1_000, line_id=str(n)) for n in range(LINES_MAX - 1)]
    bench.sell("s1", *lines, {**line(2_000), "code": "plu:4011", "line_id": "last"})
    bench.configure(CodeMapping(code="plu:4011", sku=BREAD))
    bench.replay_dead_letters()
    assert (bench.on_hand(), bench.on_hand(BREAD), bench.reasons()) == (-1_000 * (LINES_MAX - 1), -2_000, [])


def test_a_receipt_that_grows_without_end_is_stopped_at_the_limit():
    bench = furnished()
    for part in range(3):
        bench.sell("s1", *(line(1_000, line_id=f"{part}.{n}") for n in range(LINES_MAX // 2)))
    assert (bench.on_hand(), set(bench.reasons())) == (-1_000 * LINES_MAX, {"too_many_lines"})


def test_every_line_is_applied_absorbed_or_set_aside():
    bench = furnished()
    bench.sell("s1", line(1_000, line_id="a"), line(1_000, line_id="a"), line(9_000, line_id="a"), line(1, "NO"))
    fact = bench.last_fact()
    parts = len(fact["applied"]), fact["duplicate_lines"], len(fact["quarantined"])
    assert parts == (1, 1, 2)


def test_store_and_pool_of_the_tests_are_the_ones_asked_for(bench):
    bench.sell("s1", line(1_000))
    assert bench.partition.look_up({"pool": POOL})["stores"] == sorted([STORE, OTHER_STORE])
