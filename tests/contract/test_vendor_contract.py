"""What every vendor's connector keeps to. A new one joins with a rig (tests/support/rigs) and passes unchanged."""

import asyncio
import json
import random
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from urllib.parse import parse_qs, urlencode

import httpx
import pytest

from connectors.contract import AccessRefused, Unavailable
from connectors.host import Host
from connectors.http.client import ATTEMPTS, PatientTransport
from connectors.installed import installed
from connectors.specs import ConnectorSpec
from connectors.vendor.options import VendorOptions
from messaging.publisher import PublishFailed
from schemas.codec import topic_codec
from schemas.models.config import CodeMapping, PoolSettings, StoreSettings
from schemas.models.pos import Sale
from schemas.topics import POS_SALES
from tests.support.connectors import GROCER, MemoryPositions, events_and_refusals
from tests.support.pool import MILK, PoolBench
from tests.support.rigs import all_rigs
from tests.support.rigs.rig import CANARY, HOUR_MS, NOW_MS, Order
from tests.support.vendor_server import Answer, Cut, Silence, VendorServer
from tests.support.waiting import until

RIGS = all_rigs()
WITH_WEBHOOKS = [rig for rig in RIGS if rig.has_webhooks]
TIMEOUT_S = 60
"""For an answer: as long as the options allow, so that none is late but where a vendor says nothing."""
OVERLAP_S = 900


class Publisher:
    """Confirms all, or nothing while `is_down`."""

    def __init__(self):
        self.events = []
        self.is_down = False
        self.fatal = None

    def publish_all(self, events):
        if self.is_down:
            raise PublishFailed("Kafka is down")
        self.events += events_and_refusals(events)[0]

    async def publish_acked(self, events):
        self.publish_all(events)


class VendorStage:
    """A vendor, a host with its connector, and what reached Kafka."""

    def __init__(self, rig, server, folder):
        self.rig, self.server = rig, server
        self.publisher, self.positions = Publisher(), MemoryPositions()
        self._folder = folder
        (folder / "secret").write_bytes(rig.secret)
        self.give_token()
        self.start()

    def give_token(self):
        (self._folder / "token").write_text(self.rig.token)

    def start(self, request_timeout_s=TIMEOUT_S):
        """A new host, which knows nothing but the stored positions."""
        raw = {
            "kind": self.rig.kind, "token_file": self._folder / "token", "base_url": self.server.url,
            "poll_overlap_s": OVERLAP_S, "request_timeout_s": request_timeout_s,
        }  # fmt: skip
        raw |= {"secret_file": self._folder / "secret"} if self.rig.has_webhooks else {}
        options = installed()[0][self.rig.kind].options.model_validate(raw | self.rig.options())
        self.host = Host([ConnectorSpec(GROCER, options)], self.publisher, self.positions, self._folder)
        self.connector = self.host._connectors[0]

    def poll(self):
        self.connector.poll(threading.Event())

    def poll_in_the_end(self):
        """Poll until the vendor has answered: while requests time out soon, some may on a machine with much to do."""

        def is_answered():
            with suppress(Unavailable):
                self.poll()
                return True

        until(is_answered, "the vendor")

    def post(self, headers, body):
        async def post():
            transport = httpx.ASGITransport(app=self.host.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://us") as client:
                return await client.post(f"/webhooks/{self.rig.kind}/{GROCER.id}", content=body, headers=headers)

        return asyncio.run(post())

    def notify(self, order):
        return self.post(*self.rig.notice(order)).status_code

    def sold(self):
        """Quantity by order, of the newest revision that was published of each."""
        newest = {}
        for event in self.publisher.events:
            if isinstance(event, Sale):
                known = newest.get(event.source.id)
                if known is None or event.source.version >= known.source.version:
                    newest[event.source.id] = event
        return Counter(sum(line.quantity_milli for line in sale.lines) for sale in newest.values())

    def on_hand(self):
        """What the pool makes of all that was published, with every code mapped to one item."""
        bench = PoolBench()
        bench.configure(PoolSettings(name="North"))
        bench.configure(StoreSettings(store=GROCER.id, name="Grocer"))
        bench.stock_item(MILK)
        for code in {line.code for event in self.publisher.events for line in event.lines}:
            bench.configure(CodeMapping(code=code, sku=MILK))
        for event in self.publisher.events:
            bench.put(POS_SALES.name, topic_codec(POS_SALES.name).encode(event.to_avro()), NOW_MS + HOUR_MS)
        assert bench.reasons() == []
        return bench.on_hand(MILK, GROCER.id)

    def count(self, metric, **labels):
        labels = {"pool": GROCER.pool, "store": GROCER.id, "connector": self.rig.kind} | labels
        return self.host.metrics.registry.get_sample_value(f"commonshelf_connector_{metric}", labels) or 0


@pytest.fixture(autouse=True)
def naps(monkeypatch):
    """What the client would have slept between two attempts, in seconds."""
    slept = []
    monkeypatch.setattr(PatientTransport, "sleep", staticmethod(slept.append))
    return slept


def stage_of(rig_class, folder):
    rig = rig_class()
    with VendorServer(rig.answer) as server:
        stage = VendorStage(rig, server, folder)
        yield stage
        server.faults.clear()


@pytest.fixture(params=RIGS, ids=lambda rig: rig.kind)
def stage(request, tmp_path):
    yield from stage_of(request.param, tmp_path)


@pytest.fixture(params=WITH_WEBHOOKS, ids=lambda rig: rig.kind)
def notified(request, tmp_path):
    yield from stage_of(request.param, tmp_path)


def test_every_vendor_that_is_installed_has_a_rig():
    vendors = {kind for kind, each in installed()[0].items() if issubclass(each.options, VendorOptions)}
    assert {rig.kind for rig in RIGS} == vendors


def test_a_webhook_brings_what_was_rung_up(notified):
    order = Order("A1", (("milk", "2"), ("bread", "3")))
    notified.rig.record(order)
    assert notified.notify(order) == 200
    (event,) = notified.publisher.events
    assert (event.pool, event.store, event.origin) == ("north", "grocer-7", "pos")
    assert event.source.system == notified.rig.kind
    assert sorted(line.quantity_milli for line in event.lines) == [2_000, 3_000]
    assert abs(event.occurred_at_ms - order.at_ms) < 1_000


def test_the_same_event_twice_counts_once(notified):
    order = Order("A1")
    notified.rig.record(order)
    assert [notified.notify(order), notified.notify(order)] == [200, 200]
    assert notified.on_hand() == -2_000


def test_events_out_of_order_end_in_the_newest_revision(notified):
    first = Order("A1")
    second = first.revised(("milk", "5"))
    notified.rig.record(second)
    assert [notified.notify(second), notified.notify(first)] == [200, 200]
    assert notified.on_hand() == -5_000


def test_a_revision_applies_the_difference(notified):
    first = Order("A1", (("milk", "5"),))
    notified.rig.record(first)
    notified.notify(first)
    second = first.revised(("milk", "1"))
    notified.rig.record(second)
    notified.notify(second)
    assert notified.on_hand() == -1_000


def test_the_poll_finds_what_no_webhook_told(stage):
    stage.rig.record(*(Order(f"A{n}", (("milk", str(n)),)) for n in range(1, 6)))
    stage.poll()
    assert stage.on_hand() == -15_000
    assert stage.count("reconciled_timestamp_seconds") > 0


def test_webhook_and_poll_tell_the_same_thing_under_one_name(notified):
    order = Order("A1", (("milk", "2"), ("bread", "1")))
    notified.rig.record(order)
    notified.notify(order)
    notified.poll()
    assert len({event.id for event in notified.publisher.events}) == 1
    assert notified.on_hand() == -3_000


def test_a_receiver_that_was_away_longer_than_any_retry_is_made_whole_by_the_poll(stage):
    """Five hours of seven nobody listens, and no vendor tells again what it told then."""
    stage.poll()
    for minute in range(0, 420, 4):
        order = Order(f"A{minute}", (("milk", str(minute % 7 + 1)),), at_ms=NOW_MS + minute * 60_000)
        stage.rig.record(order)
        if stage.rig.has_webhooks and not 60 <= minute < 360:
            assert stage.notify(order) == 200
    stage.start()
    stage.poll()
    assert sum(quantity * orders for quantity, orders in stage.sold().items()) == sum(
        1_000 * (minute % 7 + 1) for minute in range(0, 420, 4)
    )
    assert len({event.id for event in stage.publisher.events}) == 105


def test_quantities_with_decimals_are_exact(stage):
    stage.rig.record(Order("A1", (("milk", "0.485"), ("milk2", "12.001"))))
    stage.poll()
    (event,) = stage.publisher.events
    assert sorted(line.quantity_milli for line in event.lines) == [485, 12_001]


def test_an_interrupted_list_is_read_to_its_end_later(stage):
    stage.poll()
    stage.rig.record(*(Order(f"A{n}", at_ms=NOW_MS + n * 1_000) for n in range(120)))
    stage.server.requests.clear()
    stage.poll()
    calls = len(stage.server.requests)
    stage.publisher.events.clear()
    stage.positions.cursors.clear()
    for whole in range(calls):
        stage.start()
        stage.server.faults.clear()
        answered = iter([None] * whole + [Cut()] * ATTEMPTS)
        serve = stage.server._answer

        def answer(request, answered=answered):
            fault = next(answered, None)
            if fault is not None:
                stage.server.faults.appendleft(fault)
            return stage.rig.answer(request)

        stage.server._answer = answer
        try:
            stage.poll()
        except Unavailable:
            pass
        finally:
            stage.server._answer = serve
            stage.server.faults.clear()
    stage.poll()
    assert sum(stage.sold().values()) == 120


def test_a_new_host_reads_on_from_its_stored_position(stage):
    stage.poll()
    stage.rig.record(*(Order(f"A{n}", at_ms=NOW_MS + HOUR_MS) for n in range(3)))
    stage.rig.record(Order("B1", (("milk", "7"),), at_ms=NOW_MS + 3 * HOUR_MS, version=99))
    stage.poll()
    stage.publisher.events.clear()
    stage.rig.record(Order("C1", (("milk", "9"),), at_ms=NOW_MS + 5 * HOUR_MS, version=100))
    stage.start()
    stage.poll()
    assert stage.sold() == {7_000: 1, 9_000: 1}, "what was read before the overlap is not read again"


def test_what_is_listed_late_within_the_overlap_is_found(stage):
    stage.rig.record(Order("A1", (("milk", "1"),), at_ms=NOW_MS + HOUR_MS))
    stage.poll()
    stage.rig.record(Order("A2", (("milk", "2"),), at_ms=NOW_MS + HOUR_MS - 1_000 * (OVERLAP_S - 1)))
    stage.poll()
    assert stage.sold() == {1_000: 1, 2_000: 1}


def test_no_position_is_stored_before_kafka_has_what_was_read(stage):
    stage.poll()
    before = dict(stage.positions.cursors)
    stage.rig.record(Order("A1", at_ms=NOW_MS + HOUR_MS))
    stage.publisher.is_down = True
    with pytest.raises(PublishFailed):
        stage.poll()
    assert stage.positions.cursors == before
    stage.publisher.is_down = False
    stage.poll()
    assert stage.on_hand() == -2_000
    assert stage.positions.cursors != before


def test_while_kafka_is_down_a_webhook_is_to_be_sent_again(notified):
    order = Order("A1")
    notified.rig.record(order)
    notified.publisher.is_down = True
    answer = notified.post(*notified.rig.notice(order))
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    notified.publisher.is_down = False
    assert notified.notify(order) == 200
    assert notified.on_hand() == -2_000


def test_an_expired_token_is_told_and_a_new_one_needs_no_restart(stage):
    stage.rig.record(Order("A1"))
    stage.rig.token = "token-that-was-made-since-then"
    with pytest.raises(AccessRefused):
        stage.poll()
    assert stage.publisher.events == []
    stage.give_token()
    stage.poll()
    assert stage.on_hand() == -2_000


def test_a_short_429_is_waited_for_as_long_as_the_vendor_asks(stage, naps):
    stage.rig.record(Order("A1"))
    stage.server.faults.append(Answer({}, 429, {"Retry-After": "2"}))
    stage.poll()
    assert stage.on_hand() == -2_000
    assert max(naps) >= 2


def test_a_long_429_is_left_to_the_next_poll(stage, naps):
    stage.rig.record(Order("A1"))
    stage.server.faults.append(Answer({}, 429, {"Retry-After": "60"}))
    with pytest.raises(Unavailable) as told:
        stage.poll()
    assert (told.value.retry_after_s, naps) == (60, [])
    stage.poll()
    assert stage.on_hand() == -2_000


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_tried_again_a_few_times_and_then_later(stage, status):
    stage.rig.record(Order("A1"))
    stage.server.faults += [Answer({}, status)] * (ATTEMPTS - 1)
    stage.poll()
    assert stage.on_hand() == -2_000
    stage.server.faults += [Answer({}, status)] * ATTEMPTS
    with pytest.raises(Unavailable):
        stage.poll()


def test_a_server_that_says_nothing_ends_in_a_time_out(stage):
    stage.start(request_timeout_s=1)
    stage.rig.record(Order("A1"))
    stage.server.faults += [Silence()] * ATTEMPTS
    with pytest.raises(Unavailable):
        stage.poll()
    stage.poll_in_the_end()
    assert stage.on_hand() == -2_000


def test_a_webhook_whose_vendor_is_silent_loses_nothing(notified):
    order = Order("A1")
    notified.start(request_timeout_s=1)
    notified.rig.record(order)
    notified.server.faults += [Silence()] * ATTEMPTS
    assert notified.notify(order) in (200, 503)
    notified.server.faults.clear()
    notified.poll_in_the_end()
    assert notified.on_hand() == -2_000


@pytest.mark.parametrize("skew_ms", [-600_000, 600_000])
def test_a_vendor_whose_clock_is_off_loses_nothing(stage, skew_ms):
    stage.rig.record(*(Order(f"A{n}", at_ms=int(time.time() * 1000) + skew_ms + n * 60_000) for n in range(3)))
    stage.poll()
    stage.rig.record(*(Order(f"B{n}", at_ms=int(time.time() * 1000) + skew_ms + n * 60_000) for n in range(3, 6)))
    stage.poll()
    assert sum(stage.sold().values()) == 6


def test_our_own_write_is_not_told_back_to_us(stage):
    stage.poll()
    notice = stage.rig.write_back()
    if notice is not None:
        assert stage.post(*notice).status_code == 200
    stage.poll()
    assert stage.publisher.events == []
    assert stage.count("skipped_total", reason="echo") > 0


def test_personal_data_goes_nowhere(stage, capsys, tmp_path):
    order = Order("A1", (("milk", "2"), ("bread", "0.00001")))
    stage.rig.record(order)
    stage.poll()
    if stage.rig.has_webhooks:
        stage.notify(order)
    printed = capsys.readouterr()
    assert CANARY not in repr(stage.publisher.events) + printed.out + printed.err
    assert [path for path in tmp_path.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()] == []
    assert CANARY not in repr([request.body for request in stage.server.requests])


def test_a_line_that_cannot_be_used_is_told_and_the_others_are_taken(stage, capsys, caplog):
    stage.rig.record(Order("A1", (("milk", "2"), ("bread", "0.00001"))))
    stage.poll()
    assert [line.quantity_milli for event in stage.publisher.events for line in event.lines] == [2_000]
    assert stage.count("lines_total", outcome="refused") == 1
    assert "a line cannot be used" in capsys.readouterr().out + caplog.text, "by whichever way this process logs"


def test_the_token_and_the_secret_are_never_shown(stage, capsys):
    stage.rig.record(Order("A1"))
    stage.rig.token = "token-that-was-made-since-then"
    with pytest.raises(AccessRefused) as refused:
        stage.poll()
    printed = capsys.readouterr()
    shown = f"{printed.out}{printed.err}{refused.value!r}{stage.connector!r}{stage.connector._options!r}"
    assert "token-that-is-in-use-now" not in shown
    assert stage.rig.secret.decode() not in shown


@pytest.mark.parametrize(
    "change",
    [
        lambda headers, body: (headers, body + b" "),
        lambda _headers, body: ({}, body),
        lambda headers, body: ({name: "é" + value for name, value in headers.items()}, body),
        lambda headers, body: ({name: value.swapcase() for name, value in headers.items()}, body),
        lambda headers, body: ({name: value * 200 for name, value in headers.items()}, body),
    ],
    ids=["body", "missing", "not ASCII", "case", "oversized"],
)
def test_what_the_vendor_did_not_sign_is_refused(notified, change):
    headers, body = notified.rig.notice(Order("A1"))
    signature = notified.rig.signed(body)
    rest = {name: value for name, value in headers.items() if name not in signature}
    changed, sent = change(signature, body)
    if sent != body and notified.rig.signed(sent) == signature:
        return  # a scheme that proves the sender alone
    answer = notified.post({**rest, **{name: value.encode() for name, value in changed.items()}}, sent)
    assert (answer.status_code, notified.publisher.events) == (401, [])
    assert notified.count("rejected_signatures_total") == 1


@pytest.mark.parametrize(
    "body", [b"", b"\x00", b"\xff\xfe", b"[]", b"{}", b"[" * 100_000, b'{"a":NaN}', b'{"a":1,"a":2}', b"payload=%7B"]
)
def test_hostile_bytes_publish_nothing_and_break_nothing(notified, body):
    headers, _ = notified.rig.notice(Order("A1"))
    answer = notified.post(headers | notified.rig.signed(body), body)
    assert (answer.status_code in (200, 400), notified.publisher.events) == (True, [])
    order = Order("A1")
    notified.rig.record(order)
    assert notified.notify(order) == 200


def mutated(seed, value):
    """`value` with one part replaced by something else, by the seed."""
    chance = random.Random(seed)
    odd = (None, True, 0, -1, 10**30, 0.5, "", "x", "🥛", "9" * 400, [], {}, [[]], {"id": None}, "2026-13-45T99:99Z")
    places = []

    def walk(part):
        for key in part if isinstance(part, dict) else range(len(part)):
            places.append((part, key))
            if isinstance(part[key], dict | list):
                walk(part[key])

    walk(value)
    part, key = chance.choice(places)
    part[key] = chance.choice(odd)
    return value


@pytest.mark.parametrize("seed", range(60))
def test_a_webhook_with_one_part_gone_wrong_is_answered(notified, seed):
    """Never a 5xx: the vendor would tell it for hours, then give up on us."""
    order = Order("A1")
    notified.rig.record(order)
    headers, body = notified.rig.notice(order)
    try:
        changed = json.dumps(mutated(seed, json.loads(body))).encode()
    except ValueError:  # a form that holds the JSON
        form = parse_qs(body.decode())
        ((name, (text,)),) = [(name, found) for name, found in form.items() if found[0].startswith("{")]
        changed = urlencode({name: json.dumps(mutated(seed, json.loads(text)))}).encode()
    answer = notified.post(headers | notified.rig.signed(changed), changed)
    assert answer.status_code in (200, 400), answer.text


def test_check_says_what_was_reached_and_discover_what_there_is(stage):
    assert stage.connector.vendor.check()
    assert all(found.id for found in stage.connector.vendor.discover())


def test_a_second_secret_is_accepted_while_the_first_is_replaced(notified, tmp_path):
    (tmp_path / "old").write_bytes(b"secret-that-goes-out-of-use")
    options = notified.connector._options.model_copy(update={"secret_file": (tmp_path / "old", tmp_path / "secret")})
    notified.host = Host([ConnectorSpec(GROCER, options)], notified.publisher, notified.positions, tmp_path)
    order = Order("A1")
    notified.rig.record(order)
    assert notified.notify(order) == 200
    old = replace(notified.rig, secret=b"secret-that-goes-out-of-use")
    old.orders = notified.rig.orders
    assert notified.post(*old.notice(order)).status_code == 200
