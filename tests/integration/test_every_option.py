"""Every option of every connector, through a real start."""

import signal

import httpx

from commonshelf.config.resolved import read_resolved
from tests.support.every_option import ENV, OPTIONS, write_every_option
from tests.support.shelf import CommandFolder


def test_a_stack_with_every_option_of_every_connector_runs(tmp_path):
    write_every_option(tmp_path)
    shelf = CommandFolder(tmp_path)
    shelf.env |= ENV
    assert shelf.call("config", "show").returncode == 0
    runtime = shelf.up()
    assert httpx.get(f"{runtime.urls['connectors']}/ready").status_code == httpx.codes.OK
    ran = read_resolved(tmp_path / ".commonshelf" / "run" / "settings.json")
    assert [store.connectors[0].kind for store in ran.stores] == [kind for kind, _ in OPTIONS]
    assert shelf.call("store", "list", "riverside").returncode == 0
    assert shelf.end(signal.SIGINT) == 0
