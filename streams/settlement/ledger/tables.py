"""The ledger's memory: plain rows in named tables, each change noted, so that a store keeps just what changed."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
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
        super().__setitem__(key, row)

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

    def take_changes(self) -> Iterator[tuple[str, str | None]]:
        """(Name of the row, the row as JSON; None for one that is gone) since the last call, by name."""
        found = {f"{self.name}/{_plain(key)}": _plain(self[key]) if key in self else None for key in self._changed}
        self._changed.clear()
        yield from sorted(found.items())

    def put_kept(self, key: str, row: str) -> None:
        """A row that a store has kept."""
        told = json.loads(key)
        named: Any = tuple(told) if isinstance(told, list) else told
        super().__setitem__(named, self._load(json.loads(row)))


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


_plain: Callable[[Any], str] = json.JSONEncoder(separators=(",", ":"), sort_keys=True, default=sorted).encode
