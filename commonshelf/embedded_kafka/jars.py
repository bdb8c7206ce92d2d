"""Apache Kafka's jars: the pinned list, and fetching it from Maven Central into the user's cache.

`kafka-jars.lock` holds one jar per line: SHA-256, size in bytes, Maven coordinates. Every jar is checked
against it before each use, so a changed file, wherever it changed, never reaches the broker.

`commonshelf.embedded_kafka.relock` writes that file.
"""

import fcntl
import hashlib
import os
import shutil
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import certifi
import httpx

from commonshelf.embedded_kafka.errors import JarDownloadError, NotEnoughDiskError

MAVEN_URL = "https://repo1.maven.org/maven2"
LOCK_FILE = Path(__file__).with_name("kafka-jars.lock")

Progress = Callable[[int, int], None]
"""Told (bytes present, bytes in all) while jars are fetched; calls come from several threads, one at a time."""

_PARALLEL = 8
_ATTEMPTS = 4
_TIMEOUT = httpx.Timeout(30, connect=10)


@dataclass(frozen=True)
class Jar:
    """One pinned jar."""

    group: str
    artifact: str
    version: str
    sha256: str
    size_bytes: int

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    @property
    def maven_path(self) -> str:
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.file_name}"


def read_lock(path: Path = LOCK_FILE) -> list[Jar]:
    """The pinned jars, in class-path order."""
    jars = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        sha256, size_bytes, coordinates = line.split()
        group, artifact, version = coordinates.split(":")
        jars.append(Jar(group, artifact, version, sha256, int(size_bytes)))
    return jars


def cache_dir(env: Mapping[str, str] = os.environ) -> Path:
    """The folder of fetched files: COMMONSHELF_CACHE, else $XDG_CACHE_HOME/commonshelf, else ~/.cache/commonshelf."""
    if named := env.get("COMMONSHELF_CACHE"):
        return Path(named).expanduser()
    if xdg := env.get("XDG_CACHE_HOME"):
        return Path(xdg) / "commonshelf"
    return Path.home() / ".cache" / "commonshelf"


def fetch_jars(
    jars: list[Jar] | None = None,
    cache: Path | None = None,
    base_url: str | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Make every jar present and verified in the cache, fetching what is missing; return their paths in order.

    A fetch that was cut off goes on where it ended. Processes that fetch at the same time wait for each other.
    Raises JarDownloadError (network, HTTP status, wrong content) or NotEnoughDiskError.
    """
    jars = read_lock() if jars is None else jars
    folder = (cache or cache_dir()) / "kafka-jars"
    url = (base_url or os.environ.get("COMMONSHELF_MAVEN_URL") or MAVEN_URL).rstrip("/")
    with ThreadPoolExecutor(_PARALLEL) as pool:
        if not all(pool.map(lambda jar: _is_good(folder / jar.file_name, jar), jars)):
            _make_folder(folder)
            with _exclusive(folder / ".lock"):
                _fetch_missing(pool, jars, folder, url, progress)
    return [folder / jar.file_name for jar in jars]


def _fetch_missing(
    pool: ThreadPoolExecutor, jars: list[Jar], folder: Path, url: str, progress: Progress | None
) -> None:
    # Looked at again under the lock: another process may have fetched them meanwhile.
    missing = [jar for jar in jars if not _is_good(folder / jar.file_name, jar)]
    _check_free_disk(folder, sum(jar.size_bytes for jar in missing))
    total_bytes = sum(jar.size_bytes for jar in jars)
    meter = _Meter(total_bytes - sum(jar.size_bytes for jar in missing), total_bytes, progress)
    limits = httpx.Limits(max_connections=_PARALLEL)
    with httpx.Client(verify=_trusted(), timeout=_TIMEOUT, limits=limits, follow_redirects=True) as client:
        tasks = [pool.submit(_fetch, client, url, jar, folder, meter) for jar in missing]
        try:
            for task in tasks:
                task.result()
        finally:
            for task in tasks:
                task.cancel()


def _trusted() -> ssl.SSLContext:
    """The system's certificates and certifi's: a proxy's own is only in the first, a bare machine has the second."""
    trusted = ssl.create_default_context()
    trusted.load_verify_locations(certifi.where())
    return trusted


def _fetch(client: httpx.Client, base_url: str, jar: Jar, folder: Path, meter: "_Meter") -> None:
    url = f"{base_url}/{jar.maven_path}"
    part = folder / f"{jar.file_name}.part"
    try:
        _fetch_into(part, client, url, jar, meter)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _fetch_into(part: Path, client: httpx.Client, url: str, jar: Jar, meter: "_Meter") -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _download(client, url, part, jar, meter)
            break
        except (httpx.TransportError, _Incomplete) as error:
            if attempt == _ATTEMPTS:
                raise JarDownloadError(
                    f"could not fetch {url} ({error or type(error).__name__}); check the network, or name a "
                    "Maven mirror in COMMONSHELF_MAVEN_URL, and start again: it goes on where it stopped."
                ) from error
            time.sleep(0.25 * 2**attempt)
    if not _is_good(part, jar):
        part.unlink()  # or the next start would go on from wrong bytes
        raise JarDownloadError(
            f"{url} does not have the SHA-256 that {LOCK_FILE.name} pins; a proxy or mirror changed it: "
            "use another Maven mirror in COMMONSHELF_MAVEN_URL."
        )
    part.replace(part.with_suffix(""))


def _download(client: httpx.Client, url: str, part: Path, jar: Jar, meter: "_Meter") -> None:
    """Bring `part` to the jar's full size, going on from what is there."""
    have_bytes = part.stat().st_size if part.exists() else 0
    if have_bytes > jar.size_bytes:
        part.unlink()
        have_bytes = 0
    if have_bytes == jar.size_bytes:
        meter.set(jar, have_bytes)
        return
    headers = {"Accept-Encoding": "identity"}
    if have_bytes:
        headers["Range"] = f"bytes={have_bytes}-"
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code >= 500 or response.status_code == 429:
            raise _Incomplete(f"HTTP {response.status_code}")
        if response.status_code not in (200, 206):
            raise JarDownloadError(
                f"{url} answered HTTP {response.status_code}; check COMMONSHELF_MAVEN_URL, which should name "
                "a mirror of Maven Central."
            )
        resumed = response.status_code == 206
        have_bytes = have_bytes if resumed else 0
        with part.open("ab" if resumed else "wb") as file:
            for chunk in response.iter_raw():  # as they arrive: a break loses nothing that was received
                have_bytes += len(chunk)
                if have_bytes > jar.size_bytes:
                    break  # more than pinned: the hash check says no
                file.write(chunk)
                meter.set(jar, have_bytes)
    if have_bytes < jar.size_bytes:
        raise _Incomplete(f"the connection ended after {have_bytes} of {jar.size_bytes} bytes")


class _Incomplete(Exception):
    """A transfer ended early or the server was busy: worth another attempt."""


class _Meter:
    """Adds the threads' byte counts up and reports them."""

    def __init__(self, done_bytes: int, total_bytes: int, progress: Progress | None) -> None:
        self._base_bytes = done_bytes
        self._total_bytes = total_bytes
        self._progress = progress
        self._by_jar: dict[Jar, int] = {}
        self._lock = Lock()

    def set(self, jar: Jar, have_bytes: int) -> None:
        if self._progress is None:
            return
        with self._lock:
            self._by_jar[jar] = have_bytes
            self._progress(self._base_bytes + sum(self._by_jar.values()), self._total_bytes)


def _is_good(path: Path, jar: Jar) -> bool:
    try:
        if path.stat().st_size != jar.size_bytes:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256
    except OSError:
        return False


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> JarDownloadError:
    return JarDownloadError(
        f"cannot write in the cache folder {folder} ({error.strerror}); check its rights and the free disk, "
        "or name a writable one in COMMONSHELF_CACHE."
    )


def _check_free_disk(folder: Path, needed_bytes: int) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes:
        raise NotEnoughDiskError(
            f"{folder} has {free_bytes >> 20} MiB free, but Kafka's jars need {needed_bytes >> 20} MiB; "
            "free some space, or name another folder in COMMONSHELF_CACHE."
        )


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Hold `path` against other processes; the system lets go of it when the holder ends, however it ends."""
    try:
        file = path.open("a")
    except OSError as error:
        raise _unwritable(path.parent, error) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
