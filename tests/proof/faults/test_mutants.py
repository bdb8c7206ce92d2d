"""The auditor bites: every planted bug is found, and where none is planted the same faults leave nothing to find."""

import pytest

from tests.proof.faults.mutants import MUTANTS
from tests.proof.faults.run import report, run_mutant, run_without_mutant


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_a_planted_bug_is_found_in_what_the_workers_left(name):
    outcome = run_mutant(name)

    assert outcome.is_found, report(outcome)


@pytest.mark.parametrize("action", ["kill", "stop"])
def test_the_aimed_faults_alone_leave_nothing_to_find(action):
    outcome = run_without_mutant(action)

    assert outcome.is_sound, report(outcome)
