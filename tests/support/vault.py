"""Addresses with a word that is easily found, and callers of every role."""

import pytest

from streams.vault import Address, Role, Vault, VaultRefusedError

NOON_MS = 1_795_176_000_000
DAY_MS = 86_400_000
CANARY = "canary-{:04d}-street"


def address(at: int) -> Address:
    return Address(name="canary Anna", street=CANARY.format(at), city="Marburg", note="canary bell " * 20)


def keys(vault: Vault) -> dict[Role, str]:
    """A caller of each role."""
    return {role: vault.allow(f"{role.value}-1", role, NOON_MS) for role in Role}


def refusal(act) -> str:
    with pytest.raises(VaultRefusedError) as raised:
        act()
    return raised.value.reason


def audited(vault: Vault, reference: str) -> list[tuple[str, str | None, str | None, str]]:
    return [(one.action, one.caller, one.purpose, one.refused) for one in vault.audit(reference)]
