"""Loans of stores to other pools: set as quotas, and read back with what the borrowers have of it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from commonshelf.config.names import UnknownNameError, check_name
from commonshelf.config.pool_config import PoolConfigs
from commonshelf.config.publishing import current, publish_settings
from schemas.models.config import ConfigChange, LentQuota
from schemas.topics import POOL_AVAILABILITY


class Lent(NamedTuple):
    """A quota, and what the borrower has of it now; thousandths of the unit."""

    store: str
    sku: str
    to_pool: str
    quota_milli: int
    borrowed_milli: int
    """Granted, neither used nor given back."""
    available_milli: int
    """What of that the borrower has not promised."""


def set_quota(
    kafka_options: Mapping[str, str], partitions: int, config: PoolConfigs, pool: str, quota: LentQuota, at_ms: int
) -> None:
    """Publish the quota. Raises UnknownNameError for a pool, a store or an item that is not there."""
    catalog, other = config.catalog(pool), config.catalog(quota.to_pool)
    check_name("store", quota.store, catalog.stores, f"pool {pool}")
    for name, of in ((pool, catalog), (quota.to_pool, other)):
        check_name("item", quota.sku, of.items, f"pool {name}")
    if catalog.unit(quota.sku) != other.unit(quota.sku):
        raise UnknownNameError(
            f"{pool} counts {quota.sku} by {catalog.unit(quota.sku)} and {quota.to_pool} by {other.unit(quota.sku)}"
        )
    change = ConfigChange(pool=pool, recorded_at_ms=at_ms, origin="operator", change=quota)
    publish_settings(kafka_options, partitions, [change])


def lent_by(kafka_options: Mapping[str, str], config: PoolConfigs, pool: str) -> list[Lent]:
    """The pool's quotas with what became of them, by borrower, store and item. Raises UnknownNameError."""
    quotas = config.catalog(pool).lent_quotas
    rows: dict[tuple[str, str, str], dict[str, Any]] = {
        (row["pool"], row["store"], row["sku"]): row for row in current(kafka_options, POOL_AVAILABILITY.name)
    }
    found = []
    for (to_pool, store, sku), quota_milli in sorted(quotas.items()):
        row = rows.get((to_pool, f"{store}@{pool}", sku), {})
        lent = Lent(
            store, sku, to_pool, quota_milli, row.get("on_hand_milli", 0), row.get("available_milli", 0)
        )  # fmt: skip
        found.append(lent)
    return found
