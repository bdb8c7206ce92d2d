"""Ports that settings name twice."""

from collections.abc import Iterable

_EVERY_HOST = ("0.0.0.0", "::")  # noqa: S104  compared, not bound


def port_clash(ports: Iterable[tuple[str, str, int]]) -> str | None:
    """A sentence about two settings that name one port, or None.

    ports: (setting, host, port) of each; two of one setting do not clash.
    """
    seen: dict[int, tuple[str, str]] = {}
    for name, host, port in ports:
        other = seen.setdefault(port, (name, host))
        if other[0] != name and (host == other[1] or host in _EVERY_HOST or other[1] in _EVERY_HOST):
            return f"{other[0]} and {name} are both port {port}; give each its own (0 picks a free one)"
    return None
