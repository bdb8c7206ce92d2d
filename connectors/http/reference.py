"""Parts that servers of reference partners share: they play an app or a carrier, and have no metrics."""

import uvicorn
from starlette.types import ASGIApp

from messaging.prompt_http import HEAD_MAX_BYTES, PromptHeaders


class Uncounted:
    """Counts no requests: the pool's side counts its calls and their outcomes."""

    def request(self, status: int) -> None:
        """Nothing is counted."""

    def signature_rejected(self) -> None:
        """Nothing is counted."""


def run(app: ASGIApp, host: str, port: int, connections_max: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=None,  # its records go the way of all others
        log_level="warning",
        access_log=False,  # links of customers have codes
        http=PromptHeaders,
        ws="none",
        h11_max_incomplete_event_size=HEAD_MAX_BYTES,
        limit_concurrency=connections_max,
        timeout_graceful_shutdown=5,
    )
