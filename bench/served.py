"""A process of ours that serves HTTP, as the stack runs it, and how a bench asks it."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import psutil

from bench.errors import BenchError

_TIMEOUT_S = 30.0


class ServedProcess:
    """A worker of one role. secrets: environment variables that it alone gets."""

    def __init__(self, role: str, settings_file: Path, pages_port: int, secrets: Mapping[str, str]) -> None:
        self._role = role
        self._command = [sys.executable, "-m", "commonshelf", "worker", role, "--resolved", str(settings_file)]
        self._environment = os.environ | dict(secrets) | {"COMMONSHELF_LOG_LEVEL": "ERROR"}
        self._ready = f"http://127.0.0.1:{pages_port}/ready"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, timeout_s: float = 2 * _TIMEOUT_S) -> None:
        """Return when it is ready. Raises BenchError."""
        self._process = subprocess.Popen(
            self._command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s and self._process.poll() is None:
            with suppress(httpx.TransportError):
                if httpx.get(self._ready, timeout=5, trust_env=False).status_code == httpx.codes.OK:
                    return
            time.sleep(0.05)
        raise BenchError(f"worker {self._role} does not become ready")

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(_TIMEOUT_S)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(_TIMEOUT_S)

    def cpu_s(self) -> float:
        times = self._me().cpu_times()
        return float(times.user + times.system)

    def rss_mib(self) -> int:
        return int(self._me().memory_info().rss) >> 20

    def _me(self) -> psutil.Process:
        if self._process is None:
            raise BenchError(f"worker {self._role} does not run")
        return psutil.Process(self._process.pid)


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes]:
    """The status and the head in lower case of one exchange."""
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1]), head


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    with ExitStack() as probes:
        return [
            int(probes.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]) for _ in range(count)
        ]
