"""The exception tree of an embedded Kafka that cannot start.

KafkaStartError
├── JarDownloadError        a jar could not be fetched, or its content is not what the lock file pins
├── JavaError               no Java, or one that is too old or broken
├── PortTakenError          a port the user named, or a running cluster needs, belongs to another process
├── NotEnoughMemoryError    less free memory than the brokers' heaps need
├── NotEnoughDiskError      less free disk than the jars or the data directory need
├── DataDirectoryError      the data directory is another cluster's, unreadable, or not ours
│   └── DataDirectoryInUseError   a live process holds it
└── BrokerFailedError       the broker process ended or did not become ready in time

Every message is one sentence that says what happened, where, and what to do.
"""

from messaging.errors import UserError


class KafkaStartError(UserError):
    """The embedded Kafka could not start."""


class JarDownloadError(KafkaStartError):
    """A Kafka jar could not be fetched, or does not match its SHA-256."""


class JavaError(KafkaStartError):
    """No usable Java runtime."""


class PortTakenError(KafkaStartError):
    """A port that has to be this one is taken."""


class NotEnoughMemoryError(KafkaStartError):
    """The machine has too little free memory for the brokers."""


class NotEnoughDiskError(KafkaStartError):
    """A file system has too little free space."""


class DataDirectoryError(KafkaStartError):
    """The data directory cannot be used."""


class DataDirectoryInUseError(DataDirectoryError):
    """Another live process runs Kafka on the data directory."""


class BrokerFailedError(KafkaStartError):
    """A broker ended by itself or did not become ready."""
