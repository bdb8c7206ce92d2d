"""Write `kafka-jars.lock` anew for a Kafka release: `python -m commonshelf.embedded_kafka.relock 4.2.2`.

For maintainers: needs Maven's `mvn`, which resolves the dependencies and checks what it downloads.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Container, Iterable
from pathlib import Path

from commonshelf.embedded_kafka.jars import LOCK_FILE

# Artifacts that kafka_2.13 brings and a broker does without: log4j's implementation (java.util.logging is
# enough and starts sooner) with the YAML it reads, OAuth, and what commons-validator needs for other jobs.
_UNUSED = {
    "commons-beanutils", "commons-collections", "commons-digester", "commons-logging", "jackson-dataformat-csv",
    "jackson-dataformat-yaml", "jose4j", "jspecify", "log4j-core", "scala-reflect", "snakeyaml",
}  # fmt: skip

_POM = """\
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>commonshelf</groupId><artifactId>relock</artifactId><version>1</version>
  <dependencies>{dependencies}</dependencies>
</project>
"""
_DEPENDENCY = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"


def relock(kafka: str) -> str:
    """The lock file's text for Kafka `kafka`. Raises CalledProcessError when Maven cannot resolve it."""
    needed = [f"org.apache.kafka:kafka_2.13:{kafka}", "org.slf4j:slf4j-jdk14:1.7.36"]
    return _HEADER.format(kafka=kafka) + lock_lines(needed, _UNUSED)


def lock_lines(needed: Iterable[str], unused: Container[str]) -> str:
    """A lock file's lines for Maven coordinates and what they depend on, less the artifacts that are unused.

    Raises CalledProcessError when Maven cannot resolve them.
    """
    dependencies = "".join(_DEPENDENCY.format(*coordinates.split(":")) for coordinates in needed)
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(folder) / "repository"
        (Path(folder) / "pom.xml").write_text(_POM.format(dependencies=dependencies), encoding="utf-8")
        goal = ["dependency:build-classpath", "-Dmdep.includeScope=runtime", "-Dmdep.outputFile=classpath"]
        subprocess.run(["mvn", "-q", "-B", f"-Dmaven.repo.local={repository}", *goal], cwd=folder, check=True)
        jars = [Path(jar) for jar in (Path(folder) / "classpath").read_text(encoding="utf-8").split(os.pathsep)]
        return "".join(_line(jar, repository) for jar in jars if jar.parent.parent.name not in unused)


_HEADER = """\
# Apache Kafka {kafka} and the part of its runtime dependencies that a broker uses, in class-path order.
# SHA-256, size in bytes, Maven coordinates. Written by: python -m commonshelf.embedded_kafka.relock
"""


def _line(jar: Path, repository: Path) -> str:
    *group, artifact, version, _ = jar.relative_to(repository).parts
    content = jar.read_bytes()
    return f"{hashlib.sha256(content).hexdigest()} {len(content)} {'.'.join(group)}:{artifact}:{version}\n"


if __name__ == "__main__":
    LOCK_FILE.write_text(relock(sys.argv[1]), encoding="utf-8")
