"""A worker that comes back after an outage catches up: no batch is begun twice, and `/health` says yes throughout."""

from tests.proof.faults.outage import Plan, play


def test_a_worker_catches_up_in_batches_that_end_by_time(tmp_path):
    """A quarter of an hour, with as many orders as would make one batch of many seconds."""
    outcome = play(Plan(hours=0.25, sales_per_s=10, orders_per_minute=60, lines_per_order=10), tmp_path)

    assert outcome.is_sound, outcome
    assert outcome.batches > 1
