"""The files of a backup that are not topics: settings with the lists that they name, and the vault of one machine."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

from commonshelf.config.settings import Settings
from commonshelf.desks.backup.manifest import BackupError, FileCopy, Manifest
from commonshelf.desks.backup.on_disk import sha256_of, synced
from commonshelf.embedded_kafka.private_files import private_folder, private_opener, write_private


def copy_settings(settings: Settings, settings_file: Path | None, folder: Path) -> Iterator[FileCopy]:
    """The settings file and lists of items and codes. Files with secrets, which it names, are left out."""
    lists = [file for pool in settings.pools for file in pool.catalog_files]
    lists += [file for store in settings.stores for file in store.code_files]
    for number, origin in enumerate([*([settings_file] if settings_file else []), *dict.fromkeys(lists)]):
        name = "".join(each if each.isascii() and (each.isalnum() or each in "._-") else "_" for each in origin.name)
        path = _new(folder, f"settings/{number:02}-{name}")
        with origin.open("rb") as file, open(path, "xb", opener=private_opener) as copy:
            shutil.copyfileobj(file, copy)
            synced(copy)
        yield _told("settings", folder, path, origin)


def copy_vault(settings: Settings, folder: Path) -> Iterator[FileCopy]:
    """The vault, if it is a file: by SQLite itself, since others may write."""
    origin = settings.vault_file
    if settings.vault.database_url is None and origin.is_file():
        path = _new(folder, f"vault/{origin.name}")
        _copy_database(origin, path)
        yield _told("vault", folder, path, origin)


def check_vault_is_missing(settings: Settings, manifest: Manifest) -> None:
    """Raise BackupError where another vault would be overwritten, or this one has no place."""
    vaults = [copy for copy in manifest.files if copy.kind == "vault"]
    if not vaults:
        return
    if settings.vault.database_url is not None:
        raise BackupError(
            "the backup holds a vault in a file, and vault.database_url names a database; restore with the settings of "
            "the machine that was backed up"
        )
    if settings.vault_file.exists() and sha256_of(settings.vault_file) not in {copy.sha256 for copy in vaults}:
        raise BackupError(f"{settings.vault_file} is there already; move it away, or set data_dir to another folder")


def restore_vault(settings: Settings, manifest: Manifest, folder: Path) -> None:
    """Put it where it belongs. What has expired since is not opened, and the agents' sweeps erase it."""
    for copy in manifest.files:
        if copy.kind == "vault":
            private_folder(settings.vault_file.parent)
            write_private(settings.vault_file, (folder / copy.file).read_bytes())


def _copy_database(origin: Path, path: Path) -> None:
    with (
        open(path, "xb", opener=private_opener) as file,
        closing(sqlite3.connect(f"{origin.absolute().as_uri()}?mode=ro", uri=True)) as read,
        closing(sqlite3.connect(path)) as written,
    ):
        read.backup(written)
        synced(file)


def _new(folder: Path, name: str) -> Path:
    path = folder / name
    private_folder(path.parent)
    return path


def _told(kind: Literal["settings", "vault"], folder: Path, path: Path, origin: Path) -> FileCopy:
    return FileCopy(kind=kind, file=str(path.relative_to(folder)), origin=str(origin), sha256=sha256_of(path))
