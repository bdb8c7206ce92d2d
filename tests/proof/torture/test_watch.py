"""What is watched for: how long inputs wait, and the slope of a role's memory."""

import pytest

from tests.proof.torture.watch import Waits, Watched, slope_mib_per_h


def growing(mib_per_s: float, seconds: int) -> list[tuple[float, float]]:
    return [(float(at), 100 + mib_per_s * at) for at in range(0, seconds, 5)]


def test_the_slope_is_per_hour():
    assert slope_mib_per_h(growing(0.1, 400)) == pytest.approx(360)
    assert slope_mib_per_h(growing(0.0, 400)) == pytest.approx(0)


def test_lives_that_each_grow_alike_show_no_slope_over_the_run():
    lives = [(at + 100.0 * life, mib) for life in range(30) for at, mib in growing(0.1, 60)]
    assert slope_mib_per_h(lives) == pytest.approx(0, abs=10)


def test_a_short_run_shows_no_slope():
    assert slope_mib_per_h(growing(0.1, 250)) is None


def test_what_was_watched_is_told():
    watched = Watched(1.5, 2.0, {4: 7.5, 5: 3.0}, {"b": -3.25, "a": 12.0})

    assert watched.longest_wait_s == 7.5
    assert watched.steepest_mib_per_h == 12
    assert watched.say_memory() == "a +12.0, b -3.2"
    assert Watched().steepest_mib_per_h is None


def test_a_wait_is_from_the_first_sight_of_an_end_until_all_before_it_is_committed():
    waits, sales, stock = Waits(), ("pos.sales.v1", 0), ("pos.stock.v1", 1)
    seen = [({sales: 5, stock: 0}, {sales: 5, stock: 0}), ({sales: 9, stock: 1}, {sales: 5, stock: 0})]
    seen += [({sales: 20, stock: 1}, {sales: 8, stock: 1}), ({sales: 20, stock: 1}, {sales: 9, stock: 1})]
    seen += [({sales: 20, stock: 1}, {sales: 20, stock: 1})]
    for at_s, (ends, committed) in enumerate(seen):
        waits.look(ends, committed, float(at_s))

    assert waits.longest_s == {0: 2.0, 1: 1.0}


def test_what_is_never_committed_waits_until_the_end():
    waits, place = Waits(), ("pos.sales.v1", 3)
    for at_s in range(5):
        waits.look({place: 1 + at_s}, {place: 0}, float(at_s))

    assert waits.longest_s == {3: 4.0}
