"""Keys, grants and listings by the command line."""

import json

import pytest
from typer.testing import CliRunner

from commonshelf.cli import app
from tests.support.waiting import until


@pytest.fixture
def call(api_pool, settings_file):
    """Calls a command; gives what it prints."""

    def called(*words, status=0):
        told = CliRunner().invoke(app, [*words, "--config", str(settings_file)], env={"COLUMNS": "240"})
        assert told.exit_code == status, told.output
        return told.stdout if status == 0 else told.stderr or str(told.exception)

    return called


def test_a_key_is_shown_once_and_listed_without_its_secret(call, api, api_pool):
    made = json.loads(call("key", "add", api_pool.name, "--store", "corner", "--label", "till page", "--json"))
    key, token = made["key"], made["token"]
    until(lambda: api.client(token).get("/key").status_code == 200)
    assert api.client(token).get("/key").json()["store"] == "corner"
    listed = call("key", "list", api_pool.name)
    assert key in listed
    assert "till page" in listed
    secret = token.partition(f"{key}_")[2]
    assert secret
    assert secret not in listed
    assert secret not in call("key", "list", "--json")
    rotated = json.loads(call("key", "rotate", key, "--overlap", "0s", "--json"))["token"]
    until(lambda: api.client(rotated).get("/key").status_code == 200)
    assert api.client(token).get("/key").status_code == 401
    assert call("key", "revoke", key) == f"key {key} (till page) is revoked\n"
    until(lambda: api.client(rotated).get("/key").status_code == 401)
    assert "revoked" in call("key", "list", api_pool.name)
    assert "is revoked" in call("key", "rotate", key, status=1)


def test_numbers_are_opened_and_closed(call, api, api_pool):
    words = ("grant", "numbers", api_pool.name, "bakery", "--to", "corner", "--purpose", "holidays", "--lasts", "1d")
    grant = call(*words).split()[1].removesuffix(":")
    until(lambda: [one["grant"] for one in api.views.grants(api_pool.name)] == [grant])
    assert grant in call("grant", "list", api_pool.name)
    assert "is over" in call("grant", "end", api_pool.name, grant)
    until(lambda: api.views.grants(api_pool.name)[0]["ended_at_ms"] is not None)
    assert "over" in call("grant", "list", api_pool.name)


def test_a_store_shows_itself_and_hides_again(call, api, api_pool):
    call("grant", "public", api_pool.name, "bakery", "--bands", "--category", "Dairy", "--service", "bottle return")
    until(lambda: "bakery" in api.views.listings(api_pool.name))
    assert api.views.listings(api_pool.name)["bakery"]["services"] == ["bottle return"]
    call("grant", "public", api_pool.name, "bakery", "--hide")
    until(lambda: "bakery" not in api.views.listings(api_pool.name))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("key", "add", "POOL", "--label", "x"), "say what a service's key may do"),
        (("key", "add", "POOL", "--label", "x", "--scope", "all"), "there is no scope 'all'"),
        (("key", "add", "POOL", "--label", "x", "--store", "conrer"), "did you mean corner?"),
        (("key", "revoke", "none"), "there is no key 'none'"),
        (("grant", "end", "POOL", "none"), "has no grant 'none'"),
        (
            ("grant", "numbers", "POOL", "mill", "--purpose", "x", "--lasts", "1d"),
            "name whom the numbers are opened to",
        ),
    ],
)
def test_a_slip_of_the_hand_is_told(api_pool, settings_file, words, says):
    named = [api_pool.name if word == "POOL" else word for word in words]
    told = CliRunner().invoke(app, [*named, "--config", str(settings_file)], env={"COLUMNS": "240"})
    assert told.exit_code == 1
    assert says in (told.stderr or str(told.exception))
