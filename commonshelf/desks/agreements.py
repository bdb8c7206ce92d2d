"""The agreements of a pool, as its settings topic has them."""

from commonshelf.desks.onboarding import config_changes, settings_in
from commonshelf.stack.connection import Connection
from schemas.models.agreement import Agreement


def agreements_of(connection: Connection, pool: str) -> tuple[list[Agreement], str]:
    """The versions of a pool's agreement in order, and the pool's currency. Raises UnknownNameError."""
    changes = list(config_changes(connection))
    currency = settings_in(changes, pool).currency
    found = [change.change for change in changes if change.pool == pool and isinstance(change.change, Agreement)]
    return sorted(found, key=lambda one: one.version), currency
