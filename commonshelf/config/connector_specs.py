"""The settings of the connectors, as `connectors.host` takes it."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from commonshelf.config.settings import Settings, Store
from connectors.contract import StoreContext
from connectors.specs import ConnectorSpec


def connector_specs(settings: Settings) -> Iterator[ConnectorSpec]:
    """One spec per connector of each store."""
    for store in settings.stores:
        for options in store.connectors:
            yield ConnectorSpec(store_context(settings, store), options)


def store_context(settings: Settings, store: Store) -> StoreContext:
    """The store in whose name its connectors bring facts."""
    pool = settings.pool(store.pool)
    zone = ZoneInfo(store.time_zone or pool.time_zone)
    return StoreContext(pool.id, store.id, zone, pool.currency, pool.declared().late_limit_ms)
