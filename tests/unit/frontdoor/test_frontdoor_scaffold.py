"""`connect new`: what it writes works as it is."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from commonshelf.scaffold import ScaffoldError, scaffold

ROOT = Path(__file__).parents[3]
PARTS = (
    "connectors", "schemas", "streams", "commonshelf", "tests/support", "tests/payloads",
    "tests/contract/test_vendor_contract.py", "pyproject.toml",
)  # fmt: skip
NAME = "corner_shop"


@pytest.fixture
def checkout(tmp_path):
    """A copy of this checkout, as far as a connector needs it."""
    for part in PARTS:
        target = tmp_path / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, target)
    return tmp_path


def run(checkout, *command):
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    ran = subprocess.run(
        [sys.executable, "-m", *command], cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_a_new_connector_passes_the_linters_its_test_and_the_contract_suite(checkout):
    written = scaffold(NAME, checkout)
    assert all(path.is_file() for path in written)
    package = checkout / "corner_shop-1.dist-info"  # what installing it again would write
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: corner-shop\nVersion: 1\n")
    entry = next(line for line in (checkout / "pyproject.toml").read_text().splitlines() if line.startswith(NAME))
    (package / "entry_points.txt").write_text(f"[commonshelf.connectors]\n{entry.replace(chr(34), '')}\n")
    run(checkout, "ruff", "check", "--select", "I", "--fix", "connectors", "tests")  # imports sort by the name
    run(checkout, "ruff", "check", f"connectors/{NAME}", f"tests/support/rigs/{NAME}.py", "tests/unit")
    run(checkout, "mypy", f"connectors/{NAME}")
    told = run(
        checkout, "pytest", "-p", "no:cacheprovider", "-rp", "tests/contract/test_vendor_contract.py", "tests/unit",
        "-k", NAME,
    )  # fmt: skip
    assert f"test_events_out_of_order_end_in_the_newest_revision[{NAME}]" in told


@pytest.mark.parametrize("name", ["Acme", "1st", "a-b", "../x", "x" * 40, ""])
def test_a_name_that_cannot_be_a_module_is_refused(checkout, name):
    with pytest.raises(ScaffoldError, match="small letters"):
        scaffold(name, checkout)


def test_nothing_is_written_over(checkout):
    with pytest.raises(ScaffoldError, match="there already"):
        scaffold("square", checkout)


def test_elsewhere_than_in_a_checkout_it_is_told(tmp_path):
    with pytest.raises(ScaffoldError, match="no checkout"):
        scaffold(NAME, tmp_path)
