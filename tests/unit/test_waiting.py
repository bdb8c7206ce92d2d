"""How long tests wait: as long as there is progress, on a machine however slow."""

import itertools
from types import SimpleNamespace

import pytest

from tests.proof.faults import stage
from tests.proof.faults.stage import TooSlowError, wait_none_left


@pytest.fixture(autouse=True)
def each_look_takes_a_minute(monkeypatch):
    minutes = itertools.count(0, 60)
    clock = SimpleNamespace(monotonic=lambda: next(minutes), sleep=lambda _: None)
    monkeypatch.setattr(stage, "time", clock)


def test_what_goes_on_is_waited_for_beyond_any_patience():
    left = iter([9, 9, 7, 7, 7, 3, 3, 1, 1, 0])
    wait_none_left("work", lambda: next(left), patience_s=200)
    assert next(left, None) is None


def test_what_has_stopped_is_given_up_and_told():
    left = itertools.chain([9, 4], itertools.repeat(4))
    with pytest.raises(TooSlowError, match="pages: 4 left, and no fewer for 200 s"):
        wait_none_left("pages", lambda: next(left), patience_s=200)
