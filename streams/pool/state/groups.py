"""Groups: names by a key that changes with what they name. Names of one key stand in the order in which they came."""

from collections import defaultdict
from collections.abc import Collection, Hashable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
Group = defaultdict[K, dict[str, None]]
"""Key → names; a key without names is left out."""


def regroup(group: Group[K], before: Collection[K], after: Collection[K], name: str) -> None:
    """Move `name` from the keys before to the keys after."""
    for key in before:
        if key not in after:
            group[key].pop(name, None)
            if not group[key]:
                del group[key]
    for key in after:
        group[key][name] = None
