"""The reference app's process: it serves customers, counters and our own messages on one port."""

from collections.abc import Sequence
from pathlib import Path

from connectors.arrival.reference.app import Partner, ReferenceApp
from connectors.arrival.reference.store import Appointments
from connectors.arrival.spec import Arrival
from connectors.http.post import SignedPost
from connectors.http.reference import run
from connectors.http.secrets import Secrets

_CONNECTIONS_MAX = 512


def serve(partners: Sequence[Arrival], reports_url: str, state_dir: Path, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. reports_url: where partners post to, before their id. Raises SecretUnusable."""
    served = {}
    for options in partners:
        secrets = Secrets(options.secret_sources())
        post = SignedPost(f"{reports_url}/{options.id}", secrets, options.request_timeout_s)
        served[options.id] = Partner(options.id, secrets, Appointments(state_dir / f"{options.id}.sqlite3"), post.send)
    run(ReferenceApp(served).app, host, port, _CONNECTIONS_MAX)
    for partner in served.values():
        partner.appointments.close()
