"""The world's documents on the wall clock: the order holds, late stays late, a copy stays a copy."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from commonshelf.demo.clock import LiveClock
from world.documents import DocumentLine, StoreDocument

WORLD, WALL = 1_000_000_000, 5_000_000_000
HOUR_MS = 3_600_000
LINE = DocumentLine(1, "plu:4011", 1_000)


def document(occurred_ms: int, sent_ms: int, number: str = "1", **more) -> StoreDocument:
    return StoreDocument("lich", "sale", number, occurred_ms, sent_ms, (LINE,), **more)


def test_what_is_sent_is_recorded_now():
    clock = LiveClock(WORLD, WALL)
    assert clock.stamp(document(WORLD + 5, WORLD + 10), WALL + 700).sent_at_ms == WALL + 700


def test_a_moment_between_two_slips_falls_between_them_on_the_wall():
    clock = LiveClock(WORLD, WALL)
    clock.stamp(document(WORLD, WORLD + HOUR_MS, "1"), WALL + 100)
    clock.stamp(document(WORLD, WORLD + 2 * HOUR_MS, "2"), WALL + 200)
    assert clock.wall_of(WORLD + HOUR_MS + HOUR_MS // 2) == WALL + 150


@given(
    st.lists(st.tuples(st.integers(1, HOUR_MS), st.integers(0, 50)), min_size=1, max_size=40),
    st.lists(st.integers(-HOUR_MS, 50 * HOUR_MS), min_size=2, max_size=20),
)
def test_what_happened_first_in_the_world_happened_first_on_the_wall(steps, moments):
    clock = LiveClock(WORLD, WALL)
    world_ms, wall_ms = WORLD, WALL
    for at, (world_step_ms, wall_step_ms) in enumerate(steps):
        world_ms, wall_ms = world_ms + world_step_ms, wall_ms + wall_step_ms
        clock.stamp(document(world_ms, world_ms, str(at)), wall_ms)
    mapped = [clock.wall_of(WORLD + moment) for moment in sorted(moments)]
    assert mapped == sorted(mapped)


def test_what_happened_before_the_start_is_as_late_as_it_was():
    clock = LiveClock(WORLD, WALL)
    stamped = clock.stamp(document(WORLD - 48 * HOUR_MS, WORLD + 10), WALL + 3)
    assert stamped.occurred_at_ms == WALL - 48 * HOUR_MS


def test_a_wrong_clock_stays_as_far_ahead_as_it_is():
    clock = LiveClock(WORLD, WALL)
    stamped = clock.stamp(document(WORLD + 72 * HOUR_MS, WORLD + 10), WALL + 3)
    assert stamped.occurred_at_ms - stamped.sent_at_ms == 72 * HOUR_MS - 10


def test_a_copy_bears_the_times_of_the_first_telling():
    clock = LiveClock(WORLD, WALL)
    first = clock.stamp(document(WORLD + 5, WORLD + 10, is_last=False), WALL + 3)
    clock.stamp(document(WORLD + HOUR_MS, WORLD + HOUR_MS, "2"), WALL + 50)
    again = clock.stamp(document(WORLD + 5, WORLD + HOUR_MS + 1), WALL + 90)
    assert replace(again, is_last=False) == first


def test_a_revision_keeps_when_it_happened_and_is_recorded_when_it_is_sent():
    clock = LiveClock(WORLD, WALL)
    first = clock.stamp(document(WORLD + 5, WORLD + 10, is_last=False), WALL + 3)
    revised = clock.stamp(document(WORLD + 5, WORLD + 20, version=2), WALL + 90)
    assert revised.occurred_at_ms == first.occurred_at_ms
    assert revised.sent_at_ms == WALL + 90
