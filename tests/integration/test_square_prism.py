"""Our Square client against a server that nobody here wrote: Prism, serving Square's own OpenAPI file.

Prism refuses a request that is not as the file says (422), and answers with Square's own examples.
"""

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import pytest

from connectors.contract import AccessRefused, Delivery
from connectors.square.client import SquareVendor
from connectors.square.spec import SquareOptions
from tests.support.connectors import GROCER
from tests.support.rigs.rig import Order
from tests.support.rigs.square import SquareRig
from tests.support.waiting import until

PRISM = "@stoplight/prism-cli@5.16.0"
SPEC = Path(__file__).parents[1] / "payloads" / "square" / "openapi.json"

pytestmark = pytest.mark.needs_debian


@pytest.fixture(scope="module")
def prism():
    """The address of a running Prism, which npm brings."""
    npx = shutil.which("npx")
    assert npx is not None, "npm is missing; `./shelf test --all` installs it"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = os.environ | {"SCARF_ANALYTICS": "false"}
    command = [npx, "--yes", PRISM, "mock", "--host", "127.0.0.1", "--port", str(port), str(SPEC)]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: answers(url) or process.poll() is not None, "Prism")
        assert process.poll() is None, "Prism ended"
        yield url
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answers(url):
    try:
        return httpx.get(f"{url}/v2/locations", timeout=10).status_code > 0
    except httpx.TransportError:
        return False


@pytest.fixture
def vendor(prism, tmp_path):
    (tmp_path / "token").write_text("token-that-is-in-use-now")
    options = SquareOptions(location_id="057P5VYJ4A5X1", token_file=tmp_path / "token", base_url=prism)
    vendor = SquareVendor(options, GROCER)
    yield vendor
    vendor.close()


def test_each_list_is_asked_for_as_square_s_file_says(vendor):
    read = {}
    for feed in vendor.feeds():
        pages = feed.read(feed.start())
        read[feed.name] = next(pages).translated
    assert {name: len(page.events) + len(page.skipped) for name, page in read.items()} == {
        "orders": 0,  # Square's example of it lists entries alone
        "changes": 1,
        "counts": 1,
    }
    assert [skip.reason for skip in read["counts"].skipped] == ["other_store"]


def test_an_order_is_fetched_and_read(vendor):
    _, body = SquareRig().notice(Order("A1"))
    translated = vendor.receive(Delivery((), body, 0))
    assert [skip.reason for skip in translated.skipped] == ["other_store"]


def test_locations_and_items_are_discovered(vendor):
    kinds = [found.kind for found in vendor.discover()]
    assert kinds[:2] == ["location", "location"]
    assert "Grant Park" in vendor.check()


def test_without_a_token_it_is_told(vendor, prism):
    vendor._http.auth = None
    vendor._square._client_wrapper._token = None
    with pytest.raises(AccessRefused):
        vendor.check()
