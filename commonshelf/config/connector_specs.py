"""The settings of the connectors, as `connectors.host` takes it."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from commonshelf.config.settings import Settings, Store
from connectors.contract import StoreContext
from connectors.specs import ConnectorOptions, ConnectorSpec


def connector_specs(settings: Settings) -> Iterator[ConnectorSpec]:
    """One spec per connector of each store."""
    for store in settings.stores:
        for options in store.connectors:
            yield connector_spec(settings, store, options)


def connector_spec(settings: Settings, store: Store, options: ConnectorOptions) -> ConnectorSpec:
    """The spec of one connector, with the store in whose name it brings facts."""
    pool = settings.pool(store.pool)
    zone = ZoneInfo(store.time_zone or pool.time_zone)
    late_limit_ms = pool.declared().late_limit_ms
    is_replay = pool.clock == "data"
    context = StoreContext(pool.id, store.id, zone, pool.currency, late_limit_ms, options.measures(), is_replay)
    return ConnectorSpec(context, options)
