"""The bill of materials: each package and each jar that is installed, and nothing that only developers need."""

import json
import subprocess
import tomllib
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from typer.testing import CliRunner

from commonshelf.cli import app
from commonshelf.commands import sbom
from commonshelf.embedded_kafka.jars import read_lock

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def bill(tmp_path_factory):
    path = tmp_path_factory.mktemp("bill") / "sbom.json"
    assert CliRunner().invoke(app, ["sbom", "--out", str(path)]).exit_code == 0
    return json.loads(path.read_text())


def test_it_is_one_by_the_schema_of_cyclonedx(bill):
    """With some of each kind of component: the judge takes minutes for all."""
    some = bill | {"components": [*bill["components"][:3], *bill["components"][-2:]], "dependencies": []}
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(json.dumps(some)) is None


def test_it_names_what_is_installed_with_versions_and_hashes(bill):
    found = {component["purl"]: component for component in bill["components"]}
    locked = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    (kafka,) = [one for one in locked if one["name"] == "confluent-kafka"]
    assert f"pkg:pypi/confluent-kafka@{kafka['version']}" in found
    jars = [found[f"pkg:maven/{jar.group}/{jar.artifact}@{jar.version}"] for jar in read_lock()]
    assert [jar["hashes"][0]["content"] for jar in jars] == [jar.sha256 for jar in read_lock()]


def test_it_leaves_out_what_only_developers_need(bill):
    assert not {component["name"] for component in bill["components"]} & {"pytest", "ruff", "hypothesis"}


ANSWERS = {
    "nothing is known": (0, "", 0),
    "a weakness is known": (1, "raise the versions of these packages", 1),
    "nobody answers": (2, "so the packages were not audited", 0),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_audit_ends_well_unless_a_weakness_is_known(case, monkeypatch):
    answer, told, status = ANSWERS[case]
    code = {"audit": answer, "lock": 0}
    monkeypatch.setattr(sbom, "_uv", lambda word, *_: subprocess.CompletedProcess([], code[word], "", ""))
    done = CliRunner().invoke(app, ["sbom", "--audit"])
    assert (done.exit_code, told in done.output) == (status, True)


def test_a_lock_file_that_does_not_fit_is_told_where_nobody_answers(monkeypatch):
    code = {"audit": 2, "lock": 1}
    monkeypatch.setattr(sbom, "_uv", lambda word, *_: subprocess.CompletedProcess([], code[word], "", ""))
    done = CliRunner().invoke(app, ["sbom", "--audit"])
    assert done.exit_code == 1
    assert "uv.lock does not fit pyproject.toml" in done.output
