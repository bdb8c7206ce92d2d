"""The worker's pages."""

import time

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from streams.agents.errors import AgentsError
from streams.agents.pages import Pages, Status


@pytest.fixture
def status():
    return Status()


@pytest.fixture
def pages(status):
    metrics = CollectorRegistry()
    Counter("apples", "Apples.", registry=metrics).inc(3)
    with Pages("127.0.0.1", 0, status, metrics) as pages:
        yield pages


def test_readiness_says_what_it_waits_for(pages, status):
    status.waiting_for = "Kafka"
    waiting = httpx.get(f"{pages.url}/ready")
    assert (waiting.status_code, waiting.json()) == (503, {"ready": False, "waiting_for": "Kafka"})
    status.waiting_for = None
    assert httpx.get(f"{pages.url}/ready").status_code == 200


def test_health_fails_when_the_event_loop_is_stuck(pages, status):
    assert httpx.get(f"{pages.url}/health").status_code == 200
    status.loop_seen_s = time.monotonic() - 60
    assert httpx.get(f"{pages.url}/health").status_code == 503
    status.loop_ran()
    assert httpx.get(f"{pages.url}/health").status_code == 200


def test_metrics_are_in_prometheus_form(pages):
    assert "apples_total 3.0" in httpx.get(f"{pages.url}/metrics").text.splitlines()


@pytest.mark.parametrize("path", ["/", "/table", "/table/x", "/stats", "/../etc/passwd"])
def test_nothing_else_is_served(pages, path):
    assert httpx.get(pages.url + path).status_code == 404


def test_other_methods_are_refused(pages):
    assert httpx.post(f"{pages.url}/health", content=b"x").status_code == 501


def test_a_taken_port_is_named(pages, status):
    port = int(pages.url.rpartition(":")[2])
    with pytest.raises(AgentsError, match=f"cannot listen on 127.0.0.1:{port} .*choose another http_port"):
        Pages("127.0.0.1", port, status, CollectorRegistry())
