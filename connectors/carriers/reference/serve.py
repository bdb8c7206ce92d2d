"""The reference carrier's process, and the reports that it posts."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx

from connectors.carriers.reference.app import ReferenceCarrier
from connectors.carriers.reference.store import Deliveries
from connectors.carriers.spec import Carrier
from connectors.http.post import SignedPost
from connectors.http.reference import run
from connectors.http.secrets import Secrets

_CONNECTIONS_MAX = 128


def deliveries_of(options: Carrier, state_dir: Path) -> Deliveries:
    """What the carrier was told, as its server keeps it."""
    return Deliveries(state_dir / f"{options.id}.sqlite3")


def serve(options: Carrier, state_dir: Path, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. Raises SecretUnusable."""
    deliveries = deliveries_of(options, state_dir)
    carrier = ReferenceCarrier(options.id, Secrets(options.secret_sources()), deliveries)
    run(carrier.app, host, port, _CONNECTIONS_MAX)
    deliveries.close()


def report(options: Carrier, reports_url: str, kind: str, task: str, reason: str | None) -> httpx.Response:
    """Post a report as the carrier does. reports_url: where partners post to, before their id.

    Returns the pool's answer. Raises SecretUnusable, Unavailable.
    """
    post = SignedPost(
        f"{reports_url}/{options.id}", Secrets(options.secret_sources()), options.request_timeout_s, shows_answers=False
    )
    message: Mapping[str, object] = {
        "id": uuid.uuid4().hex, "kind": kind, "task": task, "at": datetime.now(UTC).isoformat(timespec="seconds"),
        **({} if reason is None else {"reason": reason}),
    }  # fmt: skip
    return post.send(str(message["id"]), json.dumps(message).encode())
