"""The bench of a night's run plans a small pool, and tells what it took."""

from bench.restock.planning import measure_planning


def test_a_small_pool_is_planned_and_measured():
    told = []
    found = measure_planning(3, 12, 1, told.append)
    assert (found["shelves"], told) == (36, ["36 shelves have sold for 56 days"])
    assert found["proposals"] > 0
    assert found["cpu_s"] > 0
    assert 20 < found["peak_mib"] < 4_000
    again = measure_planning(3, 12, 1, told.append)
    assert (again["proposals"], again["moves"]) == (found["proposals"], found["moves"])
