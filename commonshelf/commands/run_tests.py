"""`test`: what CI runs, with one command."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from commonshelf.commands.sbom import audit_packages
from commonshelf.options import fail

ROOT = Path(__file__).resolve().parents[2]
_STATIC = (
    ("ruff check", ["-m", "ruff", "check", "."]),
    ("ruff format", ["-m", "ruff", "format", "--check", "--quiet", "."]),
    ("mypy", ["-m", "mypy"]),
    ("import-linter", ["-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"]),
)
_SIDE_BY_SIDE = ("unit", "contract", "property", "proof/simulation", "proof/models")
"""Folders of tests that need a processor and little else: they share out all there are, and run first."""
_WITH_FAULTS = ("proof/faults", "proof/torture")
"""Folders of tests that put faults into processes under load, and mostly wait for them: two tests at a time."""
_TWO_AT_A_TIME = ("integration",)
"""Folders of tests that start processes and mostly wait for them: a file goes to one of two."""
_SLOWEST = ("--durations", "20", "--durations-min", "10")
"""Each of pytest's runs ends with its longest tests: where time goes."""
_NO_TESTS_RAN = 5
"""Pytest's exit status when its arguments select nothing."""


def run_tests(
    context: typer.Context,
    all_: Annotated[
        bool,
        typer.Option(
            "--all", help="Also run the tests that take minutes, and install Debian packages for those that need them."
        ),
    ] = False,
    faults: Annotated[
        int | None, typer.Option("--faults", metavar="N", min=1, help="Only the fault test, with N faults.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the fault test: draws the faults and the events.")] = 1,
    as_json: Annotated[
        bool, typer.Option("--json", help="Of the fault test: figures as JSON on the last line.")
    ] = False,
) -> None:
    """Run linters, types, import rules and all tests. What follows -- goes to pytest.

    Example: ./shelf test

    Example: ./shelf test --all

    Example: ./shelf test --faults 200 --seed 7

    Example: ./shelf test -- -k availability -x
    """
    if not (ROOT / "tests").is_dir():
        fail("there are no tests here: this command runs in a checkout of the repository")
    if faults is not None:
        arguments = ["--faults", str(faults), "--seed", str(seed), *(["--json"] if as_json else [])]
        typer.echo(f"shelf: {faults} faults")
        become([sys.executable, "-m", "tests.proof.faults.run", *arguments])
    if all_:
        _install()
    else:
        typer.echo("shelf: tests that take minutes or need Debian packages are left out; ./shelf test --all runs them")
    failed = [name for name, arguments in _STATIC if _python(name, arguments) != 0]
    if all_:
        typer.echo("shelf: packages")
        failed += ["packages"] * (audit_packages() != 0)
    selection = [*([] if all_ else ["-m", "not needs_debian and not takes_minutes"]), *context.args]
    runs = {"pytest": selection} if _names_tests(context.args) else _suites(selection)
    codes = []
    for name, arguments in runs.items():
        if failed:
            typer.echo(f"shelf: failed so far: {', '.join(failed)}", err=True)
        codes.append(_python(name, ["-m", "pytest", *arguments]))
        if codes[-1] not in (0, _NO_TESTS_RAN):
            failed.append(name)
    if failed:
        typer.echo(f"shelf: failed: {', '.join(failed)}", err=True)
    raise typer.Exit(bool(failed) or min(codes))


def become(command: list[str]) -> NoReturn:
    """Go on as another program, in the checkout: it gets our signals, and its exit status is ours."""
    sys.stdout.flush()
    os.chdir(ROOT)
    os.execvp(command[0], command)  # noqa: S606  no shell is wanted


def _suites(selection: list[str]) -> dict[str, list[str]]:
    """Pytest's arguments for each of its runs: quick tests side by side, then those with processes of their own."""
    selection = [*_SLOWEST, *selection]
    return {
        "pytest, quick tests": [*_folders(_SIDE_BY_SIDE), "--numprocesses", "auto", *selection],
        "pytest, faults": [*_folders(_WITH_FAULTS), "--numprocesses", "2", "--dist", "worksteal", *selection],
        "pytest, real processes": [*_folders(_TWO_AT_A_TIME), "--numprocesses", "2", "--dist", "loadfile", *selection],
    }


def _folders(names: Iterable[str]) -> list[str]:
    return [f"tests/{name}" for name in names]


def _names_tests(arguments: list[str]) -> bool:
    """Whether one of pytest's arguments is a file or folder of tests."""
    return any((ROOT / one.split("::")[0]).exists() for one in arguments if not one.startswith("-"))


def _install() -> None:
    from commonshelf.stack.debian_packages import NotInstalledError, install_missing

    try:
        names = install_missing()
    except NotInstalledError as error:
        fail(str(error))
    typer.echo(f"shelf: installed {', '.join(names)}" if names else "shelf: all Debian packages for tests are there")


def _python(name: str, arguments: list[str]) -> int:
    typer.echo(f"shelf: {name}")
    sys.stdout.flush()
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, check=False).returncode
