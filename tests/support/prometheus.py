"""A Prometheus of Debian's, on a folder of its own."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from commonshelf.embedded_kafka.server_config import HOST, pick_ports
from tests.support.waiting import until


@contextmanager
def scraping(folder: Path, jobs: Mapping[str, str]) -> Iterator[str]:
    """The address of one that scrapes every second: job → base address of the pages."""
    assert shutil.which("prometheus"), "prometheus is not installed: apt-get install prometheus"
    scraped = [
        {"job_name": job, "static_configs": [{"targets": [url.removeprefix("http://")]}]} for job, url in jobs.items()
    ]
    config = {"scrape_configs": scraped, "global": {"scrape_interval": "1s", "scrape_timeout": "1s"}}
    (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    address = f"{HOST}:{pick_ports(1, None, with_proxy=False)[0].client}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address={address}"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        until(lambda: series_of(f"http://{address}", "up") or process.poll() is not None, "Prometheus")
        assert process.poll() is None, (folder / "log").read_text()
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(60)


def series_of(prometheus: str, query: str) -> list[dict[str, Any]]:
    """The series that a query finds now; none while Prometheus does not answer. Raises ValueError for a bad query."""
    try:
        answer = httpx.get(f"{prometheus}/api/v1/query", params={"query": query}, trust_env=False)
    except httpx.TransportError:
        return []
    if answer.status_code in (400, 422):
        raise ValueError(answer.json()["error"])
    found: list[dict[str, Any]] = answer.json()["data"]["result"] if answer.status_code == httpx.codes.OK else []
    return found
