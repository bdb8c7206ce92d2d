"""Exceptions that are for the user: their text says what is wrong, where, and what to do. Others are our defects."""

import errno

from messaging.errors import UserError

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

    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, KafkaException):
        return f"Kafka refused or did not answer: {error.args[0].str()}; `./shelf doctor` looks for the cause"
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}; {_OF_THE_MACHINE[error.errno]}, then run this again"
    return None
