"""The command line itself: documented, helpful, and plain about errors."""

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
import typer
from typer.testing import CliRunner

from commonshelf.cli import app
from commonshelf.commands import run_tests
from commonshelf.config.settings import Agents, Kafka, Ledger, Pool, Settings, Store, Vault
from commonshelf.config.sources import load
from commonshelf.config.web_settings import Http
from commonshelf.options import milli_of, parse_duration_s
from commonshelf.stack.debian_packages import PACKAGES, DebianPackage, NotInstalledError, install_missing
from commonshelf.text import units
from connectors.installed import installed
from tests.support.terminal import COLUMNS, call

ROOT = Path(__file__).resolve().parents[3]
DOCS = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
POOL_SETTINGS = (ROOT / "docs" / "pool-settings.md").read_text(encoding="utf-8")
runner = CliRunner()


def commands(group: click.Group, path: str = "") -> dict[str, click.Command]:
    """Every command by the words that call it."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        full = f"{path} {name}".strip()
        found |= commands(command, full) if hasattr(command, "commands") else {full: command}
    return found


ALL = commands(typer.main.get_command(app))


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_command_is_documented(name):
    assert f"./shelf {name}" in DOCS


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_command_shows_an_example(name):
    assert f"Example: ./shelf {name}" in re.sub(r"COMMONSHELF_\w+=\S+ ", "", ALL[name].help or "")


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_option_is_documented(name):
    options = {option for param in ALL[name].params if not getattr(param, "hidden", False) for option in param.opts}
    assert [option for option in sorted(options) if option.startswith("--") and option not in DOCS] == []


def test_the_documented_settings_file_is_valid_and_names_every_setting(tmp_path):
    text = DOCS.split("```toml\n")[1].split("```")[0]
    file = tmp_path / "shelf.toml"
    file.write_text(text)
    settings = load(file, env={}).settings
    assert [store.id for store in settings.stores] == ["anna"]
    models = [Settings, Kafka, Http, Ledger, Agents, Vault, Pool, Store]
    names = {name for model in models for name in model.model_fields}
    assert [name for name in sorted(names) if name not in DOCS + POOL_SETTINGS] == []


@pytest.mark.parametrize("kind", installed()[0])
def test_every_option_of_a_connector_is_documented(kind):
    page = ROOT / "docs" / "connectors" / f"{kind}.md"
    text = DOCS + (ROOT / "docs" / "connectors" / "README.md").read_text()
    text += page.read_text() if page.exists() else ""
    assert [name for name in installed()[0][kind].options.model_fields if name not in text] == []


def test_help_is_quick_because_heavy_packages_are_not_imported():
    code = (
        "import sys; from commonshelf.cli import app\n"
        "print(*(name for name in ('confluent_kafka', 'fastapi', 'faust', 'pydantic') if name in sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_an_error_of_the_user_is_one_sentence_and_exit_code_1(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "commonshelf", "up", "--config", "nowhere.toml"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == "shelf: there is no settings file nowhere.toml; correct the path, or write the file\n"


@pytest.mark.parametrize(("text", "expected_s"), [("60s", 60), ("2m", 120), ("1.5h", 5400), ("500ms", 0.5), ("7", 7)])
def test_a_duration_is_read_with_its_unit(text, expected_s):
    assert parse_duration_s(text) == expected_s


@pytest.mark.parametrize("text", ["", "soon", "-5s", "5 days"])
def test_a_duration_that_is_none_is_refused(text):
    with pytest.raises(typer.BadParameter, match="write it like 60s"):
        parse_duration_s(text)


@pytest.mark.parametrize(
    ("milli", "expected"), [(1500, "1.5"), (0, "0"), (-485, "-0.485"), (2_000_000, "2000"), (1, "0.001")]
)
def test_thousandths_are_shown_as_plain_decimals(milli, expected):
    assert units(milli) == expected


def test_config_show_tells_values_and_origins_and_masks_secrets(tmp_path):
    secret = "hunter2-hunter2-hunter2"
    file = tmp_path / "shelf.toml"
    file.write_text(
        "partitions = 3\n"
        "[kafka]\nbootstrap_servers = 'a:1'\nsecurity_protocol = 'SASL_SSL'\n"
        "sasl_mechanism = 'PLAIN'\nsasl_username = 'me'\n"
        "[[pools]]\nid = 'p'\nname = 'P'\n[[stores]]\nid = 'a'\nname = 'A'\n"
        "[[stores.connectors]]\nkind = 'webhook'\nsecret_env = ['OLD_SECRET', 'NEW_SECRET']\n"
    )
    env = {"COMMONSHELF_KAFKA_SASL_PASSWORD": secret, "OLD_SECRET": secret, "COMMONSHELF_HTTP_PORT": "9"}
    shown = runner.invoke(app, ["config", "show", "--config", str(file), "--json"], env=env)
    assert (shown.exit_code, "secret of store a is missing" in shown.stderr) == (1, True)
    assert secret not in shown.output
    rows = {(row["setting"], row["origin"]): row["value"] for row in json.loads(shown.stdout)}
    assert rows["partitions", f"{file}:1"] == 3
    assert rows["http.port", "environment variable COMMONSHELF_HTTP_PORT"] == 9
    assert rows["http.agents_port", "default"] == 8082
    assert rows["kafka.sasl_password", "environment variable COMMONSHELF_KAFKA_SASL_PASSWORD"] == "********"
    assert rows["stores[0].connectors[0].secret", "environment variable OLD_SECRET"] == "********"
    assert rows["stores[0].connectors[0].secret", "environment variable NEW_SECRET"] == "missing"


def test_config_show_as_a_table_masks_secrets_too_and_notices_mistyped_variables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    env = {"COMMONSHELF_KAFKA_SASL_PASSWORD": "hunter2-hunter2", "COMMONSHELF_HTTP_PROT": "9", "COLUMNS": "200"}
    shown = runner.invoke(app, ["config", "show"], env=env)
    assert "hunter2" not in shown.output
    assert "COMMONSHELF_HTTP_PROT is set but is no setting; did you mean COMMONSHELF_HTTP_PORT?" in shown.output


def test_doctor_ends_with_1_when_the_settings_are_wrong(tmp_path):
    file = tmp_path / "shelf.toml"
    file.write_text("partitions = 0\n")
    examined = runner.invoke(app, ["doctor", "--config", str(file), "--json"])
    assert examined.exit_code == 1
    findings = {finding["what"]: finding for finding in json.loads(examined.stdout)}
    assert findings["Python"]["is_well"] is True
    assert findings["settings"]["is_well"] is False
    assert "partitions is 0" in findings["settings"]["found"]


def test_doctor_names_a_missing_secret_and_a_taken_port(tmp_path):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        file = tmp_path / "shelf.toml"
        file.write_text(
            f"[http]\nport = {port}\nweb_port = 0\nwebhook_port = 0\nsettlement_port = 0\nrestock_port = 0\n"
            "exporter_port = 0\nconnectors_port = 0\nagents_port = 0\nledger_port = 0\n"
            "[[pools]]\nid = 'p'\nname = 'P'\n[[stores]]\nid = 'a'\nname = 'A'\n"
            "[[stores.connectors]]\nkind = 'webhook'\nsecret_env = 'NO_SUCH_SECRET'\n"
        )
        examined = runner.invoke(app, ["doctor", "--config", str(file)], env={"COLUMNS": "200"})
    assert examined.exit_code == 1
    assert "the webhook secret of store a is missing in environment variable NO_SUCH_SECRET" in examined.output
    assert f"port {port} is taken" in examined.output


def test_doctor_names_a_secret_that_others_may_read_and_is_content_once_they_may_not(tmp_path):
    file, secret = tmp_path / "shelf.toml", tmp_path / "secret"
    secret.write_text("hunter2-hunter2-hunter2")
    file.write_text(
        "[[pools]]\nid = 'p'\nname = 'P'\n[[stores]]\nid = 'a'\nname = 'A'\n"
        "[[stores.connectors]]\nkind = 'webhook'\nsecret_file = 'secret'\n"
    )

    def found(mode):
        secret.chmod(mode)
        return runner.invoke(app, ["doctor", "--config", str(file)], env={"COLUMNS": "300"}).output

    for mode in (0o644, 0o620, 0o602):
        told = found(mode)
        assert "others may read the webhook secret of store a" in told
        assert f"chmod 600 {secret}" in told
        assert "hunter2" not in told
    assert "others may read" not in found(0o600)


def test_every_debian_package_names_the_test_that_needs_it():
    for package in PACKAGES:
        assert "needs_debian" in (ROOT / package.needed_by).read_text(encoding="utf-8")


def test_a_debian_package_that_cannot_be_installed_is_told_loudly(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NotInstalledError, match="no apt-get to install sherlock"):
        install_missing([DebianPackage("sherlock", "sherlock-program", "x")])


def test_tests_that_need_debian_are_left_out_with_a_line_that_says_so(monkeypatch):
    calls: list[list[str]] = []
    monkeypatch.setattr(run_tests, "_python", lambda _name, arguments: calls.append(arguments) or 0)
    ran = runner.invoke(app, ["test", "--", "-x"])
    assert ran.exit_code == 0
    assert "tests that take minutes or need Debian packages are left out; ./shelf test --all" in ran.output
    assert [call[-3:] for call in calls[-3:]] == 3 * [["-m", "not needs_debian and not takes_minutes", "-x"]]


def test_every_folder_of_tests_is_run_once(monkeypatch):
    calls: list[list[str]] = []
    monkeypatch.setattr(run_tests, "_python", lambda _name, arguments: calls.append(arguments) or 0)
    runner.invoke(app, ["test"])
    ran = [argument for call in calls for argument in call if argument.startswith("tests/")]
    for path in ROOT.glob("tests/**/test_*.py"):
        name = path.relative_to(ROOT).as_posix()
        assert [name.startswith(f"{folder}/") for folder in ran].count(True) == 1, name


@pytest.mark.parametrize(
    ("codes", "expected"),
    [((0, 0, 0), 0), ((1, 0, 0), 1), ((0, 1, 0), 1), ((0, 0, 1), 1), ((5, 0, 5), 0), ((5, 5, 5), 5)],
)
def test_a_run_that_fails_fails_the_whole_and_one_that_has_nothing_to_run_does_not(monkeypatch, codes, expected):
    left = list(codes)
    monkeypatch.setattr(run_tests, "_python", lambda name, _arguments: left.pop(0) if "pytest" in name else 0)
    assert runner.invoke(app, ["test"]).exit_code == expected


def test_a_linter_that_fails_fails_the_whole_but_the_tests_still_run(monkeypatch):
    ran_names: list[str] = []

    def run(name: str, _arguments: list[str]) -> int:
        ran_names.append(name)
        return int(name == "mypy")

    monkeypatch.setattr(run_tests, "_python", run)
    ran = runner.invoke(app, ["test", "--", "tests/unit"])
    assert ran.exit_code == 1
    assert ran_names[-1] == "pytest"
    assert "failed so far: mypy" in ran.output


@pytest.mark.parametrize("units", ["two", "NaN", "1e9", "0.0005", ""])
def test_an_amount_that_is_no_exact_number_of_units_is_refused_and_never_cut(units, capsys):
    with pytest.raises(typer.Exit):
        milli_of(units, "--safety-stock")
    assert f"--safety-stock is {units!r}; write a number of units such as 2 or 0.5" in capsys.readouterr().err
    assert [milli_of(each, "") for each in ("2", "0.485", "-1.5")] == [2_000, 485, -1_500]


def test_doctor_fits_a_terminal_and_says_a_finding_a_line_to_a_pipe(tmp_path):
    words = ("doctor", "--bootstrap", "127.0.0.1:1")
    shown, piped = (call(tmp_path, {}, *words, is_terminal=terminal) for terminal in (True, False))
    plain = [re.sub(r"\x1b\[\d*m", "", line) for line in shown.lines]
    assert max(map(len, plain)) <= COLUMNS
    told = " ".join(" ".join(plain).split())
    assert "to do: check that it runs, the address, the network and the security settings" in told
    assert re.search(r"no answer from 127.0.0.1:1: .*$", piped.out, re.MULTILINE)
    assert all(line[0] in "✓✗·" or line.lstrip().startswith("to do: ") for line in piped.lines)
