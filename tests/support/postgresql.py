"""A real PostgreSQL of a test module's own, started by an unprivileged user. Needs Debian's package."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

PORT = 5432
"""Part of the socket's name: nothing listens on a network."""


@pytest.fixture(scope="module", name="postgresql")
def postgresql_fixture():
    """(its folder, its address)"""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    assert found, "Debian's postgresql is not there; ./shelf test --all installs it"
    bin_dir = found[-1]
    user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name  # a server refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    if os.geteuid() == 0:
        shutil.chown(folder, user)

    def run(program: str, *arguments: str) -> None:
        as_user = {"user": user} if os.geteuid() == 0 else {}
        done = subprocess.run(
            [bin_dir / program, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60,
            **as_user,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    data = folder / "data"
    try:
        run("initdb", "-D", str(data), "-U", "tester", "--auth=trust", "--no-sync", "-E", "UTF8")
        options = f"-k {folder} -p {PORT} -c listen_addresses='' -c fsync=off"
        run("pg_ctl", "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start")
        try:
            yield folder, f"postgresql:///postgres?host={folder}&port={PORT}&user=tester"
        finally:
            run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder)
