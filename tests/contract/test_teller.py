"""Partners that are told how things stand: killed at any point, they end with the right state, each in its order."""

import json
import threading
from random import Random

import pytest

from connectors.contract import Unavailable
from connectors.outbound.contract import CallRefused
from connectors.outbound.driver import REFUSED_WAIT_MS, Driver
from connectors.outbound.teller import State, Teller, partner_log

POINTS = (
    "before the call is stored", "after the call is stored", "before the answer", "after the answer",
    "before the outcome is stored", "after the outcome is stored",
)  # fmt: skip


class Killed(BaseException):
    pass


class World:
    """Appointments, a partner that takes what has a higher number, a topic, and processes that are killed."""

    def __init__(self, at_once=1):
        self.states, self.changes = {}, set()
        self.topic, self.got, self.calls = {}, {}, []
        self.now_ms, self.at_once = 0, at_once
        self.dies = self.fails = None
        self.stored = 0

    def set(self, item, status, is_final=False):
        self.states[item] = State({"order": item, "status": status}, is_final)
        self.changes.add(item)

    def forget(self, item):
        del self.states[item]
        self.changes.add(item)

    # the source
    def changed(self):
        changes, self.changes = self.changes, set()
        return changes

    def knows(self, item):
        return item in self.states

    def state(self, item):
        return self.states.get(item, State({"order": item, "status": "forgotten"}, is_final=True))

    # the topic
    def publish_all(self, records):
        when = "the call is stored" if any(record.pending for record in records) else "the outcome is stored"
        self._die(f"before {when}")
        for record in records:
            self.topic[record.item] = record.to_avro()
        self._die(f"after {when}")

    def forget_record(self, record):
        del self.topic[record.item]

    # the partner
    def post(self, key, body):
        self._die("before the answer")
        failure = self.fails(body) if self.fails else None
        message = json.loads(body)
        self.calls.append((message["order"], message["sequence"], key))
        known = self.got.get(message["order"], [])
        if not known or message["sequence"] > known[-1]["sequence"]:
            self.got.setdefault(message["order"], []).append(message)
        if failure is not None:
            raise failure
        self._die("after the answer")

    def _die(self, point):
        if self.dies is not None and self.dies(point):
            raise Killed(point)

    def started(self):
        """A process of its own: it knows what the topic and the source have, no more."""
        self.changes = set(self.states)
        kept = type("Kept", (), {"publish_all": self.publish_all, "forget": self.forget_record})
        kept = kept()
        kept.publish_all, kept.forget = self.publish_all, self.forget_record
        log = partner_log(lambda: list(self.topic.values()), kept)
        teller = Teller("north", "app", self, self.post)
        return Driver(teller, log, 0, lambda _: None, lambda: self.now_ms, self.at_once)

    def statuses(self):
        return {item: [each["status"] for each in got] for item, got in self.got.items()}

    def settle(self, driver=None):
        driver = driver or self.started()
        for _ in range(12):
            self.now_ms += 2 * REFUSED_WAIT_MS
            driver.round(threading.Event())


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_any_point_leaves_the_partner_with_the_right_state_in_order(point):
    world = World()
    world.set("a", "booked")
    world.settle()
    world.set("a", "ready")
    world.dies = lambda at: at == point
    with pytest.raises(Killed):
        world.started().round(threading.Event())
    world.dies = None
    world.set("a", "cancelled", is_final=True)
    world.settle()
    told = world.statuses()["a"]
    assert told in (["booked", "ready", "cancelled"], ["booked", "cancelled"])
    assert len({key for _, number, key in world.calls if number == 2}) == 1, "one number, one key"


@pytest.mark.parametrize("at_once", [1, 16])
@pytest.mark.parametrize("seed", range(25))
def test_killed_at_random_points_no_partner_ends_with_a_wrong_state(seed, at_once):
    random = Random(seed)
    world = World(at_once)
    kills = 0
    world.dies = lambda _: random.random() < 0.04
    world.fails = lambda _: Unavailable("500", 0) if random.random() < 0.1 else None
    driver = world.started()
    step = 0
    while step < 120 or kills < 4:
        step += 1
        item = f"o{random.randrange(12 + step // 4)}"
        if item not in world.states or not world.states[item].is_final:
            status = random.choice(["booked", "ready", "moved", "arrived", "cancelled"])
            world.set(item, f"{status} {step}", is_final=status == "cancelled")
        world.now_ms += random.choice([0, 6_000, 400_000])
        try:
            driver.round(threading.Event())
        except Killed:
            kills += 1
            driver = world.started()
        except Unavailable:
            pass
    world.dies = world.fails = None
    world.settle()
    for item, state in world.states.items():
        got = world.got.get(item, [])
        assert [each["sequence"] for each in got] == sorted({each["sequence"] for each in got})
        was_never_told = not got and state.is_final
        assert was_never_told or got[-1]["status"] == state.content["status"]
    keys = {}
    for order, number, key in world.calls:
        keys.setdefault((order, number), set()).add(key)
    assert all(len(each) == 1 for each in keys.values())


def test_a_partner_that_fails_is_told_the_newest_state_and_others_are_not_kept_waiting():
    world = World(at_once=4)
    world.fails = lambda body: Unavailable("down", 0) if b'"a"' in body else None
    for item in "abc":
        world.set(item, "booked")
    driver = world.started()
    driver.round(threading.Event())
    driver.round(threading.Event())
    assert world.topic["b"]["pending"] is world.topic["c"]["pending"] is None
    assert world.topic["a"]["pending"] is not None
    world.set("a", "moved")
    world.set("a", "ready")
    world.fails = None
    world.settle(driver)
    assert world.statuses() == {"a": ["booked", "ready"], "b": ["booked"], "c": ["booked"]}


def test_an_appointment_that_ended_before_the_partner_heard_of_it_is_passed_over():
    world = World()
    world.set("a", "cancelled", is_final=True)
    world.settle()
    assert (world.calls, world.topic) == ([], {})


def test_the_record_of_an_appointment_that_is_forgotten_is_dropped_when_its_end_was_told():
    world = World()
    world.set("a", "booked")
    world.set("b", "booked")
    driver = world.started()
    world.settle(driver)
    world.set("a", "handed_over", is_final=True)
    world.settle(driver)
    world.forget("a")
    world.forget("b")
    world.settle(driver)
    assert world.statuses() == {"a": ["booked", "handed_over"], "b": ["booked", "forgotten"]}
    assert world.topic == {}


def test_one_that_was_forgotten_while_the_process_was_away_is_told_so():
    world = World()
    world.set("a", "booked")
    world.settle()
    del world.states["a"]
    world.settle()
    assert world.statuses() == {"a": ["booked", "forgotten"]}
    assert world.topic == {}


def test_what_a_partner_refuses_is_offered_again_under_a_new_number():
    world = World()
    world.fails = lambda _: CallRefused("422: what is that?")
    world.set("a", "booked")
    driver = world.started()
    driver.round(threading.Event())
    assert (world.topic["a"]["pending"], world.topic["a"]["digest"]) == (None, "")
    world.fails = None
    driver.round(threading.Event())
    assert len(world.calls) == 1, "not at once"
    world.settle(driver)
    assert [number for _, number, _ in world.calls] == [1, 2]


def test_a_settled_item_is_not_looked_at_again():
    world = World()
    world.set("a", "booked")
    driver = world.started()
    world.settle(driver)
    world.state = None
    driver.round(threading.Event())
