"""A connector that another package brings: installed beside ours, it is found, described and run, unchanged."""

import json
import os
import subprocess
import sys
import zipfile

import pytest

SPEC = """
from typing import Literal

from connectors.installed import ConnectorType
from connectors.vendor.options import VendorOptions


class PigeonOptions(VendorOptions):
    kind: Literal["pigeon"] = "pigeon"
    loft: str
    \"\"\"Where the pigeons live.\"\"\"


CONNECTOR = ConnectorType("pigeon", "Sales by carrier pigeon.", PigeonOptions, "pigeon_post.client:make")
"""
CLIENT = """
from connectors.contract import Translated
from connectors.parsing.lines import sale_line
from connectors.vendor.connector import VendorConnector
from connectors.vendor.contract import Feed, FeedPage
from schemas.models.pos import Sale, Source


class Pigeons:
    media_types = frozenset({"application/json"})

    def __init__(self, options, store):
        self._options, self._store = options, store

    def verify(self, delivery):
        raise AssertionError("pigeons send no webhooks")

    receive = verify

    def feeds(self):
        return (Feed("letters", self._read, lambda: 0, 0),)

    def check(self):
        return f"the loft {self._options.loft} has 7 pigeons"

    def discover(self):
        return iter(())

    def close(self):
        pass

    def _read(self, from_ms):
        line = sale_line("1", {"sku": "CORN", "quantity": "0.485", "unit": "kg"}, self._store.currency)
        sale = Sale(
            pool=self._store.pool, store=self._store.id, source=Source(system="pigeon", id="letter/1", version=1),
            occurred_at_ms=1_772_352_900_000, recorded_at_ms=1_772_352_900_000, lines=(line,),
        )
        yield FeedPage(Translated((sale,)), 1)


def make(options, store, context):
    return VendorConnector(Pigeons(options, store), options, store, context)
"""


RUN = """
import json, sys
from typer.testing import CliRunner
from commonshelf.cli import app

told = []
for words in json.loads(sys.argv[1]):
    ran = CliRunner().invoke(app, ["connect", *words])
    assert ran.exit_code == 0, (words, ran.output, ran.exception)
    told.append(ran.stdout)
print(json.dumps(told))
"""


@pytest.fixture
def shelf(tmp_path):
    """Runs `./shelf` as its own process, in which a wheel of that package is installed."""
    wheel, site = tmp_path / "pigeon_post-1.0-py3-none-any.whl", tmp_path / "site"
    with zipfile.ZipFile(wheel, "w") as made:
        made.writestr("pigeon_post/__init__.py", "")
        made.writestr("pigeon_post/spec.py", SPEC)
        made.writestr("pigeon_post/client.py", CLIENT)
        info = "pigeon_post-1.0.dist-info"
        made.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: pigeon-post\nVersion: 1.0\n")
        made.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        made.writestr(f"{info}/entry_points.txt", "[commonshelf.connectors]\npigeon = pigeon_post.spec:CONNECTOR\n")
        made.writestr(f"{info}/RECORD", "")
    with zipfile.ZipFile(wheel) as packed:  # what installing a pure wheel comes to
        packed.extractall(site)
    (tmp_path / "token").write_text("a-token-of-the-pigeons-of-anna")
    (tmp_path / "commonshelf.toml").write_text(
        "[[pools]]\nid = 'north'\nname = 'North'\n[[stores]]\nid = 'anna'\nname = 'Anna'\n"
        "[[stores.connectors]]\nkind = 'pigeon'\nloft = 'roof'\n"
    )

    def run(*commands):
        """What each of them prints, all in one new process: to start one takes seconds."""
        environment = os.environ | {"PYTHONPATH": str(site), "COLUMNS": "200"}
        ran = subprocess.run(
            [sys.executable, "-c", RUN, json.dumps(commands)],
            env=environment, capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return json.loads(ran.stdout)

    return run


def test_it_is_listed_described_checked_and_read(shelf):
    listed, described, checked, read = shelf(
        ["list"], ["spec", "pigeon"], ["check", "anna"], ["read", "anna", "--dry-run", "--since", "2026-01-01"]
    )  # fmt: skip
    assert "Sales by carrier pigeon." in listed
    assert "Where the pigeons live." in described
    assert checked == "ok    pigeon: the loft roof has 7 pigeons\n"
    assert "CORN" in read
