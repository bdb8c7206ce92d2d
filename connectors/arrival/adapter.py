"""Tells an arrival app of a pool's appointments."""

from connectors.arrival.source import Appointments
from connectors.arrival.spec import Arrival
from connectors.context import PartnerContext
from connectors.http.post import SignedPost
from connectors.http.secrets import Secrets
from connectors.outbound.teller import Teller


def make(options: Arrival, context: PartnerContext) -> Teller:
    """The factory that the entry point names. Raises SecretUnusable."""
    post = SignedPost(options.url or context.hosted_url, Secrets(options.secret_sources()), options.request_timeout_s)
    return Teller(options.pool, options.id, Appointments(options.pool, context.follow), post)
