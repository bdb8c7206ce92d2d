"""Addresses of the reference arrival app's pages: who has one may use the page."""

from commonshelf.config.settings import Settings
from commonshelf.stack.processes import reachable
from connectors.arrival.reference.links import counter_path, customer_path
from connectors.arrival.spec import Arrival
from connectors.specs import SecretUnusable


def hosted(settings: Settings, pool: str | None = None) -> list[Arrival]:
    """The arrival apps that the stack runs itself, of a pool or of all."""
    found = [one for one in settings.partners if isinstance(one, Arrival) and one.is_hosted]
    return [one for one in found if pool in (None, one.pool)]


def customer_url(settings: Settings, pool: str, order: str, code: str) -> str | None:
    """The page of an order's customer; None when no app serves the pool, or its secret cannot be read here."""
    for partner in hosted(settings, pool):
        secret = _secret(partner)
        if secret is not None:
            return _base(settings, partner) + customer_path(secret, partner.id, order, code)
    return None


def counter_url(settings: Settings, pool: str, place: str) -> str | None:
    """The page of a place's counter; None as of `customer_url`."""
    for partner in hosted(settings, pool):
        secret = _secret(partner)
        if secret is not None:
            return _base(settings, partner) + counter_path(secret, partner.id, place)
    return None


def _secret(partner: Arrival) -> bytes | None:
    try:
        return partner.secret_sources()[0].read()
    except SecretUnusable:
        return None


def _base(settings: Settings, partner: Arrival) -> str:
    return partner.public_url or f"http://{reachable(settings.http.arrival_host)}:{settings.http.arrival_port}"
