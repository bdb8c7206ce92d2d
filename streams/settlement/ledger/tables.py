"""The ledger's memory: plain rows in named tables, each change noted, so that a store keeps just what changed."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class RowTable(dict[K, V], Generic[K, V]):
    """Rows by key. A row that is changed in place is put again."""

    def __init__(self, name: str, load: Callable[[Any], V] = lambda plain: plain) -> None:
        """`load` makes a row of what JSON kept of it."""
        super().__init__()
        self.name = name
        self._load = load
        self._changed: set[K] = set()

    def __setitem__(self, key: K, row: V) -> None:
        self._changed.add(key)
        dict.__setitem__(self, key, row)

    def __delitem__(self, key: K) -> None:
        self._changed.add(key)
        super().__delitem__(key)

    def pop(self, key: K, *default: Any) -> Any:
        """As of any dict."""
        self._changed.add(key)
        return super().pop(key, *default)

    def setdefault(self, key: K, default: Any = None) -> Any:
        """As of any dict; who asks so may change the row."""
        self._changed.add(key)
        return super().setdefault(key, default)

    def put_all(self, rows: Mapping[K, V]) -> None:
        """Put many."""
        for key, row in rows.items():
            self[key] = row

    def drop_all(self) -> None:
        """Take all rows away."""
        for key in list(self):
            del self[key]

    def add(self: "RowTable[K, int]", key: K, amount: int) -> None:
        """Add to a sum, which begins at zero."""
        self._changed.add(key)
        dict.__setitem__(self, key, self.get(key, 0) + amount)

    def take_changes(self) -> list[tuple[str, str | None]]:
        """(Name of the row, the row as JSON; None for one that is gone) since the last call, by name."""
        found = [(_name_of(self.name, key), _plain(self[key]) if key in self else None) for key in self._changed]
        self._changed = set()
        return sorted(found)

    def put_kept(self, key: str, row: str) -> None:
        """A row that a store has kept."""
        told = json.loads(key)
        named: Any = tuple(told) if isinstance(told, list) else told
        super().__setitem__(named, self._load(json.loads(row)))

    def all_are_there(self) -> None:
        """The store has no more rows."""


class PileTable(RowTable[tuple[str, str], list[Any]]):
    """Piles of pieces, newest last. Each piece is a row of its own, since piles grow high and change at their end.

    A piece is a list; its last column, two integers, names it in the table and is the order in its pile.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._changed_pieces: dict[tuple[str, str], set[tuple[int, int]]] = {}

    def append(self, key: tuple[str, str], piece: list[Any]) -> None:
        """Put a piece on a pile."""
        if key in self:
            self[key].append(piece)
        else:
            dict.__setitem__(self, key, [piece])
        self.note(key, (piece,))

    def note(self, key: tuple[str, str], pieces: Iterable[list[Any]]) -> None:
        """These pieces were changed in place, or taken off their pile."""
        self._changed_pieces.setdefault(key, set()).update([piece[-1] for piece in pieces])
        if key in self and not self[key]:
            dict.__delitem__(self, key)

    def __setitem__(self, key: tuple[str, str], pile: list[Any]) -> None:
        before = self.get(key, ())
        dict.__setitem__(self, key, pile)
        self.note(key, [*before, *pile])

    def __delitem__(self, key: tuple[str, str]) -> None:
        self[key] = []

    def take_changes(self) -> list[tuple[str, str | None]]:
        """(Name of the row, the piece as JSON behind the names of its pile; None for one that is gone), by name."""
        found: dict[str, str | None] = {}
        for key, names in self._changed_pieces.items():
            for piece in reversed(self.get(key, ())):
                if not names:
                    break
                if piece[-1] in names:
                    names.remove(piece[-1])
                    found[self._row_name(piece[-1])] = _plain([*key, *piece])
            found |= dict.fromkeys(map(self._row_name, names))
        self._changed_pieces = {}
        return sorted(found.items())

    def put_kept(self, key: str, row: str) -> None:
        """A piece that a store has kept."""
        store, sku, *piece = json.loads(row)
        piece[-1] = tuple(piece[-1])
        dict.setdefault(self, (store, sku), []).append(piece)

    def all_are_there(self) -> None:
        """Order the piles: a store gives pieces in no order."""
        for pile in self.values():
            pile.sort(key=lambda piece: piece[-1])

    def _row_name(self, name: tuple[int, int]) -> str:
        return f"{self.name}/[{name[0]},{name[1]}]"


class Tables:
    """All tables of a ledger."""

    def __init__(self, tables: Iterable[RowTable[Any, Any]]) -> None:
        self.by_name = {table.name: table for table in tables}

    def become(self, others: "Tables", but: Collection[str]) -> None:
        """Have the rows of other tables, save in those named in `but`."""
        for name, table in self.by_name.items():
            if name not in but:
                for key in [key for key in table if key not in others.by_name[name]]:
                    del table[key]
                table.put_all(others.by_name[name])

    def take_changes(self) -> dict[str, str | None]:
        """Rows that changed since the last call; see RowTable."""
        return {name: row for table in self.by_name.values() for name, row in table.take_changes()}

    def load(self, rows: Iterable[tuple[str, str]]) -> None:
        """Put the rows that a store has kept."""
        for name, row in rows:
            table, _, key = name.partition("/")
            self.by_name[table].put_kept(key, row)
        for each in self.by_name.values():
            each.all_are_there()


_encode: Callable[[Any], str] = json.JSONEncoder(separators=(",", ":"), sort_keys=True, default=sorted).encode


def _plain(row: Any) -> str:
    return str(row) if type(row) is int else _encode(row)


@lru_cache(maxsize=65_536)
def _name_of(table: str, key: Any) -> str:
    return f"{table}/{_plain(key)}"
