"""Debian's Prometheus scrapes a running stack, and its own linter has nothing to say about our metrics."""

import signal
import subprocess
from collections.abc import Iterator

import httpx
import pytest

from tests.support.prometheus import scraping, series_of
from tests.support.shelf import CommandFolder, make_shelf, until

CHILDREN = ("ledger-1", "agents", "connectors", "exporter")

pytestmark = pytest.mark.needs_debian


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandFolder]:
    made = make_shelf(tmp_path_factory.mktemp("shelf"))
    made.env["COMMONSHELF_EXPORTER_ENABLED"] = "true"
    made.up()
    made.drop("anna", "opening-1.csv", "gtin,quantity\n4006381333931,7\n4006381333931,oops\n")
    until(lambda: made.available_milli("MILK") == 7_000, "the opening stock")
    yield made
    made.end(signal.SIGTERM)


@pytest.fixture(scope="module")
def prometheus(shelf: CommandFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus that scrapes the stack every second."""
    jobs = {f"commonshelf-{child}": shelf.runtime.urls[child] for child in CHILDREN}
    with scraping(tmp_path_factory.mktemp("prometheus"), jobs) as address:
        yield address


def value_of(prometheus: str, query: str) -> float | None:
    """The only value that a query finds; None while Prometheus does not answer or finds nothing."""
    found = series_of(prometheus, query)
    return float(found[0]["value"][1]) if found else None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sum(up)", len(CHILDREN)),
        ('commonshelf_pool_lines_total{pool="riverside",outcome="applied"}', 1),
        ('sum(commonshelf_connector_lines_total{store="anna",outcome="published"})', 1),
        ('sum(commonshelf_connector_lines_total{store="anna",outcome="refused"})', 1),
        ("sum(commonshelf_worker_partitions)", 12),
        ("sum(commonshelf_clock_ticks_sent_total) > bool 0", 1),
        ('commonshelf_store_availability_rows{pool="riverside",store="anna"}', 1),
    ],
)
def test_a_query_answers_what_the_stack_did(prometheus, query, expected):
    until(lambda: value_of(prometheus, query) == expected, f"{query} = {expected}")


@pytest.mark.parametrize("child", CHILDREN)
def test_prometheus_s_own_linter_is_content(shelf: CommandFolder, child: str):
    page = httpx.get(f"{shelf.runtime.urls[child]}/metrics", trust_env=False)
    lint = ["promtool", "check", "metrics"]
    linted = subprocess.run(lint, input=page.text, capture_output=True, text=True, check=False)
    assert (linted.stdout, linted.stderr, linted.returncode) == ("", "", 0)
