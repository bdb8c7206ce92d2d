"""The key that opens the board on its own machine: an operator's, of one pool, kept in the data folder.

It is made where the pages are served to this machine alone; where others reach them, keys are given out by hand.
"""

import ipaddress
import json
from pathlib import Path
from typing import cast, get_args

from commonshelf.config.settings import Settings
from commonshelf.desks.access import UnknownKeyError, find_key, make_key
from commonshelf.desks.api_tokens import opens, token_parts
from commonshelf.embedded_kafka.private_files import write_private
from commonshelf.stack.connection import Connection
from messaging.clock import wall_clock_ms
from schemas.models.access import Scope
from schemas.types.access import ApiKey

_FILE = "operator-keys.json"
_LABEL = "operator on this machine"


def operators_key(connection: Connection, pool: str) -> str:
    """The key of this machine's operator for a pool, as it is typed: the one that is kept, or a new one.

    Raises UnknownNameError for a pool that is not configured, OSError.
    """
    file = connection.settings.data_dir / _FILE
    kept = _kept(file)
    token = kept.get(pool, "")
    if not _still_opens(connection, token):
        token = make_key(connection, pool, _LABEL, cast("tuple[Scope, ...]", get_args(Scope))).token
        write_private(file, json.dumps(kept | {pool: token}))
    return token


def is_for_this_machine(settings: Settings) -> bool:
    """Whether the pages are served to this machine alone."""
    host = settings.http.host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def sign_in_url(url: str, token: str) -> str:
    """The address that fills in the key: what follows the mark never leaves the browser, but by the form."""
    return f"{url}/signin#{token}"


def _kept(file: Path) -> dict[str, str]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _still_opens(connection: Connection, token: str) -> bool:
    parts = token_parts(token)
    if parts is None:
        return False
    try:
        _, key = find_key(connection, parts[0])
    except UnknownKeyError:
        return False
    return opens(cast("ApiKey", key.to_avro()), parts[1], wall_clock_ms())
