"""The pools that there are, folded from the config topic."""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from schemas.models.base import Name

_POOL_NAME: TypeAdapter[str] = TypeAdapter(Name)


class Pools:
    """The pools that have settings; fold every record of the config topic into it, in any repetition."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def apply(self, key: bytes | None, change: dict[str, Any] | None) -> None:
        """Fold one record: a decoded ConfigChange, or None for a setting that was taken back.

        Raises ValueError for a pool's settings under a name that no pool can have.
        """
        if change is None:
            self._known.discard(_pool_of_settings_key(key or b""))
        elif change["change"][0] == "commonshelf.PoolSettings":
            try:
                self._known.add(_POOL_NAME.validate_python(change["pool"]))
            except ValidationError as error:
                raise ValueError(f"{change['pool']!r} is not a pool's name") from error

    def apply_later(self, key: bytes | None) -> None:
        """Fold a record of a later release, of which this one reads the key alone: that pool has a clock, too."""
        pool = _pool_of_settings_key(key or b"")
        if pool:
            self._known.add(pool)

    def __iter__(self) -> Any:
        return iter(sorted(self._known))

    def __len__(self) -> int:
        return len(self._known)


def _pool_of_settings_key(key: bytes) -> str:
    """The pool whose own settings have this compaction key; empty when the key is of anything else."""
    pool, _, rest = key.decode(errors="replace").partition("/")
    return pool if rest == "pool" else ""
