"""What a worker fetches is bounded by size as well as by number, and never leaves an input waiting for another."""

import pytest

from streams.runtime.assigned_partition import AssignedPartition
from streams.runtime.intake import SILENCE_S, Intake
from streams.runtime.merge import Inbox
from streams.runtime.settings import Rejoin
from tests.support.kafka_message import kafka_message

TOPICS = ("sales", "ticks")
BATCH_RECORDS, BATCH_BYTES = 1_000, 100_000


class Consumer:
    """Kafka's consumer, as far as it holds back inputs."""

    def __init__(self):
        self.paused = set()
        self.high = 1 << 40

    def pause(self, partitions):
        self.paused |= {partition.topic for partition in partitions}

    def resume(self, partitions):
        self.paused -= {partition.topic for partition in partitions}

    def get_watermark_offsets(self, partition, cached):
        return 0, self.high


class Clock:
    """Seconds that a test lets pass."""

    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


def message(topic, offset, size):
    return kafka_message(topic, offset, bytes(size))


def messages(topic, number, size, first=0):
    return [message(topic, first + n, size) for n in range(number)]


@pytest.fixture
def consumer():
    return Consumer()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def intake(consumer, clock):
    return Intake(consumer, TOPICS, BATCH_RECORDS, BATCH_BYTES, pytest.fail, clock)


@pytest.fixture
def held():
    return {0: AssignedPartition(0, None, None, Inbox((), TOPICS), {}, {}, {})}


def test_of_small_records_a_batch_by_number_is_fetched(intake, held):
    intake.take(messages("sales", 300, 10), held)
    assert intake.room(held.values()) == BATCH_RECORDS - 300


def test_of_large_records_as_many_are_fetched_as_two_batches_may_weigh(intake, held):
    intake.take(messages("sales", 30, 1_000), held)
    assert intake.room(held.values()) == (2 * BATCH_BYTES - 30_000) // 1_000


def test_when_all_is_full_some_records_are_fetched_as_long_as_an_input_is_waited_for(intake, held):
    intake.take(messages("sales", 10, 100_000), held)
    assert intake.room(held.values()) == BATCH_RECORDS // 16

    intake.take([message("ticks", 0, 10)], held)
    assert intake.room(held.values()) == 1


def test_an_input_that_waits_with_too_many_bytes_is_held_back_until_it_is_worked_off(intake, consumer, held):
    intake.take(messages("sales", 5, 100_000), held)
    intake.mind_backlog(held)
    assert consumer.paused == {"sales"}

    intake.take([message("ticks", 0, 10), message("ticks", 1_000, 10)], held)
    assert len(list(held[0].inbox.ready())) == 6
    assert held[0].inbox.waiting_bytes == 10
    intake.mind_backlog(held)
    assert consumer.paused == set()


def test_an_input_of_which_nothing_is_held_is_fetched_however_much_another_holds(intake, consumer, held):
    intake.take([message("ticks", 0, 10), *messages("sales", 5, 100_000, first=1)], held)
    intake.mind_backlog(held)
    assert consumer.paused == {"sales", "ticks"}

    assert [record.topic for record in held[0].inbox.ready()] == ["ticks"]
    intake.mind_backlog(held)
    assert consumer.paused == {"sales"}


def test_a_partition_that_was_given_away_while_an_input_was_held_back_has_it_fetched_when_it_comes_back(
    intake, consumer, held
):
    intake.take(messages("sales", 5, 100_000), held)
    intake.mind_backlog(held)
    assert consumer.paused == {"sales"}

    intake.mind_backlog({0: AssignedPartition(0, None, None, Inbox((), TOPICS), {}, {}, {})})
    assert consumer.paused == set()


def test_after_a_pause_an_input_is_at_its_end_only_when_the_broker_has_said_so_again(intake, consumer, held):
    intake.take([message("ticks", 0, 10), *messages("sales", 5, 100_000, first=1)], held)
    intake.mind_backlog(held)
    assert [record.topic for record in held[0].inbox.ready()] == ["ticks"]
    intake.mind_backlog(held)
    consumer.high = 1  # what the client learnt before the pause; more ticks may have come

    intake.take([], held)
    assert held[0].inbox.starving() == ["ticks"]


def test_a_client_that_falls_silent_while_records_wait_for_another_input_is_left(intake, held, clock):
    intake.take([message("sales", 0, 10)], held)
    clock.now_s += SILENCE_S
    intake.take([], held)
    clock.now_s += 1
    with pytest.raises(Rejoin, match="1 records of partition 0 wait for ticks or its end"):
        intake.take([], held)


def test_silence_is_no_fault_while_nothing_waits_or_all_that_is_there_may_go_on(intake, held, clock):
    clock.now_s += 10 * SILENCE_S
    intake.take([], held)
    intake.take([message("sales", 0, 10), message("ticks", 0, 10)], held)
    clock.now_s += 10 * SILENCE_S
    intake.take([], held)


def test_the_records_of_a_partition_that_stands_still_for_an_operator_wait_in_silence(intake, held, clock):
    intake.take([message("sales", 0, 10)], held)
    held[0].inbox.broken.add("ticks")
    clock.now_s += 10 * SILENCE_S
    intake.take([], held)
