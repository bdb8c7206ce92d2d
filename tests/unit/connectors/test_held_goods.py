"""What write-back is told is held, by a consumer that stands in for Kafka's."""

from commonshelf.desks import held_goods
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
