"""Settings: where values come from, and what a person reads when one is wrong."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from commonshelf.config.credentials import kafka_options
from commonshelf.config.settings import Agents, Kafka, Ledger, Pool, Settings, Store, parse_contribution
from commonshelf.config.sources import SettingsError, environment_names, load, unknown_variables
from commonshelf.config.web_settings import Http
from connectors.installed import installed
from schemas.models.config import Contribution, ContributionKind

POOL = '[[pools]]\nid = "riverside"\nname = "Riverside"\n'
STORE = '[[stores]]\nid = "anna"\nname = "Anna"\n'


def write(folder: Path, text: str) -> Path:
    file = folder / "shelf.toml"
    file.write_text(text, encoding="utf-8")
    return file


def refusal(folder: Path, text: str, env: dict[str, str] | None = None) -> str:
    file = write(folder, text)
    with pytest.raises(SettingsError) as caught:
        load(file, env=env or {})
    return str(caught.value).replace(f"{folder}/", "")


def test_without_a_file_every_setting_has_a_default_that_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    loaded = load(env={})
    assert (loaded.file, loaded.settings.partitions, loaded.settings.kafka.is_embedded) == (None, 12, True)
    assert tmp_path / ".commonshelf" == loaded.settings.data_dir


def test_the_file_in_the_current_folder_is_taken(tmp_path, monkeypatch):
    (tmp_path / "commonshelf.toml").write_text("partitions = 3\n")
    monkeypatch.chdir(tmp_path)
    assert load(env={}).settings.partitions == 3


def test_the_environment_beats_the_file_and_the_command_line_beats_both(tmp_path):
    file = write(tmp_path, "partitions = 3\n[http]\nport = 1\nagents_port = 2\n")
    env = {"COMMONSHELF_HTTP_PORT": "10", "COMMONSHELF_PARTITIONS": "4"}
    loaded = load(file, env=env, overrides={"http.port": 100})
    assert (loaded.settings.partitions, loaded.settings.http.port, loaded.settings.http.agents_port) == (4, 100, 2)
    assert loaded.origin_of("partitions") == "environment variable COMMONSHELF_PARTITIONS"
    assert loaded.origin_of("http.port") == "command line"
    assert loaded.origin_of("http.agents_port") == f"{file}:4"
    assert loaded.origin_of("http.webhook_port") == "default"


def test_paths_are_relative_to_the_file_that_names_them(tmp_path):
    file = write(tmp_path, f'{POOL}catalog_files = ["lists/catalog.csv"]\n')
    assert load(file, env={}).settings.pools[0].catalog_files == (tmp_path / "lists/catalog.csv",)


def test_a_store_belongs_to_the_only_pool(tmp_path):
    assert load(write(tmp_path, POOL + STORE), env={}).settings.stores[0].pool == "riverside"


def test_decimals_of_the_file_are_exact(tmp_path):
    text = f"{POOL}{STORE}safety_stock_units = 0.1\nlatitude_deg = 52.520008\n"
    store = load(write(tmp_path, text), env={}).settings.stores[0]
    assert (store.declared().safety_stock_milli, store.declared().latitude_e6) == (100, 52_520_008)


def test_settings_pass_to_a_child_process_unchanged(tmp_path):
    text = f'{POOL}{STORE}safety_stock_units = 1.5\n[[stores.connectors]]\nkind = "webhook"\nsecret_env = "S"\n'
    settings = load(write(tmp_path, text), env={}).settings
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[kafka]\nbotstrap_servers = 'a:1'", "shelf.toml:2: kafka.botstrap_servers is no setting; did you mean boot"),
        ("[kafka]\nport = 3", "shelf.toml:2: kafka.port is no setting; allowed here: bootstrap_servers, ca_file"),
        ("partitions = 0", "shelf.toml:1: partitions is 0: it should be greater than or equal to 1"),
        ("[http]\n\nport = 'x'", "shelf.toml:3: http.port is 'x': it should be a valid integer"),
        (POOL + "time_zone = 'Mars/One'", "shelf.toml:4: pools[0].time_zone is 'Mars/One': 'Mars/One' is no time zone"),
        (POOL + "[[stores]]\nid = 'a b'\nname = 'A'", "shelf.toml:5: stores[0].id is 'a b': "),
        (POOL + STORE + "contribution = 'all'", "shelf.toml:7: stores[0].contribution is 'all': write share:PERMILLE"),
        (POOL + STORE + "pool = 'lake'", "store anna names the pool 'lake', which is not declared (riverside)"),
        (POOL + STORE + STORE, "stores: the id anna is given twice; each needs its own"),
        (POOL + STORE + "[[stores.connectors]]\nkind = 'ftp'", ".kind must be one of 'clover', 'drop_folder', "),
        (POOL + STORE + "[[stores.connectors]]\nkind = 'drop_folder'", "stores[0].connectors[0].folder is missing; "),
        (POOL + STORE + "[[stores.connectors]]\nkind = 'webhook'", "a webhook needs secret_env = "),
        ("[kafka]\nbootstrap_servers = 'a:1'\nsecurity_protocol = 'SASL_SSL'", "SASL_SSL needs sasl_mechanism and"),
        ("[kafka]\nsecurity_protocol = 'SSL'", "security_protocol is for an existing cluster"),
        ("pools = 3", "shelf.toml:1: pools is 3: it should be a list"),
        ("kafka = 3", "shelf.toml:1: kafka is 3: it should be a table"),
        ("= 3", "shelf.toml is not valid TOML: "),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_told_with_file_line_key_and_what_is_allowed(tmp_path, text, expected):
    said = refusal(tmp_path, text)
    assert expected in said
    assert len(said.splitlines()) == 1


def test_every_wrong_setting_is_told_at_once(tmp_path):
    assert len(refusal(tmp_path, "partitions = 0\n[http]\nport = -1\n").splitlines()) == 2


def test_a_wrong_variable_is_told_by_its_name(tmp_path):
    said = refusal(tmp_path, "", env={"COMMONSHELF_HTTP_PORT": "many"})
    assert said.startswith("environment variable COMMONSHELF_HTTP_PORT: http.port is 'many': ")


def test_a_file_that_is_missing_or_no_text_is_told(tmp_path):
    with pytest.raises(SettingsError, match=r"there is no settings file .*nowhere\.toml"):
        load(tmp_path / "nowhere.toml", env={})
    (tmp_path / "utf16.toml").write_bytes("partitions = 3".encode("utf-16"))
    with pytest.raises(SettingsError, match="not UTF-8"):
        load(tmp_path / "utf16.toml", env={})


def test_a_secret_in_the_file_is_refused_without_showing_it(tmp_path):
    said = refusal(tmp_path, "[kafka]\nsasl_password = 'hunter2'\n")
    assert "secrets do not belong in this file" in said
    assert "hunter2" not in said


def test_a_secret_in_place_of_its_variable_is_refused_without_showing_it(tmp_path):
    said = refusal(tmp_path, f"{POOL}{STORE}[[stores.connectors]]\nkind = 'webhook'\nsecret_env = 'hunter-2'\n")
    assert "hunter-2" not in said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("share:800", Contribution(kind=ContributionKind.share, value=800)),
        ("cap:2.5", Contribution(kind=ContributionKind.cap, value=2500)),
        ("fixed:10", Contribution(kind=ContributionKind.fixed, value=10_000)),
    ],
)
def test_a_contribution_is_read_in_permille_or_units(text, expected):
    assert parse_contribution(text) == expected


@pytest.mark.parametrize("text", ["share:1001", "share:0.5", "cap:-1", "cap:1.0001", "cap:", "cap:NaN", "all:1", ""])
def test_a_contribution_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="write share:PERMILLE"):
        parse_contribution(text)


def test_a_password_comes_from_its_variable_or_file(tmp_path):
    sasl = {
        "bootstrap_servers": "a:1", "security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN", "sasl_username": "me",
    }  # fmt: skip
    by_variable = Kafka.model_validate({**sasl, "sasl_password_env": "PW"})
    assert kafka_options(by_variable, {"PW": "hunter2"})["sasl.password"] == "hunter2"
    (tmp_path / "pw").write_text("hunter3\n")
    by_file = Kafka.model_validate({**sasl, "sasl_password_file": tmp_path / "pw"})
    assert kafka_options(by_file, {})["sasl.password"] == "hunter3"
    with pytest.raises(SettingsError, match="set the environment variable PW"):
        kafka_options(by_variable, {})


def test_a_mistyped_variable_is_noticed():
    env = {"COMMONSHELF_KAFKA_BOOTSTRAP": "x", "COMMONSHELF_CACHE": "x", "PATH": "x", "COMMONSHELF_MINE": "x"}
    assert unknown_variables(env, {"COMMONSHELF_MINE"}) == {
        "COMMONSHELF_KAFKA_BOOTSTRAP": "COMMONSHELF_KAFKA_BOOTSTRAP_SERVERS"
    }


def test_each_scalar_setting_has_a_variable_of_its_own():
    names = environment_names()
    assert names["COMMONSHELF_LEDGER_BATCH_AGE_MS"] == "ledger.batch_age_ms"
    assert len(set(names.values())) == len(names)


def test_every_number_has_its_unit_in_its_name():
    counted = "port|partitions|workers|brokers|(reroutes|orders_at_once|orders_per_day)_max"
    units = rf"(_id|_ms|_s|_min|_h|_days|_mb|_deg|_units|_records|{counted})$"
    models = [Settings, Kafka, Http, Ledger, Agents, Pool, Store, *(each.options for each in installed()[0].values())]
    numbers = [
        name
        for model in models
        for name, field in model.model_fields.items()
        if field.annotation in (int, float, Decimal, int | None)
    ]
    assert [name for name in numbers if not re.search(units, name)] == []


def test_opening_hours_are_minutes_of_weekdays_in_their_order(tmp_path):
    file = tmp_path / "shelf.toml"
    hours = 'opening = { tue = ["14:00-24:00", "00:00-02:30"], mon = ["09:00-13:00"] }\nclosed_days = ["2026-12-25"]'
    file.write_text(f'[[pools]]\nid = "p"\nname = "P"\nhold_ttl_min = 5\n[[stores]]\nid = "s"\nname = "S"\n{hours}\n')
    settings = load(file, env={}).settings
    declared = settings.stores[0].declared()
    assert [(one.weekday, one.opens_minute, one.closes_minute) for one in declared.opening] == [
        (1, 540, 780), (2, 840, 1440), (2, 0, 150),
    ]  # fmt: skip
    assert declared.closed_days == ("2026-12-25",)
    assert settings.pools[0].declared().hold_ttl_ms == 300_000


@pytest.mark.parametrize("span", ["9-18", "18:00-09:00", "09:00-24:30", "09:00-09:00"])
def test_a_span_that_is_no_part_of_a_day_is_refused(tmp_path, span):
    file = tmp_path / "shelf.toml"
    hours = f'opening = {{ mon = ["{span}"] }}'
    file.write_text(f'[[pools]]\nid = "p"\nname = "P"\n[[stores]]\nid = "s"\nname = "S"\n{hours}\n')
    with pytest.raises(SettingsError):
        load(file, env={})


@pytest.mark.parametrize("url", ["postgresql://me:hunter2@db/vault", "postgresql://me@db/vault?password=hunter2"])
def test_a_password_in_the_vault_s_address_is_refused_and_not_shown(tmp_path, url):
    told = refusal(tmp_path, f'[vault]\ndatabase_url = "{url}"\n')
    assert told == (
        "shelf.toml:2: vault.database_url: the password belongs into the variable or the file named beside it, "
        "not into the address"
    )


def test_a_number_of_brokers_may_come_from_the_environment():
    assert load(None, {"COMMONSHELF_KAFKA_EMBEDDED_BROKERS": "3"}).settings.kafka.embedded_brokers == 3
    with pytest.raises(SettingsError, match="should be 1 or 3"):
        load(None, {"COMMONSHELF_KAFKA_EMBEDDED_BROKERS": "2"})


@pytest.mark.parametrize(
    ("variables", "replicas"),
    [
        ({}, 1),
        ({"COMMONSHELF_KAFKA_EMBEDDED_BROKERS": "3"}, 3),
        ({"COMMONSHELF_KAFKA_BOOTSTRAP_SERVERS": "kafka:9092"}, 3),
        ({"COMMONSHELF_KAFKA_BOOTSTRAP_SERVERS": "kafka:9092", "COMMONSHELF_KAFKA_REPLICAS": "1"}, 1),
    ],
)
def test_replicas_follow_from_the_settings_and_from_nobody_s_being_up(variables, replicas):
    assert load(None, variables).settings.kafka.topic_replicas == replicas
