"""Which exceptions are for the user: their text says what is wrong, where, and what to do. Others are our defects."""

import errno

_OF_THE_MACHINE = {
    errno.ENOSPC: "free some disk",
    errno.EDQUOT: "free some of your disk quota",
    errno.EROFS: "use a folder that can be written",
    errno.EACCES: "check its owner and rights",
    errno.EPERM: "check its owner and rights",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "close other programs: the machine has no more open files to give",
    errno.ENOMEM: "close other programs: the memory is full",
    errno.EAGAIN: "close other programs, or raise the limit of processes (ulimit -u)",
}
"""What the machine refuses, wherever in the program: errno → what to do."""


def explain(error: BaseException) -> str | None:
    """The sentence to show instead of a traceback; None for an error that no user can act on."""
    from confluent_kafka import KafkaException

    from commonshelf.config.catalog_files import DeclarationError
    from commonshelf.config.sources import SettingsError
    from commonshelf.dead_letters.desk import DeskTakenError
    from commonshelf.dead_letters.letters import OutcomeUnreadableError
    from commonshelf.desks.pool_table import UnknownNameError
    from commonshelf.desks.vault import VaultUnusableError
    from commonshelf.embedded_kafka.errors import KafkaStartError
    from commonshelf.scaffold import ScaffoldError
    from commonshelf.stack.connection import NothingRunsError
    from commonshelf.stack.processes import PortTakenError
    from commonshelf.stack.stack import StackError
    from connectors.contract import Unavailable
    from connectors.drop_folder.folder import FolderUnusable
    from connectors.host import HostFailed
    from connectors.specs import SecretUnusable
    from connectors.vendor.contract import AccessRefused
    from messaging.publisher import PublishError
    from messaging.topic_admin import TopicsError
    from streams.allocation.case_file import CaseUnusable

    for_users = (
        SettingsError,
        StackError,
        KafkaStartError,
        TopicsError,
        PortTakenError,
        DeclarationError,
        NothingRunsError,
        DeskTakenError,
        OutcomeUnreadableError,
        UnknownNameError,
        VaultUnusableError,
        ScaffoldError,
        PublishError,
        HostFailed,
        FolderUnusable,
        SecretUnusable,
        CaseUnusable,
        Unavailable,
        AccessRefused,
    )
    if isinstance(error, for_users):
        return str(error)
    if isinstance(error, KafkaException):
        return f"Kafka refused or did not answer: {error.args[0].str()}; `./shelf doctor` looks for the cause"
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}; {_OF_THE_MACHINE[error.errno]}, then run this again"
    return None
