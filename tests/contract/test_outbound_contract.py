"""Calls to a partner that honours keys: none is lost, none is carried out twice, and none waits for another."""

import threading
from dataclasses import dataclass, replace

import pytest

from connectors.contract import AccessRefused, Unavailable
from connectors.outbound.contract import CallRefused, idempotency_key
from connectors.outbound.driver import CALLS_A_ROUND, FAILURES_IN_A_ROW, REFUSED_WAIT_MS, RETRY_S, Driver, Outcome
from connectors.outbound.log import OutboundLog

KEYS_KEPT_MS = 60_000


class Killed(BaseException):
    pass


class WrongContent(BaseException):
    """Another content under the same key."""


@dataclass(frozen=True)
class Arrival:
    """One appointment at a partner's arrival app: its hour there, and the one under way."""

    appointment: str
    sequence: int = 0
    hour: int | None = None
    pending: int | None = None
    begun_at_ms: int = 0


class Partner:
    """The partner, the topic, and an adapter between them. A partner that honours keys carries each out once."""

    party = "partner"

    def __init__(self):
        self.hours, self.calls, self.keys, self.topic = {}, {}, {}, {}
        self.attempts, self.outcomes = [], []
        self.fails, self.dies, self.now_ms = {}, None, 0

    def publish_all(self, records):
        for record in records:
            self.topic[record.appointment] = record
            if record.pending is None and self.dies == "after the record":
                raise Killed

    def wanted(self):
        return self.hours

    def is_pending(self, record):
        return record.pending is not None

    def is_settled(self, record):
        return False

    def is_over(self, record):
        return False

    def is_repeatable(self, pending, now_ms):
        return now_ms - pending.begun_at_ms < KEYS_KEPT_MS

    def recheck(self, item, last, now_ms):
        return replace(last, hour=None) if item not in self.calls and last.hour is not None else None

    def begin(self, item, last, now_ms):
        last = last or Arrival(item)
        hour = self.hours.get(item)
        if hour == last.hour:
            return None
        return replace(last, sequence=last.sequence + 1, pending=hour, begun_at_ms=now_ms)

    def call(self, pending):
        item = pending.appointment
        key = idempotency_key(item, pending.sequence, pending.pending)
        self.attempts.append((item, key))
        if self.dies == "before the call":
            raise Killed
        failure = self.fails.get(item)
        if failure is not None:
            raise failure
        if self.keys.setdefault(key, pending.pending) != pending.pending:
            raise WrongContent(key)
        self.calls.setdefault(item, {})[key] = pending.pending
        if self.dies == "after the call":
            raise Killed
        return replace(pending, hour=pending.pending, pending=None)

    def refused(self, pending):
        return replace(pending, pending=None)

    def look_up(self, pending):
        was_received = pending.pending in self.calls.get(pending.appointment, {}).values()
        return replace(pending, hour=pending.pending if was_received else pending.hour, pending=None)

    def started(self):
        """A process of its own: it knows what the topic has, no more."""
        rows = lambda: [vars(record) for record in self.topic.values()]  # noqa: E731
        log = OutboundLog(rows, lambda row: Arrival(**row), lambda record: (self.party, record.appointment), self)
        return Driver(self, log, 5, self.outcomes.append, lambda: self.now_ms)

    def received(self):
        """The hours that the partner received, in order, each once."""
        return {item: list(calls.values()) for item, calls in self.calls.items()}


@pytest.fixture
def partner():
    return Partner()


def go(driver):
    return driver.round(threading.Event())


@pytest.mark.parametrize("dies", ["before the call", "after the call", "after the record"])
def test_a_process_that_is_killed_makes_the_same_call_again_and_the_partner_receives_it_once(partner, dies):
    partner.hours, partner.dies = {"a": 9}, dies
    with pytest.raises(Killed):
        go(partner.started())
    partner.dies = None
    for _ in range(2):
        go(partner.started())
    assert partner.received() == {"a": [9]}
    assert len(set(partner.attempts)) == 1
    assert partner.topic["a"] == Arrival("a", 1, 9)


def test_a_call_under_way_keeps_its_content_and_the_next_one_has_a_key_of_its_own(partner):
    partner.hours, partner.dies = {"a": 9}, "after the call"
    with pytest.raises(Killed):
        go(partner.started())
    partner.hours, partner.dies = {"a": 10}, None
    for _ in range(3):
        go(partner.started())
    assert partner.received() == {"a": [9, 10]}
    assert len({key for _, key in partner.attempts}) == 2


def test_an_item_that_fails_slows_no_other_and_waits_longer_each_time(partner):
    partner.hours = {"a": 9, "b": 9}
    partner.fails["a"] = Unavailable("500", 1)
    driver = partner.started()
    assert go(driver) == [partner.fails["a"]]
    assert partner.received() == {"b": [9]}
    partner.hours["b"] = 10
    assert go(driver) == []
    assert partner.received() == {"b": [9, 10]}
    waits_s = []
    for _ in range(9):
        began_ms, asked = partner.now_ms, len(partner.attempts)
        while len(partner.attempts) == asked:
            partner.now_ms += 1_000
            go(driver)
        waits_s.append((partner.now_ms - began_ms) // 1000)
        if partner.now_ms > KEYS_KEPT_MS:
            break
    assert waits_s[:3] == [RETRY_S, 2 * RETRY_S, 4 * RETRY_S]


def test_a_partner_that_asks_for_a_long_wait_gets_it(partner):
    partner.hours, partner.fails = {"a": 9}, {"a": Unavailable("429", 30)}
    driver = partner.started()
    go(driver)
    partner.fails = {}
    partner.now_ms = 29_999
    go(driver)
    assert partner.received() == {}
    partner.now_ms = 30_000
    go(driver)
    assert partner.received() == {"a": [9]}


def test_a_partner_that_is_away_is_not_asked_for_every_item(partner):
    partner.hours = {f"{number:03}": 9 for number in range(50)}
    partner.fails = dict.fromkeys(partner.hours, Unavailable("down", 5))
    with pytest.raises(Unavailable):
        go(partner.started())
    assert len(partner.attempts) == FAILURES_IN_A_ROW


FAILURES = [Unavailable("422", 60), AccessRefused("403"), KeyError("a fault of ours")]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("failing", [1, FAILURES_IN_A_ROW + 1])
def test_however_many_items_fail_and_with_what_the_others_are_done_in_each_round(partner, failure, failing):
    """They stand first in the order of turns, and fail again and again."""
    healthy = [f"z{number}" for number in range(5)]
    bad = [f"a{number}" for number in range(failing)]
    partner.hours = dict.fromkeys([*bad, *healthy], 9)
    partner.fails = dict.fromkeys(bad, failure)
    driver = partner.started()
    for hour in range(10, 14):
        partner.hours |= dict.fromkeys(healthy, hour)
        partner.now_ms += 3_600_000  # each of the failing is due again
        try:
            go(driver)
        except type(failure):
            assert hour < 10 + failing // FAILURES_IN_A_ROW + 1, "only while it may be the partner that is away"
    done = {item: hours[-1] for item, hours in partner.received().items()}
    assert done == dict.fromkeys(healthy, 13)
    for hour in range(14, 16):
        partner.hours |= dict.fromkeys(healthy, hour)
        partner.now_ms += 3_600_000
        tried = len(partner.attempts)
        go(driver)
        assert [item[0] for item, _ in partner.attempts[tried:]][:5] == ["z"] * 5, "the failing come last"


def test_a_partner_that_lets_nobody_in_is_told_and_asked_no_further(partner):
    partner.hours = {f"{number:03}": 9 for number in range(50)}
    partner.fails = dict.fromkeys(partner.hours, AccessRefused("401"))
    with pytest.raises(AccessRefused):
        go(partner.started())
    assert len(partner.attempts) == FAILURES_IN_A_ROW


def test_a_refused_call_is_recorded_and_begun_anew_after_a_while(partner):
    partner.hours, partner.fails = {"a": 9, "b": 9}, {"a": CallRefused("no such appointment")}
    driver = partner.started()
    assert go(driver) == go(driver) == []
    assert (partner.received(), partner.outcomes) == ({"b": [9]}, [Outcome.refused, Outcome.done])
    assert partner.topic["a"].pending is None
    partner.fails, partner.now_ms = {}, REFUSED_WAIT_MS
    go(driver)
    assert partner.received() == {"a": [9], "b": [9]}


def test_a_token_without_rights_ends_the_round_and_leaves_the_call_under_way(partner):
    partner.hours, partner.fails = {"a": 9}, {"a": AccessRefused("403")}
    with pytest.raises(AccessRefused):
        go(partner.started())
    assert partner.topic["a"].pending == 9


@pytest.mark.parametrize("dies", ["before the call", "after the call"])
def test_a_call_whose_key_is_forgotten_is_looked_up_and_not_made_again(partner, dies):
    partner.hours, partner.dies = {"a": 9}, dies
    with pytest.raises(Killed):
        go(partner.started())
    partner.dies, partner.now_ms = None, KEYS_KEPT_MS
    go(partner.started())
    assert (len(partner.attempts), partner.outcomes) == (1, [Outcome.looked_up])
    go(partner.started())
    assert partner.received() == {"a": [9]}


def test_what_the_partner_lost_is_sent_again(partner):
    partner.hours = {"a": 9}
    go(partner.started())
    partner.calls = {}
    go(partner.started())
    assert (partner.received(), partner.outcomes) == ({"a": [9]}, [Outcome.done, Outcome.lost, Outcome.done])


def test_a_burst_is_spread_over_rounds_and_each_item_has_its_turn(partner):
    partner.hours = {f"{number:03}": 9 for number in range(CALLS_A_ROUND + 20)}
    driver = partner.started()
    go(driver)
    assert len(partner.received()) == CALLS_A_ROUND
    go(driver)
    assert len(partner.received()) == CALLS_A_ROUND + 20
