"""The slope of memory is that of the process which lived longest, after its warm-up."""

import pytest

from tests.proof.torture.watch import Watched, longest_lives, slope_mib_per_h


def growing(mib_per_s: float, seconds: int, warm_up_mib: float = 0.0) -> list[tuple[float, float]]:
    return [(float(at), 100 + mib_per_s * at + (0 if at >= 20 else warm_up_mib)) for at in range(seconds)]


def test_the_slope_is_per_hour_and_leaves_the_warm_up_out():
    assert slope_mib_per_h(growing(0.1, 120, warm_up_mib=-80)) == pytest.approx(360)
    assert slope_mib_per_h(growing(0.0, 120)) == pytest.approx(0)


def test_a_short_life_shows_no_slope():
    assert slope_mib_per_h(growing(0.1, 45)) is None


def test_of_each_role_the_longest_life_counts():
    long, short = growing(0.1, 120), growing(9, 60)

    assert longest_lives({("ledger-1", 7): short, ("ledger-1", 8): long, ("broker-0", 9): short}) == {
        "ledger-1": long, "broker-0": short,
    }  # fmt: skip


def test_what_was_watched_is_told():
    watched = Watched(1.5, 2.0, {"b": -3.25, "a": 12.0})

    assert watched.steepest_mib_per_h == 12
    assert watched.say_memory() == "a +12.0, b -3.2"
    assert Watched().steepest_mib_per_h is None
