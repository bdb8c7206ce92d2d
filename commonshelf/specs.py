"""What the settings say about connectors, as `connectors.host` takes it."""

from collections.abc import Iterator

from commonshelf.settings import CsvFolder, Settings, Store, Webhook
from connectors.specs import DEFAULT_KINDS, ConnectorSpec, CsvFolderSpec, SecretSource, WebhookSpec


def connector_specs(settings: Settings) -> Iterator[ConnectorSpec]:
    """One spec per connector of each store."""
    for store in settings.stores:
        for connector in store.connectors:
            match connector:
                case CsvFolder():
                    yield csv_spec(settings, store, connector)
                case Webhook():
                    yield _webhook_spec(settings, store, connector)


def csv_spec(settings: Settings, store: Store, folder: CsvFolder) -> CsvFolderSpec:
    """The drop folder of `store`; `store add` reads its opening stock through one, too."""
    pool = settings.pool(store.pool)
    return CsvFolderSpec(
        pool=pool.id,
        store=store.id,
        time_zone=store.time_zone or pool.time_zone,
        currency=pool.currency,
        folder=folder.folder,
        columns=folder.columns,
        kinds={**DEFAULT_KINDS, **folder.file_kinds},
        time_format=folder.time_format,
        decimal_mark=folder.decimal_mark,
        default_unit=folder.default_unit,
        settle_ms=folder.settle_ms,
        scan_interval_s=folder.scan_interval_s,
    )


def _webhook_spec(settings: Settings, store: Store, webhook: Webhook) -> WebhookSpec:
    pool = settings.pool(store.pool)
    sources = [
        *(SecretSource(env=name) for name in webhook.secret_env),
        *(SecretSource(file=path) for path in webhook.secret_file),
    ]
    return WebhookSpec(
        pool=pool.id,
        store=store.id,
        time_zone=store.time_zone or pool.time_zone,
        currency=pool.currency,
        secrets=tuple(sources),
    )
