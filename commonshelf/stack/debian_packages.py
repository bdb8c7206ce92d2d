"""The Debian packages that tests use, in one place: what `./shelf test --all` installs."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class DebianPackage:
    """A package, the program by which it is known to be there, and the test that needs it."""

    name: str
    program: str
    needed_by: str


PACKAGES = (
    DebianPackage("kcat", "kcat", "tests/integration/test_registry.py"),
    DebianPackage("avro-bin", "avrocat", "tests/integration/test_registry.py"),
    DebianPackage("postgresql", "pg_ctlcluster", "tests/integration/test_vault_postgresql.py"),
    DebianPackage("prometheus", "promtool", "tests/integration/test_prometheus.py"),
    DebianPackage("prometheus-alertmanager", "amtool", "tests/unit/test_alerts.py"),
    DebianPackage("spin", "spin", "tests/proof/models/test_models.py"),
    DebianPackage("build-essential", "gcc", "tests/proof/models/test_models.py"),
    DebianPackage("hledger", "hledger", "tests/unit/settlement/test_exports.py"),
    DebianPackage("pango1.0-tools", "pango-view", "tests/unit/settlement/test_statements.py"),
    DebianPackage("npm", "npx", "tests/integration/test_square_prism.py"),
)


class NotInstalledError(RuntimeError):
    """A package is missing and could not be installed."""


def install_missing(packages: Sequence[DebianPackage] = PACKAGES) -> list[str]:
    """Install those whose program is missing. Returns their names. Raises NotInstalledError."""
    missing = [package for package in packages if shutil.which(package.program) is None]
    if not missing:
        return []
    names = [package.name for package in missing]
    by_hand = f"install by hand what provides {', '.join(package.program for package in missing)}"
    if shutil.which("apt-get") is None:
        raise NotInstalledError(f"this system has no apt-get to install {', '.join(names)}; {by_hand}")
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *names]):
        command = [*prefix, "apt-get", *step]
        if subprocess.run(command, env=env, check=False).returncode != 0:
            raise NotInstalledError(f"`{' '.join(command)}` failed; run it yourself, or {by_hand}")
    still = [package.program for package in missing if shutil.which(package.program) is None]
    if still:
        raise NotInstalledError(f"apt-get installed {', '.join(names)}, but {still[0]} is not on the PATH")
    return names
