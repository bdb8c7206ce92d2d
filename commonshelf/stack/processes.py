"""Processes of a stack, their addresses and ports."""

import random
import socket
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from commonshelf.config.settings import Settings
from commonshelf.embedded_kafka.child_environment import child_environment
from commonshelf.stack.roles import ROLES, Role
from commonshelf.stack.supervisor import ProcessSpec
from messaging.errors import UserError

_FIRST_PICKED, _LAST_PICKED = 30_000, 32_000
"""Below the range that the system gives to outgoing connections, so that a restarted process finds its port free."""


class PortTakenError(UserError):
    """A port that the settings name belongs to another process."""


@dataclass(frozen=True)
class StackProcess:
    """A process of a stack and the address of its pages."""

    role: Role
    spec: ProcessSpec
    url: str


def processes(
    settings: Settings, resolved_file: Path, env: Mapping[str, str], roles: Iterable[Role] = ROLES
) -> list[StackProcess]:
    """The processes of a stack whose ports are resolved. Of `env` each gets what it needs, and its own secrets."""
    return [
        _process(role, number, settings, resolved_file, env)
        for role in roles
        for number in range(1, role.processes(settings) + 1)
    ]


def _process(role: Role, number: int, settings: Settings, resolved_file: Path, env: Mapping[str, str]) -> StackProcess:
    which = () if role.count is None else ("--number", str(number))
    command = (sys.executable, "-m", "commonshelf", "worker", role.name, "--resolved", str(resolved_file), *which)
    host, port = address(settings, role)
    spec = ProcessSpec(role.name_of(number), command, child_environment(env, role.secrets(settings)), role.stop_order)
    return StackProcess(role, spec, f"http://{reachable(host)}:{port + number - 1}")


def address(settings: Settings, role: Role) -> tuple[str, int]:
    """The host and the port of a role's pages by the settings; of several processes, the first one's."""
    return getattr(settings.http, role.host_setting), getattr(settings.http, role.port_setting)


def web_address(settings: Settings) -> str:
    """Where people and programs ask: our pages, the API, the schema registry."""
    return f"http://{reachable(settings.http.host)}:{settings.http.port}"


def addresses(settings: Settings, roles: Iterable[Role] = ROLES) -> dict[str, tuple[str, int]]:
    """Every host and port on which the roles listen, by the port's setting."""
    pages = {role.port_setting: address(settings, role) for role in roles}
    served = [role.served_at for role in roles if role.served_at is not None]
    return pages | {port: (getattr(settings.http, host), getattr(settings.http, port)) for host, port in served}


def resolve_ports(settings: Settings, roles: Iterable[Role] = ROLES) -> Settings:
    """The settings with a free port for each 0. Raises PortTakenError for a named port that is taken."""
    taken: set[int] = set()
    chosen = {}
    counts = {role.port_setting: role.count(settings) for role in roles if role.count is not None}
    wanted = addresses(settings, roles)
    for key in sorted(wanted, key=lambda key: not wanted[key][1]):  # named ones are not up for choice
        chosen[key] = _claim(key, *wanted[key], counts.get(key, 1), taken)
    return settings.model_copy(update={"http": settings.http.model_copy(update=chosen)})


def _claim(key: str, host: str, named: int, count: int, taken: set[int]) -> int:
    """The first of `count` free ports in a row."""
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


def reachable(host: str) -> str:
    """The host by which this machine reaches a server that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104  compared, not bound
