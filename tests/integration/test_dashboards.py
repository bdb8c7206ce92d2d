"""Every query of every panel finds data in Debian's Prometheus, which scrapes a running demo.

The demo's tills are webhooks and files. What vendors' connectors and partners' posts show besides (polls, the online
channel) stands beside it: the same metrics object as in the connectors' process, told what these tell it.
"""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from commonshelf.stack.roles import ROLES
from commonshelf.stack.runtime_file import DEMO_DATA_DIR, read_runtime
from connectors.contract import Skip, SkipReason, Translated
from connectors.metrics import ConnectorMetrics
from messaging.metrics import listed
from messaging.metrics.dashboards.boards import BOARDS
from messaging.status_server import Status, StatusServer
from tests.support.prometheus import scraping, series_of
from tests.support.waiting import PATIENCE_S, until

pytestmark = pytest.mark.needs_debian
POOL = "lahn"
FILLED_IN = {"$pool": ".*", "$store": ".*", "$__rate_interval": "1m", "$__range": "1h"}
PANELS = {f"{board.uid}: {panel.title}": panel for board in BOARDS for panel in board.panels()}


def vendor_s_metrics() -> ConnectorMetrics:
    """What a vendor's connector shows after a poll, and a partner's endpoint after a post."""
    metrics = ConnectorMetrics()
    store = metrics.of(POOL, "vendor-s-store", "square")
    store.reconciled(1_790_000_000)
    store.written_back("done")
    store.left_out(Translated((), (), (Skip("order 1", SkipReason.echo),)))
    partner = metrics.of_partner(POOL, "front-desk")
    partner.request(200)
    partner.report("arrived", "accepted")
    partner.signature_rejected()
    listed.PARTNER_CALLS.on(metrics.registry).labels(POOL, "front-desk", "done").inc()
    listed.PARTNER_CALLS_UNDER_WAY.on(metrics.registry).labels(POOL, "front-desk").set(0)
    return metrics


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    registry = vendor_s_metrics().registry
    always = lambda: Status(ok=True)  # noqa: E731
    folder = tmp_path_factory.mktemp("demo")
    with (folder / "said").open("w") as said:
        demo = subprocess.Popen(
            [sys.executable, "-m", "commonshelf", "demo", "--stores", "8", "--lines-per-second", "40", "--exporter"],
            cwd=folder, stdout=said, stderr=said,
        )  # fmt: skip
    try:
        until(lambda: "board:" in (folder / "said").read_text() or demo.poll() is not None, "the demo")
        assert demo.poll() is None, (folder / "said").read_text()
        runtime = read_runtime(folder / DEMO_DATA_DIR)
        add_place(folder)
        with StatusServer("127.0.0.1", 0, health=always, ready=always, registry=registry) as vendor:
            scraped = {role.name for role in ROLES if role.has_metrics}
            jobs = {
                f"commonshelf-{child}": url for child, url in runtime.urls.items() if child.partition("-")[0] in scraped
            }
            with scraping(folder, {**jobs, "commonshelf-vendor": vendor.url}) as address, asking(runtime.urls["web"]):
                yield address
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(PATIENCE_S)


@contextmanager
def asking(url: str) -> Iterator[None]:
    """Within, somebody asks the API, as shops' programs do all the time."""
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.wait(1):
            assert httpx.get(f"{url}/v1/pools", timeout=PATIENCE_S).status_code == 200

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    yield
    is_over.set()
    thread.join(PATIENCE_S)


def add_place(folder: Path) -> None:
    place = ["place", "add", POOL, "square", "--store", "marburg", "--opening", "mon=09:00-18:00"]
    told = subprocess.run(
        [sys.executable, "-m", "commonshelf", *place], cwd=folder, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr


def filled_in(expression: str) -> str:
    for variable, value in FILLED_IN.items():
        expression = expression.replace(variable, value)
    assert "$" not in expression
    return expression


@pytest.mark.parametrize("name", PANELS)
def test_each_query_of_a_panel_finds_data(prometheus, name):
    for expression, _ in PANELS[name].queries:
        query = filled_in(expression)
        until(lambda query=query: series_of(prometheus, query), lambda query=query: f"data of {query}", pause_s=0.5)
