"""The vault on SQLite: who may open what, and that what is erased is gone from the disk."""

import json
import secrets
from functools import partial
from pathlib import Path

import pytest
from faust import App
from prometheus_client import CollectorRegistry
from pydantic import ValidationError
from sqlalchemy import text
from typer.testing import CliRunner

from commonshelf.cli import app
from messaging.clock import Uptime
from schemas.models.base import CLOCK_STEP_MAX_MS
from streams.vault import Address, Purpose, Role, Vault, VaultRefusedError, sqlite_engine
from streams.vault import agent as vault_agent
from streams.vault import vault as vault_module
from streams.vault.agent import Sweeper
from tests.support.vault import CANARY, DAY_MS, NOON_MS, address, audited, keys, refusal

REFERENCE = "adr-" + "0" * 32


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "vault"


@pytest.fixture
def vault(folder) -> Vault:
    return Vault(sqlite_engine(folder / "vault.sqlite3"))


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


def test_a_carrier_opens_what_the_order_taker_put_and_both_are_written_down(vault):
    key = keys(vault)
    reference = vault.put(key[Role.orders], address(1), NOON_MS + DAY_MS, NOON_MS)
    assert vault.open(key[Role.carriers], reference, Purpose.deliver, NOON_MS + 1) == address(1)
    assert audited(vault, reference) == [
        ("put", "orders-1", None, ""), ("open", "carriers-1", "deliver", ""),
    ]  # fmt: skip


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("role", Role)
def test_only_routes_plan_and_only_carriers_deliver(vault, role, purpose):
    key = keys(vault)
    reference = vault.put(key[Role.orders], address(1), NOON_MS + DAY_MS, NOON_MS)
    if (role, purpose) in ((Role.routes, Purpose.plan_route), (Role.carriers, Purpose.deliver)):
        assert vault.open(key[role], reference, purpose, NOON_MS) == address(1)
    else:
        assert refusal(lambda: vault.open(key[role], reference, purpose, NOON_MS)) == "not_allowed"
        assert audited(vault, reference)[-1] == ("open", f"{role.value}-1", purpose.value, "not_allowed")


@pytest.mark.parametrize("role", Role)
def test_only_order_takers_put_and_only_they_and_privacy_erase(vault, role):
    key = keys(vault)
    reference = vault.put(key[Role.orders], address(1), NOON_MS + DAY_MS, NOON_MS)
    if role != Role.orders:
        assert refusal(lambda: vault.put(key[role], address(2), NOON_MS + DAY_MS, NOON_MS)) == "not_allowed"
    if role in (Role.orders, Role.privacy):
        vault.erase(key[role], reference, NOON_MS)
        assert refusal(lambda: vault.erase(key[role], reference, NOON_MS)) == "unknown_reference"
    else:
        assert refusal(lambda: vault.erase(key[role], reference, NOON_MS)) == "not_allowed"


def test_a_key_that_was_never_given_or_was_taken_back_opens_nothing(vault):
    key = keys(vault)
    reference = vault.put(key[Role.orders], address(1), NOON_MS + DAY_MS, NOON_MS)
    vault.revoke("carriers-1", NOON_MS)
    for stranger in (key[Role.carriers], secrets.token_urlsafe(32), ""):
        assert refusal(lambda key=stranger: vault.open(key, reference, Purpose.deliver, NOON_MS)) == "unknown_key"
    assert audited(vault, reference)[-1] == ("open", None, "deliver", "unknown_key")
    assert vault.callers() == [("orders-1", "orders"), ("privacy-1", "privacy"), ("routes-1", "routes")]


def test_a_name_has_one_key_and_nobody_loses_one_twice(vault):
    vault.allow("anna", Role.orders, NOON_MS)
    assert refusal(lambda: vault.allow("anna", Role.carriers, NOON_MS)) == "name_taken"
    vault.revoke("anna", NOON_MS)
    assert refusal(lambda: vault.revoke("anna", NOON_MS)) == "unknown_caller"
    vault.allow("anna", Role.carriers, NOON_MS)


def test_what_has_expired_is_not_opened_even_before_it_is_swept(vault, folder):
    key = keys(vault)
    short = vault.put(key[Role.orders], address(1), NOON_MS + 10, NOON_MS)
    long = vault.put(key[Role.orders], address(2), NOON_MS + 11, NOON_MS)
    assert vault.open(key[Role.carriers], short, Purpose.deliver, NOON_MS + 9) == address(1)
    assert refusal(lambda: vault.open(key[Role.carriers], short, Purpose.deliver, NOON_MS + 10)) == "unknown_reference"
    assert vault.erase_expired(NOON_MS + 10) == 1
    assert vault.erase_expired(NOON_MS + 10) == 0
    assert audited(vault, short)[-1] == ("expire", None, None, "")
    assert CANARY.format(1).encode() not in on_disk(folder)
    assert vault.open(key[Role.carriers], long, Purpose.deliver, NOON_MS + 10) == address(2)


def test_of_what_is_erased_no_byte_is_left_in_the_files_and_the_rest_stays(vault, folder):
    key = keys(vault)
    references = [vault.put(key[Role.orders], address(at), NOON_MS + DAY_MS, NOON_MS) for at in range(60)]
    assert all(CANARY.format(at).encode() in on_disk(folder) for at in range(60))
    for reference in references[::2]:
        vault.erase(key[Role.privacy], reference, NOON_MS)
    left = on_disk(folder)
    assert [at for at in range(60) if CANARY.format(at).encode() in left] == list(range(1, 60, 2))
    assert [file.name for file in folder.iterdir()] == ["vault.sqlite3"]
    opened = [vault.open(key[Role.carriers], one, Purpose.deliver, NOON_MS) for one in references[1::2]]
    assert opened == [address(at) for at in range(1, 60, 2)]


def test_a_file_that_was_not_written_anew_because_the_process_ended_is_at_the_next_sweep(vault, folder):
    key = keys(vault)
    reference = vault.put(key[Role.orders], address(1), NOON_MS + DAY_MS, NOON_MS)
    vault.erase(key[Role.orders], reference, NOON_MS)
    engine = sqlite_engine(folder / "vault.sqlite3")
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM vault_audit WHERE action = 'compact'"))
    assert vault.erase_expired(NOON_MS) == 0
    assert [one.action for one in vault.audit()][-1] == "compact"
    vault.erase_expired(NOON_MS)
    assert [one.action for one in vault.audit()].count("compact") == 1


def test_what_another_erases_while_the_file_is_written_anew_is_not_taken_for_gone(vault, monkeypatch):
    key = keys(vault)
    references = [vault.put(key[Role.orders], address(at), NOON_MS + DAY_MS, NOON_MS) for at in range(2)]
    written = []

    def slow(engine):
        written.append(len(vault.audit()))
        if len(written) == 1:  # a second process ends between its deletion and its own writing anew
            with engine.begin() as connection:
                connection.execute(text("DELETE FROM vault_addresses"))
                vault_module._note(connection, NOON_MS, "erase", "privacy-1", "privacy", references[1])

    monkeypatch.setattr(vault_module, "compact", slow)
    vault.erase(key[Role.privacy], references[0], NOON_MS)
    assert [one.action for one in vault.audit()][-2:] == ["erase", "erase"]
    vault.erase_expired(NOON_MS)
    assert ([one.action for one in vault.audit()][-1], len(written)) == ("compact", 2)
    vault.erase_expired(NOON_MS)
    assert len(written) == 2


def test_the_audit_and_the_callers_hold_nothing_personal_and_no_key(vault, folder):
    key = keys(vault)
    reference = vault.put(key[Role.orders], address(1), NOON_MS + DAY_MS, NOON_MS)
    refusal(lambda: vault.open(key[Role.carriers], CANARY.format(7), Purpose.deliver, NOON_MS))
    vault.erase(key[Role.orders], reference, NOON_MS)
    assert b"canary" not in on_disk(folder)
    assert not any(one.encode() in on_disk(folder) for one in key.values())


def test_an_address_shows_in_no_representation_and_no_error(vault):
    assert "canary" not in repr(address(1))
    with pytest.raises(ValidationError) as raised:
        Address.model_validate({"name": "canary", "street": "canary" * 100, "city": 5})
    assert "canary" not in str(raised.value)
    with pytest.raises(VaultRefusedError) as refused:
        vault.put("canary-key", address(1), NOON_MS, NOON_MS)
    assert "canary" not in str(refused.value)


def test_only_the_owner_may_read_the_file(vault, folder):
    assert (folder / "vault.sqlite3").stat().st_mode & 0o077 == 0


def test_the_agents_erase_what_has_expired_and_outlive_a_vault_that_is_away(vault, folder):
    key = keys(vault)
    vault.put(key[Role.orders], address(1), NOON_MS + 10, NOON_MS)
    metrics, away = CollectorRegistry(), True

    def engine():
        if away:
            raise OSError("no such disk")
        return sqlite_engine(folder / "vault.sqlite3")

    sweeper = Sweeper(App("test"), metrics, make_engine=engine, interval_s=60, now_ms=lambda: NOON_MS + 10)
    sweeper.sweep()
    away = False
    sweeper.sweep()
    assert metrics.get_sample_value("commonshelf_vault_sweeps_failed_total") == 1
    assert metrics.get_sample_value("commonshelf_vault_erased_total") == 1
    assert CANARY.format(1).encode() not in on_disk(folder)


def test_a_clock_that_leaps_erases_nothing_at_once_and_an_operator_takes_the_vault_s_along(vault, folder, caplog):
    """Nine days ahead and back, with a restart in that time; then a sweep by hand after the agents were away."""
    key, day_ms = keys(vault), NOON_MS + DAY_MS
    vault.put(key[Role.orders], address(1), day_ms, NOON_MS)
    vault.put(key[Role.orders], address(2), NOON_MS + 2 * CLOCK_STEP_MAX_MS, NOON_MS)
    now_ms = [NOON_MS]

    def agents():
        make_engine = partial(sqlite_engine, folder / "vault.sqlite3")
        registry = CollectorRegistry()
        return Sweeper(App("test"), registry, make_engine=make_engine, interval_s=60, now_ms=lambda: now_ms[0])

    sweeper = agents()
    sweeper.sweep()
    assert vault.clock_ms() == NOON_MS
    now_ms[0] += 9 * DAY_MS
    for restarted in (agents(), agents()):
        restarted.sweep()
    assert vault.clock_ms() == NOON_MS + 2 * CLOCK_STEP_MAX_MS, "two sweeps are two minutes"
    assert caplog.text == "", "a vault that lags warns nobody"
    now_ms[0] = NOON_MS
    sweeper.sweep()
    assert "clock is 120 s ahead of this machine's" in caplog.text
    assert "`./shelf vault sweep`" in caplog.text
    assert vault.clock_ms() == NOON_MS + 2 * CLOCK_STEP_MAX_MS, "never back"
    expired = [attempt.action for attempt in vault.audit()].count("expire")
    assert expired == 1, "the one that was kept for two minutes"
    assert vault.erase_expired(day_ms - 1) == 0
    assert vault.erase_expired(day_ms) == 1
    assert vault.clock_ms() == day_ms


def test_what_passed_by_the_uptime_passes_for_the_vault(vault, folder, monkeypatch):
    """Sweeps a day apart erase what has expired by a day, as often as they are told to look."""
    boot = [Uptime("this", 0)]
    monkeypatch.setattr(vault_agent, "uptime", lambda: boot[0])
    monkeypatch.setattr(vault_agent, "age_ms", lambda since: boot[0].ms - since.ms)
    make_engine = partial(sqlite_engine, folder / "vault.sqlite3")
    clock = lambda: NOON_MS + boot[0].ms  # noqa: E731
    sweeper = Sweeper(App("test"), CollectorRegistry(), make_engine=make_engine, interval_s=86_400, now_ms=clock)
    for days in (0, 1, 2):
        boot[0] = Uptime("this", days * DAY_MS)
        sweeper.sweep()
        assert vault.clock_ms() == NOON_MS + days * DAY_MS


class Desk:
    """The commands, on a settings file of their own."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "shelf.toml"
        self.config.write_text('data_dir = "data"\n')

    def call(self, *words: str, key: str = "", told: str | None = None):
        env = {"COMMONSHELF_VAULT_KEY": key, "COLUMNS": "200"}
        return CliRunner().invoke(app, ["vault", *words, "--config", str(self.config)], env=env, input=told)


def test_the_commands_put_open_audit_and_erase(tmp_path):
    desk = Desk(tmp_path)
    taker, carrier = (desk.call("allow", f"my-{role}", role).output.strip() for role in ("orders", "carriers"))
    reference = desk.call("put", key=taker, told=address(1).model_dump_json()).output.strip()
    opened = desk.call("open", reference, "--for", "deliver", key=carrier)
    assert (opened.exit_code, json.loads(opened.output)) == (0, address(1).model_dump())
    refused = desk.call("open", reference, "--for", "plan_route", key=carrier)
    assert refused.exit_code == 1
    assert "not_allowed: my-carriers is one of the carriers, who may not open for plan_route" in refused.output
    assert desk.call("open", reference, "--for", "deliver").output.startswith("shelf: who asks?")
    assert desk.call("sweep").output == "0 erased\n"
    assert desk.call("erase", reference, key=taker).exit_code == 0
    assert desk.call("open", reference, "--for", "deliver", key=carrier).exit_code == 1
    told = json.loads(desk.call("audit", reference, "--json").output)
    assert [(one["action"], one["refused"]) for one in told] == [
        ("put", ""), ("open", ""), ("open", "not_allowed"), ("erase", ""), ("open", "unknown_reference"),
    ]  # fmt: skip
    assert "my-carriers" in desk.call("audit").output
    assert desk.call("revoke", "my-carriers").exit_code == 0


def test_a_bad_address_is_told_without_what_it_says(tmp_path):
    desk = Desk(tmp_path)
    key = desk.call("allow", "desk", "orders").output.strip()
    told = desk.call("put", key=key, told='{"name": "canary", "street": "canary", "city": "C", "country": "canary"}')
    assert told.exit_code == 1
    assert "country" in told.output
    assert "canary" not in told.output
