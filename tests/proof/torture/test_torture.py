"""A short run of the torture test; the whole one is `./shelf torture --minutes 45`."""

import pytest

from tests.proof.torture.run import report, torture


@pytest.mark.takes_minutes
def test_faults_of_every_part_lose_nothing_repeat_nothing_and_promise_nothing_twice():
    outcome = torture(minutes=2, seed=1, faults=20, lines=60_000, phases=1)

    assert outcome.is_sound, report(outcome)
    figures = outcome.figures()
    zeros = ("lost", "repeated", "promised_twice", "wrong_rows")
    assert {name: figures[name] for name in zeros} == dict.fromkeys(zeros, 0)
    assert all(one.in_flight > 0 for one in outcome.landed)
    assert len(outcome.landed) >= 20
    assert figures["failpoints_hit_min"] >= 1
    assert figures["phases_hit_min"] >= 2  # a kill and a freeze
    assert figures["operations_judged"] > 0
    assert figures["transactions_settled"] > 0
    assert figures["proposals"] > 0
