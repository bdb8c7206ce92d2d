"""The status server, and the agents' event loop as it tells of it."""

import time

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from messaging.status_server import Status, StatusServer, json_page
from streams.agents.status import LoopStatus


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
