"""A clock of its own for each broker: the system's, plus the seconds in a file, which may change at any time.

A library of ours (`broker_clock.c`) comes before libc and sets off the time of day alone, never the monotonic clock by
which Java waits. Debian's libfaketime does not do: a broker under it comes to a standstill.
"""

import shlex
import shutil
import struct
import subprocess
from pathlib import Path

from commonshelf.embedded_kafka.java import find_java

_SOURCE = Path(__file__).with_suffix(".c")
_AHEAD_S = struct.Struct("@q")
_FILE = "clock"


class NoCompilerError(RuntimeError):
    """The library could not be made; the text says why, and what to install."""


def java_with_a_clock(folder: Path) -> Path:
    """A Java to start brokers with, made in `folder`: it tells the time by the file `clock` of the folder it starts in.

    Raises NoCompilerError.
    """
    if shutil.which("gcc") is None:
        raise NoCompilerError("gcc is not installed: apt-get install build-essential")
    folder.mkdir(parents=True, exist_ok=True)
    library, script = folder / "broker_clock.so", folder / "java"
    command = ["gcc", "-O2", "-shared", "-fPIC", "-o", str(library), str(_SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoCompilerError(done.stderr.strip())
    script.write_text(
        "#!/bin/sh\n"
        f'[ -f {_FILE} ] && export BROKER_CLOCK="$PWD/{_FILE}" LD_PRELOAD={shlex.quote(str(library))}\n'
        f'exec {shlex.quote(str(find_java().executable))} "$@"\n'
    )
    script.chmod(0o755)
    return script


def set_broker_clock(folder: Path, ahead_s: int) -> None:
    """So many seconds ahead of the system's from now on, or behind it. `folder` is the broker's."""
    path = folder / _FILE
    if path.exists():
        with path.open("r+b") as file:  # in place: a running broker has it mapped
            file.write(_AHEAD_S.pack(ahead_s))
        return
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_AHEAD_S.pack(ahead_s))
