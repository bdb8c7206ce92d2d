"""The agreement's versions, and which is in force when."""

from schemas.types.agreement import Agreement
from streams.settlement.ledger.tables import RowTable


class Agreements(RowTable[str, Agreement]):
    """Agreements by version."""

    def __init__(self) -> None:
        super().__init__("agreements")
        self._in_order: list[Agreement] | None = None
        """By when they come into force; None when it is to be made anew."""

    def __setitem__(self, version: str, agreement: Agreement) -> None:
        self._in_order = None
        super().__setitem__(version, agreement)

    def __delitem__(self, version: str) -> None:
        self._in_order = None
        super().__delitem__(version)

    def put_kept(self, key: str, row: str) -> None:
        """A version that a store has kept."""
        self._in_order = None
        super().put_kept(key, row)

    def at(self, at_ms: int) -> Agreement | None:
        """The one in force at a time: of those that came into force last the highest version; None before the first."""
        for agreement in reversed(self._ordered()):
            if agreement["effective_from_ms"] <= at_ms:
                return agreement
        return None

    def first(self) -> Agreement | None:
        """The one that comes into force first."""
        return next(iter(self._ordered()), None)

    def next_change_ms(self, at_ms: int) -> int | None:
        """When, after a time, the next one comes into force; None when none does."""
        return next((one["effective_from_ms"] for one in self._ordered() if one["effective_from_ms"] > at_ms), None)

    def _ordered(self) -> list[Agreement]:
        if self._in_order is None:
            self._in_order = sorted(self.values(), key=lambda one: (one["effective_from_ms"], one["version"]))
        return self._in_order
