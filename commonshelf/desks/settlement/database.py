"""The settlement database that the settings name."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from commonshelf.config.credentials import database_password
from commonshelf.config.settings import Settings
from commonshelf.desks.databases import usable
from messaging.errors import UserError
from streams.settlement.store.database import migrate, postgresql_engine, reading, sqlite_engine


class SettlementUnusableError(UserError):
    """The settlement database does not answer as it should; the sentence says what to do."""


def settlement_engine(settings: Settings) -> Engine:
    """Raises SettingsError when the password cannot be read, OSError when the file cannot be made."""
    if settings.settlement.database_url is None:
        return sqlite_engine(settings.settlement_file)
    return postgresql_engine(settings.settlement.database_url, database_password("settlement", settings.settlement))


@contextmanager
def opened_settlement(settings: Settings) -> Iterator[Connection]:
    """The database as it is now, for one command's queries. Raises SettingsError, SettlementUnusableError."""
    where = settings.settlement.database_url or settings.settlement_file
    with usable("the settlement database", where, "settlement", SettlementUnusableError):
        engine = settlement_engine(settings)
        try:
            migrate(engine)
            with reading(engine) as connection:
                yield connection
        finally:
            engine.dispose()
