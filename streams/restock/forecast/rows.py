"""A pool's learned state as named blocks of whole numbers, and back, exactly; and its growth by shelves and items.

Shelves, items, stores, categories and kinds are numbered in the order in which they came, so that what is new stands at
the end.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from streams.restock.forecast.portable import Ints
from streams.restock.forecast.state import Layout, State, first_state

BLOCK = 256
"""Shelves, or items, of one block."""
_SHELF = ("sold", "exposed", "idle", "idle_whole", "has_sold")
_ITEM = ("item_sold", "item_exposed", "item_sold_long", "item_exposed_long", "item_units", "item_squares")
_PAIRS = {"weekday": ("weekday_sold", "weekday_expected"), "uplift": ("uplift_sold", "uplift_expected")}


def to_blocks(state: State) -> dict[str, bytes]:
    """Name → int64 numbers, little endian: a row of `BLOCK` for each field of shelves and items, then the sums."""
    blocks: dict[str, bytes] = {}
    for prefix, names in (("shelf", _SHELF), ("item", _ITEM)):
        rows = np.stack([getattr(state, name).astype(np.int64) for name in names])
        for start in range(0, rows.shape[1], BLOCK):
            blocks[f"{prefix}/{start // BLOCK:06d}"] = _bytes(rows[:, start : start + BLOCK])
    for store, sums in enumerate(state.category_sold):
        blocks[f"category/{store:06d}"] = _bytes(sums)
    for prefix, (sold, expected) in _PAIRS.items():
        for number, sums in enumerate(np.stack([getattr(state, sold), getattr(state, expected)], axis=1)):
            blocks[f"{prefix}/{number:06d}"] = _bytes(sums)
    return blocks


def from_blocks(blocks: Mapping[str, bytes], layout: Layout, kinds: int) -> State:
    """The state of which these are the blocks, grown to the layout and so many kinds."""
    fields: dict[str, Any] = dict(zip(State._fields, first_state(layout, kinds), strict=True))
    for name, block in blocks.items():
        prefix, _, place = name.partition("/")
        numbers, at = np.frombuffer(block, "<i8").astype(np.int64), int(place)
        if prefix in ("shelf", "item"):
            names = _SHELF if prefix == "shelf" else _ITEM
            for field, values in zip(names, numbers.reshape(len(names), -1), strict=True):
                fields[field][at * BLOCK : at * BLOCK + len(values)] = values
        elif prefix == "category":
            fields["category_sold"][at, : len(numbers)] = numbers
        else:
            for field, values in zip(_PAIRS[prefix], numbers.reshape(2, -1), strict=True):
                fields[field][at, : len(values)] = values
    return State(**fields)


def grown(state: State, layout: Layout, kinds: int) -> State:
    """The state with the shelves, items, stores, categories and kinds that are new in the layout: nothing of them."""
    wider = first_state(layout, kinds)
    for old, new in zip(state, wider, strict=True):
        new[tuple(slice(length) for length in old.shape)] = old
    return wider


def _bytes(values: Ints) -> bytes:
    return np.ascontiguousarray(values).astype("<i8").tobytes()
