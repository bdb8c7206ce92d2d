"""An order to a supplier: whole packs by falling gain, within a budget, and not below the least order."""

import heapq
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from streams.restock.forecast.portable import Ints


class Need(NamedTuple):
    """An item that a store may order."""

    sku: str
    gains: Ints
    """Of each unit of stock from the first one on (`newsvendor.gains`)."""
    position: int
    """Units on hand that count, and on their way."""
    pack_units: int
    pack_cost_minor: int


class Order(NamedTuple):
    """The packs that a store orders of one supplier."""

    packs: Mapping[str, int]
    """SKU → packs, of those that are ordered at all."""
    cost_minor: int
    gain_micro: int
    """The gain expected of it, in millionths of a minor unit."""
    is_below_minimum: bool = False
    """Nothing is ordered: what gains something costs less than the supplier's least order, and filling it up loses."""


def choose_packs(needs: Sequence[Need], budget_minor: int, minimum_minor: int) -> Order:
    """Packs one by one, each the one that gains most for its cost, ties by SKU.

    A pack that is not affordable is passed over, and so is an item of which no unit's gain is known. Where the order
    stays below the supplier's minimum, the packs that lose least are added; if the whole then gains nothing, nothing is
    ordered. Costs of packs are above zero.
    """
    chosen: dict[str, int] = {}
    cost = gain = 0
    queue = [_bid(need, 0) for need in needs if len(need.gains)]
    heapq.heapify(queue)
    by_sku = {need.sku: need for need in needs}
    while queue:
        _, sku, packs, worth = heapq.heappop(queue)
        need = by_sku[sku]
        if cost + need.pack_cost_minor > budget_minor or (worth <= 0 and cost >= minimum_minor):
            continue
        if worth <= 0 and gain <= 0:
            break
        chosen[sku] = packs + 1
        cost, gain = cost + need.pack_cost_minor, gain + worth
        heapq.heappush(queue, _bid(need, packs + 1))
    if not chosen:
        return Order({}, 0, 0)
    if cost < minimum_minor or gain <= 0:
        return Order({}, 0, 0, is_below_minimum=True)
    return Order({sku: chosen[sku] for sku in sorted(chosen)}, cost, gain)


def pack_gain(need: Need, packs: int) -> int:
    """The gain of one pack more than so many, in millionths of a minor unit.

    Units beyond those whose gain is known, of one at least, lose as much as the last one.
    """
    first = max(need.position, 0) + packs * need.pack_units
    known = need.gains[first : first + need.pack_units]
    return int(known.sum()) + (need.pack_units - len(known)) * min(int(need.gains[-1]), 0)


def _bid(need: Need, packs: int) -> tuple[int, str, int, int]:
    """Best first: the gain for each minor unit of cost, in whole millionths."""
    worth = pack_gain(need, packs)
    return -(worth // max(need.pack_cost_minor, 1)), need.sku, packs, worth
