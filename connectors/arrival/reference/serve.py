"""The reference app's process: it serves customers, counters and our own messages on one port."""

from collections.abc import Sequence
from pathlib import Path

import uvicorn

from connectors.arrival.reference.app import Partner, ReferenceApp
from connectors.arrival.reference.store import Appointments
from connectors.arrival.spec import Arrival
from connectors.http.post import SignedPost
from connectors.http.secrets import Secrets
from messaging.prompt_http import HEAD_MAX_BYTES, PromptHeaders

_CONNECTIONS_MAX = 512


def serve(partners: Sequence[Arrival], reports_url: str, state_dir: Path, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. reports_url: where partners post to, before their id. Raises SecretUnusable."""
    served = {}
    for options in partners:
        secrets = Secrets(options.secret_sources())
        post = SignedPost(f"{reports_url}/{options.id}", secrets, options.request_timeout_s)
        served[options.id] = Partner(options.id, secrets, Appointments(state_dir / f"{options.id}.sqlite3"), post.send)
    uvicorn.run(
        ReferenceApp(served).app,
        host=host,
        port=port,
        log_config=None,  # its records go the way of all others
        log_level="warning",
        access_log=False,  # a customer's link has the code
        http=PromptHeaders,
        ws="none",
        h11_max_incomplete_event_size=HEAD_MAX_BYTES,
        limit_concurrency=_CONNECTIONS_MAX,
        timeout_graceful_shutdown=5,
    )
    for partner in served.values():
        partner.appointments.close()
