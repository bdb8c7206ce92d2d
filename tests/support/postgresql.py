"""A real PostgreSQL of a test's own, run by an unprivileged user. Needs Debian's package."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

PORT = 5432
"""Part of the socket's name: nothing listens on a network."""


class PostgresqlServer:
    """A server whose socket and log are in `folder` and whose data in `data`; `start` makes both."""

    def __init__(self, folder: Path, data: Path) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        assert found, "Debian's postgresql is not there; ./shelf test --all installs it"
        self._bin_dir = found[-1]
        self.folder, self._data = folder, data
        self.url = f"postgresql:///postgres?host={folder}&port={PORT}&user=tester"

    def start(self) -> None:
        """Until it serves."""
        if not self._data.exists() or not any(self._data.iterdir()):
            if os.geteuid() == 0:
                self._data.mkdir(exist_ok=True)
                for folder in (self.folder, self._data):
                    shutil.chown(folder, self._user)
            self._run(
                "initdb", "-D", str(self._data), "-U", "tester", "--auth=trust", "--no-sync", "-E", "UTF8",
                "--wal-segsize=1",
            )  # fmt: skip
        options = f"-k {self.folder} -p {PORT} -c listen_addresses='' -c fsync=off -c min_wal_size=4MB"
        self._run("pg_ctl", "-D", str(self._data), "-o", options, "-l", str(self.folder / "log"), "-w", "start")

    def stop(self) -> None:
        """At once, as a crash does: what was not committed is gone. Nothing if it does not run."""
        if self.is_running():
            self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "-w", "stop")

    def is_running(self) -> bool:
        """Whether there is a process, be it one that recovers."""
        return self._call("pg_ctl", "-D", str(self._data), "status").returncode == 0

    @property
    def _user(self) -> str:
        """A server refuses to run as root."""
        return "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name

    def _run(self, program: str, *arguments: str) -> None:
        done = self._call(program, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr

    def _call(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        as_user = {"user": self._user} if os.geteuid() == 0 else {}
        return subprocess.run(
            [self._bin_dir / program, *arguments], cwd=self.folder, capture_output=True, text=True, check=False,
            timeout=300, **as_user,
        )  # fmt: skip


@pytest.fixture(scope="module", name="postgresql")
def postgresql_fixture():
    """(its folder, its address)"""
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    server = PostgresqlServer(folder, folder / "data")
    try:
        server.start()
        yield folder, server.url
    finally:
        server.stop()
        shutil.rmtree(folder)
