"""`connect status`: what two processes count, put together by store and connector."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from prometheus_client import generate_latest

from commonshelf.config.settings import Pool, Settings, Store
from commonshelf.desks import connector_status
from commonshelf.desks.connector_status import statuses
from connectors.contract import Skip, SkipReason, Translated
from connectors.metrics import ConnectorMetrics
from connectors.webhook.spec import Webhook

LEDGER = """
# TYPE commonshelf_pool_lines_duplicate_total counter
commonshelf_pool_lines_duplicate_total{connector="webhook",pool="north",store="anna"} 4.0
# TYPE commonshelf_pool_lines_set_aside_total counter
commonshelf_pool_lines_set_aside_total{connector="webhook",pool="north",reason="unmapped_code",store="anna"} 3.0
commonshelf_pool_lines_set_aside_total{connector="webhook",pool="north",reason="too_late",store="anna"} 9.0
commonshelf_pool_lines_duplicate_total{connector="webhook",pool="north",store="of-another-time"} 9.0
"""


@pytest.fixture
def served():
    """A function: text → the address of a process whose metrics page says it."""
    running = []

    def serve(text):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_args):
                """Quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture
def settings():
    store = Store(id="anna", name="Anna", pool="north", connectors=(Webhook(secret_env="X"),))
    return Settings(pools=(Pool(id="north", name="North"),), stores=(store,))


@pytest.fixture(autouse=True)
def positions(monkeypatch):
    cursors = [{"pool": "north", "store": "anna", "connector": "webhook", "feed": "orders", "cursor": 17}]
    monkeypatch.setattr(connector_status, "stored_positions", lambda _options: cursors)


def test_counts_of_the_connectors_and_of_the_ledger_are_one_row(settings, served):
    metrics = ConnectorMetrics()
    mine = metrics.of("north", "anna", "webhook")
    mine.published(12, 1_790_000_000_000)
    mine.refused(2)
    mine.left_out(Translated(skipped=(Skip("x", SkipReason.tip), Skip("y", SkipReason.tip))))
    mine.signature_rejected()
    mine.reconciled(1_790_000_000.0)
    urls = {"connectors": served(generate_latest(metrics.registry)), "ledger-1": served(LEDGER.encode())}
    (status,) = statuses(settings, {}, urls)
    assert (status.store, status.kind, status.cursors) == ("anna", "webhook", {"orders": 17})
    assert (status.lines_published, status.lines_refused, status.skipped) == (12, 2, {"tip": 2})
    assert (status.lines_duplicate, status.lines_unmapped, status.rejected_signatures) == (4, 3, 1)
    assert (status.reconciled_s, status.last_success_s is not None) == (1_790_000_000.0, True)


def test_a_process_that_does_not_answer_leaves_its_counts_at_nothing(settings):
    (status,) = statuses(settings, {}, {"connectors": "http://127.0.0.1:9"})
    assert (status.lines_published, status.last_success_s, status.newest_event_age_s) == (0, None, None)
