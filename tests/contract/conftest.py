"""Connectors meet the rigs' orders while these are new, however long ago the tests were collected."""

import pytest

from tests.support.rigs.rig import clock_of_the_rigs


@pytest.fixture(autouse=True)
def _clock_of_the_rigs(monkeypatch):
    clock_of_the_rigs(monkeypatch)
