"""`sbom`: all that an installation is made of, and whether a weakness of it is known."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from commonshelf.commands.named_files import write_file
from commonshelf.options import fail

ROOT = Path(__file__).resolve().parents[2]
_FOUND, _NO_ANSWER = 1, 2
"""Exit status of `uv audit` when it knows of weaknesses, and when it could not ask."""
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FILE.json", help="Write it there instead of printing it.")
]


def sbom(
    out: OutOption = None,
    audit: Annotated[
        bool, typer.Option("--audit", help="Instead: are weaknesses known of the packages, and does uv.lock fit?")
    ] = False,
) -> None:
    """Print the software bill of materials, CycloneDX 1.5: packages of uv.lock and Kafka's jars, with their hashes.

    Example: ./shelf sbom --out sbom.json

    Example: ./shelf sbom --audit
    """
    if not (ROOT / "uv.lock").is_file():
        fail("there is no uv.lock here: this command runs in a checkout of the repository")
    if audit:
        raise typer.Exit(audit_packages())
    if out is None:
        typer.echo(bill())
    else:
        write_file(out, bill() + "\n")


def bill() -> str:
    """The bill, as CycloneDX has it in JSON."""
    from commonshelf.embedded_kafka.jars import read_lock

    made = _uv("export", "--frozen", "--quiet", "--no-default-groups", "--all-extras", "--format", "cyclonedx1.5")
    if made.returncode != 0:
        fail(f"uv could not read uv.lock: {made.stderr.strip()}")
    found = json.loads(made.stdout)
    jars = [
        {
            "type": "library",
            "bom-ref": f"pkg:maven/{jar.group}/{jar.artifact}@{jar.version}",
            "group": jar.group,
            "name": jar.artifact,
            "version": jar.version,
            "purl": f"pkg:maven/{jar.group}/{jar.artifact}@{jar.version}",
            "hashes": [{"alg": "SHA-256", "content": jar.sha256}],
        }
        for jar in read_lock()
    ]
    return json.dumps(found | {"components": [*found["components"], *jars]}, indent=1)


def audit_packages() -> int:
    """Ask what is known of the packages, and check the lock file where nobody answers. The exit status: 0 when well."""
    asked = _uv("audit", "--frozen", "--preview-features", "audit-command")
    if asked.returncode == _NO_ANSWER:
        fits = _uv("lock", "--check", "--offline").returncode == 0
        typer.echo("shelf: the list of known weaknesses does not answer here, so the packages were not audited")
        if not fits:
            typer.echo("shelf: uv.lock does not fit pyproject.toml; run uv lock", err=True)
        return int(not fits)
    typer.echo(asked.stdout + asked.stderr, nl=False)
    if asked.returncode == _FOUND:
        typer.echo("shelf: raise the versions of these packages, then run uv lock", err=True)
    return asked.returncode


def _uv(*words: str) -> subprocess.CompletedProcess[str]:
    uv = ROOT / ".uv" / "bin" / "uv"
    found = str(uv) if uv.is_file() else shutil.which("uv")
    if found is None:
        fail("uv is not here; ./shelf installs it when there is no .venv yet, so remove that folder and run this again")
    return subprocess.run([found, *words], cwd=ROOT, capture_output=True, text=True, check=False)
