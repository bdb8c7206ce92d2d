"""The Host header of a request: only names that nobody else can point at us are answered.

A page in an operator's browser can ask this machine under a name of its own (DNS rebinding). It cannot ask under an
address, or under a name that its owner does not hold.
"""

import ipaddress
import socket
from http import HTTPStatus
from urllib.parse import urlsplit

NOT_OURS = HTTPStatus.MISDIRECTED_REQUEST
ADVICE = "ask for this by address, or as localhost"


def is_ours(asked: str | None, bound_host: str) -> bool:
    """Whether a Host header names this server: an address, localhost, this machine, or the name that it is bound to.

    None is a request of HTTP/1.0, which no browser sends.
    """
    if asked is None:
        return True
    try:
        name = urlsplit(f"//{asked}").hostname or ""
    except ValueError:
        return False
    if name.rstrip(".") in {"localhost", bound_host.lower(), socket.gethostname().lower()}:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
