"""The agreements of a pool, as its settings topic has them."""

from collections.abc import Mapping

from commonshelf.config.pool_config import UnknownNameError
from commonshelf.config.publishing import current
from schemas.models.agreement import Agreement
from schemas.models.config import ConfigChange, PoolSettings
from schemas.topics import POOL_CONFIG


def agreements_of(kafka_options: Mapping[str, str], pool: str) -> tuple[list[Agreement], str]:
    """The versions of a pool's agreement in order, and the pool's currency. Raises UnknownNameError."""
    changes = [ConfigChange.from_avro(plain) for plain in current(kafka_options, POOL_CONFIG.name)]
    pools = {change.pool: change.change for change in changes if isinstance(change.change, PoolSettings)}
    if pool not in pools:
        raise UnknownNameError(f"there is no pool {pool!r}; known pools: {', '.join(sorted(pools)) or 'none'}")
    found = [change.change for change in changes if change.pool == pool and isinstance(change.change, Agreement)]
    return sorted(found, key=lambda one: one.version), pools[pool].currency
