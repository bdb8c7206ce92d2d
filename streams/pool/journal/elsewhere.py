"""Names of what belongs to other pools: `store@pool` is the other pool's store, `order@pool` its order."""

from typing import Final

from schemas.types.lending import LendingSide

LENDER: Final = "lender"
BORROWER: Final = "borrower"
_AT = "@"
"""No name of a store, an order or a pool has it."""


def elsewhere(name: str, pool: str) -> str:
    """What a store or an order of `pool` is called in another pool."""
    return f"{name}{_AT}{pool}"


def is_elsewhere(name: str) -> bool:
    """Is it a store, or an order, of another pool?"""
    return _AT in name


def at_home(name: str) -> tuple[str, str]:
    """(name there, the other pool)."""
    own, _, pool = name.rpartition(_AT)
    return own, pool


def loan_name(side: LendingSide, peer: str, store: str, sku: str) -> str:
    """Names a loan among those of one pool; `store` as its own pool calls it."""
    return f"{side}/{peer}/{store}/{sku}"
