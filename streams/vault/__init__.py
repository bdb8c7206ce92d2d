"""Addresses for goods, behind opaque references, and who may open them."""

from streams.vault.address import Address
from streams.vault.roles import Purpose, Role
from streams.vault.tables import postgresql_engine, sqlite_engine
from streams.vault.vault import Attempt, Vault, VaultRefusedError

__all__ = ["Address", "Attempt", "Purpose", "Role", "Vault", "VaultRefusedError", "postgresql_engine", "sqlite_engine"]
