"""Aggregates that nobody can take apart by subtraction: who is counted with whom. Pure.

A number over a few stores tells each of them something of the others, and two numbers over nearly the same stores tell
by their difference of those few in which they differ. So stores are counted in groups of four or more, whole or not at
all. A group never gets a member, and is not counted again once it loses one: its stores wait until nobody remembers
it, and then form groups anew. Whatever sums and differences one of four makes, three others' shelves are in them.
"""

from collections.abc import Collection, Sequence

from schemas.types.directory import AggregateGroup

GROUP_MIN = 4
"""Stores of a group: the one that asks, and three others."""
MEMORY_DAYS = 91
"""So long the stores of a broken group are not counted: numbers of before say little of what there is by then."""


def regroup(groups: Sequence[AggregateGroup], willing: Collection[str], day: int) -> list[AggregateGroup]:
    """The groups of a category on a day, from those of the day before and the stores that may be counted on it."""
    after: list[AggregateGroup] = []
    for group in groups:
        if not group["broken_on"] and not set(group["stores"]) <= set(willing):
            after.append({**group, "broken_on": day})
        elif not group["broken_on"] or group["broken_on"] + MEMORY_DAYS > day:
            after.append(group)
    grouped = {store for group in after for store in group["stores"]}
    waiting = sorted(set(willing) - grouped)
    if len(waiting) >= GROUP_MIN:
        after.append({"stores": waiting, "broken_on": 0})
    return after


def counted(groups: Sequence[AggregateGroup]) -> list[str]:
    """The stores that are counted, in order; none, or four and more."""
    return sorted(store for group in groups if not group["broken_on"] for store in group["stores"])
