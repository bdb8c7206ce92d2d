"""The vault's tables, and how their database forgets."""

from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    make_url,
    text,
)

_LOCK_WAIT_S = 30
metadata = MetaData()

callers = Table(
    "vault_callers",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("key_hash", String(64), nullable=False, unique=True),
)
addresses = Table(
    "vault_addresses",
    metadata,
    Column("reference", String(64), primary_key=True),
    Column("keep_until_ms", BigInteger, nullable=False, index=True),
    Column("content", Text, nullable=False),
)
audit = Table(
    "vault_audit",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("action", String(16), nullable=False),
    Column("caller", String(64)),
    Column("role", String(16)),
    Column("reference", String(64), index=True),
    Column("purpose", String(16)),
    Column("refused", String(32), nullable=False),
)
clock = Table(
    "vault_clock",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
)
"""Of one row, once there was a sweep: what was to be kept until then is erased."""
SET_CLOCK = text("INSERT INTO vault_clock (id, at_ms) VALUES (1, :ms) ON CONFLICT (id) DO UPDATE SET at_ms = :ms")


def sqlite_engine(file: Path) -> Engine:
    """A vault in one file, which its owner alone may read. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    engine = create_engine(f"sqlite:///{file}", hide_parameters=True, connect_args={"timeout": _LOCK_WAIT_S})
    event.listen(engine, "connect", _forget_well)
    return engine


def postgresql_engine(url: str, password: str | None) -> Engine:
    """A vault on PostgreSQL. `url` has no password."""
    whole = make_url(url).set(drivername="postgresql+psycopg")
    if password is not None:
        whole = whole.set(password=password)
    return create_engine(whole, hide_parameters=True, pool_pre_ping=True)


def _forget_well(connection: Any, _: Any) -> None:
    """Deleted rows are overwritten, and no copy goes through a temporary file or stays in a write-ahead log."""
    for pragma in ("secure_delete = ON", "temp_store = MEMORY", "journal_mode = DELETE"):
        connection.execute(f"PRAGMA {pragma}")


def compact(engine: Engine) -> None:
    """Write the addresses' table anew, so that nothing of a deleted row is left in its file."""
    statement = "VACUUM" if engine.dialect.name == "sqlite" else f"VACUUM (FULL) {addresses.name}"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))
