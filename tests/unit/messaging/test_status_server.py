"""The status server, and the agents' event loop as it tells of it."""

import contextlib
import socket
import threading
import time

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from messaging import status_server
from messaging.probe import probe
from messaging.status_server import Status, StatusServer, json_page
from streams.agents.status import LoopStatus
from tests.support.waiting import PATIENCE_S


@pytest.fixture
def status():
    return LoopStatus()


@pytest.fixture
def pages(status):
    metrics = CollectorRegistry()
    Counter("apples", "Apples.", registry=metrics).inc(3)
    with StatusServer(
        "127.0.0.1",
        0,
        health=status.health,
        ready=status.ready,
        registry=metrics,
        more={"/echo": json_page},
    ) as pages:
        yield pages


def test_readiness_says_what_it_waits_for(pages, status):
    status.waiting_for = "Kafka"
    waiting = httpx.get(f"{pages.url}/ready")
    assert (waiting.status_code, waiting.json()) == (503, {"ok": False, "reason": "Kafka"})
    status.waiting_for = None
    ready = httpx.get(f"{pages.url}/ready")
    assert (ready.status_code, ready.json()) == (200, {"ok": True})


def test_health_fails_when_the_event_loop_is_stuck(pages, status):
    assert httpx.get(f"{pages.url}/health").status_code == 200
    status.loop_seen_s = time.monotonic() - 60
    assert httpx.get(f"{pages.url}/health").status_code == 503
    status.loop_ran()
    assert httpx.get(f"{pages.url}/health").status_code == 200


def test_facts_stand_beside_the_answer():
    with StatusServer(
        "127.0.0.1", 0, health=lambda: Status(ok=True), ready=lambda: Status(ok=False, facts={"partitions": 0})
    ) as pages:
        assert httpx.get(f"{pages.url}/ready").json() == {"ok": False, "partitions": 0}


def test_metrics_are_in_prometheus_form(pages):
    assert "apples_total 3.0" in httpx.get(f"{pages.url}/metrics").text.splitlines()


def test_a_page_of_ones_own_gets_the_query(pages):
    assert httpx.get(f"{pages.url}/echo?pool=north&sku=MILK").json() == {"pool": "north", "sku": "MILK"}


@pytest.mark.parametrize("path", ["/", "/table", "/table/x", "/stats", "/../etc/passwd"])
def test_nothing_else_is_served(pages, path):
    assert httpx.get(pages.url + path).status_code == 404


def test_other_methods_are_refused(pages):
    assert httpx.post(f"{pages.url}/health", content=b"x").status_code == 501


def test_a_taken_port_is_an_error_of_the_machine(pages):
    with pytest.raises(OSError, match="in use"):
        StatusServer("127.0.0.1", pages.port, health=lambda: Status(ok=True), ready=lambda: Status(ok=True))


def connect(pages, sent=b""):
    one = socket.create_connection((pages.host, pages.port), timeout=PATIENCE_S)
    one.sendall(sent)
    return one


@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: "])
def test_whoever_does_not_end_the_head_is_hung_up_on(pages, monkeypatch, sent):
    monkeypatch.setattr(status_server, "REQUEST_TIMEOUT_S", 0.2)
    with connect(pages, sent) as slow, contextlib.suppress(ConnectionResetError):
        assert slow.recv(64) == b""


def test_who_sends_a_byte_now_and_then_gains_no_time(pages, monkeypatch):
    monkeypatch.setattr(status_server, "REQUEST_TIMEOUT_S", 0.5)

    def trickle(slow):
        for _ in range(int(PATIENCE_S * 100)):
            slow.sendall(b"x")
            time.sleep(0.01)

    with connect(pages, b"GET /health HTTP/1.1\r\nX-Slow: ") as slow, pytest.raises(OSError, match=r"[Pp]ipe|reset"):
        trickle(slow)


def test_very_many_slow_clients_keep_nobody_from_a_page(pages):
    slow = [connect(pages, b"GET /health") for _ in range(2 * status_server.CONNECTIONS_MAX)]
    try:
        assert [httpx.get(f"{pages.url}/metrics").status_code for _ in range(3)] == [200] * 3
        assert len(pages._server._opened_at_s) <= status_server.CONNECTIONS_MAX
    finally:
        for each in slow:
            each.close()


def test_a_page_that_takes_its_time_is_not_cut_short(monkeypatch):
    monkeypatch.setattr(status_server, "REQUEST_TIMEOUT_S", 0.1)
    passed = threading.Event()

    def slowly():
        passed.wait(0.6)
        return Status(ok=True)

    with StatusServer("127.0.0.1", 0, health=slowly, ready=slowly) as pages:
        assert httpx.get(f"{pages.url}/health", timeout=PATIENCE_S).status_code == 200


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("localhost", 200), ("127.0.0.1:1", 200), ("[::1]:8080", 200), (socket.gethostname(), 200),
        ("attacker.example", 421), ("localhost.attacker.example", 421), ("127.0.0.1.attacker.example:80", 421),
        ("", 421), ("[::1", 421),
    ],
)  # fmt: skip
def test_a_page_answers_only_under_a_name_that_is_ours(pages, host, code):
    assert httpx.get(f"{pages.url}/metrics", headers={"Host": host}).status_code == code


def test_a_container_s_probe_believes_the_page(pages, status):
    assert probe(f"{pages.url}/health") is None
    status.waiting_for = "Kafka"
    assert probe(f"{pages.url}/ready") == f'{pages.url}/ready answers 503: {{"ok": false, "reason": "Kafka"}}'


def test_a_container_s_probe_tells_of_a_process_that_does_not_answer():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/health"
        assert probe(url).startswith(f"{url} does not answer: ")
