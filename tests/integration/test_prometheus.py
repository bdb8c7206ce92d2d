"""Debian's Prometheus scrapes a running stack, and its own linter has nothing to say about our metrics."""

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator

import httpx
import pytest

from commonshelf.embedded_kafka.server_config import HOST, pick_ports
from tests.support.shelf import CommandFolder, make_shelf, until

CHILDREN = ("ledger-1", "agents", "connectors")

pytestmark = pytest.mark.needs_debian


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandFolder]:
    made = make_shelf(tmp_path_factory.mktemp("shelf"))
    made.up()
    made.drop("anna", "opening-1.csv", "gtin,quantity\n4006381333931,7\n4006381333931,oops\n")
    until(lambda: made.available_milli("MILK") == 7_000, "the opening stock")
    yield made
    made.end(signal.SIGTERM)


@pytest.fixture(scope="module")
def prometheus(shelf: CommandFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus that scrapes the stack every second."""
    assert shutil.which("prometheus"), "prometheus is not installed: apt-get install prometheus"
    folder = tmp_path_factory.mktemp("prometheus")
    targets = [shelf.runtime.urls[child].removeprefix("http://") for child in CHILDREN]
    config = {"scrape_configs": [{"job_name": "commonshelf", "static_configs": [{"targets": targets}]}]}
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s"}
    (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    address = f"{HOST}:{pick_ports(1, None, with_proxy=False)[0].client}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address={address}"],
            stdout=log, stderr=log,
        )  # fmt: skip
    yield f"http://{address}"
    process.terminate()
    process.wait(60)


def value_of(prometheus: str, query: str) -> float | None:
    """The only value that a query finds; None while Prometheus does not answer or finds nothing."""
    try:
        answer = httpx.get(f"{prometheus}/api/v1/query", params={"query": query}, trust_env=False)
        found = answer.json()["data"]["result"] if answer.status_code == httpx.codes.OK else []
    except httpx.TransportError:
        return None
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
