"""Each worker under the login that its container has, and with that role's rights alone: all of them do their work."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from commonshelf.desks.acl import PREFIX
from commonshelf.embedded_kafka.server_config import pick_ports
from commonshelf.stack.parent_watch import WATCH_STDIN_VARIABLE
from messaging.probe import probe
from tests.support.guarded_kafka import PASSWORD, WORKERS, Guarded, guarded_kafka
from tests.support.shelf import AGREEMENT, CONFIG, CommandFolder
from tests.support.waiting import until

CATALOG = "sku,name,gtin,unit,cost,price,tax_percent\nMILK,Milk 1 l,4006381333931,each,1.00,1.50,7\n"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandFolder]:
    """A folder of operators; the workers run."""
    folder = tmp_path_factory.mktemp("shelf")
    with guarded_kafka() as kafka, ExitStack() as workers:
        (folder / "commonshelf.toml").write_text(settings(kafka))
        (folder / "catalog.csv").write_text(CATALOG)
        (folder / "agreement.toml").write_text(AGREEMENT)
        made = CommandFolder(folder)
        web, pages = (ports.client for ports in pick_ports(2, None, with_proxy=False))
        made.env |= of(f"{PREFIX}operators")
        made.env |= {"COMMONSHELF_HTTP_PORT": str(web), "COMMONSHELF_HTTP_WEB_PORT": str(pages)}
        told(made, "setup")
        for worker, login in WORKERS.items():
            workers.enter_context(running(worker, folder, made.env | of(login)))
        yield made


def settings(kafka: Guarded) -> str:
    options = kafka.options("operators")
    return f"""partitions = 1
[kafka]
bootstrap_servers = "{options["bootstrap.servers"]}"
replicas = 1
security_protocol = "{options["security.protocol"]}"
sasl_mechanism = "{options["sasl.mechanism"]}"
sasl_username = "{options["sasl.username"]}"
{CONFIG}"""


def of(login: str) -> dict[str, str]:
    """The variables of a login."""
    return {"COMMONSHELF_KAFKA_SASL_USERNAME": login, "COMMONSHELF_KAFKA_SASL_PASSWORD": PASSWORD}


@contextmanager
def running(worker: str, folder: Path, env: dict[str, str]) -> Iterator[None]:
    with (folder / f"{worker}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "commonshelf", "worker", worker],
            cwd=folder, env=os.environ | env | {WATCH_STDIN_VARIABLE: "1"},
            stdin=subprocess.PIPE, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield
        finally:
            process.kill()
            process.communicate()


def told(shelf: CommandFolder, *words: str) -> str:
    done = shelf.call(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def logs(shelf: CommandFolder) -> str:
    return "".join(f"{worker}: {(shelf.folder / f'{worker}.log').read_text()[-2000:]}\n" for worker in WORKERS)


def net(shelf: CommandFolder) -> dict[str, int]:
    done = shelf.call("settle", "balance", "riverside", "--json")
    return {one["party"]: one["amount_minor"] for one in json.loads(done.stdout)["net"]} if not done.returncode else {}


def test_a_sale_and_an_order_go_through_the_workers(shelf):
    told(shelf, "agreement", "publish", "riverside", "agreement.toml")
    until((shelf.folder / "drop" / "anna").is_dir, lambda: logs(shelf))
    shelf.drop("anna", "opening-1.csv", "gtin,quantity\n4006381333931,20\n")
    until(lambda: shelf.available_milli("MILK") == 20_000, lambda: logs(shelf))
    shelf.sell("sales-1.csv", receipt=1, units=3)
    until(lambda: shelf.available_milli("MILK") == 17_000, lambda: logs(shelf))
    by = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    told(
        shelf, "order", "place", "riverside", "MILK=2", "--at", "bert", "--by", by, "--order", "R-1", "--wait-s", "200"
    )
    told(shelf, "order", "confirm", "riverside", "R-1", "--wait-s", "200")
    for kind in ("pick", "hand_over"):
        tasks = json.loads(told(shelf, "tasks", "anna", "--json"))
        told(shelf, "tasks", "done", *[one["task"] for one in tasks if one["kind"] == kind])
    until(lambda: net(shelf) == {"anna": 285, "bert": -285}, lambda: logs(shelf))
    assert told(shelf, "settle", "statement", "riverside", "anna")


def test_the_board_and_the_api_have_what_they_show(shelf):
    url = f"http://127.0.0.1:{shelf.env['COMMONSHELF_HTTP_WEB_PORT']}/ready"
    until(lambda: probe(url) is None, lambda: logs(shelf), pause_s=0.2)


def test_no_worker_asks_for_what_it_may_not(shelf):
    refused = [line for line in logs(shelf).splitlines() if "uthorization" in line]
    assert refused == []


def test_the_password_is_in_no_file(shelf):
    assert shelf.files_with(PASSWORD) == []
