"""The settlement database: a file of SQLite, or PostgreSQL, with its tables as this release has them."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, make_url

from messaging.errors import UserError

logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of each step and of its plugins
_LOCK_WAIT_S = 30
_MIGRATION_LOCK = 0x5E771E
"""Of PostgreSQL: two that start at once migrate one after the other."""


class DatabaseOfLaterRelease(UserError):
    """The tables were changed by a release that this one does not know."""


def sqlite_engine(file: Path) -> Engine:
    """A database in one file, which its owner alone may read. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": _LOCK_WAIT_S})
    event.listen(engine, "connect", _set_up_sqlite)
    return engine


def postgresql_engine(url: str, password: str | None) -> Engine:
    """PostgreSQL. `url` has no password."""
    whole = make_url(url).set(drivername="postgresql+psycopg")
    if password is not None:
        whole = whole.set(password=password)
    return create_engine(whole, pool_pre_ping=True)


def migrate(engine: Engine) -> None:
    """Make the tables, or bring them to this release's form. Raises SQLAlchemyError, DatabaseOfLaterRelease."""
    config = Config()
    config.set_main_option("script_location", "streams.settlement.store:migrations")
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            newest = ScriptDirectory.from_config(config).get_current_head()
            raise DatabaseOfLaterRelease(
                f"the settlement database has tables that this release does not know (its own are of revision "
                f"{newest}): {error}; start the release that made them, or name another database in settlement"
            ) from error


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that sees the database as it is now, whatever is committed meanwhile. Raises SQLAlchemyError."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield connection
    else:
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            yield connection


def _set_up_sqlite(connection: Any, _: Any) -> None:
    """Readers do not wait for the writer. What a power cut takes of the last commits is read from Kafka again."""
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}")
