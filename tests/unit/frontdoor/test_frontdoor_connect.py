"""The `connect` commands that need no Kafka, against a vendor on a real port."""

import json

import pytest
from typer.testing import CliRunner

from commonshelf.cli import app
from commonshelf.stack import doctor
from connectors import installed as installed_module
from connectors.installed import Broken, installed
from tests.support.rigs.rig import CANARY, HOUR_MS, NOW_MS, Order
from tests.support.rigs.square import LOCATION, SquareRig
from tests.support.vendor_server import Answer, VendorServer

STORES = """
[[pools]]
id = "north"
name = "North"
[[stores]]
id = "anna"
name = "Anna"
"""


@pytest.fixture
def rig():
    return SquareRig()


@pytest.fixture
def shelf(rig, tmp_path):
    """Runs a command with the settings of a store that has Square and a webhook."""
    (tmp_path / "token").write_text(rig.token)
    (tmp_path / "secret").write_bytes(b"a-secret-of-the-store-anna")
    with VendorServer(rig.answer) as server:
        file = tmp_path / "shelf.toml"
        file.write_text(
            f"{STORES}[[stores.connectors]]\nkind = 'webhook'\nsecret_file = 'secret'\n"
            f"[[stores.connectors]]\nkind = 'square'\nlocation_id = '{LOCATION}'\ntoken_file = 'token'\n"
            f"base_url = '{server.url}'\n"
        )
        yield lambda *words: CliRunner().invoke(app, ["connect", *words, "--config", str(file)])


def test_list_names_what_is_installed():
    listed = CliRunner().invoke(app, ["connect", "list", "--json"])
    assert {each["kind"] for each in json.loads(listed.output)["kinds"]} == set(installed()[0])


def test_list_tells_what_is_installed_but_broken(monkeypatch):
    types, _ = installed()
    monkeypatch.setattr(installed_module, "installed", lambda: (types, (Broken("acme", "acme.spec cannot be loaded"),)))
    listed = CliRunner().invoke(app, ["connect", "list"])
    assert "acme: acme.spec cannot be loaded" in listed.stderr


def test_doctor_tells_a_broken_connector_and_what_to_do(monkeypatch):
    types, _ = installed()
    monkeypatch.setattr(doctor, "installed", lambda: (types, (Broken("acme", "acme.spec cannot be loaded"),)))
    told = CliRunner().invoke(app, ["doctor"], env={"COLUMNS": "300"})
    assert "acme is installed but cannot be used: acme.spec cannot be loaded" in told.output
    assert told.exit_code == 1


@pytest.mark.parametrize("kind", installed()[0])
def test_spec_shows_every_option(kind):
    shown = CliRunner().invoke(app, ["connect", "spec", kind])
    assert [line.split()[0] for line in shown.output.splitlines()] == list(installed()[0][kind].options.model_fields)


def test_spec_of_an_unknown_kind_names_the_known_ones():
    shown = CliRunner().invoke(app, ["connect", "spec", "abacus"])
    assert (shown.exit_code, "drop_folder, " in shown.stderr) == (1, True)


def test_check_says_what_was_reached(shelf):
    checked = shelf("check", "anna")
    assert checked.output == f"ok    webhook: it can start\nok    square: location {LOCATION} is 'Grocer', ACTIVE\n"


def test_check_tells_a_refused_token_and_never_shows_it(shelf, rig):
    old, rig.token = rig.token, "another-token-than-it-was"
    checked = shelf("check", "anna", "--kind", "square")
    assert (checked.exit_code, checked.output.startswith("FAIL  square: Square answers 401")) == (1, True)
    assert old not in checked.output
    assert CANARY not in checked.output


@pytest.mark.parametrize("path", ["/v2/orders/search", "/v2/inventory/changes/batch-retrieve"])
def test_check_tells_the_list_that_the_token_may_not_read(shelf, rig, monkeypatch, path):
    answer = rig._answer
    error = {"category": "AUTHENTICATION_ERROR", "code": "INSUFFICIENT_SCOPES", "detail": CANARY}
    monkeypatch.setattr(
        rig, "_answer", lambda asked: Answer({"errors": [error]}, 403) if asked.path == path else answer(asked)
    )
    checked = shelf("check", "anna", "--kind", "square")
    what = "orders" if "orders" in path else "changes"
    assert checked.exit_code == 1
    assert f"but its {what} cannot be read: Square answers 403 (INSUFFICIENT_SCOPES); give it an" in checked.output


def test_check_of_an_unknown_store_names_the_known_ones(shelf):
    assert "the settings file has no store 'bert'; its stores: anna" in str(shelf("check", "bert").exception)


def test_discover_lists_locations_and_items(shelf):
    found = json.loads(shelf("discover", "anna", "--json").output)
    assert [(each["kind"], each["id"], each["name"], each["barcode"], each["sku"]) for each in found] == [
        ("location", LOCATION, "Grocer", "", ""),
        ("item", "milk", "Milk 1 l", "4006381333931", "SKU-milk"),
        ("item", "bread", "Bread 1 l", "", "SKU-bread"),
    ]  # fmt: skip


@pytest.mark.parametrize("command", ["discover", "check"])
def test_what_a_vendor_calls_things_does_not_steer_the_terminal(shelf, rig, monkeypatch, command):
    answer = rig._answer

    def steering(asked):
        given = answer(asked)
        text = json.dumps(given.body).replace('"Grocer"', json.dumps("Gro\x1b[2J\x9b\r\ncer"))
        return Answer(json.loads(text), given.status, given.headers)

    monkeypatch.setattr(rig, "_answer", steering)
    shown = shelf(command, "anna", "--kind", "square").output
    assert "2J" in shown
    assert [char for char in shown if not char.isprintable() and char != "\n"] == []
    assert not [line for line in shown.splitlines() if line.startswith("cer")]


def test_a_dry_run_shows_so_many_events_and_nothing_personal(shelf, rig):
    rig.record(*(Order(f"A{n}", at_ms=NOW_MS - n * HOUR_MS) for n in range(9)))
    shown = shelf("read", "anna", "--dry-run", "--limit", "3")
    assert [json.loads(line)["store"] for line in shown.output.splitlines()] == ["anna"] * 3
    assert CANARY not in shown.output


def test_a_dry_run_begins_where_it_is_told(shelf, rig):
    rig.record(*(Order(f"A{n}", at_ms=NOW_MS - n * 24 * HOUR_MS) for n in range(9)))
    assert len(shelf("read", "anna", "--dry-run", "--since", "60h", "--limit", "100").output.splitlines()) == 3


def test_what_is_only_sent_to_us_cannot_be_read(shelf):
    told = shelf("read", "anna", "--dry-run", "--kind", "webhook")
    assert "webhook takes what is sent to it" in str(told.exception)
