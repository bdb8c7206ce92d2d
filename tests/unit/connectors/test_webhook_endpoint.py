"""The webhook over real HTTP: statuses, limits, and that 202 means stored."""

import asyncio
import contextlib
import errno
import gzip
import json
import re
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from connectors.drop_folder.spec import FolderOptions
from connectors.host import Host, HostFailed, run_connectors
from connectors.http import receiver, signed
from connectors.http.limit import BodyBudget, TokenBucket
from connectors.http.payload import BODY_MAX_BYTES
from connectors.http.secrets import REREAD_S, Secrets
from connectors.http.signature import HEADER, sign
from connectors.http.signed import SENDER_REQUESTS_PER_S
from connectors.specs import ConnectorSpec, SecretSource, SecretUnusable
from connectors.webhook import endpoint
from connectors.webhook.spec import Webhook
from messaging import prompt_http
from messaging.publisher import PublisherBusy, PublishFailed
from messaging.status_server import Status
from schemas.topics import CONNECTOR_POSITIONS, CONNECTOR_REFUSALS, POS_SALES, POS_STOCK
from tests.support.connectors import GROCER, MemoryPositions
from tests.support.waiting import PATIENCE_S, until

SECRET = b"a-secret-of-the-store-grocer-7"
BODY = json.dumps(
    {
        "sales": [
            {"id": "1/17", "occurred_at": "2026-03-01T09:15:00Z", "lines": [{"gtin": "4006381333931", "quantity": 2}]}
        ]
    }
).encode()


class RunningHost:
    """A host on its own loop in a thread, as it runs in a process."""

    def __init__(self, specs, publisher, state_dir):
        self.host = Host(specs, publisher, MemoryPositions(), state_dir)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.failure = None
        self._thread = threading.Thread(target=self._main)
        self._started = threading.Event()
        self._thread.start()
        self._started.wait(PATIENCE_S)
        until(self._answers)

    def _answers(self):
        try:
            return httpx.get(f"{self.url}/health").status_code in (200, 503)
        except httpx.TransportError:
            return False

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def _main(self):
        async def main():
            self._loop = asyncio.get_running_loop()
            self._stop = asyncio.Event()
            self._started.set()
            await self.host.serve("127.0.0.1", self.port, self._stop)

        try:
            asyncio.run(main())
        except HostFailed as failure:
            self.failure = failure

    def stop(self):
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()

    def post(self, body=BODY, headers=None, secret=SECRET, store="grocer-7", at_s=None):
        signature = {HEADER: sign(secret, body, int(time.time()) if at_s is None else at_s)}
        return httpx.post(
            f"{self.url}/webhooks/v1/{store}",
            content=body,
            headers={"Content-Type": "application/json"} | signature | (headers or {}),
        )

    def count(self, metric, **labels):
        labels = {"pool": "north", "store": "grocer-7", "connector": "webhook"} | labels
        return self.host.metrics.registry.get_sample_value(f"commonshelf_connector_{metric}_total", labels)


@pytest.fixture
def spec(monkeypatch):
    monkeypatch.setenv("GROCER_SECRET", SECRET.decode())
    return ConnectorSpec(GROCER, Webhook(secret_env="GROCER_SECRET"))


@pytest.fixture
def running(spec, publisher, tmp_path):
    host = RunningHost([spec], publisher, tmp_path)
    yield host
    host.stop()


def test_a_signed_sale_is_published_and_counted(running, publisher):
    answer = running.post()
    assert (answer.status_code, answer.json()) == (
        202, {"sales_published": 1, "stock_published": 0, "lines_published": 1, "errors": []},
    )  # fmt: skip
    assert [event.id for event in publisher.events] == ["grocer-7/webhook/1/17@1"]
    assert (running.count("lines", outcome="published"), running.count("requests", status="202")) == (1, 1)


def test_nothing_is_answered_before_kafka_has_confirmed(running, publisher, monkeypatch):
    asked, confirmed = threading.Event(), threading.Event()

    async def confirm_later(_events):
        asked.set()
        await asyncio.to_thread(confirmed.wait, PATIENCE_S)

    monkeypatch.setattr(publisher, "publish_acked", confirm_later)
    answers = []
    store = threading.Thread(target=lambda: answers.append(running.post().status_code))
    store.start()
    assert asked.wait(PATIENCE_S)
    before = list(answers)
    confirmed.set()
    store.join(PATIENCE_S)
    assert (before, answers) == ([], [202])


@pytest.mark.parametrize(("failure", "wait_s"), [(PublisherBusy("full"), "1"), (PublishFailed("gone"), "2")])
def test_when_kafka_does_not_take_it_the_sender_is_told_to_try_again(running, publisher, failure, wait_s):
    publisher.failures = [failure]
    answer = running.post()
    assert (answer.status_code, answer.headers["Retry-After"], publisher.events) == (503, wait_s, [])
    assert running.post().status_code == 202


def _raise(error):
    def fail(*_, **__):
        raise error

    return fail


FULL_DISK = OSError(errno.ENOSPC, "No space left on device")


class UnwritableLog:
    """On a disk that is full."""

    warning = staticmethod(_raise(FULL_DISK))


@pytest.mark.parametrize("at", ["publishing", "reading", "logging"])
def test_whatever_fails_the_sender_is_told_to_try_again(running, publisher, monkeypatch, at):
    publisher.failures = {"publishing": [FULL_DISK], "logging": [PublishFailed("gone")], "reading": []}[at]
    if at == "reading":
        monkeypatch.setattr(endpoint, "translate", _raise(FULL_DISK))
    for connector in running.host._connectors:
        monkeypatch.setattr(connector._receiver._requests, "_log", UnwritableLog())
    answer = running.post()
    monkeypatch.undo()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "send the same again" in answer.json()["error"]
    assert running.count("requests", status="503") == 1
    assert running.post().status_code == 202


def test_when_kafka_is_slow_the_sender_is_told_to_try_again(running, publisher, monkeypatch):
    monkeypatch.setattr(receiver, "ACK_TIMEOUT_S", 0.05)

    async def never(_events):
        await asyncio.Event().wait()

    monkeypatch.setattr(publisher, "publish_acked", never)
    assert running.post().status_code == 503


def test_a_partly_bad_body_is_used_as_far_as_possible(running, publisher):
    sale = json.loads(BODY)["sales"][0]
    body = json.dumps({"sales": [sale, sale | {"id": "1/18", "lines": [{"quantity": 1}]}]}).encode()
    answer = running.post(body)
    assert (answer.status_code, answer.json()["lines_published"]) == (202, 1)
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/sales/1/lines/0"]
    assert running.count("lines", outcome="refused") == 1


def test_half_an_emoji_costs_its_line_and_the_request_is_not_sent_again_for_ever(running, publisher):
    sale = json.loads(BODY)["sales"][0]
    half = {"id": "1/18", "lines": [*sale["lines"], {"sku": "TEA\ud83c", "quantity": 1}]}
    answer = running.post(json.dumps({"sales": [sale | half, sale | {"id": "\ud83c"}]}).encode())
    assert (answer.status_code, answer.json()["lines_published"]) == (202, 1)
    (refusal,) = publisher.refusals
    assert [(line.item, line.document, line.place) for line in refusal.lines] == [
        ("sku:TEA?", "1/18", "/sales/0/lines/1/code"), ("", "?", "/sales/1/id"),
    ]  # fmt: skip


@pytest.mark.parametrize("body", [b"{}", b'{"sales": []}', b'{"sales": [{"id": "1"}]}'])
def test_a_body_without_one_usable_line_is_422_with_reasons(running, body):
    answer = running.post(body)
    assert (answer.status_code, len(answer.json()["errors"])) == (422, 1)


def test_a_body_that_is_no_json_is_400(running):
    assert running.post(b"{").status_code == 400


def test_a_body_for_another_store_is_403(running, publisher):
    body = json.dumps({"store": "grocer-8", **json.loads(BODY)}).encode()
    assert (running.post(body).status_code, publisher.events) == (403, [])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({HEADER: ""}, 401), ({HEADER: "t=1,v1=" + "0" * 64}, 401), ({HEADER: b"t=1,v1=\xff"}, 401),
        ({HEADER: "x" * 4096}, 401), ({"Content-Encoding": "gzip"}, 415), ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/json; charset=utf-8"}, 202), ({"Content-Encoding": "identity"}, 202),
    ],
)  # fmt: skip
def test_headers_decide_before_the_body_does(running, headers, status):
    assert running.post(headers=headers).status_code == status


def test_a_signature_of_another_time_or_secret_is_401_and_counted(running, publisher):
    now_s = int(time.time())
    answers = [running.post(at_s=now_s - 301), running.post(at_s=now_s + 360), running.post(secret=b"x" * 20)]
    assert ([answer.status_code for answer in answers], publisher.events) == ([401] * 3, [])
    assert running.count("rejected_signatures") == 3


def test_two_signature_headers_are_401(running):
    signature = sign(SECRET, BODY, int(time.time()))
    answer = httpx.post(
        f"{running.url}/webhooks/v1/grocer-7",
        content=BODY,
        headers=[("Content-Type", "application/json"), (HEADER, signature), (HEADER, signature)],
    )
    assert answer.status_code == 401


def test_a_gzip_bomb_is_never_unpacked(running):
    bomb = gzip.compress(bytes(10_000_000))
    assert running.post(bomb, headers={"Content-Encoding": "gzip"}).status_code == 415


def test_a_large_body_is_413_whether_or_not_it_says_its_length(running, publisher):
    large = b" " * (BODY_MAX_BYTES + 1)

    def chunks():
        yield large[:100_000]
        yield large[100_000:]

    said = running.post(large)
    unsaid = httpx.post(
        f"{running.url}/webhooks/v1/grocer-7", content=chunks(), headers={"Content-Type": "application/json"}
    )
    assert (said.status_code, unsaid.status_code, publisher.events) == (413, 413, [])


def test_the_largest_body_is_taken(running):
    assert running.post(BODY + b" " * (BODY_MAX_BYTES - len(BODY))).status_code == 202


def test_a_body_that_does_not_arrive_is_408(running, monkeypatch):
    monkeypatch.setattr(signed, "BODY_TIMEOUT_S", 0.05)
    with socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE_S) as client:
        head = ["POST /webhooks/v1/grocer-7 HTTP/1.1", "Host: x", "Content-Type: application/json", "Content-Length: 9"]
        client.sendall("\r\n".join([*head, "", "{"]).encode())
        assert client.recv(4096).startswith(b"HTTP/1.1 408")


def test_a_head_that_does_not_arrive_ends_the_connection(running, monkeypatch):
    monkeypatch.setattr(prompt_http, "HEAD_TIMEOUT_S", 0.05)
    with socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE_S) as client:
        client.sendall(b"POST /webhooks/v1/grocer-7 HTTP/1.1\r\nHost: x\r\n")
        assert client.recv(4096) == b""


def test_a_huge_head_ends_its_connection_and_nothing_else(running, publisher):
    with socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE_S) as client:
        answer = b""
        with contextlib.suppress(ConnectionError):  # what is sent after the limit is not read
            client.sendall(b"POST /webhooks/v1/grocer-7 HTTP/1.1\r\nHost: x\r\nX-Padding: " + b"x" * 1_000_000)
            while part := client.recv(65_536):
                answer += part
    assert answer[:12] in (b"", b"HTTP/1.1 400")
    assert (running.post().status_code, len(publisher.events)) == (202, 1)


def slow_senders(running):
    """Three hundred connections on which a head has begun."""
    slow = [socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE_S) for _ in range(300)]
    for each in slow:
        with contextlib.suppress(ConnectionError):  # its time may be over already
            each.sendall(b"POST /webhooks/v1/grocer-7 HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    return slow


def test_many_slow_senders_hold_up_no_prompt_one(running, monkeypatch):
    monkeypatch.setattr(prompt_http, "HEAD_TIMEOUT_S", PATIENCE_S)
    slow = slow_senders(running)
    try:
        assert running.post().status_code == 202
    finally:
        for each in slow:
            each.close()


def test_each_of_many_slow_senders_is_ended(running, monkeypatch):
    monkeypatch.setattr(prompt_http, "HEAD_TIMEOUT_S", 0.5)
    for each in slow_senders(running):
        with each, contextlib.suppress(ConnectionResetError):
            assert each.recv(64) == b""


def test_a_store_that_is_too_fast_is_429_and_strangers_do_not_make_it_so(running, publisher, monkeypatch):
    bucket = TokenBucket(SENDER_REQUESTS_PER_S, 3, lambda: 0.0)
    (connector,) = running.host._connectors
    monkeypatch.setattr(connector._receiver._requests, "_bucket", bucket)
    assert [running.post(secret=b"x" * 20).status_code for _ in range(9)] == [401] * 9
    assert [running.post().status_code for _ in range(3)] == [202] * 3
    refused = running.post()
    assert (refused.status_code, refused.headers["Retry-After"], len(publisher.events)) == (429, "1", 3)


def strangers(running, count, body=b"", length=100, path="/webhooks/v1/grocer-7", more=b""):
    """Connections on which a head has come, and of its body what is given."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n"
    found = [socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE_S) for _ in range(count)]
    for each in found:
        each.sendall(head.encode() + more + b"\r\n" + body)
    return found


@pytest.mark.parametrize("more", [b"", b"Commonshelf-Signature: t=1,v1=" + b"0" * 64 + b"\r\n"])
def test_strangers_whose_bodies_do_not_come_take_no_shop_s_place(running, monkeypatch, more):
    monkeypatch.setattr(signed, "BODY_TIMEOUT_S", PATIENCE_S)
    held = strangers(running, 400, more=more)
    try:
        assert [running.post().status_code for _ in range(5)] == [202] * 5
    finally:
        for each in held:
            each.close()


def test_strangers_who_send_much_and_slowly_are_given_up_before_they_fill_the_memory(running, monkeypatch):
    monkeypatch.setattr(signed, "BODY_TIMEOUT_S", PATIENCE_S)
    (connector,) = running.host._connectors
    monkeypatch.setattr(connector._receiver._requests, "_body_budget", BodyBudget(400_000))
    held = strangers(running, 5, body=b" " * 100_000, length=200_000)
    try:
        assert sum(each.recv(12) == b"HTTP/1.1 408" for each in held[:1]) == 1
        assert [running.post().status_code for _ in range(5)] == [202] * 5
    finally:
        for each in held:
            each.close()


@pytest.mark.parametrize("path", ["/nothing", "/webhooks/v1/grocer-9", "/health"])
def test_a_request_that_is_answered_before_its_body_came_ends_its_connection(running, path):
    (stranger,) = strangers(running, 1, body=b"x", path=path)
    with stranger:
        answer = b""
        while part := stranger.recv(65_536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 ")


def test_what_is_sent_beyond_the_length_is_no_part_of_the_request(running, publisher):
    signature = sign(SECRET, BODY, int(time.time())).encode()
    (shop,) = strangers(
        running, 1, body=BODY + b"{}" * 50, length=len(BODY), more=b"Commonshelf-Signature: " + signature + b"\r\n"
    )
    with shop:
        assert shop.recv(12) == b"HTTP/1.1 202"
    assert len(publisher.events) == 1
    assert running.post().status_code == 202


def test_json_nested_without_end_is_400(running):
    assert running.post(b"[" * 200_000).status_code == 400


def test_other_methods_and_stores_are_answered_in_json(running):
    assert httpx.get(f"{running.url}/webhooks/v1/grocer-7").status_code == 405
    unknown = running.post(store="grocer-9")
    assert (unknown.status_code, "error" in unknown.json()) == (404, True)


def test_a_store_that_floods_is_429_and_others_are_served(spec, publisher, tmp_path, monkeypatch):
    monkeypatch.setattr(signed, "SENDER_REQUESTS_MAX", 1)
    other = replace(spec, store=replace(GROCER, id="grocer-8"))
    running = RunningHost([spec, other], publisher, tmp_path)
    entered, release = threading.Event(), threading.Event()
    publish = publisher.publish_acked

    async def slowly(events):
        if events[0].store == "grocer-7":
            entered.set()
            await asyncio.to_thread(release.wait, PATIENCE_S)
        await publish(events)

    monkeypatch.setattr(publisher, "publish_acked", slowly)
    answers = []
    first = threading.Thread(target=lambda: answers.append(running.post()))
    first.start()
    try:
        assert entered.wait(PATIENCE_S)
        second = running.post()
        assert (second.status_code, second.headers["Retry-After"]) == (429, "1")
        assert running.post(store="grocer-8").status_code == 202
    finally:
        release.set()
        first.join(PATIENCE_S)
        running.stop()
    assert [answer.status_code for answer in answers] == [202]


def test_health_and_readiness_say_why(running, publisher):
    assert (running.host.ready(), running.host.health()) == (Status(ok=True), Status(ok=True))
    assert httpx.get(f"{running.url}/health").json() == {"ok": True}


@pytest.mark.parametrize("path", ["/ready", "/metrics", "/availability"])
def test_the_port_that_faces_the_world_tells_nothing_of_us(running, path):
    assert httpx.get(f"{running.url}{path}").status_code == 404


def test_a_host_without_its_topics_is_not_ready(spec, publisher, tmp_path):
    publisher.topics_failure = PublishFailed("Kafka does not answer")
    running = RunningHost([spec], publisher, tmp_path)
    said = running.host.ready()
    running.stop()
    assert said == Status(ok=False, facts={"reason": "Kafka does not answer"})


def test_a_host_is_not_ready_without_the_topic_of_what_connectors_refuse(spec, publisher, tmp_path):
    """As after an upgrade: a page with one bad line would wait for it for ever."""
    asked = []
    publisher.check_topics = lambda topics, _timeout_s: asked.extend(topics)
    assert Host([spec], publisher, MemoryPositions(), tmp_path).ready().ok
    assert {POS_SALES.name, POS_STOCK.name, CONNECTOR_POSITIONS.name, CONNECTOR_REFUSALS.name} <= set(asked)


def test_a_producer_that_kafka_refuses_for_good_ends_the_host(spec, publisher, tmp_path):
    running = RunningHost([spec], publisher, tmp_path)
    publisher.fatal = "fenced"
    running._thread.join(PATIENCE_S)
    assert "refuses this producer for good: fenced" in str(running.failure)


def test_a_connector_that_breaks_ends_the_host_with_its_reason(publisher, tmp_path, monkeypatch):
    spec = ConnectorSpec(GROCER, FolderOptions(folder=tmp_path / "in"))
    running = RunningHost([spec], publisher, tmp_path)
    connector = running.host._connectors[0]

    def broken(_stop):
        raise KeyError("oops")

    monkeypatch.setattr(connector, "scan", broken)
    connector.wake()
    running._thread.join(PATIENCE_S)
    assert "connector drop_folder grocer-7 failed: KeyError" in str(running.failure)


def test_a_taken_port_is_one_clear_sentence(spec, publisher, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(HostFailed, match=f"cannot listen on 127.0.0.1:{port} .*set another"):
            run_connectors([spec], publisher, MemoryPositions(), "127.0.0.1", port, tmp_path)


def test_two_connectors_may_not_share_a_store_or_a_folder(spec, publisher, tmp_path):
    first = ConnectorSpec(GROCER, FolderOptions(folder=tmp_path))
    second = replace(first, store=replace(GROCER, id="grocer-2"))
    for specs in ([spec, spec], [first, second]):
        with pytest.raises(HostFailed, match=r"two connectors|one folder"):
            Host(specs, publisher, MemoryPositions(), tmp_path)


def test_a_missing_or_short_secret_stops_the_start_without_being_shown(spec, publisher, tmp_path, monkeypatch):
    monkeypatch.setenv("GROCER_SECRET", "hunter2")
    with pytest.raises(SecretUnusable, match="GROCER_SECRET") as refused:
        Host([spec], publisher, MemoryPositions(), tmp_path)
    assert "hunter2" not in str(refused.value)
    with pytest.raises(SecretUnusable, match="cannot be read"):
        SecretSource(file=tmp_path / "missing").read()


def test_a_spec_never_shows_a_secret(spec):
    assert SECRET.decode() not in repr(spec) + spec.options.model_dump_json()


def test_a_secret_is_changed_without_a_restart(tmp_path):
    now_s = [0.0]
    file = tmp_path / "secret"
    file.write_bytes(b"the-old-secret-of-grocer-7\n")
    secrets = Secrets([SecretSource(file=file)], lambda: now_s[0])
    file.write_bytes(b"the-new-secret-of-grocer-7\n")
    before = secrets.current()
    now_s[0] = REREAD_S
    after = secrets.current()
    file.unlink()
    now_s[0] = 2 * REREAD_S
    assert (before, after, secrets.current()) == (
        [b"the-old-secret-of-grocer-7"], [b"the-new-secret-of-grocer-7"], [b"the-new-secret-of-grocer-7"],
    )  # fmt: skip


def test_the_example_in_the_manual_runs(running, monkeypatch, capsys):
    manual = (Path(__file__).parents[3] / "docs" / "webhook.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", manual, re.DOTALL)
    monkeypatch.setenv("COMMONSHELF_SECRET", SECRET.decode())
    exec(compile(example.replace("http://127.0.0.1:8081", running.url), "docs/webhook.md", "exec"), {})
    assert capsys.readouterr().out.startswith("202")
