"""The frame of vendors' connectors: its HTTP client, signatures, token bucket, and the loop that polls."""

import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import AccessRefused, Delivery, Problem, Translated, Unavailable
from connectors.http import client as http_client
from connectors.http.client import ATTEMPTS, NotFound, PatientTransport, Token, TokenAuth, api_client, call
from connectors.http.limit import Busy, TokenBucket
from connectors.http.signature import SignatureRefused
from connectors.specs import SecretSource
from connectors.vendor.connector import VendorConnector
from connectors.vendor.contract import Feed, FeedPage
from connectors.vendor.options import VendorOptions
from connectors.vendor.signature import hmac_sha256_base64, require, static_code
from messaging.publisher import EventTooLarge
from schemas.codec import topic_codec
from schemas.models.pos import Sale, SaleLine, Source
from schemas.topics import CONNECTOR_REFUSALS
from tests.support.connectors import GROCER, MemoryPositions, tools
from tests.support.vendor_server import Answer, VendorServer
from tests.support.waiting import PATIENCE_S

SECRET = b"webhook-secret-of-grocer-7"
BODY = b'{"order": {"id": 1017}}'
SIGNATURE = hmac_sha256_base64(SECRET, BODY)


def delivery(signature, body=BODY):
    return Delivery(((b"x-signature", signature),), body, 0)


def test_a_signature_of_either_secret_is_accepted():
    require(delivery(SIGNATURE), "X-Signature", [b"another-secret-of-some-length", SECRET], hmac_sha256_base64)
    require(delivery(SECRET), "X-Signature", [SECRET], static_code)


@settings(max_examples=5_000)
@given(st.integers(0, 8 * len(BODY) - 1), st.integers(0, 8 * len(SIGNATURE) - 1), st.booleans())
def test_one_flipped_bit_of_body_or_signature_is_refused(body_bit, signature_bit, is_body):
    body, signature = bytearray(BODY), bytearray(SIGNATURE)
    flipped, bit = (body, body_bit) if is_body else (signature, signature_bit)
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SignatureRefused):
        require(delivery(bytes(signature), bytes(body)), "X-Signature", [SECRET], hmac_sha256_base64)


@given(st.binary(max_size=2_000))
def test_no_header_of_any_bytes_is_accepted_or_breaks_anything(header):
    with pytest.raises(SignatureRefused):
        require(delivery(header), "X-Signature", [SECRET], hmac_sha256_base64)


def test_two_headers_or_none_are_refused():
    twice = Delivery(((b"x-signature", SIGNATURE), (b"x-signature", SIGNATURE)), BODY, 0)
    for each in (twice, Delivery((), BODY, 0)):
        with pytest.raises(SignatureRefused):
            require(each, "X-Signature", [SECRET], hmac_sha256_base64)


def test_a_bucket_lets_a_burst_in_and_then_so_many_a_second():
    now_s = [0.0]
    bucket = TokenBucket(10, 20, lambda: now_s[0])

    for at_s, let_in in ((0.0, 20), (1.0, 10), (100.0, 20)):
        now_s[0] = at_s
        for _ in range(let_in):
            bucket.take()
        with pytest.raises(Busy) as busy:
            bucket.take()
        assert (busy.value.status, busy.value.retry_after_s) == (429, 1)


@pytest.fixture(autouse=True)
def naps(monkeypatch):
    slept = []
    monkeypatch.setattr(PatientTransport, "sleep", staticmethod(slept.append))
    return slept


@pytest.fixture
def server():
    with VendorServer(lambda request: Answer({"path": request.path})) as server:
        yield server


@pytest.fixture
def client(server, tmp_path):
    (tmp_path / "token").write_text("token-that-is-in-use-now")
    auth = TokenAuth(Token(SecretSource(file=tmp_path / "token"), "token"))
    with api_client(server.url, auth, timeout_s=5) as client:
        yield client


def test_numbers_with_a_fraction_are_exact(server, client):
    server.faults.append(Answer({"quantity": 0.485}))
    assert str(call(client, "GET", "/x")["quantity"]) == "0.485"


@pytest.mark.parametrize(("after_s", "told_s"), [(90, 90), (10_000, 3_600), (-5, 5)])
def test_a_date_in_retry_after_counts_from_the_vendors_own_clock(after_s, told_s):
    its_now = datetime(2020, 1, 1, tzinfo=UTC)
    headers = {"Date": format_datetime(its_now, usegmt=True)}
    headers["Retry-After"] = format_datetime(its_now + timedelta(seconds=after_s), usegmt=True)
    transport = httpx.MockTransport(lambda _request: httpx.Response(429, headers=headers))
    with httpx.Client(transport=PatientTransport(transport)) as waiting, pytest.raises(Unavailable) as told:
        call(waiting, "GET", "http://vendor/x")
    assert told.value.retry_after_s == told_s


def test_an_answer_that_is_too_large_is_not_read_to_its_end(server, client, monkeypatch):
    monkeypatch.setattr(http_client, "RESPONSE_MAX_BYTES", 1_000)
    server.faults.append(Answer({"a": "x" * 5_000}))
    with pytest.raises(Unavailable, match="larger than 1000 bytes"):
        call(client, "GET", "/x")


def test_a_redirect_is_not_followed_so_that_the_token_stays_with_the_vendor(server, client):
    server.faults.append(Answer({}, 302, {"Location": "http://127.0.0.1:9/"}))
    with pytest.raises(Unavailable, match="302"):
        call(client, "GET", "/x")
    assert len(server.requests) == 1


@pytest.mark.parametrize(("status", "error"), [(401, AccessRefused), (403, AccessRefused), (404, NotFound)])
def test_a_refusal_is_told_as_what_it_is(server, client, status, error):
    server.faults += [Answer({"detail": "CANARY"}, status)] * 2
    with pytest.raises(error) as told:
        call(client, "GET", "/x")
    assert "CANARY" not in str(told.value)


def test_an_answer_that_is_not_json_is_told_and_not_shown():
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, content=b"<html>CANARY"))
    with httpx.Client(transport=transport) as asking, pytest.raises(Unavailable) as told:
        call(asking, "GET", "http://vendor/x")
    assert "CANARY" not in str(told.value)


class EndedToken:
    """A token that has ended, and the one that its renewal gives."""

    def __init__(self):
        self.token, self.renewals = "token-that-has-ended-now", 0

    def current(self):
        return self.token

    def replaced(self, refused):
        assert refused == "token-that-has-ended-now"
        self.token, self.renewals = "token-of-this-run", self.renewals + 1
        return self.token


def test_a_token_that_ended_is_replaced_at_the_first_refusal_and_serves_from_then_on():
    token = EndedToken()

    def answer(request):
        is_good = request.headers["authorization"] == "Bearer token-of-this-run"
        return Answer({} if is_good else {"error": 1}, 200 if is_good else 401)

    with VendorServer(answer) as server, api_client(server.url, TokenAuth(token), timeout_s=5) as client:
        assert [call(client, "GET", "/x") for _ in range(3)] == [{}] * 3
    assert token.renewals == 1


class FakeVendor:
    """A vendor whose list is what the test says: pages, or what reading raises."""

    media_types = frozenset({"application/json"})

    def __init__(self, *reads):
        self.reads = list(reads)
        self.closed = threading.Event()
        self.read = threading.Event()

    def feeds(self):
        return (Feed("orders", self._read, lambda: 100, overlap=10),)

    def _read(self, from_mark):
        self.cursors = [*getattr(self, "cursors", []), from_mark]
        found = self.reads.pop(0) if self.reads else ()
        self.read.set()
        if isinstance(found, Exception):
            raise found
        yield from found

    def verify(self, delivery):
        raise SignatureRefused("none is expected")

    def receive(self, delivery):
        return Translated()

    def close(self):
        self.closed.set()


class Options(VendorOptions):
    kind: str = "fake"


def sold(number):
    line = SaleLine(line_id="1", code="item:milk", quantity_milli=1_000)
    return Sale(
        pool="north", store="grocer-7", source=Source(system="fake", id=str(number)), occurred_at_ms=1,
        recorded_at_ms=2, lines=(line,),
    )  # fmt: skip


def connector_of(vendor, publisher, positions=None):
    return VendorConnector(vendor, Options(poll_interval_s=86_400), GROCER, tools(publisher, positions=positions))


@pytest.mark.parametrize("failure", [Unavailable("away", 1), AccessRefused("no"), KeyError("a fault of ours")])
def test_no_failure_of_a_poll_ends_the_connector(publisher, failure, logged):
    vendor = FakeVendor(failure, [FeedPage(Translated((sold(1),)), 150)])
    connector = connector_of(vendor, publisher)
    stop = threading.Event()
    thread = threading.Thread(target=connector.run, args=(stop,))
    thread.start()
    assert vendor.read.wait(PATIENCE_S)
    while not publisher.events and thread.is_alive():
        connector.wake()
    stop.set()
    connector.wake()
    thread.join(PATIENCE_S)
    assert (thread.is_alive(), vendor.closed.is_set(), len(publisher.events)) == (False, True, 1)
    assert str(failure.args[0]) in logged()


def test_the_first_position_is_stored_before_anything_is_read(publisher):
    positions = MemoryPositions()
    vendor = FakeVendor(Unavailable("away"))
    with pytest.raises(Unavailable):
        connector_of(vendor, publisher, positions).poll(threading.Event())
    assert (positions.saved, vendor.cursors) == ([("orders", 100)], [90])


def test_a_mark_never_goes_back_and_is_stored_page_by_page(publisher):
    positions = MemoryPositions()
    pages = [FeedPage(Translated((sold(number),)), cursor) for number, cursor in enumerate((150, 120, None, 170))]
    connector_of(FakeVendor(pages), publisher, positions).poll(threading.Event())
    assert positions.saved == [("orders", 100), ("orders", 150), ("orders", 170)]


class Party(FakeVendor):
    """One of two that poll a growing list; `interrupts` says what happens before a sale of a number is read."""

    def __init__(self, listed, interrupts):
        super().__init__()
        self._listed, self._interrupts = listed, interrupts

    def _read(self, from_mark):
        for cursor in self._listed:
            if cursor in self._interrupts:
                self._interrupts.pop(cursor)()
            if cursor >= from_mark:
                yield FeedPage(Translated((sold(cursor),)), cursor)


@settings(max_examples=300)
@given(st.data())
def test_a_poll_by_hand_beside_the_running_connector_skips_nothing_whoever_stores_its_position_last(data):
    """Whoever stores a position has read up to it, so when the older one comes last, more is read again."""
    listed, stored, told = list(range(101, 107)), {}, set()

    class Publisher:
        def publish_all(self, events):
            told.update(int(event.source.id) for event in events)

    class Positions(MemoryPositions):
        def __init__(self):
            super().__init__()
            self.cursors = dict(stored)  # each reads the topic when it starts

        def save(self, *place_and_cursor):
            super().save(*place_and_cursor)
            *place, cursor = place_and_cursor
            stored[tuple(place)] = cursor
            assert told >= {each for each in listed if each <= cursor}

    def poll(interrupts):
        connector_of(Party(listed, interrupts), Publisher(), Positions()).poll(threading.Event())

    def by_hand():
        listed.append(listed[-1] + 1)
        at = data.draw(st.sampled_from(listed))
        poll({at: lambda: listed.append(listed[-1] + 1)})

    poll({data.draw(st.sampled_from(listed)): by_hand for _ in range(2)})
    poll({})
    assert told == set(listed)


def test_an_event_that_never_fits_does_not_hold_up_the_list(publisher, logged):
    publisher.failures = [EventTooLarge("too large: 1", [sold(1)])]
    positions = MemoryPositions()
    pages = [FeedPage(Translated((sold(1),)), 150), FeedPage(Translated((sold(2),)), 160)]
    connector_of(FakeVendor(pages), publisher, positions).poll(threading.Event())
    assert ([event.source.id for event in publisher.events], positions.saved[-1]) == (["2"], ("orders", 160))
    assert "too large: 1" in logged()


def test_half_an_emoji_in_what_is_refused_does_not_hold_up_the_list(publisher):
    positions = MemoryPositions()
    half = Problem("line \ud83c", "bad \ud83c", item="sku:TEA\ud83c", document="order/\ud83c" + "x" * 300)
    pages = [FeedPage(Translated(problems=(half,)), 150), FeedPage(Translated((sold(2),)), 160)]
    connector_of(FakeVendor(pages), publisher, positions).poll(threading.Event())
    assert (len(publisher.events), positions.saved[-1]) == (1, ("orders", 160))
    (refusal,) = publisher.refusals
    codec = topic_codec(CONNECTOR_REFUSALS.name)
    assert codec.decode(codec.encode(refusal.to_avro()))["lines"] == [
        {"item": "sku:TEA?", "document": "order/?" + "x" * 293, "place": "line ?", "reason": "bad ?"}
    ]


def test_attempts_are_few_so_that_a_webhook_can_be_answered_in_time(server, client, naps):
    server.faults += [Answer({}, 503)] * ATTEMPTS
    with pytest.raises(Unavailable):
        call(client, "GET", "/x")
    assert (len(server.requests), len(naps), sum(naps) < 5) == (ATTEMPTS, ATTEMPTS - 1, True)
