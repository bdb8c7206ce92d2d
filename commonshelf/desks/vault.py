"""The vault that the settings name."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from commonshelf.config.credentials import database_password
from commonshelf.config.settings import Settings
from commonshelf.desks.databases import usable
from connectors.context import AddressGone
from connectors.contract import AccessRefused, Unavailable
from messaging.clock import wall_clock_ms
from messaging.errors import UserError
from streams.vault import Purpose, Vault, VaultRefusedError, postgresql_engine, sqlite_engine
from streams.vault.vault import UNKNOWN_REFERENCE


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


class DeliveryAddresses:
    """Opens addresses in the vault for who is to deliver there. Thread-safe; the vault is reached at the first one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._vault: Vault | None = None
        self._lock = threading.Lock()

    def open(self, key: str, reference: str) -> Mapping[str, str]:
        """The address behind a reference. Raises AddressGone, AccessRefused and Unavailable, none with its words."""
        try:
            address = self._reached().open(key, reference, Purpose.deliver, wall_clock_ms())
        except VaultRefusedError as refused:
            if refused.reason == UNKNOWN_REFERENCE:
                raise AddressGone(refused.detail) from refused
            raise AccessRefused(f"the vault refuses the carrier's key: {refused.reason}, {refused.detail}") from refused
        except (SQLAlchemyError, OSError, UserError) as error:
            raise Unavailable(f"the vault does not answer: {type(error).__name__}") from error
        return address.model_dump(exclude_none=True, exclude_defaults=True)

    def _reached(self) -> Vault:
        with self._lock:
            if self._vault is None:
                self._vault = Vault(vault_engine(self._settings))
            return self._vault
