"""Records of a partition as a file: an Avro container, which any program that knows Avro can read."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from confluent_kafka import Message
from fastavro import parse_schema, reader
from fastavro.write import Writer

from commonshelf.desks.backup.on_disk import synced
from commonshelf.embedded_kafka.private_files import private_opener

_BYTES = ["null", "bytes"]
_SCHEMA = parse_schema({
    "type": "record", "name": "KafkaRecord", "namespace": "commonshelf.backup",
    "fields": [
        {"name": "offset", "type": "long"},
        {"name": "timestamp_ms", "type": "long", "doc": "By the broker's clock."},
        {"name": "key", "type": _BYTES},
        {"name": "value", "type": _BYTES},
        {"name": "headers", "type": {"type": "array", "items": {
            "type": "record", "name": "Header",
            "fields": [{"name": "name", "type": "string"}, {"name": "value", "type": _BYTES}],
        }}},
    ],
})  # fmt: skip
_BLOCK_BYTES = 256 << 10


class Record(NamedTuple):
    """A record as it lies in a partition."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


def record_of(message: Message) -> Record:
    """The record that a consumer got."""
    headers: Any = message.headers() or ()
    key: Any = message.key()
    return Record(int(message.offset() or 0), int(message.timestamp()[1]), key, message.value(), tuple(headers))


class RecordsFile:
    """A new file of records, this user's alone; on the disk when it is closed. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._file = open(path, "xb", opener=private_opener)  # noqa: SIM115  closed by __exit__
        self._writer = Writer(self._file, _SCHEMA, "deflate", sync_interval=_BLOCK_BYTES)

    def write(self, record: Record) -> None:
        """Append it."""
        self._writer.write(
            record._asdict() | {"headers": [{"name": name, "value": value} for name, value in record.headers]}
        )
        self.count += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                self._writer.flush()
                synced(self._file)


def read_records(path: Path) -> Iterator[Record]:
    """The records of a file, one after the other. Raises OSError, and what fastavro raises for what is no such file."""
    with path.open("rb") as file:
        for one in reader(file):
            assert isinstance(one, dict), "as the schema says"
            headers = tuple((header["name"], header["value"]) for header in one["headers"])
            yield Record(one["offset"], one["timestamp_ms"], one["key"], one["value"], headers)
