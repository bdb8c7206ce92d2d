"""The pilot list: a pool's items by what sharing them gains, from its journal, its product master and its stock."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from commonshelf.config.publishing import current
from commonshelf.desks.restock.sales import sales_of, sold_milli
from commonshelf.stack.connection import Connection
from commonshelf.text import one_line
from connectors.parsing.spreadsheet import guarded
from messaging.errors import UserError
from schemas.partition import partition_of
from schemas.topics import CATALOG_ITEMS, POOL_AVAILABILITY
from schemas.types.catalog import CatalogItem
from streams.pool.journal.movements import Movement
from streams.restock.decision.candidates import WEIGHTS, Candidate, Item

WEEK_MS = 7 * 86_400_000
Sold = Mapping[tuple[str, str], Mapping[int, int]]
"""(store, SKU) → weeks before the newest sale, 0 for the last one → thousandths that were sold."""


class TooLittleError(UserError):
    """The pool has not sold for long enough."""


def items_of(connection: Connection, pool: str, stores: Sequence[str], weeks: int) -> list[Item]:
    """The items that the pool sold in the last whole weeks, at most so many. Raises TooLittleError."""
    home = [partition_of(pool, connection.settings.partitions)]
    sold, known_weeks = by_week(sales_of(connection, pool))
    if not known_weeks:
        raise TooLittleError(f"pool {pool} has not sold for a week yet; a pilot list needs some weeks of sales")
    on_hand = Counter[str]()
    for row in current(connection.kafka_options, POOL_AVAILABILITY.name, home):
        if row["pool"] == pool:
            on_hand[row["sku"]] += max(row["on_hand_milli"], 0)
    master = [one for one in current(connection.kafka_options, CATALOG_ITEMS.name, home) if one["pool"] == pool]
    return joined(sold, min(known_weeks, weeks), stores, on_hand, master)


def by_week(movements: Iterable[Movement]) -> tuple[Sold, int]:
    """What was sold by week, and how many whole weeks lie between the oldest and the newest sale."""
    found = list(movements)
    if not found:
        return {}, 0
    times = [one.occurred_at_ms for one in found]
    newest_ms = max(times)
    sold: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
    for one in found:
        sold[one.store, one.sku][(newest_ms - one.occurred_at_ms) // WEEK_MS] += sold_milli(one)
    return sold, (newest_ms - min(times)) // WEEK_MS


def joined(
    sold: Sold, weeks: int, stores: Sequence[str], on_hand: Mapping[str, int], master: Iterable[CatalogItem]
) -> list[Item]:
    """The items of the product master that any of the stores sold in the last `weeks`, as they are scored."""
    found = []
    for one in sorted(master, key=lambda one: one["sku"]):
        of_stores = [sold.get((store, one["sku"]), {}) for store in stores]
        if any(of_stores):
            weekly = np.array([[of.get(week, 0) for week in reversed(range(weeks))] for of in of_stores], np.int64)
            stand_ins = len(one["substitutes"])
            found.append(Item(one["sku"], weekly, on_hand.get(one["sku"], 0), one["shelf_life_days"], stand_ins))
    return found


def pilot_csv(found: Iterable[Candidate], names: Mapping[str, str]) -> str:
    """The pilot list: an item a row, with its score, and each part of it with the evidence."""
    out = io.StringIO()
    writer = csv.writer(out)
    heads = [head for part in WEIGHTS for head in (part, f"{part}: evidence")]
    writer.writerow(["rank", "sku", "name", "score", *heads])
    for rank, one in enumerate(found, 1):
        told = {part.name: part for part in one.parts}
        cells = [cell for part in WEIGHTS for cell in (told[part].permille, told[part].evidence)]
        name = guarded(one_line(names.get(one.sku, "")))
        writer.writerow([rank, guarded(one_line(one.sku)), name, one.permille, *cells])
    return out.getvalue()
