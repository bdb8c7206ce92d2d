"""Settlement as its user meets it: an agreement, an order across two stores, who owes whom, and a killed process."""

import json
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.shelf import AGREEMENT, CommandFolder, make_shelf
from tests.support.waiting import until

CATALOG = "sku,name,gtin,unit,cost,price,tax_percent\nMILK,Milk 1 l,4006381333931,each,1.00,1.50,7\n"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandFolder]:
    made = make_shelf(tmp_path_factory.mktemp("shelf"))
    (made.folder / "catalog.csv").write_text(CATALOG)
    (made.folder / "agreement.toml").write_text(AGREEMENT)
    made.up()
    yield made
    made.end(signal.SIGTERM)


def told(shelf: CommandFolder, *words: str) -> str:
    done = shelf.call(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def net(shelf: CommandFolder) -> dict[str, int]:
    found = json.loads(told(shelf, "settle", "balance", "riverside", "--json"))["net"]
    return {one["party"]: one["amount_minor"] for one in found}


def test_an_order_across_stores_is_owed_for_as_the_members_agreed(shelf):
    """Two of milk at 1.00 and 10 % are 2.20; 7 % tax is 0.15; handling 0.50: Bert's owes Anna's 2.85."""
    assert "is published" in told(shelf, "agreement", "publish", "riverside", "agreement.toml")
    assert "holds now" in told(shelf, "agreement", "list", "riverside")
    shelf.drop("anna", "opening-1.csv", "gtin,quantity\n4006381333931,20\n")
    until(lambda: shelf.available_milli("MILK") == 20_000, "the opening stock")
    by = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    told(
        shelf, "order", "place", "riverside", "MILK=2", "--at", "bert", "--by", by, "--order", "R-1", "--wait-s", "200"
    )
    told(shelf, "order", "confirm", "riverside", "R-1", "--wait-s", "200")
    for kind in ("pick", "hand_over"):
        tasks = json.loads(told(shelf, "tasks", "anna", "--json"))
        [task] = [one["task"] for one in tasks if one["kind"] == kind]
        told(shelf, "tasks", "done", task)
    until(lambda: net(shelf) == {"anna": 285, "bert": -285}, lambda: net(shelf))
    assert "2.85 EUR" in told(shelf, "settle", "statement", "riverside", "anna")


def test_a_killed_process_goes_on_and_posts_nothing_twice(shelf):
    pid = shelf.runtime.process_pids["settlement"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: shelf.runtime.process_pids.get("settlement") not in (None, pid), "the restart")
    shelf.sell("sales-1.csv", receipt=1, units=1)
    until(lambda: shelf.available_milli("MILK") == 17_000, "the sale")
    assert net(shelf) == {"anna": 285, "bert": -285}


def test_what_would_have_been_owed_by_another_agreement_is_told(shelf):
    (shelf.folder / "proposal.toml").write_text(AGREEMENT.replace("version = 1", "version = 2").replace("0.50", "1.00"))
    shown = told(shelf, "agreement", "diff", "riverside", "agreement.toml", "proposal.toml")
    assert [line.split()[0] for line in shown.splitlines()[1:3]] == ["anna", "bert"]
    assert "0.50 EUR" in shown
    again = shelf.call("agreement", "publish", "riverside", "agreement.toml")
    assert "stands already" in again.stdout
