"""A stack sets right what ends by itself."""

import pytest

from commonshelf.settings import Settings
from commonshelf.stack import Stack


class Brokers:
    """An embedded Kafka, as the stack's upkeep sees it."""

    def __init__(self, *down: int) -> None:
        self.down = list(down)
        self.restarts: list[tuple[int, ...]] = []

    def restart(self, *brokers: int) -> None:
        self.restarts.append(brokers)
        self.down = []


@pytest.mark.parametrize("down", [(1,), (0, 2), (0, 1, 2)])
def test_brokers_that_ended_are_started_again_together_for_those_that_are_a_majority_need_each_other(down):
    said: list[str] = []
    stack = Stack(Settings(), on_event=lambda event: said.append(event.text))
    stack._kafka = brokers = Brokers(*down)

    stack._revive_brokers(is_news=True)
    stack._revive_brokers(is_news=True)

    assert brokers.restarts == [down]
    assert len(said) == 1
    assert said[0].startswith("a Kafka broker ended by itself and is started again")
