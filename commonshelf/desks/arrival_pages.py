"""Addresses of the reference arrival app's pages: who has one may use the page."""

from collections.abc import Callable

from commonshelf.config.settings import Settings
from commonshelf.stack.processes import reachable
from connectors.arrival.reference.links import counter_path, customer_path
from connectors.arrival.spec import Arrival
from connectors.specs import SecretUnusable


def hosted(settings: Settings, pool: str | None = None) -> list[Arrival]:
    """The arrival apps that the stack runs itself, of a pool or of all."""
    found = [one for one in settings.partners if isinstance(one, Arrival) and one.is_hosted]
    return [one for one in found if pool in (None, one.pool)]


def app_address(settings: Settings) -> str:
    """The address of the app on this machine."""
    return f"http://{reachable(settings.http.arrival_host)}:{settings.http.arrival_port}"


def customer_url(settings: Settings, pool: str, order: str, code: str) -> str | None:
    """The page of an order's customer; None when no app serves the pool, or its secret cannot be read here."""
    return _url(settings, pool, lambda secret, partner: customer_path(secret, partner, order, code))


def counter_url(settings: Settings, pool: str, place: str) -> str | None:
    """The page of a place's counter; None as of `customer_url`."""
    return _url(settings, pool, lambda secret, partner: counter_path(secret, partner, place))


def _url(settings: Settings, pool: str, path: Callable[[bytes, str], str]) -> str | None:
    """A page of the first app whose secret can be read here. path: by the secret and the partner's id."""
    for partner in hosted(settings, pool):
        try:
            secret = partner.secret_sources()[0].read()
        except SecretUnusable:
            continue
        return (partner.public_url or app_address(settings)) + path(secret, partner.id)
    return None
