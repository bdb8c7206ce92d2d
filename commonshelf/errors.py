"""Which exceptions are for the user: their text says what is wrong, where, and what to do. Others are our defects."""


def explain(error: BaseException) -> str | None:
    """The sentence to show instead of a traceback; None for an error that no user can act on."""
    from confluent_kafka import KafkaException

    from commonshelf.admin import TopicsError
    from commonshelf.catalog_files import DeclarationError
    from commonshelf.children import PortTakenError
    from commonshelf.commands.connection import NothingRunsError
    from commonshelf.kafka_errors import KafkaStartError
    from commonshelf.pool_table import UnknownNameError
    from commonshelf.settings_sources import SettingsError
    from commonshelf.stack import StackError
    from connectors.csv_folder.folder import FolderUnusable
    from connectors.host import HostFailed
    from connectors.publisher import PublishError
    from connectors.specs import SecretUnusable

    for_users = (
        SettingsError,
        StackError,
        KafkaStartError,
        TopicsError,
        PortTakenError,
        DeclarationError,
        NothingRunsError,
        UnknownNameError,
        PublishError,
        HostFailed,
        FolderUnusable,
        SecretUnusable,
    )
    if isinstance(error, for_users):
        return str(error)
    if isinstance(error, KafkaException):
        return f"Kafka refused or did not answer: {error.args[0].str()}; `./shelf doctor` looks for the cause"
    return None
