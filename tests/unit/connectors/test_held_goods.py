"""What write-back is told is held, by a consumer that stands in for Kafka's."""

import pytest
from confluent_kafka import KafkaError

from commonshelf.desks import held_goods
from messaging.publisher import PublishFailed
from schemas.topics import POOL_CONFIG


class Message:
    def topic(self):
        return POOL_CONFIG.name

    def value(self):
        return b"no setting"

    def error(self):
        return None

    def timestamp(self):
        return 0, 0


class BusyConsumer:
    """Of a pool whose rows never cease; `backlog` waits at first."""

    def __init__(self, backlog):
        self.backlog, self.asked = backlog, 0

    def consume(self, at_most, _timeout_s):
        self.asked += 1
        assert self.asked < 10, "it goes on for ever"
        count = min(at_most, max(self.backlog, 3))
        self.backlog -= count
        return [Message()] * count

    def close(self):
        pass


def test_a_pool_whose_rows_never_cease_holds_up_nobody(monkeypatch):
    consumer = BusyConsumer(backlog=25_000)
    monkeypatch.setattr(held_goods, "log_consumer", lambda *_: consumer)
    monkeypatch.setattr(held_goods, "until_end", lambda _: ())
    goods = held_goods.HeldGoods({}, 4)
    assert (goods.of("north", "grocer-7"), consumer.asked) == ([], 3)
    goods.of("north", "grocer-7")
    assert consumer.asked == 4


def test_after_an_error_the_goods_are_read_from_the_beginning(monkeypatch):
    class FailingConsumer(BusyConsumer):
        is_closed = False

        def consume(self, at_most, _timeout_s):
            gone = Message()
            gone.error = lambda: KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
            return [gone]

        def close(self):
            self.is_closed = True

    failing = FailingConsumer(backlog=0)
    consumers = [failing, BusyConsumer(backlog=0)]
    monkeypatch.setattr(held_goods, "log_consumer", lambda *_: consumers.pop(0))
    monkeypatch.setattr(held_goods, "until_end", lambda _: ())
    goods = held_goods.HeldGoods({}, 4)
    with pytest.raises(PublishFailed):
        goods.of("north", "grocer-7")
    assert failing.is_closed
    assert goods.of("north", "grocer-7") == []
