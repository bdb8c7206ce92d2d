"""Which processes a stack runs, where they answer, and on which ports."""

import random
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from commonshelf.config.settings import Http, Settings
from commonshelf.stack.supervisor import ChildSpec
from messaging.errors import UserError

_FIRST_PICKED, _LAST_PICKED = 30_000, 32_000
"""Below the range that the system gives to outgoing connections, so that a restarted child finds its port free."""

_STOP_FIRST, _STOP_SECOND, _STOP_THIRD = 0, 1, 2


class PortTakenError(UserError):
    """A port that the settings name belongs to another process."""


@dataclass(frozen=True)
class Child:
    """A child process and the address of its pages."""

    spec: ChildSpec
    url: str
    is_awaited: bool = True
    """Whether the stack is usable only when this one is ready: the agents' absence is but a delay of ticks."""


def children(settings: Settings, resolved_file: Path, env: Mapping[str, str]) -> list[Child]:
    """The processes of a stack whose ports are resolved. `env` is added to their environment."""
    http = settings.http

    def child(name: str, role: str, host: str, port: int, stop_rank: int, *more: str) -> Child:
        command = (sys.executable, "-m", "commonshelf", "worker", role, "--resolved", str(resolved_file), *more)
        return Child(ChildSpec(name, command, env, stop_rank), f"http://{_reachable(host)}:{port}")

    ledgers = [
        child(f"ledger-{n}", "ledger", http.host, http.ledger_port + n - 1, _STOP_SECOND, "--number", str(n))
        for n in range(1, settings.ledger.workers + 1)
    ]
    connectors = [child("connectors", "connectors", http.webhook_host, http.webhook_port, _STOP_FIRST)]
    return [
        *ledgers,
        replace(child("agents", "agents", http.host, http.agents_port, _STOP_SECOND), is_awaited=False),
        *(connectors if any(store.connectors for store in settings.stores) else []),
        child("http", "http", http.host, http.port, _STOP_THIRD),
    ]


def resolve_ports(settings: Settings) -> Settings:
    """The settings with a free port for each 0. Raises PortTakenError for a named port that is taken."""
    http = settings.http
    taken: set[int] = set()
    chosen = {
        "port": _claim(http, "port", http.host, 1, taken),
        "webhook_port": _claim(http, "webhook_port", http.webhook_host, 1, taken),
        "agents_port": _claim(http, "agents_port", http.host, 1, taken),
        "ledger_port": _claim(http, "ledger_port", http.host, settings.ledger.workers, taken),
    }
    return settings.model_copy(update={"http": http.model_copy(update=chosen)})


def _claim(http: Http, key: str, host: str, count: int, taken: set[int]) -> int:
    """The first of `count` free ports in a row."""
    named: int = getattr(http, key)
    candidates = [named] if named else random.sample(range(_FIRST_PICKED, _LAST_PICKED), 200)
    for first in candidates:
        row = range(first, first + count)
        busy = [port for port in row if port in taken or not is_free(host, port)]
        if not busy:
            taken.update(row)
            return first
        if named:
            raise PortTakenError(
                f"port {busy[0]} on {host} is taken; stop the process that has it, or set http.{key} to another "
                "port (0 picks a free one)"
            )
    raise PortTakenError(f"no free port was found on {host} from {_FIRST_PICKED}; stop some of the servers there")


def is_free(host: str, port: int) -> bool:
    """Whether a server can bind the port now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104  compared, not bound
