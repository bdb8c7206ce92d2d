"""The vault that the settings name."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from commonshelf.config.credentials import database_password
from commonshelf.config.settings import Settings
from commonshelf.desks.databases import usable
from messaging.errors import UserError
from streams.vault import Vault, postgresql_engine, sqlite_engine


class VaultUnusableError(UserError):
    """The database of the vault does not answer as it should; the sentence says what to do."""


def vault_engine(settings: Settings) -> Engine:
    """Raises SettingsError when the password cannot be read, OSError when the file cannot be made."""
    if settings.vault.database_url is None:
        return sqlite_engine(settings.vault_file)
    return postgresql_engine(settings.vault.database_url, database_password("vault", settings.vault))


@contextmanager
def opened_vault(settings: Settings) -> Iterator[Vault]:
    """The vault, for one command. Raises SettingsError, VaultUnusableError."""
    where = settings.vault.database_url or settings.vault_file
    with usable("the vault", where, "vault", VaultUnusableError):
        engine = vault_engine(settings)
        try:
            yield Vault(engine)
        finally:
            engine.dispose()
