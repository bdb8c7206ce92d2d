"""Quix Streams' own Python environment: it cannot share ours, for it holds confluent-kafka below 2.13."""

import fcntl
import hashlib
import subprocess
import sys
import venv
from pathlib import Path

from bench.errors import BenchError
from commonshelf.embedded_kafka.jars import cache_dir

_REQUIREMENTS = Path(__file__).with_name("quix-requirements.txt")
_INSTALL_TIMEOUT_S = 600


def quix_python() -> Path:
    """The environment's Python; it is made in the cache folder when it is first needed.

    Processes that need it at the same time wait for each other. Raises BenchError when its packages cannot be had.
    """
    release = f"{sys.version_info.major}.{sys.version_info.minor}"
    named = hashlib.sha256(_REQUIREMENTS.read_bytes() + release.encode()).hexdigest()[:16]
    folder = cache_dir() / f"bench-quix-{named}"
    folder.mkdir(parents=True, exist_ok=True)
    finished = folder / "finished"
    python = folder / "bin" / "python"
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            venv.create(folder, with_pip=True)
            install = [str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(_REQUIREMENTS)]
            run = subprocess.run(install, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S, check=False)
            if run.returncode != 0:
                said = run.stderr.strip().splitlines()
                raise BenchError(
                    f"could not install Quix Streams into {folder}: {said[-1] if said else 'pip said nothing'}; check "
                    "the network (PIP_INDEX_URL names a mirror) and run this again"
                )
            finished.touch()
    return python
