"""Twenty faults of every kind, by a seed of its own; `python -m tests.proof.faults.run --faults 200` runs more."""

from streams.runtime import failpoints
from tests.proof.faults.run import report, run_faults


def test_twenty_faults_under_load_lose_nothing_and_repeat_nothing():
    outcome = run_faults(20, seed=1)

    assert outcome.is_sound, report(outcome)
    figures = outcome.figures()
    assert [figures[name] for name in ("faults", "lost", "repeated", "wrong_rows")] == [20, 0, 0, 0]
    assert figures["failpoints"] == len(failpoints.NAMES)
    assert all(one.in_flight > 0 for one in outcome.landed)
    assert all(outcome.sales_by_lane), "one worker takes what it can in columns, the other few or none"
    told = set(outcome.audit.order_events)
    assert {"allocated", "broken", "confirmed", "expired", "picked", "rerouted", "short"} <= told
