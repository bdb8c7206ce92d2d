"""Deliveries to one subscriber: in order, until there is an outcome, given up in time, and never in silence."""

import json
import threading

import httpx
import pytest

from commonshelf.config.settings import Settings
from commonshelf.web.callers import Caller
from commonshelf.web.webhooks.delivery import Delivery, Subscribed
from commonshelf.web.webhooks.messages import Found, Members, Teller
from commonshelf.web.webhooks.secrets import Signing, secret_of, server_key
from connectors.contract import Unavailable
from connectors.http.signature import sign_with_all, verify
from messaging.publisher import PublishFailed
from schemas.models.webhooks import WebhookPlace, WebhookProgress, WebhookReplay, WebhookSubscription
from tests.support.waiting import PATIENCE_S, until

HOUR_MS = 3_600_000
HEAD = {"pool": "riverside", "webhook": "w1"}
KEY = {
    "key_id": "k1", "label": "a key", "store": "mill", "scopes": ["tasks:read", "webhooks:write"], "digest": "",
    "previous_digest": None, "previous_until_ms": 0, "created_at_ms": 0, "expires_at_ms": None, "revoked_at_ms": None,
}  # fmt: skip
STORES = {
    store: {"store": store, "open": True, "first_day": None, "last_day": None} for store in ("mill", "corner")
}  # fmt: skip


def subscription(*kinds, **more):
    return WebhookSubscription(
        **HEAD, key_id="k1", url="https://shop.example", kinds=kinds or ("task",), created_at_ms=10_000, **more
    )


def members(caller=True):
    return Members(Caller("k1", "riverside", KEY) if caller else None, STORES, {}, "UTC")


def task(offset, store="mill", status="open"):
    row = {"task": f"T-{offset}", "store": store, "status": status}
    return Found("task", offset, 1_000 + offset, row["task"], row)


def shelf(offset, available_milli, store="mill"):
    row = {"sku": "MILK", "store": store, "available_milli": available_milli}
    return Found("band", offset, 1_000 + offset, f"MILK/{store}", row)


class Topic:
    """A feed of records that a test gives; those before `first` are there no more."""

    def __init__(self, *records, first=0):
        self.records, self.first, self.opened = list(records), first, 0
        self.fails = 0

    def __call__(self, _subscription):
        self.opened += 1
        return self

    def offsets_at(self, since_ms, kinds):
        later = [one.offset for one in self.records if one.at_ms >= since_ms]
        return dict.fromkeys(kinds, min(later, default=len(self.records)))

    def begin(self, places):
        self.left = [one for one in self.records if one.kind == "band" or one.offset >= places[one.kind]]
        return {kind: self.first for kind, place in places.items() if place < self.first}

    def next(self, wait_s):
        if self.fails:
            self.fails -= 1
            raise PublishFailed("Kafka is away")
        threading.Event().wait(0.001)
        while self.left:
            yield self.left.pop(0)

    def close(self):
        pass


class Subscriber:
    """Answers as it is told, one status after the other, then 200."""

    def __init__(self, *answers):
        self.answers, self.taken, self.calls, self.pinged = list(answers), [], [], 0

    def send(self, key, body):
        told = json.loads(body)
        assert told["id"] == key
        if told["kind"] == "ping":
            self.pinged += 1
            return httpx.Response(200)
        self.calls.append(told["offset"])
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        if answer < 300:
            self.taken.append(told)
        return httpx.Response(answer)


class Rig:
    """A delivery in a thread of its own, and what it has stored."""

    def __init__(self, topic, subscriber, known=None, progress=None, parked_after_ms=HOUR_MS):
        self.now_ms, self.stored, self.counted, self.caller = 50_000, [], [], True
        self.subscribed = Subscribed(known or subscription(), lambda _: members(self.caller))
        self.delivery = Delivery(
            self.subscribed, progress or WebhookProgress(**HEAD, places=(WebhookPlace(kind="task", offset=0),)), topic,
            subscriber, self.stored.append, parked_after_ms, self.counted.append, lambda: self.now_ms, retry_s=0.001,
        )  # fmt: skip
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.delivery.run, args=(self.stop,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.subscribed.news.set()
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()


def offsets(subscriber):
    return [told["offset"] for told in subscriber.taken]


def test_a_subscriber_is_told_in_order_of_what_its_key_may_see():
    subscriber = Subscriber()
    with Rig(Topic(task(0), task(1, "corner"), task(2)), subscriber):
        until(lambda: len(subscriber.taken) == 2)
    assert [told["data"] for told in subscriber.taken] == [
        {"task": "T-0", "store": "mill", "status": "open"}, {"task": "T-2", "store": "mill", "status": "open"},
    ]  # fmt: skip


@pytest.mark.parametrize("failure", [500, 302, 404, 401, Unavailable("away", 0), httpx.ConnectError("no")])
def test_what_is_not_taken_is_sent_again_before_anything_else(failure):
    subscriber = Subscriber(failure, failure)
    with Rig(Topic(task(0), task(1)), subscriber) as rig:
        until(lambda: len(subscriber.taken) == 2)
    assert subscriber.calls == [0, 0, 0, 1]
    assert rig.counted == ["failed", "failed", "delivered", "delivered"]
    failing = [one.failing_since_ms for one in rig.stored]
    assert (failing[0], failing[-1]) == (50_000, None)


def test_what_is_refused_for_what_it_says_is_noted_and_passed_over():
    subscriber = Subscriber(422)
    with Rig(Topic(task(0), task(1)), subscriber) as rig:
        until(lambda: subscriber.taken)
    assert offsets(subscriber) == [1]
    assert (rig.stored[-1].refused, rig.stored[-1].last_refused) == (1, "task at offset 0: 422 Unprocessable Entity")


def test_after_a_restart_it_goes_on_where_it_was():
    topic, first, second = Topic(task(0), task(1)), Subscriber(), Subscriber()
    with Rig(topic, first) as rig:
        until(lambda: len(first.taken) == 2)
    topic.records.append(task(2))
    with Rig(topic, second, progress=rig.stored[-1]):
        until(lambda: second.taken)
    assert offsets(second) == [2]


def test_the_same_message_has_the_same_key_each_time():
    topic, subscribers = Topic(task(0)), (Subscriber(), Subscriber())
    for subscriber in subscribers:
        with Rig(topic, subscriber):
            until(lambda subscriber=subscriber: subscriber.taken)
    assert subscribers[0].taken == subscribers[1].taken


def test_who_does_not_answer_for_long_is_parked_and_goes_on_when_it_asks():
    subscriber = Subscriber(*[500] * 100_000)
    with Rig(Topic(task(0)), subscriber) as rig:
        until(lambda: rig.delivery.progress.failing_since_ms)
        rig.now_ms += HOUR_MS
        until(lambda: rig.stored[-1].parked_at_ms is not None)
        subscriber.answers = []
        rig.subscribed.change(subscription(replay=WebhookReplay(number=1)))
        until(lambda: subscriber.taken)
        until(lambda: rig.delivery.progress.replay == 1)
    assert offsets(subscriber) == [0]
    assert (rig.stored[-1].parked_at_ms, rig.stored[-1].failing_since_ms) == (None, None)


def test_a_parked_one_is_called_no_more_but_for_a_test():
    parked = WebhookProgress(**HEAD, places=(WebhookPlace(kind="task", offset=0),), parked_at_ms=1, failing_since_ms=1)
    subscriber = Subscriber()
    with Rig(Topic(task(0)), subscriber, progress=parked) as rig:
        rig.subscribed.change(subscription(pings=1))
        until(lambda: rig.stored and rig.stored[-1].pinged == 1)
    assert (subscriber.calls, subscriber.pinged) == ([], 1)
    assert (rig.stored[-1].ping_answer, rig.stored[-1].parked_at_ms) == ("200 OK", 1)


@pytest.mark.parametrize(("place", "again"), [({"kind": "task", "offset": 1}, [1, 2]), ({"since_ms": 1_002}, [2])])
def test_it_is_told_once_more_from_where_it_asks(place, again):
    subscriber = Subscriber()
    with Rig(Topic(task(0), task(1), task(2)), subscriber) as rig:
        until(lambda: len(subscriber.taken) == 3)
        rig.subscribed.change(subscription(replay=WebhookReplay(number=1, **place)))
        until(lambda: len(subscriber.taken) == 3 + len(again))
        until(lambda: rig.delivery.progress.replay == 1)
    assert offsets(subscriber) == [0, 1, 2, *again]
    assert subscriber.taken[3]["id"] == subscriber.taken[again[0]]["id"]


def test_what_kafka_keeps_no_more_is_told_to_be_missed():
    subscriber = Subscriber()
    with Rig(Topic(task(7), first=7), subscriber):
        until(lambda: len(subscriber.taken) == 2)
    assert subscriber.taken[0]["kind"] == "missed"
    assert subscriber.taken[0]["data"] == {"kind": "task", "from_offset": 0, "until_offset": 7}


def test_a_new_one_is_told_what_came_since_it_was_subscribed():
    subscriber = Subscriber()
    with Rig(Topic(*(task(offset) for offset in range(3))), subscriber, progress=WebhookProgress(**HEAD)):
        until(lambda: len(subscriber.taken) == 3)


def test_while_kafka_is_away_it_waits_and_goes_on():
    topic, subscriber = Topic(task(0)), Subscriber()
    topic.fails = 1
    with Rig(topic, subscriber):
        until(lambda: subscriber.taken)
    assert topic.opened == 2


def test_when_its_key_is_over_it_ends():
    with Rig(Topic(task(0)), Subscriber(*[500] * 10_000)) as rig:
        until(lambda: rig.counted)
        rig.caller = False
        until(lambda: not rig.thread.is_alive())


def test_bands_are_told_when_they_are_another_and_never_that_goods_moved():
    subscriber, known = Subscriber(), subscription("band")
    topic = Topic(shelf(0, 9_000), shelf(1, 8_000), shelf(2, 1_000), shelf(3, 900), shelf(4, 0), shelf(5, 7, "gone"))
    progress = WebhookProgress(**HEAD, places=(WebhookPlace(kind="band", offset=1),))
    with Rig(topic, subscriber, known, progress) as rig:
        until(lambda: rig.delivery._places["band"] == 6)
    assert [told["data"] for told in subscriber.taken] == [
        {"sku": "MILK", "store": "mill", "band": "low"}, {"sku": "MILK", "store": "mill", "band": "out"},
    ]  # fmt: skip


def test_a_key_without_the_scope_hears_nothing_of_a_kind():
    order = Found("order", 0, 1, "o1", {"order": "o1"})
    assert Teller(subscription("order")).told(order, members()) is None


def test_a_rotated_secret_signs_beside_the_one_before_for_a_time():
    known, key, now_ms = subscription(secret_version=2, previous_until_ms=5_000), b"k" * 32, [4_999]
    signing = Signing(key, lambda: known, lambda: now_ms[0])
    before, present = (secret_of(key, known, version).encode() for version in (1, 2))
    header = sign_with_all(signing.to_sign(), b"body", 100).encode()
    verify([header], b"body", [before], 100)
    verify([header], b"body", [present], 100)
    now_ms[0] = 5_000
    assert signing.to_sign() == [present]


def test_secrets_differ_by_subscription_version_and_installation():
    one, other = subscription(), subscription().model_copy(update={"webhook": "w2"})
    found = {secret_of(key, known, version) for key in (b"a", b"b") for known in (one, other) for version in (1, 2)}
    assert len(found) == 8


def test_all_processes_of_an_installation_have_one_key_that_others_cannot_read(tmp_path):
    settings = Settings(data_dir=tmp_path / "data")
    assert server_key(settings) == server_key(settings)
    assert [file.name for file in settings.data_dir.iterdir()] == ["webhooks.key"]
    assert (settings.data_dir / "webhooks.key").stat().st_mode & 0o077 == 0
