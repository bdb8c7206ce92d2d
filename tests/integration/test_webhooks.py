"""Webhooks on a real Kafka: who subscribed is told, in order, once more when it asks, and whatever dies."""

import threading
from random import Random

import pytest

from commonshelf.config.web_settings import Webhooks
from commonshelf.desks.access import revoke_key
from commonshelf.web.webhooks.host import Host
from schemas.examples import examples
from schemas.topics import POOL_TASKS
from tests.support.agents import Agents, agents_settings
from tests.support.api import api_server
from tests.support.api_pool import ALL, LIMITS, ApiPool
from tests.support.arrival import serving
from tests.support.subscriber import Subscriber
from tests.support.waiting import PATIENCE_S, until

OPEN = Webhooks(may_call_private_addresses=True, request_timeout_s=60)
KILLS = 6
TASKS = 5
"""As many tasks as change, so that several messages are of one."""


@pytest.fixture(scope="module")
def server(kafka, topics, tmp_path_factory):
    """A server whose subscribers may be on this machine, and what tells them."""
    with api_server(kafka.options, topics, tmp_path_factory.mktemp("webhooks"), LIMITS, OPEN) as made:
        host, stop = Host(kafka.options, made.connection.settings, lambda _: None, retry_s=0.05), threading.Event()
        thread = threading.Thread(target=host.run, args=(stop,), daemon=True)
        thread.start()
        yield made
        stop.set()
        thread.join(PATIENCE_S)


@pytest.fixture
def pool(kafka, topics, server, pool_name):
    made = ApiPool(kafka, topics, pool_name)
    until(lambda: server.views.store(made.name, "mill") is not None)
    made.task_row = examples(POOL_TASKS.name)[0].value
    return made


@pytest.fixture
def subscriber():
    made = Subscriber()
    with serving(made) as url:
        made.url = url
        yield made


def put_task(pool, task, store="mill", **more):
    pool.put_row(
        POOL_TASKS, f"{pool.name}/{task}", {**pool.task_row, "pool": pool.name, "task": task, "store": store, **more}
    )


class Subscription:
    """A subscription of a key, and what its holder asks of it."""

    def __init__(self, client, pool, subscriber, *kinds):
        self.client, self.path = client, f"/pools/{pool.name}/webhooks"
        answer = client.post(self.path, json={"url": f"{subscriber.url}/hook", "kinds": kinds})
        assert answer.status_code == 201, answer.text
        self.made = answer.json()
        subscriber.secrets = [self.made["secret"].encode()]
        self.path = f"{self.path}/{self.made['webhook']}"

    def show(self):
        return self.client.get(self.path).json()

    def ask(self, what, **body):
        answer = self.client.post(f"{self.path}/{what}", json=body or None)
        assert answer.is_success, answer.text
        return answer.json()


def subscribed(server, pool, subscriber, *kinds, store="mill"):
    return Subscription(server.client(server.key(pool.name, *ALL, store=store)), pool, subscriber, *kinds)


def test_a_subscriber_is_told_in_order_what_its_key_may_see(server, pool, subscriber):
    subscription = subscribed(server, pool, subscriber, "task")
    for number, (store, status) in enumerate([("mill", "open"), ("corner", "open"), ("mill", "claimed")]):
        put_task(pool, f"t{number % 2}", store, status=status)
    until(lambda: len(subscriber.taken) == 2)
    assert subscriber.told("task") == [
        {"task": "t0", "store": "mill", "status": "open"}, {"task": "t0", "store": "mill", "status": "claimed"},
    ]  # fmt: skip
    shown = until(lambda: (found := subscription.show())["delivered"] == 2 and found)
    assert (shown["status"], shown["failing_since_ms"], "secret" in shown) == ("active", None, False)


def test_one_that_fails_is_shown_and_told_when_it_comes_back(server, pool, subscriber):
    subscriber.answers = [500] * 1_000_000
    subscription = subscribed(server, pool, subscriber, "task")
    put_task(pool, "t1")
    shown = until(lambda: (found := subscription.show())["status"] == "failing" and found)
    assert shown["failing_since_ms"]
    assert "500" in shown["failure"]
    put_task(pool, "t2")
    subscriber.answers = []
    until(lambda: len(subscriber.taken) == 2)
    assert [told["task"] for told in subscriber.told("task")] == ["t1", "t2"]
    until(lambda: subscription.show()["status"] == "active")


def test_it_hears_again_from_an_offset_under_the_keys_of_before(server, pool, subscriber):
    subscription = subscribed(server, pool, subscriber, "task")
    for number in range(3):
        put_task(pool, f"t{number}")
    until(lambda: len(subscriber.taken) == 3)
    second = list(subscriber.taken.values())[1]
    subscription.ask("replay", kind="task", offset=second["offset"])
    until(lambda: len(subscriber.calls) == 5)
    assert len(subscriber.taken) == 3
    until(lambda: subscription.show()["is_replaying"] is False)
    assert subscription.client.post(f"{subscription.path}/replay", json={"offset": 1}).status_code == 422
    assert subscription.client.post(f"{subscription.path}/replay", json={"kind": "order"}).status_code == 422


def test_for_a_day_both_secrets_sign_and_a_test_message_shows_that(server, pool, subscriber):
    subscription = subscribed(server, pool, subscriber, "task")
    rotated = subscription.ask("rotate")
    assert rotated["secret"] != subscription.made["secret"]
    for secret in (subscription.made["secret"], rotated["secret"]):
        subscriber.secrets = [secret.encode()]
        asked = subscription.ask("ping")["pings"]
        shown = until(lambda asked=asked: (found := subscription.show())["pinged"] == asked and found)
        assert shown["ping_answer"].startswith("200")
    assert subscriber.unsigned == 0


def test_bands_are_told_when_they_are_others_and_no_number_is(server, pool, subscriber, worker):
    until(lambda: server.views.shelf(pool.name, "MILK", "mill"))
    subscribed(server, pool, subscriber, "band", store="corner")
    on_hand_milli = server.views.shelf(pool.name, "MILK", "mill")["available_milli"]
    pool.sell("mill", 1_003)
    pool.sell("mill", on_hand_milli - 1_003)
    until(lambda: {"sku": "MILK", "store": "mill", "band": "out"} in subscriber.told("band"))
    assert all(set(told) == {"sku", "store", "band"} for told in subscriber.told("band"))
    bands = [told["band"] for told in subscriber.told("band") if (told["sku"], told["store"]) == ("MILK", "mill")]
    assert bands in (["out"], ["in", "out"])  # the first record may be of the time just before it subscribed


def test_ended_ones_and_those_of_a_revoked_key_hear_nothing(server, pool, subscriber):
    ended, revoked = (subscribed(server, pool, subscriber, "task") for _ in range(2))
    assert ended.client.delete(ended.path).status_code == 204
    assert ended.client.get(ended.path).json()["code"] == "unknown_webhook"
    key = revoked.client.get("/key").json()["key"]
    revoke_key(server.connection, key)
    until(lambda: revoked.client.get("/key").status_code == 401)
    hears = subscribed(server, pool, subscriber, "task")
    put_task(pool, "t1")
    until(lambda: hears.show()["delivered"] == 1)
    assert {call["webhook"] for call in subscriber.calls} == {hears.made["webhook"]}


def test_a_key_sees_its_own_subscriptions_and_asks_for_no_kind_beyond_its_scopes(server, pool, subscriber):
    own = subscribed(server, pool, subscriber, "task")
    other = server.client(server.key(pool.name, "webhooks:write"))
    assert other.get(f"/pools/{pool.name}/webhooks").json()["webhooks"] == []
    assert [other.get(own.path).status_code, other.delete(own.path).status_code] == [404, 404]
    refused = other.post(f"/pools/{pool.name}/webhooks", json={"url": subscriber.url, "kinds": ["task"]})
    assert refused.json()["code"] == "not_allowed"
    without = server.client(server.key(pool.name, "tasks:read"))
    assert without.get(f"/pools/{pool.name}/webhooks").status_code == 403
    assert [one["webhook"] for one in own.client.get(f"/pools/{pool.name}/webhooks").json()["webhooks"]] == [
        own.made["webhook"]
    ]


def test_a_key_has_no_more_subscriptions_than_it_may(server, pool, subscriber):
    client = server.client(server.key(pool.name, *ALL))
    codes = [
        client.post(f"/pools/{pool.name}/webhooks", json={"url": subscriber.url, "kinds": ["order"]}).status_code
        for _ in range(OPEN.per_key + 1)
    ]
    assert codes == [201] * OPEN.per_key + [409]


def test_killed_between_a_call_and_its_record_the_subscriber_ends_with_the_right_state(
    kafka, topics, pool_name, tmp_path
):
    """`worker agents` dies at calls that are drawn, before the subscriber has the message or after it."""
    random, agents_of = Random(5), []
    left = [0]

    def at_point(point):
        if point == point_of_death[0]:
            left[0] -= 1
            if left[0] == 0:
                agents_of[0].kill()

    point_of_death = [""]
    subscriber = Subscriber(at_point)
    config = tmp_path / "shelf.toml"
    more = "[webhooks]\nmay_call_private_addresses = true\n"
    config.write_text(agents_settings(kafka, topics, pool_name, "").replace("[http]", f"{more}[http]"))
    data = tmp_path / "data"
    with serving(subscriber) as url, api_server(kafka.options, topics, data, LIMITS, OPEN) as server:
        subscriber.url = url
        pool = ApiPool(kafka, topics, pool_name)
        pool.task_row = examples(POOL_TASKS.name)[0].value
        until(lambda: server.views.store(pool.name, "mill") is not None)
        subscription = subscribed(server, pool, subscriber, "task")
        agents_of.append(Agents(config, tmp_path / "log"))
        put, number = {}, 0
        try:
            for _ in range(KILLS):
                left[0], point_of_death[0] = random.randrange(1, 4), random.choice(("before", "after"))
                agents_of[0].start()
                while not agents_of[0].is_gone():
                    number += 1
                    task, status = f"t{number % TASKS}", random.choice(("open", "claimed"))
                    seen = len(subscriber.calls)  # before: the call may come while this process waits for its turn
                    put_task(pool, task, status=status, worker=f"w{number}")
                    put[task] = status
                    until(lambda seen=seen: len(subscriber.calls) > seen or agents_of[0].is_gone())
                agents_of[0].wait()
            point_of_death[0] = ""
            agents_of[0].start()
            until(lambda: {told["task"]: told["status"] for told in subscriber.told("task")} == put)
            until(lambda: subscription.show()["delivered"] and len(subscriber.taken) == number)
        finally:
            agents_of[0].close()
    offsets = [message["offset"] for message in subscriber.taken.values()]
    assert offsets == sorted(offsets)
    assert len(offsets) == number, "none is left out, however often it died"
