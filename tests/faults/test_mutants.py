"""The auditor bites: every planted bug is found, and where none is planted the same faults leave nothing to find."""

import pytest

from tests.faults.mutants import MUTANTS
from tests.faults.run import report, run_mutant


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_a_planted_bug_is_found_in_what_the_workers_left(name):
    outcome = run_mutant(name)

    assert outcome.trouble == []
    assert not outcome.audit.is_sound


def test_the_aimed_faults_alone_leave_nothing_to_find():
    outcome = run_mutant(None)

    assert outcome.is_sound, report(outcome)
