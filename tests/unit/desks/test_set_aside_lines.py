"""Which lines of a store wait in the dead letters, by letters and outcomes in whatever order they are read."""

import pytest
from confluent_kafka import KafkaError

from commonshelf.dead_letters import set_aside
from commonshelf.dead_letters.set_aside import SetAsideLines, WaitingLetters
from messaging.publisher import PublishFailed
from schemas.codec import topic_codec
from schemas.models.dead_letters import DeadLetterOutcome, RecordPlace
from schemas.models.pos import Sale, SaleLine, Source
from schemas.topics import DLQ_OUTCOMES, POS_SALES, dead_letter_topic
from tests.support.kafka_message import kafka_message

STORE = ("north", "corner")
LETTERS = dead_letter_topic(POS_SALES.name)


def letter(offset, *codes, store="corner", receipt="17", recorded_at_ms=5_000):
    lines = tuple(SaleLine(line_id=code, code=code, quantity_milli=1_500) for code in codes)
    sale = Sale(
        pool="north", store=store, source=Source(system="csv", id=receipt), occurred_at_ms=4_000,
        recorded_at_ms=recorded_at_ms, lines=lines,
    )  # fmt: skip
    message = kafka_message(LETTERS, offset, topic_codec(POS_SALES.name).encode(sale.to_avro()))
    message.headers = lambda: [("commonshelf.reason", b"unmapped_code")]
    return message


def outcome(of, kind="replayed"):
    place = RecordPlace(topic=LETTERS, partition=0, offset=of)
    told = DeadLetterOutcome(letter=place, outcome=kind, at_ms=1, origin="test", reason="because")
    return kafka_message(DLQ_OUTCOMES.name, of, topic_codec(DLQ_OUTCOMES.name).encode(told.to_avro()))


def codes(*messages, stores=(STORE,)):
    waiting = WaitingLetters(stores)
    for message in messages:
        waiting.take(message)
    return [line.code for line in waiting.of(*STORE)]


def test_each_line_of_a_letter_is_told_with_what_a_person_needs():
    waiting = WaitingLetters({STORE})
    waiting.take(letter(3, "plu:1", "plu:2"))
    first, second = waiting.of(*STORE)
    assert (first.code, first.reason, first.quantity_milli, first.unit) == ("plu:1", "unmapped_code", 1_500, "each")
    assert (first.source_id, first.is_sale, first.set_aside_at_ms, first.recorded_at_ms) == ("17", True, 1_003, 5_000)
    assert second.code == "plu:2"


def test_what_was_done_with_a_letter_ends_its_waiting_whatever_is_read_first():
    one, other = letter(1, "plu:1"), letter(2, "plu:2", receipt="18")
    assert codes(one, other, outcome(1)) == ["plu:2"]
    assert codes(outcome(1), one, other) == ["plu:2"]
    assert codes(one, other, outcome(1, "discarded"), outcome(2, "superseded")) == []


def test_a_line_that_was_set_aside_again_waits_once():
    again = letter(2, "plu:1", recorded_at_ms=9_000)
    assert codes(letter(1, "plu:1"), again) == ["plu:1"]
    assert codes(letter(1, "plu:1"), outcome(1), again) == ["plu:1"]


def test_letters_of_other_stores_and_bytes_that_are_nothing_are_passed_over():
    nothing = kafka_message(LETTERS, 7, b"nothing")
    nothing.headers = list
    no_outcome = kafka_message(DLQ_OUTCOMES.name, 8, b"nothing")
    assert codes(letter(1, "plu:1", store="mill"), nothing, no_outcome, letter(2, "plu:2")) == ["plu:2"]


def test_outcomes_are_kept_only_until_their_letters_have_come():
    waiting = WaitingLetters({STORE})
    for message in (letter(1, "plu:1"), outcome(1), outcome(2), outcome(2), outcome(4)):
        waiting.take(message)
    assert sorted(place.offset for place in waiting._done) == [2, 4]
    for message in (letter(2, "plu:2"), letter(3, "plu:3", store="mill"), letter(4, "plu:4"), outcome(2), outcome(3)):
        waiting.take(message)
    assert (waiting._done, waiting.of(*STORE)) == (set(), [])


class Consumer:
    """Hands out `batches`, one a call, then nothing."""

    def __init__(self, *batches):
        self.batches, self.is_closed = list(batches), False

    def consume(self, _at_most, _timeout_s):
        return self.batches.pop(0) if self.batches else []

    def close(self):
        self.is_closed = True


def test_after_an_error_in_a_batch_the_list_is_read_from_the_beginning(monkeypatch):
    gone = kafka_message(LETTERS, 2, None, error=KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
    failing, next_one = Consumer([letter(1, "plu:1"), gone, outcome(1)]), Consumer([letter(7, "plu:7")])
    consumers = [failing, next_one]
    monkeypatch.setattr(set_aside, "log_consumer", lambda *_: consumers.pop(0))
    monkeypatch.setattr(set_aside, "until_end", lambda _: ())
    lines = SetAsideLines({}, {STORE})
    with pytest.raises(PublishFailed):
        lines.of(*STORE)
    assert failing.is_closed
    assert [line.code for line in lines.of(*STORE)] == ["plu:7"]
    assert not next_one.is_closed
