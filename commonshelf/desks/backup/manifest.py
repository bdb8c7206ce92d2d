"""The manifest of a backup, written last: what is in it, and what each file's content must be.

A folder without one is a backup that did not end.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from commonshelf.desks.backup.on_disk import sha256_of, sync_folder, synced
from commonshelf.embedded_kafka.private_files import private_opener
from messaging.errors import UserError

FORMAT: Literal[1] = 1
_NAME = "manifest.json"

Offset = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
TopicName = Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")]


class BackupError(UserError):
    """A backup cannot be made or used; the sentence says why and what to do."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PartitionCopy(_Part):
    """A partition's log. sha256: of the file of its records; None for a log without any."""

    number: Offset
    start: Offset
    end: Offset
    records: Offset
    sha256: Sha256 | None


class TopicCopy(_Part):
    """A topic. identity: which one of that name it was (`messaging.cluster.TopicIdentity`)."""

    name: TopicName
    identity: str
    config: dict[str, str]
    """Set for it, beside what its brokers have for all."""
    partitions: tuple[PartitionCopy, ...]

    @property
    def records(self) -> int:
        return sum(partition.records for partition in self.partitions)


class GroupOffset(_Part):
    """An offset that a consumer group has committed."""

    group: str
    topic: TopicName
    partition: Offset
    offset: Offset


class FileCopy(_Part):
    """Another file. origin: where it lay."""

    kind: Literal["settings", "vault"]
    file: Annotated[str, Field(pattern=r"^[a-z]+/[A-Za-z0-9_-][A-Za-z0-9._-]*$")]
    origin: str
    sha256: Sha256


class Manifest(_Part):
    """A whole backup."""

    format: Literal[1] = FORMAT
    release: str
    began_at_ms: int
    partitions: Annotated[int, Field(ge=1)]
    """Of each topic."""
    topics: tuple[TopicCopy, ...]
    offsets: tuple[GroupOffset, ...]
    files: tuple[FileCopy, ...]

    @property
    def records(self) -> int:
        return sum(topic.records for topic in self.topics)


class _ToCheck(NamedTuple):
    path: Path
    sha256: str


def records_file(folder: Path, topic: str, partition: int) -> Path:
    """Where a partition's records are."""
    return folder / "topics" / topic / f"{partition:04}.avro"


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """End a backup: all of it is on the disk. Raises OSError."""
    new = folder / f"{_NAME}.new"
    with open(new, "xb", opener=private_opener) as file:
        file.write(manifest.model_dump_json(indent=1).encode())
        synced(file)
    for inner in folder.rglob("*"):
        if inner.is_dir():
            sync_folder(inner)
    new.rename(folder / _NAME)
    sync_folder(folder)
    sync_folder(folder.absolute().parent)


def read_manifest(folder: Path) -> Manifest:
    """Raises BackupError for a folder that holds no whole backup of this form."""
    path = folder / _NAME
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise BackupError(f"{folder} has no {_NAME}, so no backup in it came to its end; name another one") from None
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, problem["loc"])) or "it"
        raise BackupError(
            f"{path} is damaged, or of a release with another form of it ({where}: {problem['msg']}); use another "
            "backup, or that release"
        ) from None


def check_files(folder: Path, manifest: Manifest) -> None:
    """Raise BackupError that names the first file that is missing or is not as it was written."""
    for path, sha256 in _files(folder, manifest):
        try:
            found = sha256_of(path)
        except FileNotFoundError:
            raise BackupError(f"{path} is missing, so the backup is not whole; nothing was restored") from None
        if found != sha256:
            raise BackupError(f"{path} is damaged: its content is not what was backed up; nothing was restored")


def _files(folder: Path, manifest: Manifest) -> Iterator[_ToCheck]:
    for topic in manifest.topics:
        for one in topic.partitions:
            if one.sha256 is not None:
                yield _ToCheck(records_file(folder, topic.name, one.number), one.sha256)
    for copy in manifest.files:
        yield _ToCheck(folder / copy.file, copy.sha256)
