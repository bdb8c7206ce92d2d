"""The playbook and the board's page name pages that are there; their commands are tried with those of all pages."""

import re
from pathlib import Path

import pytest

from tests.support.board import POOL, hostile_pool, sign_in, visiting

DOCS = Path(__file__).parents[3] / "docs"
NAMES = {"POOL": POOL, "STORE": "anna", "SKU": "milk-1l", "ORDER": "R-1042"}
NEEDS_KAFKA = "/pool/POOL/ops"


def pages(name):
    text = (DOCS / name).read_text(encoding="utf-8")
    return sorted(set(re.findall(r"`(/(?:pool/|signin)[\w/]*)`", text)))


@pytest.mark.parametrize("name", ["playbook.md", "board.md"])
def test_every_page_that_is_named_is_there(name):
    pool = hostile_pool("Anna")
    found = pages(name)
    assert len(found) > 5
    with visiting(pool) as client:
        sign_in(client, pool.add_key("k1", None))
        for page in found:
            path = "/".join(NAMES.get(part, part) for part in page.split("/"))
            if page != NEEDS_KAFKA:
                assert client.get(path).status_code == 200, page


def test_every_page_of_the_board_is_told():
    pool = hostile_pool("Anna")
    told = {re.sub("[A-Z]+", "", page) for page in pages("board.md")}
    with visiting(pool) as client:
        routes = {route.path for route in client.app.routes if "GET" in (route.methods or ())}
    kinds = {re.sub(r"\{[^}]*\}", "", path) for path in routes if path.startswith("/pool")}
    assert kinds - {"/pool//live", "/pool//changes"} == told
