"""A stack sets right what ends by itself."""

import pytest

from commonshelf.config.settings import Settings
from commonshelf.embedded_kafka.errors import KafkaStartError
from commonshelf.stack.stack import Stack


class Brokers:
    """An embedded Kafka, as the stack's upkeep sees it."""

    def __init__(self, *down: int) -> None:
        self.down = list(down)
        self.fails = False
        self.restarts: list[tuple[int, ...]] = []

    def restart(self, *brokers: int) -> None:
        self.restarts.append(brokers)
        if self.fails:
            raise KafkaStartError("no memory")
        self.down = []


@pytest.mark.parametrize("down", [(1,), (0, 2), (0, 1, 2)])
def test_brokers_that_ended_are_started_again_together_for_those_that_are_a_majority_need_each_other(down):
    said: list[str] = []
    stack = Stack(Settings(), on_event=lambda event: said.append(event.text))
    stack._kafka = brokers = Brokers(*down)

    stack._revive_brokers()
    stack._revive_brokers()

    assert brokers.restarts == [down]
    assert len(said) == 1
    assert said[0].startswith("a Kafka broker ended by itself and is started again")


def test_a_broker_that_stays_away_is_told_of_once_and_again_when_it_ends_again():
    said: list[str] = []
    stack = Stack(Settings(), on_event=lambda event: said.append(event.text))
    stack._kafka = brokers = Brokers(0)
    brokers.fails = True
    for _ in range(3):
        with pytest.raises(KafkaStartError):
            stack._revive_brokers()
    assert len(said) == 1

    brokers.fails = False
    stack._revive_brokers()
    stack._revive_brokers()
    brokers.down = [0]
    stack._revive_brokers()
    assert len(said) == 2
    assert len(brokers.restarts) == 5
