"""The protocols of docs/models, gone through whole by Spin: they hold, and each planted bug breaks them."""

import importlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.proof.faults.mutants import MUTANTS
from tests.support.waiting import PATIENCE_S

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "models"
PAGE = (FOLDER / "README.md").read_text()
MODELS = sorted(path.stem for path in FOLDER.glob("*.pml"))
MEMORY_MIB = 1_500
"""The most that a search may take; it fails when that is not enough."""
DEPTH_MAX = 100_000
_TRANSITION = re.compile(r"^\| `(\w+)` \| (.+?) \|", re.MULTILINE)
_CODE = re.compile(r"`([\w.]+)`")
_MUTANT = re.compile(r"^\| `(-D[^`]+)` \| .+ \| `(.+)` \|$", re.MULTILINE)


def section(model: str) -> str:
    """What the page says of a model."""
    return PAGE.split(f"\n## {model}.pml\n")[1].split("\n## ")[0]


def transitions(model: str) -> dict[str, str]:
    """Inline of the model → what the page says that it stands for."""
    return dict(_TRANSITION.findall(section(model)))


def mutants(model: str) -> dict[str, str]:
    """Spin's flags of a planted bug → the text of the assertion that must fail."""
    return dict(_MUTANT.findall(section(model)))


def search(model: str, folder: Path, flags: str = "") -> str:
    """What Spin's verifier says after going through every run of the model, or until an assertion fails."""
    for program, package in (("spin", "spin"), ("gcc", "build-essential")):
        assert shutil.which(program), f"{program} is not installed: apt-get install {package}"
    shutil.copy(FOLDER / f"{model}.pml", folder)
    verifier = ["gcc", "-w", "-O1", "-DSAFETY", f"-DMEMLIM={MEMORY_MIB}", "-o", "pan", "pan.c"]
    for command in (["spin", "-a", *flags.split(), f"{model}.pml"], verifier, ["./pan", f"-m{DEPTH_MAX}"]):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.needs_debian
@pytest.mark.parametrize("flags", ["", "-DWORKERS=2 -DFAULTS=3"])
def test_takeover_folds_each_record_once(tmp_path, flags):
    assert_holds(search("takeover", tmp_path, flags))


@pytest.mark.needs_debian
def test_lending_lends_no_more_than_was_granted_and_promises_nothing_twice(tmp_path):
    assert_holds(search("lending", tmp_path))


def assert_holds(told: str) -> None:
    """Every run was gone through, no assertion fails, and those at the end were reached."""
    assert ", errors: 0\n" in told, told
    assert "Search not completed" not in told, told
    assert "max search depth too small" not in told, told
    assert re.search(r"unreached in init\n\t\(0 of \d+ states\)", told), told


@pytest.mark.needs_debian
@pytest.mark.parametrize(("model", "flags"), [(model, flags) for model in MODELS for flags in mutants(model)])
def test_a_planted_bug_breaks_the_protocol(tmp_path, model, flags):
    told = search(model, tmp_path, flags)

    failed = re.search(r"assertion violated (.+) \(at depth", told)
    assert failed, told
    wanted = re.escape(mutants(model)[flags]).replace(r"\.\.\.", ".+")
    assert re.search(wanted, failed[1]), f"{failed[1]} failed, and not {mutants(model)[flags]}"


def test_each_planted_bug_of_the_engine_is_in_the_model_of_takeover():
    planted = {name.upper().replace("-", "_") for name in MUTANTS}

    assert planted <= {flag for flags in mutants("takeover") for flag in re.findall(r"-D([A-Z_]+)\b", flags)}


@pytest.mark.parametrize("model", MODELS)
def test_the_page_tells_of_every_transition(model):
    written = re.findall(r"^inline (\w+)\(", (FOLDER / f"{model}.pml").read_text(), re.MULTILINE)

    assert sorted(transitions(model)) == sorted(written)


@pytest.mark.parametrize("model", MODELS)
def test_every_flag_that_the_page_names_is_one_of_the_model(model):
    text = (FOLDER / f"{model}.pml").read_text()
    flags = {flag for flags in mutants(model) for flag in re.findall(r"-D(\w+)", flags)}

    assert all(re.search(rf"\b{flag}\b", text) for flag in flags), flags


@pytest.mark.parametrize("model", MODELS)
def test_the_functions_that_transitions_stand_for_exist(model):
    named = [name for told in transitions(model).values() for name in _CODE.findall(told)]

    assert named
    for name in named:
        found(name)


def found(name: str) -> object:
    """The function `module.function` or `module.Class.function`, of `streams`. Raises AttributeError or ImportError."""
    parts = name.split(".")
    at = next(n for n, part in enumerate(parts) if part[0].isupper()) if re.search(r"\.[A-Z]", name) else len(parts) - 1
    thing: object = importlib.import_module(f"streams.{'.'.join(parts[:at])}")
    for part in parts[at:]:
        thing = getattr(thing, part)
    assert callable(thing), name
    return thing
