"""Blockers of a start, as far as they can be seen before: secrets, files and folders that settings name.

`up`, `doctor` and `config show` ask the same; what settings themselves rule out, reading them does.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from commonshelf.config.catalog_files import UnusableFileError
from commonshelf.config.credentials import secret_origin
from commonshelf.config.publishing import SharedCodeError, check_codes, records_of
from commonshelf.config.settings import Settings
from connectors.specs import SecretSource
from schemas.models.catalog import CatalogItem


@dataclass(frozen=True)
class Blocker:
    """A thing that is missing or wrong. what: the kind of thing."""

    what: str
    found: str
    to_do: str


def blockers(settings: Settings, env: Mapping[str, str]) -> Iterator[Blocker]:
    """All of them. env: where secrets are looked for."""
    yield from _secrets(settings, env)
    yield from _key_files(settings)
    try:
        check_codes(record for record in records_of(settings) if isinstance(record, CatalogItem))
    except (UnusableFileError, SharedCodeError) as error:
        yield Blocker("file", str(error), "")
    for store in settings.stores:
        for connector in store.connectors:
            for folder in connector.folders():
                yield from _folder(store.id, folder)


def new_folders(settings: Settings) -> list[Path]:
    """Folders of connectors that are not there yet: they are made at the start."""
    named = [folder for store in settings.stores for each in store.connectors for folder in each.folders()]
    return [folder for folder in named if not folder.exists() and not folder.is_symlink()]


def _secrets(settings: Settings, env: Mapping[str, str]) -> Iterator[Blocker]:
    """A secret that is missing would stop the connectors of all stores, or the calls to all partners."""
    for whose, source in secrets_of(settings):
        there, origin = secret_origin(source.env, source.file, env)
        if not there:
            yield Blocker(
                "secret", f"the {whose} is missing in {origin}",
                "make one with: openssl rand -hex 32, or get it from the vendor",
            )  # fmt: skip


def secrets_of(settings: Settings) -> Iterator[tuple[str, SecretSource]]:
    """The secrets of connectors and partners: whose each is, and where it lies."""
    for store in settings.stores:
        for connector in store.connectors:
            for source in connector.secret_sources():
                yield f"{connector.kind} secret of store {store.id}", source
    for partner in settings.partners:
        for source in partner.secrets_to_call():
            yield f"secret of partner {partner.id}", source


def _key_files(settings: Settings) -> Iterator[Blocker]:
    for section, names in (
        ("kafka", ("ca_file", "client_certificate_file", "client_key_file", "sasl_password_file")),
        ("vault", ("password_file",)),
        ("settlement", ("password_file",)),
    ):
        for name in names:
            file = getattr(getattr(settings, section), name)
            if file is not None and not (file.is_file() and os.access(file, os.R_OK)):
                yield Blocker("file", f"{section}.{name} {file} cannot be read", "correct the path, or its rights")


def _folder(store: str, folder: Path) -> Iterator[Blocker]:
    nearest = next(each for each in (folder, *folder.parents) if each.exists() or each.is_symlink())
    to_do = "correct the path, or its owner and rights"
    if not nearest.is_dir():
        yield Blocker("folder", f"{nearest}, in the path of a folder of store {store}, is no folder", to_do)
    elif not os.access(nearest, os.W_OK | os.X_OK):
        yield Blocker("folder", f"{nearest}, in the path of a folder of store {store}, is not writable", to_do)
    elif nearest == folder:
        for name in ("done", "rejected"):
            inner = folder / name
            if inner.is_symlink() or (inner.exists() and not inner.is_dir()):
                yield Blocker("folder", f"{inner} is not a folder", "move it away; the connector makes its own")
