"""The vault: exact addresses behind opaque references, opened only for a purpose, by who may, and erased for good.

A reference says nothing about what is behind it, so it may go through Kafka; an address never does. Each attempt is
written down, refused ones too, with nothing personal in it.
"""

import secrets
from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select

from streams.vault.address import Address
from streams.vault.roles import MAY_ERASE, MAY_OPEN, MAY_PUT, Purpose, Role
from streams.vault.tables import SET_CLOCK, addresses, audit, callers, clock, compact, metadata

UNKNOWN_KEY = "unknown_key"
"""The key was never given out, or was taken back."""
NOT_ALLOWED = "not_allowed"
"""The caller's role may not do this, or not for this purpose."""
UNKNOWN_REFERENCE = "unknown_reference"
"""No such address: it was erased, has expired, or never was."""
NAME_TAKEN = "name_taken"
"""A caller of that name has a key: take it back first."""
UNKNOWN_CALLER = "unknown_caller"
"""Nobody of that name has a key."""
_REFERENCE_BYTES = 16
_KEY_BYTES = 32


class VaultRefusedError(Exception):
    """The vault says no: a reason from the list above, and what exactly."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Attempt(NamedTuple):
    """One line of the audit. `refused` is empty for what was done."""

    at_ms: int
    action: str
    caller: str | None
    role: str | None
    reference: str | None
    purpose: str | None
    refused: str


class Vault:
    """A vault in a database. Times are ms since 1970, and always the caller's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        metadata.create_all(engine)

    def allow(self, name: str, role: Role, now_ms: int) -> str:
        """Give a caller a role. Returns its key, which is kept nowhere. Raises VaultRefusedError."""
        key = secrets.token_urlsafe(_KEY_BYTES)
        with self._engine.begin() as connection:
            if connection.execute(select(callers.c.name).where(callers.c.name == name)).first() is not None:
                raise VaultRefusedError(NAME_TAKEN, f"{name} has a key already; revoke it first")
            connection.execute(insert(callers).values(name=name, role=role.value, key_hash=_hash(key)))
            _note(connection, now_ms, "allow", name, role)
        return key

    def revoke(self, name: str, now_ms: int) -> None:
        """Take a caller's key back. Raises VaultRefusedError."""
        with self._engine.begin() as connection:
            if connection.execute(delete(callers).where(callers.c.name == name)).rowcount == 0:
                raise VaultRefusedError(UNKNOWN_CALLER, f"nobody called {name} has a key")
            _note(connection, now_ms, "revoke", name)

    def put(self, key: str, address: Address, keep_until_ms: int, now_ms: int) -> str:
        """Keep an address until then. Returns its reference. Raises VaultRefusedError."""
        reference = f"adr-{secrets.token_hex(_REFERENCE_BYTES)}"
        caller = self._caller(key, "put", MAY_PUT, now_ms)
        with self._engine.begin() as connection:
            connection.execute(
                insert(addresses).values(
                    reference=reference, keep_until_ms=keep_until_ms, content=address.model_dump_json()
                )
            )
            _note(connection, now_ms, "put", caller.name, caller.role, reference)
        return reference

    def open(self, key: str, reference: str, purpose: Purpose, now_ms: int) -> Address:
        """The address, once it is written down who opened it and what for. Raises VaultRefusedError."""
        caller = self._caller(key, "open", MAY_OPEN[purpose], now_ms, reference, purpose)
        with self._engine.begin() as connection:
            found = connection.execute(
                select(addresses.c.content).where(
                    addresses.c.reference == reference, addresses.c.keep_until_ms > now_ms
                )
            ).scalar()
            refused = "" if found is not None else UNKNOWN_REFERENCE
            _note(connection, now_ms, "open", caller.name, caller.role, reference, purpose, refused)
        if found is None:
            raise _unknown_reference(reference)
        return Address.model_validate_json(found)

    def erase(self, key: str, reference: str, now_ms: int) -> None:
        """Erase an address, from the database's files too. Raises VaultRefusedError."""
        caller = self._caller(key, "erase", MAY_ERASE, now_ms, reference)
        with self._engine.begin() as connection:
            gone = connection.execute(delete(addresses).where(addresses.c.reference == reference)).rowcount
            refused = "" if gone else UNKNOWN_REFERENCE
            _note(connection, now_ms, "erase", caller.name, caller.role, reference, None, refused)
        if not gone:
            raise _unknown_reference(reference)
        self._forget(now_ms, deleted=True)

    def clock_ms(self) -> int | None:
        """Until when all that had expired was erased; None before the first sweep."""
        with self._engine.begin() as connection:
            return connection.execute(select(clock.c.at_ms)).scalar()

    def erase_expired(self, now_ms: int, until_ms: int | None = None) -> int:
        """Erase every address that was to be kept until then at most, or until now. Returns how many."""
        clock_ms = now_ms if until_ms is None else until_ms
        with self._engine.begin() as connection:
            connection.execute(SET_CLOCK, {"ms": clock_ms})
            expired = addresses.c.keep_until_ms <= clock_ms
            references = list(connection.execute(select(addresses.c.reference).where(expired)).scalars())
            erased = [
                reference
                for reference in references
                if connection.execute(delete(addresses).where(addresses.c.reference == reference)).rowcount
            ]
            for reference in erased:
                _note(connection, now_ms, "expire", reference=reference)
        self._forget(now_ms, deleted=bool(erased))
        return len(erased)

    def audit(self, reference: str | None = None) -> list[Attempt]:
        """Who did what and when, of one address or of all, the oldest first."""
        wanted = select(*(audit.c[name] for name in Attempt._fields)).order_by(audit.c.number)
        if reference is not None:
            wanted = wanted.where(audit.c.reference == reference)
        with self._engine.begin() as connection:
            return [Attempt(*row) for row in connection.execute(wanted)]

    def callers(self) -> list[tuple[str, str]]:
        """Names and roles of those who have a key."""
        with self._engine.begin() as connection:
            rows = connection.execute(select(callers.c.name, callers.c.role).order_by(callers.c.name))
            return [(row.name, row.role) for row in rows]

    def _caller(
        self, key: str, action: str, allowed: Iterable[Role], now_ms: int,
        reference: str | None = None, purpose: Purpose | None = None,
    ) -> Row[str, str]:  # fmt: skip
        """Who has the key, if the role may do this; a refusal is written down before it is raised."""
        with self._engine.begin() as connection:
            wanted = select(callers.c.name, callers.c.role).where(callers.c.key_hash == _hash(key))
            caller = connection.execute(wanted).first()
            if caller is not None and caller.role in allowed:
                return caller
            refused = UNKNOWN_KEY if caller is None else NOT_ALLOWED
            name, role = (None, None) if caller is None else caller
            _note(connection, now_ms, action, name, role, reference, purpose, refused)
        if caller is None:
            raise VaultRefusedError(UNKNOWN_KEY, "the key is not known; an operator gives out keys with vault allow")
        what = f"{action} for {purpose}" if purpose is not None else action
        raise VaultRefusedError(NOT_ALLOWED, f"{caller.name} is one of the {caller.role}, who may not {what}")

    def _forget(self, now_ms: int, *, deleted: bool) -> None:
        """After rows were deleted, write the file anew; also when that was missed before, for the process ended."""
        erased = self._newest("erase", "expire")
        if not deleted and erased <= self._newest("compact"):
            return
        compact(self._engine)
        if self._newest("erase", "expire") == erased:  # else another's row may be there still: the next sweep looks
            with self._engine.begin() as connection:
                _note(connection, now_ms, "compact")

    def _newest(self, *actions: str) -> int:
        """Number of the newest line about one of them that was done."""
        wanted = select(func.max(audit.c.number)).where(audit.c.action.in_(actions), audit.c.refused == "")
        with self._engine.begin() as connection:
            return connection.execute(wanted).scalar() or 0


def _unknown_reference(reference: str) -> VaultRefusedError:
    return VaultRefusedError(UNKNOWN_REFERENCE, f"{reference[:64]} was erased, has expired, or never was")


def _hash(key: str) -> str:
    """Keys are random and long, so a plain hash cannot be turned back."""
    return sha256(key.encode()).hexdigest()


def _note(
    connection: Connection, at_ms: int, action: str, caller: str | None = None, role: str | None = None,
    reference: str | None = None, purpose: str | None = None, refused: str = "",
) -> None:  # fmt: skip
    # What a stranger calls a reference may be anything, an address even.
    known = reference if reference is not None and _is_reference(reference) else None
    connection.execute(
        insert(audit).values(
            at_ms=at_ms, action=action, caller=caller, role=role, reference=known, purpose=purpose, refused=refused
        )
    )


def _is_reference(text: str) -> bool:
    prefix, _, digits = text.partition("-")
    return prefix == "adr" and len(digits) == 2 * _REFERENCE_BYTES and set(digits) <= set("0123456789abcdef")
